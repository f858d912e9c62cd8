//! Reporting: what a report is read into, and the avvik that it becomes.

use std::collections::BTreeMap;

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::Error,
    store::Tx,
    tid::Tid,
};
use samspor_proto::{
    avvik::{Avvikskategori, Avvikskilde, MeldAvvikRequest, MeldAvvikResponse},
    felles::Kvittering,
};
use serde::{Deserialize, Serialize};

use crate::{
    avvik::{Avvik, Innhold, Sak, Tilstand, rpc::fortell, rules, store},
    detalj::{self, Detalj, Vedlegg},
    innstillinger::innstillinger,
    lesing::{Tekster, les_enheter, les_poster},
    melding::Steg,
    sporsmal::{self, Klasse, Sett},
};

/// Units that an avvik is proposed to when it is reported.
const ENHETER: usize = 5;
/// Names of records, and traces, that an avvik refers to.
const HENVISNINGER: usize = 10;
/// Hex digits of a trace id.
const SPOR: usize = 32;

/// What an avvik is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ny {
    /// A random id: one of a record would tell when it was reported.
    pub(crate) id: String,
    pub(crate) sak: Sak,
    pub(crate) melder_enhet: String,
    pub(crate) meldt: Tid,
    /// Units that it is proposed to.
    pub(crate) enheter: Vec<String>,
    pub(crate) detalj: Detalj,
}

/// What was reported, and what of it is held apart.
fn les_melding(tx: &Tx, request: &MeldAvvikRequest, texts: &mut Tekster) -> (Option<Sak>, Detalj) {
    let kategori: Avvikskategori = felt::valg(
        request.kategori,
        "kategori",
        "samspor.avvik.v1.Avvikskategori",
        &mut texts.faults,
    );
    let alvorlighet = felt::valg(
        request.alvorlighet,
        "alvorlighet",
        "samspor.avvik.v1.Alvorlighet",
        &mut texts.faults,
    );
    let hendt = felt::tidspunkt(request.hendt, "hendt", &mut texts.faults);
    match hendt {
        Some(when) if when > tx.now() => {
            texts
                .faults
                .form("hendt", "et tidspunkt som ikke er i framtiden");
        }
        None if request.hendt.is_none() => texts.faults.missing("hendt"),
        _ => {}
    }
    let mut detalj = Detalj {
        fritekst: texts.kan(&request.fritekst, "fritekst"),
        helse: texts.kan(&request.helse, "helse"),
        sted: texts.kan(&request.sted, "sted"),
        person: String::new(),
        poster: les_poster(&request.poster, "poster", HENVISNINGER, &mut texts.faults),
        melder: Aktor::from(&tx.call().actor),
        svar_tredjepart: Vec::new(),
        svar_helse: Vec::new(),
    };
    if !request.person.is_empty() {
        let id = navn::les_person(&request.person, "person", &mut texts.faults);
        detalj.person = navn::person(&id);
    }
    let sammendrag = texts.ma(&request.sammendrag, "sammendrag");
    felt::antall(request.spor.len(), "spor", HENVISNINGER, &mut texts.faults);
    for (n, trace) in request.spor.iter().enumerate() {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if trace.len() != SPOR || !trace.bytes().all(hex) {
            texts
                .faults
                .form(format!("spor[{n}]"), "32 heksadesimale siffer");
        }
    }
    // Of no category there are no questions; that fault is noted.
    let Some(set) = Sett::av(kategori) else {
        return (None, detalj);
    };
    let underkategori = set.underkategori(&request.underkategori, &mut texts.faults);
    let mut answers = |class, given| set.svar(class, given, texts.masker, &mut texts.faults);
    let svar = answers(Klasse::VurderingDelt, &request.svar);
    detalj.svar_tredjepart = answers(Klasse::Tredjepart, &request.svar_tredjepart);
    detalj.svar_helse = answers(Klasse::Helse, &request.svar_helse);
    let sak = Sak {
        kategori,
        underkategori,
        kilde: Avvikskilde::Menneske,
        anonym: tx.call().anonym,
        hendt: hendt.unwrap_or_default(),
        sammendrag,
        alvorlighet,
        svar,
        spor: request.spor.clone(),
    };
    (Some(sak), detalj)
}

