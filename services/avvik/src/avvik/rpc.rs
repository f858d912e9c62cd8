//! `AvvikService`, one function per RPC, and what follows from each step.

use std::{collections::BTreeSet, time::Duration};

use samspor_chassis::{
    deadlines::{DueDeadline, Stage, notify},
    domene::{
        Aktor, Dag,
        felles::{Hvem, Relasjon},
        felt, navn, vakt,
    },
    error::{Error, FieldFaults},
    page::Page,
    store::{NewEvent, Tx, etag},
    tid::Tid,
};
use samspor_proto::{
    avvik::{
        AksepterDelRequest, AksepterDelResponse, AvvikTilstand, Avvikskategori, Avvikskilde,
        FerdigstillDelRequest, FerdigstillDelResponse, ForeslaDelRequest, ForeslaDelResponse,
        GiTilbakemeldingRequest, GiTilbakemeldingResponse, GjenapneAvvikRequest,
        GjenapneAvvikResponse, GjenopptaAvvikRequest, GjenopptaAvvikResponse, HentAvvikRequest,
        HentAvvikResponse, ListAvvikRequest, ListAvvikResponse, LukkAvvikRequest,
        LukkAvvikResponse, MeldAvvikRequest, MeldAvvikResponse, MeldTiltakUtfortRequest,
        MeldTiltakUtfortResponse, MerkDuplikatRequest, MerkDuplikatResponse, RegistrerArsakRequest,
        RegistrerArsakResponse, RegistrerEffektkontrollRequest, RegistrerEffektkontrollResponse,
        RegistrerTiltakRequest, RegistrerTiltakResponse, ReturnerDelRequest, ReturnerDelResponse,
        SettAvvikPaVentRequest, SettAvvikPaVentResponse, VurderAlvorlighetRequest,
        VurderAlvorlighetResponse,
    },
    felles::{Faktumtype, Kvittering},
};

use super::{
    Arsak, Avvik, Innhold, Sak, Tilstand, Tiltak, Tiltakstilstand, rules,
    store::{self, Utvalg},
};
use crate::{
    detalj::{self, Detalj, Vedlegg},
    innstillinger::innstillinger,
    melding::{self, Steg},
    sporsmal::{Klasse, Sett},
};

/// Units that an avvik is proposed to when it is reported.
const ENHETER: usize = 5;
/// Names of records, and traces, that an avvik refers to.
const HENVISNINGER: usize = 10;
/// Hex digits of a trace id.
const SPOR: usize = 32;

/// Reads the texts of a request: each says something, and names nobody.
struct Tekster {
    masker: bool,
    faults: FieldFaults,
}

impl Tekster {
    fn ny(masker: bool) -> Self {
        Self {
            masker,
            faults: FieldFaults::new(),
        }
    }

    fn kan(&mut self, text: &str, field: &str) -> String {
        let text = felt::tekst(text, field, felt::LANG, &mut self.faults);
        vakt::vokt(text, field, self.masker, &mut self.faults)
    }

    fn ma(&mut self, text: &str, field: &str) -> String {
        let text = felt::pakrevd(text, field, felt::LANG, &mut self.faults);
        vakt::vokt(text, field, self.masker, &mut self.faults)
    }
}

/// The id of `avvik/{uuid}`; else a fault of the field and the empty id, which
/// no row has.
fn les_navn(name: &str, field: &'static str, faults: &mut FieldFaults) -> String {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["avvik", id] if !id.is_empty() => return (*id).to_owned(),
        _ if name.is_empty() => faults.missing(field),
        _ => faults.form(field, "avvik/{uuid}"),
    }
    String::new()
}

/// The avvik that a request names, for a change, and who makes it.
async fn finn(tx: &mut Tx, name: &str, mut faults: FieldFaults) -> Result<(Avvik, Aktor), Error> {
    let id = les_navn(name, "name", &mut faults);
    faults.finish()?;
    let av = Aktor::from(&tx.call().actor);
    Ok((store::hent_for_endring(tx, &id).await?, av))
}

/// Stores a step, and tells every party of before and after.
async fn fullfor(
    tx: &mut Tx,
    before: &Avvik,
    mut after: Avvik,
    steg: Steg,
) -> Result<Avvik, Error> {
    store::lagre(tx, &mut after).await?;
    fortell(tx, Some(before), &after, steg).await?;
    Ok(after)
}

