//! `BoligService`.

use samspor_chassis::{
    domene::{felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::{Tx, etag},
};
use samspor_proto::boligkontor::{
    AvviklBoligRequest, AvviklBoligResponse, Boligtilstand, EndreBoligRequest, EndreBoligResponse,
    HentBoligRequest, HentBoligResponse, ImporterBoligerRequest, ImporterBoligerResponse,
    ListBoligerRequest, ListBoligerResponse, MeldKlargjortRequest, MeldKlargjortResponse,
    RegistrerBoligRequest, RegistrerBoligResponse, SettIDriftRequest, SettIDriftResponse,
    TaUtAvDriftRequest, TaUtAvDriftResponse, Tildelingstype, Tomgangsarsak,
};

use super::{
    Bolig, Egenskaper, I_BEHOLDNING, SAMLING, TYPER, Tilstand, innlesing,
    rules::{self, Arsak},
    store::{self, Utvalg},
};
use crate::{ENHET, arbeidsordre};

/// The id of `enheter/boligkontor/boliger/{uuid}`; else a fault of the field
/// and the empty id, which no row has.
pub(crate) fn les_navn(name: &str, field: &'static str, faults: &mut FieldFaults) -> String {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["enheter", ENHET, SAMLING, id] if !id.is_empty() => return (*id).to_owned(),
        _ if name.is_empty() => faults.missing(field),
        _ => faults.form(field, format_args!("enheter/{ENHET}/{SAMLING}/{{uuid}}")),
    }
    String::new()
}

/// The unit that keeps the stock; another has nothing here.
pub(crate) fn krev_kontoret(parent: &str, faults: &mut FieldFaults) {
    let unit = navn::les_enhet(parent, "parent", faults);
    if !unit.is_empty() && unit != ENHET {
        faults.form("parent", format_args!("enheter/{ENHET}"));
    }
}

async fn finn(tx: &mut Tx, name: &str, mut faults: FieldFaults) -> Result<Bolig, Error> {
    let id = les_navn(name, "name", &mut faults);
    faults.finish()?;
    store::hent_for_endring(tx, &id).await
}

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerBoligRequest,
) -> Result<RegistrerBoligResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    krev_kontoret(&request.parent, &mut faults);
    let nokkel = felt::pakrevd(&request.nokkel, "nokkel", felt::KORT, &mut faults);
    let given = request.egenskaper.unwrap_or_default();
    let egenskaper = Egenskaper::les(given, "egenskaper.", &mut faults);
    faults.finish()?;
    let (id, empty, now) = (tx.new_id(), tx.new_id(), tx.now());
    let bolig = rules::ny(id, nokkel, egenskaper, Tilstand::Klargjores, (empty, now));
    if !store::sett_inn(tx, std::slice::from_ref(&bolig)).await? {
        return Err(Refusal::conflict("en bolig med dette nummeret i registeret").into());
    }
    Ok(RegistrerBoligResponse {
        bolig: Some(bolig.to_proto(now)),
    })
}

pub(crate) async fn endre(
    tx: &mut Tx,
    request: EndreBoligRequest,
) -> Result<EndreBoligResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let given = request.egenskaper.unwrap_or_default();
    let egenskaper = Egenskaper::les(given, "egenskaper.", &mut faults);
    let bolig = finn(tx, &request.name, faults).await?;
    etag::krev(&request.etag, bolig.versjon)?;
    let mut bolig = rules::endre(bolig, egenskaper)?;
    store::lagre(tx, &mut bolig, rules::Tomgangsendring::default()).await?;
    Ok(EndreBoligResponse {
        bolig: Some(bolig.to_proto(tx.now())),
    })
}

pub(crate) async fn importer(
    tx: &mut Tx,
    request: ImporterBoligerRequest,
) -> Result<ImporterBoligerResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    krev_kontoret(&request.parent, &mut faults);
    let rows = innlesing::les(&request.csv, &mut faults);
    faults.finish()?;
    innlesing::ta_inn(tx, rows, request.prove).await
}

/// The dwelling goes to another state.
pub(crate) async fn flytt(
    tx: &mut Tx,
    bolig: Bolig,
    verb: &'static str,
    til: Tilstand,
    arsak: Option<Arsak>,
) -> Result<Bolig, Error> {
    let moment = (tx.new_id(), tx.now());
    let (mut bolig, change) = rules::flytt(bolig, verb, til, arsak, moment)?;
    store::lagre(tx, &mut bolig, change).await?;
    arbeidsordre::rpc::folg_bolig(tx, &bolig).await?;
    Ok(bolig)
}

