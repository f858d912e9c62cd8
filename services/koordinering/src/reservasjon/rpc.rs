//! `ReservasjonMotDelingService`, one function per RPC.

use samspor_chassis::{
    error::{Error, FieldFaults},
    page::Page,
    store::{NewEvent, Tx},
};
use samspor_proto::koordinering::{
    HentReservasjonRequest, HentReservasjonResponse, ListReservasjonerRequest,
    ListReservasjonerResponse, OpphevReservasjonRequest, OpphevReservasjonResponse,
    RegistrerReservasjonRequest, RegistrerReservasjonResponse,
};

use super::{Mot, Reservasjon, SAMLING, rules, store};
use crate::{Aktor, innbygger, krets::Krets, navn, person, settings::Settings, vern, vilje};

/// Records an objection.
pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerReservasjonRequest,
) -> Result<RegistrerReservasjonResponse, Error> {
    let now = tx.now();
    let who = Aktor::from(&tx.call().actor);
    let person = person::finn(tx, &request.parent, "parent").await?.id;
    innbygger::egen_eller_representert(tx, &person).await?;
    let mut faults = FieldFaults::new();
    let mot = rules::les(request.mot.as_ref(), &mut faults);
    let vilje = vilje::les(who, request.form, request.innhentet, now, &mut faults);
    faults.finish()?;
    vern::store::en_om_gangen(tx).await?;
    person::store::ta_i_bruk(tx, &person).await?;

    let reservasjon = Reservasjon {
        id: tx.new_id(),
        person,
        versjon: 1,
        mot,
        vilje,
        fra: now,
        opphevet: None,
    };
    store::opprett(tx, &reservasjon).await?;
    announce(tx, "ReservasjonRegistrert", &reservasjon).await?;
    Ok(RegistrerReservasjonResponse {
        reservasjon: Some(reservasjon.to_proto()),
    })
}

/// Lifts an objection.
pub(crate) async fn opphev(
    tx: &mut Tx,
    request: OpphevReservasjonRequest,
) -> Result<OpphevReservasjonResponse, Error> {
    let now = tx.now();
    let who = Aktor::from(&tx.call().actor);
    let koordinerende = tx.call().har_funksjon("koordinerende_enhet");
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    vern::store::en_om_gangen(tx).await?;
    innbygger::egen_eller_representert(tx, &person).await?;
    let reservasjon = store::hent(tx, &person, &id).await?;
    let mut faults = FieldFaults::new();
    let onske = vilje::les(who, request.form, request.innhentet, now, &mut faults);
    faults.finish()?;
    let mut reservasjon = rules::opphev(reservasjon, onske, koordinerende, now)?;
    store::opphev(tx, &mut reservasjon).await?;
    announce(tx, "ReservasjonOpphevet", &reservasjon).await?;
    Ok(OpphevReservasjonResponse {
        reservasjon: Some(reservasjon.to_proto()),
    })
}

/// One objection.
pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentReservasjonRequest,
) -> Result<HentReservasjonResponse, Error> {
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    let reservasjon = store::hent(tx, &person, &id).await?;
    Ok(HentReservasjonResponse {
        reservasjon: Some(reservasjon.to_proto()),
    })
}

/// Objections of a person, newest first.
pub(crate) async fn list(
    tx: &mut Tx,
    request: ListReservasjonerRequest,
) -> Result<ListReservasjonerResponse, Error> {
    let person = person::finn(tx, &request.parent, "parent").await?.id;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let rows = store::list(tx, &person, request.bare_gjeldende, &page).await?;
    let (rows, next_page_token) = page.cut(rows, |reservasjon| reservasjon.id.clone());
    Ok(ListReservasjonerResponse {
        reservasjoner: rows.iter().map(Reservasjon::to_proto).collect(),
        next_page_token,
    })
}

/// States the fact for every id of the person, and tells those who must act:
/// the unit that recorded it, the unit that it is against, and those who
/// decide who delivers.
async fn announce(
    tx: &mut Tx,
    type_: &'static str,
    reservasjon: &Reservasjon,
) -> Result<(), Error> {
    for id in Krets::om(tx, &reservasjon.person).await?.ider {
        tx.fact(reservasjon.faktum(&id));
    }
    let mut mottakere = tx.settings::<Settings>()?.varslede.clone();
    mottakere.push(reservasjon.vilje.eier.clone());
    if let Mot::Enhet(enhet) = &reservasjon.mot {
        mottakere.push(enhet.clone());
    }
    tx.emit(NewEvent {
        type_,
        person: &reservasjon.person,
        post: &reservasjon.name(),
        eier: &reservasjon.vilje.eier,
        mottakere,
    });
    Ok(())
}