async fn fortell(
    tx: &mut Tx,
    before: Option<&Avvik>,
    after: &Avvik,
    steg: Steg,
) -> Result<(), Error> {
    let told: BTreeSet<&str> = [before, Some(after)]
        .into_iter()
        .flatten()
        .flat_map(Avvik::parter)
        .collect();
    let emne = after.emne();
    tx.emit(NewEvent {
        type_: steg.kode(),
        person: &emne.person,
        post: &emne.post,
        eier: &emne.eier,
        mottakere: told.into_iter().map(ToOwned::to_owned).collect(),
    });
    folg_opp(tx, before, after)?;
    let av = tx.call().actor.enhet.clone();
    melding::legg(tx, after, steg, &av).await
}

/// Facts and deadlines as they are after a change.
fn folg_opp(tx: &mut Tx, before: Option<&Avvik>, after: &Avvik) -> Result<(), Error> {
    let (now, by) = (tx.now(), tx.call().actor.ansatt.clone());
    let days = u64::from(innstillinger()?.innsyn_etter_dager);
    let end = |avvik: &Avvik| {
        let ended = avvik.innhold.avsluttet.as_ref();
        ended.map(|end| end.tid.plus(Duration::from_hours(24 * days)))
    };
    let access = after.adgang();
    let earlier = before.map(Avvik::adgang).unwrap_or_default();
    let mut state = |(unit, post): &(&str, String), fra: Tid, til: Option<Tid>| {
        let fact = Relasjon {
            id: format!("{post}/{unit}"),
            subjekt: &after.id,
            part: Hvem::Enhet(unit),
            type_: Faktumtype::PartIAvvik,
            post: post.clone(),
            fra,
            til,
            opprettet_av: &by,
        };
        tx.fact(fact.faktum());
    };
    let ends_changed = before.is_some_and(|before| end(before) != end(after));
    for (key, since) in &access {
        if ends_changed || earlier.get(key) != Some(since) {
            state(key, *since, end(after));
        }
    }
    for (key, since) in earlier.iter().filter(|(key, _)| !access.contains_key(key)) {
        state(key, *since, Some(now));
    }
    for kind in rules::FRISTER {
        match rules::frist(after, kind) {
            Some(deadline) => tx.set_deadline(deadline),
            None => tx.clear_deadline(&after.name(), kind),
        }
    }
    Ok(())
}

/// A deadline is broken: its recipients are told, the reporter has an entry, and
/// the next of the kind runs.
pub(crate) async fn frist_brutt(tx: &mut Tx, deadline: &DueDeadline) -> Result<(), Error> {
    if deadline.stage != Stage::Due {
        return Ok(());
    }
    notify(tx, deadline);
    let mut faults = FieldFaults::new();
    let id = les_navn(&deadline.post, "post", &mut faults);
    let before = store::hent_for_endring(tx, &id).await?;
    let mut after = rules::brutt(before.clone(), &deadline.kind, deadline.due);
    store::lagre(tx, &mut after).await?;
    folg_opp(tx, Some(&before), &after)?;
    melding::legg(tx, &after, Steg::FristBrutt, "").await
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
        poster: felt::tekster(&request.poster, "poster", HENVISNINGER, &mut texts.faults),
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
        anonym: false,
        hendt: hendt.unwrap_or_default(),
        sammendrag,
        alvorlighet,
        svar,
        spor: request.spor.clone(),
    };
    (Some(sak), detalj)
}

/// Names of units, each once.
fn les_enheter(names: &[String], field: &str, faults: &mut FieldFaults) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let path = format!("{field}[{n}]");
        let unit = navn::les_enhet(name, &path, faults);
        if units.contains(&unit) {
            faults.contradicts(path, field, "enheten står der før; ta bort en");
        }
        units.push(unit);
    }
    units
}