pub(crate) async fn meld_klargjort(
    tx: &mut Tx,
    request: MeldKlargjortRequest,
) -> Result<MeldKlargjortResponse, Error> {
    crate::for_enhet(tx)?;
    let bolig = finn(tx, &request.name, FieldFaults::new()).await?;
    let waits = Some(Tomgangsarsak::VenterTildeling.into());
    let bolig = flytt(tx, bolig, "MeldKlargjort", Tilstand::Ledig, waits).await?;
    Ok(MeldKlargjortResponse {
        bolig: Some(bolig.to_proto(tx.now())),
    })
}

pub(crate) async fn ta_ut_av_drift(
    tx: &mut Tx,
    request: TaUtAvDriftRequest,
) -> Result<TaUtAvDriftResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let cause: Tomgangsarsak = felt::valg(
        request.arsak,
        "arsak",
        "samspor.boligkontor.v1.Tomgangsarsak",
        &mut faults,
    );
    let merknad = match cause {
        Tomgangsarsak::Annet => felt::pakrevd(&request.merknad, "merknad", felt::KORT, &mut faults),
        _ => felt::tekst(&request.merknad, "merknad", felt::KORT, &mut faults),
    };
    if !(0..=100_000).contains(&request.kostnad_per_dag) {
        faults.range("kostnad_per_dag", 0, 100_000);
    }
    let bolig = finn(tx, &request.name, faults).await?;
    let arsak = Arsak {
        arsak: cause,
        merknad,
        kostnad_per_dag: request.kostnad_per_dag,
    };
    let (verb, to) = ("TaUtAvDrift", Tilstand::UteAvDrift);
    let bolig = flytt(tx, bolig, verb, to, Some(arsak)).await?;
    Ok(TaUtAvDriftResponse {
        bolig: Some(bolig.to_proto(tx.now())),
    })
}

pub(crate) async fn sett_i_drift(
    tx: &mut Tx,
    request: SettIDriftRequest,
) -> Result<SettIDriftResponse, Error> {
    crate::for_enhet(tx)?;
    let bolig = finn(tx, &request.name, FieldFaults::new()).await?;
    let cause = Some(Tomgangsarsak::Klargjoring.into());
    let (verb, to) = ("SettIDrift", Tilstand::Klargjores);
    let bolig = flytt(tx, bolig, verb, to, cause).await?;
    Ok(SettIDriftResponse {
        bolig: Some(bolig.to_proto(tx.now())),
    })
}

pub(crate) async fn avvikl(
    tx: &mut Tx,
    request: AvviklBoligRequest,
) -> Result<AvviklBoligResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let mut bolig = finn(tx, &request.name, faults).await?;
    bolig.innhold.avviklet = reason;
    let (verb, to) = ("AvviklBolig", Tilstand::Avviklet);
    let bolig = flytt(tx, bolig, verb, to, None).await?;
    Ok(AvviklBoligResponse {
        bolig: Some(bolig.to_proto(tx.now())),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentBoligRequest,
) -> Result<HentBoligResponse, Error> {
    let mut faults = FieldFaults::new();
    let id = les_navn(&request.name, "name", &mut faults);
    faults.finish()?;
    let bolig = store::hent(tx, &id).await?;
    Ok(HentBoligResponse {
        bolig: Some(bolig.to_proto(tx.now())),
    })
}

/// What a list asks for.
fn utvalg(
    parent: &str,
    (type_, state, area): (i32, i32, &str),
    faults: &mut FieldFaults,
) -> Utvalg {
    krev_kontoret(parent, faults);
    let choice = |name: &str| format!("samspor.boligkontor.v1.{name}");
    let types: Option<Tildelingstype> =
        felt::filter(type_, "tildelingstype", &choice("Tildelingstype"), faults);
    let state: Option<Boligtilstand> =
        felt::filter(state, "tilstand", &choice("Boligtilstand"), faults);
    let area = felt::tekst(area, "omrade", felt::KORT, faults);
    let states = Tilstand::ALLE.iter().copied();
    Utvalg {
        typer: types.map_or_else(|| TYPER.to_vec(), |type_| vec![type_]),
        tilstander: state.map_or_else(
            || I_BEHOLDNING.to_vec(),
            |wanted| {
                states
                    .filter(|state| Boligtilstand::from(*state) == wanted)
                    .collect()
            },
        ),
        omrade: (!area.is_empty()).then_some(area),
    }
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListBoligerRequest,
) -> Result<ListBoligerResponse, Error> {
    let mut faults = FieldFaults::new();
    let wanted = (
        request.tildelingstype,
        request.tilstand,
        request.omrade.as_str(),
    );
    let wanted = utvalg(&request.parent, wanted, &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (found, next_page_token) = store::liste(tx, &wanted, &page).await?;
    let now = tx.now();
    Ok(ListBoligerResponse {
        boliger: found.iter().map(|bolig| bolig.to_proto(now)).collect(),
        next_page_token,
    })
}
