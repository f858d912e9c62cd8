//! `JournalService`: contract ↔ domain.

use samspor_chassis::{
    domene::navn,
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
};
use samspor_proto::rop::{
    HentAapentNotatRequest, HentAapentNotatResponse, HentBegrensetNotatRequest,
    HentBegrensetNotatResponse, ListAapneNotaterRequest, ListAapneNotaterResponse,
    ListBegrensedeNotaterRequest, ListBegrensedeNotaterResponse, SkrivAapentNotatRequest,
    SkrivAapentNotatResponse, SkrivBegrensetNotatRequest, SkrivBegrensetNotatResponse,
};

use super::{Innhold, Notat, Slag, rules, store};

pub(crate) async fn skriv_aapent(
    tx: &mut Tx,
    request: SkrivAapentNotatRequest,
) -> Result<SkrivAapentNotatResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let innhold = rules::les_aapent(&request, av, tx.now(), &mut faults);
    let notat = skriv(tx, Slag::Aapent, &request.parent, innhold, faults).await?;
    Ok(SkrivAapentNotatResponse {
        notat: Some(notat.to_aapent()),
    })
}

pub(crate) async fn skriv_begrenset(
    tx: &mut Tx,
    request: SkrivBegrensetNotatRequest,
) -> Result<SkrivBegrensetNotatResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let innhold = rules::les_begrenset(&request, av, tx.now(), &mut faults);
    let notat = skriv(tx, Slag::Begrenset, &request.parent, innhold, faults).await?;
    Ok(SkrivBegrensetNotatResponse {
        notat: Some(notat.to_begrenset()),
    })
}

async fn skriv(
    tx: &mut Tx,
    slag: Slag,
    parent: &str,
    innhold: Innhold,
    mut faults: FieldFaults,
) -> Result<Notat, Error> {
    let person = navn::les_person(parent, "parent", &mut faults);
    faults.finish()?;
    if let Some(earlier) = &innhold.retter {
        store::hent(tx, slag, &person, earlier).await?;
    }
    let (notat, virkninger) = rules::skriv(slag, person, tx.new_id(), innhold);
    store::sett_inn(tx, &notat).await?;
    virkninger.utfor(tx);
    Ok(notat)
}

pub(crate) async fn hent_aapent(
    tx: &mut Tx,
    request: HentAapentNotatRequest,
) -> Result<HentAapentNotatResponse, Error> {
    let notat = hent(tx, Slag::Aapent, &request.name).await?;
    Ok(HentAapentNotatResponse {
        notat: Some(notat.to_aapent()),
    })
}

pub(crate) async fn hent_begrenset(
    tx: &mut Tx,
    request: HentBegrensetNotatRequest,
) -> Result<HentBegrensetNotatResponse, Error> {
    let notat = hent(tx, Slag::Begrenset, &request.name).await?;
    Ok(HentBegrensetNotatResponse {
        notat: Some(notat.to_begrenset()),
    })
}

async fn hent(tx: &mut Tx, slag: Slag, name: &str) -> Result<Notat, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(name, slag.samling(), "name", &mut faults);
    faults.finish()?;
    store::hent(tx, slag, &person, &id).await
}

pub(crate) async fn list_aapne(
    tx: &mut Tx,
    request: ListAapneNotaterRequest,
) -> Result<ListAapneNotaterResponse, Error> {
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (notes, next_page_token) = list(tx, Slag::Aapent, &request.parent, &page).await?;
    Ok(ListAapneNotaterResponse {
        notater: notes.iter().map(Notat::to_aapent).collect(),
        next_page_token,
    })
}

pub(crate) async fn list_begrensede(
    tx: &mut Tx,
    request: ListBegrensedeNotaterRequest,
) -> Result<ListBegrensedeNotaterResponse, Error> {
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (notes, next_page_token) = list(tx, Slag::Begrenset, &request.parent, &page).await?;
    Ok(ListBegrensedeNotaterResponse {
        notater: notes.iter().map(Notat::to_begrenset).collect(),
        next_page_token,
    })
}

async fn list(
    tx: &mut Tx,
    slag: Slag,
    parent: &str,
    page: &Page,
) -> Result<(Vec<Notat>, String), Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(parent, "parent", &mut faults);
    faults.finish()?;
    store::personens(tx, slag, &person, page).await
}