pub(crate) async fn meld(
    tx: &mut Tx,
    mut request: MeldAvvikRequest,
) -> Result<MeldAvvikResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let (sak, innhold) = les_melding(tx, &request, &mut texts);
    let mut faults = texts.faults;
    let files = (
        std::mem::take(&mut request.vedlegg),
        std::mem::take(&mut request.helsevedlegg),
    );
    let files = detalj::les_vedlegg(files, &mut faults);
    if !(1..=ENHETER).contains(&request.enheter.len()) {
        faults.range("enheter", 1, ENHETER);
    }
    let units = les_enheter(&request.enheter, "enheter", &mut faults);
    faults.finish()?;
    let sak = sak.ok_or_else(|| Error::internal("a category without questions"))?;
    let reporter = tx.call().actor.enhet.clone();
    let avvik = opprett(tx, sak, reporter, units, (&innhold, &files)).await?;
    Ok(MeldAvvikResponse {
        kvittering: Some(Kvittering {
            referanse: avvik.id,
            mottatt: Some(tx.now().into()),
        }),
    })
}

/// A new avvik, proposed to units; its parties are told.
pub(crate) async fn opprett(
    tx: &mut Tx,
    sak: Sak,
    melder_enhet: String,
    units: Vec<String>,
    (innhold, files): (&Detalj, &[Vedlegg]),
) -> Result<Avvik, Error> {
    let (now, settings) = (tx.now(), innstillinger()?);
    let what = || sak.sammendrag.clone();
    let parts = units
        .into_iter()
        .map(|unit| rules::ny_del(unit, what(), now, settings))
        .collect();
    let avvik = Avvik {
        // A random id: one of a record would tell when it was reported.
        id: tx.new_person_id(),
        versjon: 1,
        tilstand: Tilstand::Meldt,
        melder_enhet,
        meldt: now,
        tilbakemeldt: None,
        innhold: Innhold {
            detalj: tx.new_person_id(),
            vurdert: None,
            deler: parts,
            tilbakemeldinger: Vec::new(),
            pause: None,
            duplikat_av: String::new(),
            folgere: std::collections::BTreeMap::new(),
            avsluttet: None,
            gjenapnet: String::new(),
            sak,
        },
    };
    store::sett_inn(tx, &avvik).await?;
    let ids = (
        avvik.innhold.detalj.as_str(),
        avvik.id.as_str(),
        avvik.melder_enhet.as_str(),
    );
    detalj::sett_inn(tx, ids, innhold, files).await?;
    fortell(tx, None, &avvik, Steg::Meldt).await?;
    Ok(avvik)
}

