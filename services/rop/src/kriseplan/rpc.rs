//! `KriseplanService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Virkninger, navn},
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
};
use samspor_proto::rop::{
    HentKriseplanRequest, HentKriseplanResponse, ListKriseplanerRequest, ListKriseplanerResponse,
    SkrivKriseplanRequest, SkrivKriseplanResponse,
};

use super::{Kriseplan, SAMLING, rules, store};
use crate::{
    innboks::{self, Type},
    innstillinger::innstillinger,
    oppfolging,
};

pub(crate) async fn skriv(
    tx: &mut Tx,
    request: SkrivKriseplanRequest,
) -> Result<SkrivKriseplanResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let innhold = rules::les(&request, av, tx.now(), innstillinger()?, &mut faults);
    faults.finish()?;

    oppfolging::rpc::folg(tx, &person).await?;
    let before = store::nyeste(tx, &person).await?;
    let id = tx.new_id();
    let (plan, replaced, virkninger) =
        rules::skriv(innhold, person, id, &request.erstatter, before)?;
    if let Some(replaced) = replaced {
        store::lagre_erstattet(tx, &replaced).await?;
    }
    store::sett_inn(tx, &plan).await?;
    virkninger.utfor(tx);
    innboks::rpc::ferdig(tx, &plan.person, Type::Kriseplan, &request.erstatter).await?;
    Ok(SkrivKriseplanResponse {
        kriseplan: Some(plan.to_proto()),
    })
}

/// The unit follows the person anew: the plan that stands is gone through.
pub(crate) async fn gjenoppta(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let mut out = Virkninger::new();
    if let Some(newest) = store::nyeste(tx, person).await? {
        rules::frist(&newest, &mut out);
    }
    out.utfor(tx);
    Ok(())
}

/// The unit follows the person no more: the plan stands, and nobody goes
/// through it.
pub(crate) async fn stans(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let mut out = Virkninger::new();
    if let Some(newest) = store::nyeste(tx, person).await? {
        out.slett_frist(super::FRIST_GJENNOMGANG, &newest.name());
    }
    out.utfor(tx);
    Ok(())
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentKriseplanRequest,
) -> Result<HentKriseplanResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    let plan = store::hent(tx, &person, &id).await?;
    Ok(HentKriseplanResponse {
        kriseplan: Some(plan.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListKriseplanerRequest,
) -> Result<ListKriseplanerResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (plans, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListKriseplanerResponse {
        kriseplaner: plans.iter().map(Kriseplan::to_proto).collect(),
        next_page_token,
    })
}
