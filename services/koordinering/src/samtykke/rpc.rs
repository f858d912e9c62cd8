//! `SamtykkeService`, one function per RPC.

use std::time::Duration;

use samspor_chassis::{
    error::{Error, FieldFaults},
    page::Page,
    store::{NewDeadline, NewEvent, Tx},
};
use samspor_proto::koordinering::{
    BekreftSamtykkeRequest, BekreftSamtykkeResponse, GiSamtykkeRequest, GiSamtykkeResponse,
    HentSamtykkeRequest, HentSamtykkeResponse, ListSamtykkerRequest, ListSamtykkerResponse,
    TrekkSamtykkeRequest, TrekkSamtykkeResponse,
};

use super::{Bekreftelse, FRIST_UTLOP, SAMLING, Samtykke, rules, store};
use crate::{Aktor, innbygger, navn, person, vilje};

/// How long before its end the units of a consent are warned.
const VARSEL: Duration = Duration::from_hours(14 * 24);

/// Records a consent.
pub(crate) async fn gi(
    tx: &mut Tx,
    request: GiSamtykkeRequest,
) -> Result<GiSamtykkeResponse, Error> {
    let now = tx.now();
    let who = Aktor::from(&tx.call().actor);
    let person = person::finn(tx, &request.parent, "parent").await?.id;
    innbygger::egen_eller_representert(tx, &person).await?;
    let mut faults = FieldFaults::new();
    let innhold = rules::les(&request, now, &mut faults);
    let vilje = vilje::les(who, request.form, request.innhentet, now, &mut faults);
    faults.finish()?;
    person::store::ta_i_bruk(tx, &person).await?;

    let samtykke = Samtykke {
        id: tx.new_id(),
        person,
        versjon: 1,
        bekreftelse: rules::bekreftelse(&innhold, &vilje),
        innhold,
        vilje,
        trukket: None,
    };
    store::opprett(tx, &samtykke).await?;
    state_fact(tx, &samtykke);
    tx.set_deadline(NewDeadline {
        post: samtykke.name(),
        person: samtykke.person.clone(),
        kind: FRIST_UTLOP,
        due: samtykke.innhold.til,
        warn: Some(samtykke.innhold.til.minus(VARSEL)).filter(|warn| *warn > now),
        eier: samtykke.vilje.eier.clone(),
        mottakere: units(&samtykke),
    });
    let event = if samtykke.bekreftelse == Bekreftelse::Ventes {
        "SamtykkeTilBekreftelse"
    } else {
        "SamtykkeGitt"
    };
    emit(tx, event, &samtykke);
    Ok(GiSamtykkeResponse {
        samtykke: Some(samtykke.to_proto(now)),
    })
}

/// Confirms a consent that staff recorded for their own unit.
pub(crate) async fn bekreft(
    tx: &mut Tx,
    request: BekreftSamtykkeRequest,
) -> Result<BekreftSamtykkeResponse, Error> {
    let now = tx.now();
    let who = Aktor::from(&tx.call().actor);
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    innbygger::egen_eller_representert(tx, &person).await?;
    let samtykke = store::hent(tx, &person, &id).await?;
    let mut samtykke = rules::bekreft(samtykke, who, now)?;
    store::bekreft(tx, &mut samtykke).await?;
    state_fact(tx, &samtykke);
    emit(tx, "SamtykkeBekreftet", &samtykke);
    Ok(BekreftSamtykkeResponse {
        samtykke: Some(samtykke.to_proto(now)),
    })
}

/// Withdraws a consent.
pub(crate) async fn trekk(
    tx: &mut Tx,
    request: TrekkSamtykkeRequest,
) -> Result<TrekkSamtykkeResponse, Error> {
    let now = tx.now();
    let who = Aktor::from(&tx.call().actor);
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    innbygger::egen_eller_representert(tx, &person).await?;
    let samtykke = store::hent(tx, &person, &id).await?;
    let mut samtykke = rules::trekk(samtykke, who, now)?;
    store::trekk(tx, &mut samtykke).await?;
    state_fact(tx, &samtykke);
    tx.clear_deadline(&samtykke.name(), FRIST_UTLOP);
    emit(tx, "SamtykkeTrukket", &samtykke);
    Ok(TrekkSamtykkeResponse {
        samtykke: Some(samtykke.to_proto(now)),
    })
}

/// One consent.
pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentSamtykkeRequest,
) -> Result<HentSamtykkeResponse, Error> {
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    let samtykke = store::hent(tx, &person, &id).await?;
    Ok(HentSamtykkeResponse {
        samtykke: Some(samtykke.to_proto(tx.now())),
    })
}

/// Consents of a person, newest first.
pub(crate) async fn list(
    tx: &mut Tx,
    request: ListSamtykkerRequest,
) -> Result<ListSamtykkerResponse, Error> {
    let person = person::finn(tx, &request.parent, "parent").await?.id;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let rows = store::list(tx, &person, request.bare_gjeldende, &page).await?;
    let (rows, next_page_token) = page.cut(rows, |samtykke| samtykke.id.clone());
    let now = tx.now();
    Ok(ListSamtykkerResponse {
        samtykker: rows.iter().map(|samtykke| samtykke.to_proto(now)).collect(),
        next_page_token,
    })
}

/// Who hears of a consent: the unit that recorded it and the one that reads.
fn units(samtykke: &Samtykke) -> Vec<String> {
    vec![samtykke.vilje.eier.clone(), samtykke.innhold.enhet.clone()]
}

/// What the consent opens, where it opens anything.
fn state_fact(tx: &mut Tx, samtykke: &Samtykke) {
    if let Some(fact) = samtykke.faktum() {
        tx.fact(fact);
    }
}

fn emit(tx: &mut Tx, type_: &'static str, samtykke: &Samtykke) {
    tx.emit(NewEvent {
        type_,
        person: &samtykke.person,
        post: &samtykke.name(),
        eier: &samtykke.vilje.eier,
        mottakere: units(samtykke),
    });
}
