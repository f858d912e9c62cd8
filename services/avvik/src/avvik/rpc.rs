//! `AvvikService`, one function per RPC, and what follows from each step.

use std::{collections::BTreeSet, time::Duration};

use samspor_chassis::{
    deadlines::{DueDeadline, Stage, notify},
    domene::{
        Aktor, Dag,
        felles::{Hvem, Relasjon},
        felt, navn,
    },
    error::{Error, FieldFaults},
    page::Page,
    store::{NewEvent, Tx, etag},
    tid::Tid,
};
use samspor_proto::{
    avvik::{
        AksepterDelRequest, AksepterDelResponse, AvvikTilstand, BesvarTilbakemeldingRequest,
        BesvarTilbakemeldingResponse, FerdigstillDelRequest, FerdigstillDelResponse,
        ForeslaDelRequest, ForeslaDelResponse, GiTilbakemeldingRequest, GiTilbakemeldingResponse,
        GjenapneAvvikRequest, GjenapneAvvikResponse, GjenopptaAvvikRequest, GjenopptaAvvikResponse,
        HentAvvikRequest, HentAvvikResponse, ListAvvikRequest, ListAvvikResponse, LukkAvvikRequest,
        LukkAvvikResponse, MeldTiltakUtfortRequest, MeldTiltakUtfortResponse, Meldervurdering,
        MerkDuplikatRequest, MerkDuplikatResponse, RegistrerArsakRequest, RegistrerArsakResponse,
        RegistrerEffektkontrollRequest, RegistrerEffektkontrollResponse, RegistrerTiltakRequest,
        RegistrerTiltakResponse, ReturnerDelRequest, ReturnerDelResponse, SettAvvikPaVentRequest,
        SettAvvikPaVentResponse, SporMelderRequest, SporMelderResponse, VurderAlvorlighetRequest,
        VurderAlvorlighetResponse,
    },
    felles::Faktumtype,
};

use super::{
    Arsak, Avvik, Tilbakemeldingssvar, Tilstand, Tiltak, Tiltakstilstand, frister, rules,
    store::{self, Utvalg},
};
use crate::{
    detalj, dialog,
    innstillinger::innstillinger,
    lesing::{Tekster, les_enheter, les_navn},
    melding::{self, Steg},
    statistikk,
};

/// The avvik that a request names, for a change, and who makes it.
async fn finn(tx: &mut Tx, name: &str, mut faults: FieldFaults) -> Result<(Avvik, Aktor), Error> {
    let id = les_navn(name, "name", &mut faults);
    faults.finish()?;
    let av = Aktor::from(&tx.call().actor);
    Ok((store::hent_for_endring(tx, &id).await?, av))
}

/// Stores a step, and tells every party of before and after.
pub(crate) async fn fullfor(
    tx: &mut Tx,
    before: &Avvik,
    mut after: Avvik,
    steg: Steg,
) -> Result<Avvik, Error> {
    store::lagre(tx, &mut after).await?;
    fortell(tx, Some(before), &after, steg).await?;
    Ok(after)
}

pub(crate) async fn fortell(
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
    statistikk::noter(tx, before, after).await?;
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
    for kind in frister::FRISTER {
        match frister::frist(after, kind) {
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
    let mut after = frister::brutt(before.clone(), &deadline.kind, deadline.due);
    store::lagre(tx, &mut after).await?;
    folg_opp(tx, Some(&before), &after)?;
    melding::legg(tx, &after, Steg::FristBrutt, "").await
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

pub(crate) async fn besvar(
    tx: &mut Tx,
    request: BesvarTilbakemeldingRequest,
) -> Result<BesvarTilbakemeldingResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let vurdering = felt::valg(
        request.vurdering,
        "vurdering",
        "samspor.avvik.v1.Meldervurdering",
        &mut texts.faults,
    );
    let tekst = match vurdering {
        Meldervurdering::Uenig => texts.ma(&request.tekst, "tekst"),
        _ => texts.kan(&request.tekst, "tekst"),
    };
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let answer = Tilbakemeldingssvar {
        enhet: av.enhet.clone(),
        tid: tx.now(),
        vurdering,
        tekst,
    };
    rules::krev(&before, "BesvarTilbakemelding", &av)?;
    etag::krev(&request.etag, before.versjon)?;
    let after = rules::besvar(before.clone(), &av, answer)?;
    let after = fullfor(tx, &before, after, Steg::sagt(vurdering)).await?;
    Ok(BesvarTilbakemeldingResponse {
        avvik: Some(after.to_proto()),
    })
}

pub(crate) async fn spor(
    tx: &mut Tx,
    request: SporMelderRequest,
) -> Result<SporMelderResponse, Error> {
    let mut texts = Tekster::ny(request.masker);
    let text = texts.hoyst(dialog::TEGN, &request.tekst, "tekst");
    let (before, av) = finn(tx, &request.name, texts.faults).await?;
    let asked = dialog::Melding::av_enhet(&av.enhet, tx.now(), text);
    let after = rules::spor(before.clone(), &av, asked)?;
    let after = fullfor(tx, &before, after, Steg::MelderSpurt).await?;
    Ok(SporMelderResponse {
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