pub(crate) async fn foresla(
    tx: &mut Tx,
    request: ForeslaDelRequest,
) -> Result<ForeslaDelResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let why = texts.ma(&request.begrunnelse, "begrunnelse");
    let unit = navn::les_enhet(&request.enhet, "enhet", &mut texts.faults);
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let part = rules::ny_del(unit, why, tx.now(), innstillinger()?);
    let after = rules::foresla(before.clone(), &av, part)?;
    let after = fullfor(tx, &before, after, Steg::DelForeslatt).await?;
    Ok(ForeslaDelResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn aksepter(
    tx: &mut Tx,
    request: AksepterDelRequest,
) -> Result<AksepterDelResponse, Error> {
    let (before, av) = finn(tx, &request.name, FieldFaults::new()).await?;
    let after = rules::aksepter(before.clone(), &av, tx.now())?;
    let after = fullfor(tx, &before, after, Steg::DelAkseptert).await?;
    Ok(AksepterDelResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn returner(
    tx: &mut Tx,
    request: ReturnerDelRequest,
) -> Result<ReturnerDelResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let why = texts.ma(&request.begrunnelse, "begrunnelse");
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let after = rules::returner(before.clone(), &av, why, tx.now())?;
    let after = fullfor(tx, &before, after, Steg::DelReturnert).await?;
    Ok(ReturnerDelResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn vurder(
    tx: &mut Tx,
    request: VurderAlvorlighetRequest,
) -> Result<VurderAlvorlighetResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let why = texts.ma(&request.begrunnelse, "begrunnelse");
    let severity = felt::valg(
        request.alvorlighet,
        "alvorlighet",
        "samspor.avvik.v1.Alvorlighet",
        &mut texts.faults,
    );
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let after = rules::vurder(before.clone(), &av, severity, why)?;
    let after = fullfor(tx, &before, after, Steg::AlvorlighetVurdert).await?;
    Ok(VurderAlvorlighetResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn arsak(
    tx: &mut Tx,
    request: RegistrerArsakRequest,
) -> Result<RegistrerArsakResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let mut cause = Arsak {
        type_: felt::valg(
            request.r#type,
            "type",
            "samspor.avvik.v1.Arsakstype",
            &mut texts.faults,
        ),
        beskrivelse: texts.kan(&request.beskrivelse, "beskrivelse"),
        delt: texts.ma(&request.delt, "delt"),
        eiere: les_enheter(&request.eiere, "eiere", &mut texts.faults),
    };
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    if cause.eiere.is_empty() {
        cause.eiere.push(av.enhet.clone());
    }
    let after = rules::arsak(before.clone(), &av, cause)?;
    let after = fullfor(tx, &before, after, Steg::ArsakRegistrert).await?;
    Ok(RegistrerArsakResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn tiltak(
    tx: &mut Tx,
    request: RegistrerTiltakRequest,
) -> Result<RegistrerTiltakResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let beskrivelse = texts.ma(&request.beskrivelse, "beskrivelse");
    let faults = &mut texts.faults;
    let today = Dag::av(tx.now());
    let due = felt::pakrevd_dag(&request.frist, "frist", faults).unwrap_or(today);
    let check = felt::pakrevd_dag(&request.kontrolldag, "kontrolldag", faults).unwrap_or(due);
    if due < today {
        faults.form("frist", "en dag som ikke er passert");
    }
    if check < due {
        faults.contradicts(
            "kontrolldag",
            "frist",
            "effekten kontrolleres etter fristen",
        );
    }
    let unit = if request.enhet.is_empty() {
        tx.call().actor.enhet.clone()
    } else {
        navn::les_enhet(&request.enhet, "enhet", faults)
    };
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let measure = Tiltak {
        nr: 0,
        beskrivelse,
        enhet: unit,
        tilstand: Tiltakstilstand::Planlagt,
        frist: due,
        kontrolldag: check,
        frist_brutt: false,
        kontroll_brutt: false,
        utfort: None,
        kontrollert: None,
        effekt: String::new(),
        erstatter: request.erstatter,
    };
    let after = rules::tiltak(before.clone(), &av, measure)?;
    let after = fullfor(tx, &before, after, Steg::TiltakRegistrert).await?;
    Ok(RegistrerTiltakResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn utfort(
    tx: &mut Tx,
    request: MeldTiltakUtfortRequest,
) -> Result<MeldTiltakUtfortResponse, Error> {
    let (before, av) = finn(tx, &request.name, FieldFaults::new()).await?;
    let after = rules::utfort(before.clone(), &av, request.tiltak, tx.now())?;
    let after = fullfor(tx, &before, after, Steg::TiltakUtfort).await?;
    Ok(MeldTiltakUtfortResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn effekt(
    tx: &mut Tx,
    request: RegistrerEffektkontrollRequest,
) -> Result<RegistrerEffektkontrollResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let why = texts.ma(&request.begrunnelse, "begrunnelse");
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let seen = (request.tiltak, request.virket);
    let after = rules::effekt(before.clone(), &av, seen, why, tx.now())?;
    let after = fullfor(tx, &before, after, Steg::EffektKontrollert).await?;
    Ok(RegistrerEffektkontrollResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn ferdigstill(
    tx: &mut Tx,
    request: FerdigstillDelRequest,
) -> Result<FerdigstillDelResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let conclusion = texts.ma(&request.konklusjon, "konklusjon");
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let after = rules::ferdigstill(before.clone(), &av, conclusion, tx.now())?;
    let after = fullfor(tx, &before, after, Steg::DelFerdig).await?;
    Ok(FerdigstillDelResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn tilbakemeld(
    tx: &mut Tx,
    request: GiTilbakemeldingRequest,
) -> Result<GiTilbakemeldingResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let text = texts.ma(&request.tekst, "tekst");
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let after = rules::tilbakemeld(before.clone(), &av, text, tx.now())?;
    let after = fullfor(tx, &before, after, Steg::Tilbakemelding).await?;
    Ok(GiTilbakemeldingResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn pause(
    tx: &mut Tx,
    request: SettAvvikPaVentRequest,
) -> Result<SettAvvikPaVentResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let why = texts.ma(&request.begrunnelse, "begrunnelse");
    let today = Dag::av(tx.now());
    let last = today.pluss_dager(i32::from(innstillinger()?.pause_dager));
    let until = felt::pakrevd_dag(&request.til, "til", &mut texts.faults).unwrap_or(today);
    if !(today..=last).contains(&until) {
        texts.faults.range("til", today, last);
    }
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let after = rules::pause(before.clone(), &av, until, why)?;
    let after = fullfor(tx, &before, after, Steg::PaVent).await?;
    Ok(SettAvvikPaVentResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn gjenoppta(
    tx: &mut Tx,
    request: GjenopptaAvvikRequest,
) -> Result<GjenopptaAvvikResponse, Error> {
    let (before, av) = finn(tx, &request.name, FieldFaults::new()).await?;
    let after = rules::gjenoppta(before.clone(), &av)?;
    let after = fullfor(tx, &before, after, Steg::Gjenopptatt).await?;
    Ok(GjenopptaAvvikResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn merk_duplikat(
    tx: &mut Tx,
    request: MerkDuplikatRequest,
) -> Result<MerkDuplikatResponse, Error> {
    let mut faults = FieldFaults::new();
    let id = les_navn(&request.name, "name", &mut faults);
    let other = les_navn(&request.av, "av", &mut faults);
    faults.finish()?;
    // Both in one order, so that two that name each other do not wait for ever.
    let [first, second] = if id < other {
        [&id, &other]
    } else {
        [&other, &id]
    };
    for one in [first, second] {
        tx.lock(&format!("avvik/{one}")).await?;
    }
    let av = Aktor::from(&tx.call().actor);
    let before = store::hent(tx, &id).await?;
    rules::krev(&before, "MerkDuplikat", &av)?;
    etag::krev(&request.etag, before.versjon)?;
    // One that the unit is no party to is as one that is not there.
    let same = match store::hent(tx, &other).await {
        Ok(found) if !rules::part(&found, &av.enhet).is_empty() => found,
        Err(error) if error.refusal().is_none() => return Err(error),
        _ => before.clone(),
    };
    let (after, told) = rules::duplikat(before.clone(), same.clone(), &av, tx.now())?;
    fullfor(tx, &same, told, Steg::Duplikat).await?;
    let after = fullfor(tx, &before, after, Steg::Duplikat).await?;
    Ok(MerkDuplikatResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn lukk(
    tx: &mut Tx,
    request: LukkAvvikRequest,
) -> Result<LukkAvvikResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let conclusion = texts.ma(&request.konklusjon, "konklusjon");
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    rules::krev(&before, "LukkAvvik", &av)?;
    etag::krev(&request.etag, before.versjon)?;
    let reporter = detalj::melder(tx, &before.innhold.detalj).await?;
    let after = rules::lukk(before.clone(), &av, &reporter, conclusion, tx.now())?;
    let after = fullfor(tx, &before, after, Steg::Lukket).await?;
    Ok(LukkAvvikResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn gjenapne(
    tx: &mut Tx,
    request: GjenapneAvvikRequest,
) -> Result<GjenapneAvvikResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let why = texts.ma(&request.begrunnelse, "begrunnelse");
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let after = rules::gjenapne(before.clone(), &av, why)?;
    let after = fullfor(tx, &before, after, Steg::Gjenapnet).await?;
    Ok(GjenapneAvvikResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentAvvikRequest,
) -> Result<HentAvvikResponse, Error> {
    let mut faults = FieldFaults::new();
    let id = les_navn(&request.name, "name", &mut faults);
    faults.finish()?;
    let avvik = store::hent(tx, &id).await?;
    Ok(HentAvvikResponse {
        avvik: Some(avvik.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListAvvikRequest,
) -> Result<ListAvvikResponse, Error> {
    let mut faults = FieldFaults::new();
    let unit = navn::les_enhet(&request.parent, "parent", &mut faults);
    let name = "samspor.avvik.v1.AvvikTilstand";
    let state: Option<AvvikTilstand> =
        felt::filter(request.tilstand, "tilstand", name, &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let of = |wanted| {
        let mut states = Tilstand::ALLE.iter().copied();
        states.find(|state| AvvikTilstand::from(*state) == wanted)
    };
    let wanted = match state.and_then(of) {
        Some(state) => Utvalg::Tilstand(state),
        None if request.venter => Utvalg::Venter,
        None => Utvalg::Alle,
    };
    let (found, next_page_token) = store::enhetens(tx, &unit, wanted, &page).await?;
    Ok(ListAvvikResponse {
        avvik: found.iter().map(Avvik::to_proto).collect(),
        next_page_token,
    })
}