/// The units that the municipality's file names for what is reported, the
/// subcategory before the category.
fn mottak(tx: &Tx, sak: &Sak) -> Vec<String> {
    let known = &tx.call().avviksmottak;
    let kategori = sporsmal::id_for(sak.kategori);
    let narrow = known.get(&format!("{kategori}/{}", sak.underkategori));
    let units = narrow.or_else(|| known.get(&kategori)).into_iter();
    units.flatten().take(ENHETER).cloned().collect()
}

/// The report of a request, and its files.
///
/// # Errors
/// Every fault of it.
pub(crate) fn les(
    tx: &Tx,
    mut request: MeldAvvikRequest,
    mut texts: Tekster,
) -> Result<(Ny, Vec<Vedlegg>), Error> {
    let (sak, detalj) = les_melding(tx, &request, &mut texts);
    let mut faults = texts.faults;
    let files = (
        std::mem::take(&mut request.vedlegg),
        std::mem::take(&mut request.helsevedlegg),
    );
    let files = detalj::les_vedlegg(files, &mut faults);
    let mut enheter = les_enheter(&request.enheter, "enheter", &mut faults);
    if enheter.is_empty()
        && let Some(sak) = &sak
    {
        enheter = mottak(tx, sak);
    }
    // Of no category nobody knows yet who takes it; that fault is noted.
    if enheter.len() > ENHETER || (enheter.is_empty() && sak.is_some()) {
        faults.range("enheter", 1, ENHETER);
    }
    faults.finish()?;
    let new = Ny {
        id: tx.new_person_id(),
        sak: sak.ok_or_else(|| Error::internal("a category without questions"))?,
        melder_enhet: tx.call().actor.enhet.clone(),
        meldt: tx.now(),
        enheter,
        detalj,
    };
    Ok((new, files))
}

pub(crate) async fn meld(
    tx: &mut Tx,
    request: MeldAvvikRequest,
) -> Result<MeldAvvikResponse, Error> {
    let texts = Tekster::ny(request.masker);
    let (new, files) = les(tx, request, texts)?;
    let avvik = opprett(tx, new, &files).await?;
    Ok(MeldAvvikResponse {
        kvittering: Some(Kvittering {
            referanse: avvik.id,
            mottatt: Some(tx.now().into()),
        }),
    })
}

/// A new avvik, proposed to its units; its parties are told.
pub(crate) async fn opprett(tx: &mut Tx, new: Ny, files: &[Vedlegg]) -> Result<Avvik, Error> {
    let Ny {
        id,
        sak,
        melder_enhet,
        meldt,
        enheter,
        detalj: innhold,
    } = new;
    let (now, settings) = (tx.now(), innstillinger()?);
    let what = || sak.sammendrag.clone();
    let parts = enheter
        .into_iter()
        .map(|unit| rules::ny_del(unit, what(), now, settings))
        .collect();
    let avvik = Avvik {
        id,
        versjon: 1,
        tilstand: Tilstand::Meldt,
        melder_enhet,
        meldt,
        tilbakemeldt: None,
        innhold: Innhold {
            detalj: tx.new_person_id(),
            vurdert: None,
            deler: parts,
            tilbakemeldinger: Vec::new(),
            innvending: false,
            pause: None,
            duplikat_av: String::new(),
            folgere: BTreeMap::new(),
            avsluttet: None,
            gjenapnet: String::new(),
            dialog: Vec::new(),
            sak,
        },
    };
    store::sett_inn(tx, &avvik).await?;
    let ids = (
        avvik.innhold.detalj.as_str(),
        avvik.id.as_str(),
        avvik.melder_enhet.as_str(),
    );
    detalj::sett_inn(tx, ids, &innhold, files).await?;
    fortell(tx, None, &avvik, Steg::Meldt).await?;
    Ok(avvik)
}
