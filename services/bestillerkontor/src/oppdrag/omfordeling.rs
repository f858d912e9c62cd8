//! What becomes of a service without a vedtak that a unit declined: another unit
//! is asked, a vedtak answers the need, the application for it closes, or who
//! ordered says why it waits no longer. Under a vedtak the service is granted,
//! and only the vedtak can say otherwise.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, Virkninger, felt, navn},
    error::{Error, FieldFaults},
    store::Tx,
};
use samspor_proto::bestillerkontor::{
    Avslutningsarsak, AvsluttOmfordelingRequest, AvsluttOmfordelingResponse, Tjenestetype,
};

use super::{SAMLING, Slutt, Tilstand, rules, store};
use crate::{
    innboks,
    soknad::{self, Soknad},
};

/// Who ordered says why the need waits no longer.
pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttOmfordelingRequest,
) -> Result<AvsluttOmfordelingResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let slutt = Slutt {
        arsak: Avslutningsarsak::Bortfalt,
        begrunnelse: felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults),
        alternativ: felt::pakrevd(&request.alternativ, "alternativ", felt::LANG, &mut faults),
    };
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let oppdrag = store::hent(tx, &person, &id).await?;
    crate::krev_enhet(tx, &oppdrag.bestiller)?;
    let mut faults = FieldFaults::new();
    if oppdrag.vedtak.is_some() {
        faults.contradicts(
            "name",
            "vedtak",
            "tjenesten er innvilget; gi linjen en annen enhet (EndreVedtak), eller foreslå opphør",
        );
    }
    faults.finish()?;
    let av = Aktor::from(&tx.call().actor);
    let mut out = Virkninger::new();
    let now = tx.now();
    let mut oppdrag = rules::avslutt_omfordeling(oppdrag, slutt, Some(av), now, &mut out)?;
    store::lagre(tx, &mut oppdrag).await?;
    innboks::utfor(tx, out).await?;
    Ok(AvsluttOmfordelingResponse {
        oppdrag: Some(oppdrag.to_proto()),
    })
}

/// Services of these types are ordered or decided on: what was declined of them
/// has found its place.
pub(crate) async fn dekket(
    tx: &mut Tx,
    person: &str,
    typer: &BTreeSet<Tjenestetype>,
) -> Result<(), Error> {
    let placed = |type_: Tjenestetype| typer.contains(&type_);
    lukk(tx, person, Avslutningsarsak::AnnenTjeneste, placed).await
}

/// An application closed without a vedtak: what was declined meanwhile goes with
/// it, unless another open application is about it.
pub(crate) async fn bortfalt(tx: &mut Tx, closed: &Soknad) -> Result<(), Error> {
    let open = soknad::store::apne(tx, &closed.person).await?;
    let gone = |type_: Tjenestetype| {
        gjelder(closed, type_) && !open.iter().any(|other| gjelder(other, type_))
    };
    lukk(tx, &closed.person, Avslutningsarsak::Bortfalt, gone).await
}

/// An application that names no type is about any.
fn gjelder(soknad: &Soknad, type_: Tjenestetype) -> bool {
    let named = &soknad.innhold.innsendt.gjelder;
    named.is_empty() || named.contains(&type_)
}

async fn lukk(
    tx: &mut Tx,
    person: &str,
    arsak: Avslutningsarsak,
    gjelder: impl Fn(Tjenestetype) -> bool,
) -> Result<(), Error> {
    let mut declined = store::alle(tx, person).await?;
    declined.retain(|order| order.vedtak.is_none() && order.tilstand == Tilstand::Avvist);
    declined.retain(|order| gjelder(order.innhold.bestilling.type_));
    for order in declined {
        let end = Slutt {
            arsak,
            begrunnelse: String::new(),
            alternativ: String::new(),
        };
        let mut out = Virkninger::new();
        let mut order = rules::avslutt_omfordeling(order, end, None, tx.now(), &mut out)?;
        store::lagre(tx, &mut order).await?;
        innboks::utfor(tx, out).await?;
    }
    Ok(())
}
