//! `KartleggingService`: contract ↔ domain.

use samspor_chassis::{
    domene::navn,
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
};
use samspor_proto::bestillerkontor::{
    HentKartleggingRequest, HentKartleggingResponse, ListKartleggingerRequest,
    ListKartleggingerResponse,
};

use super::{Kartlegging, SAMLING, store};

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentKartleggingRequest,
) -> Result<HentKartleggingResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    let kartlegging = store::hent(tx, &person, &id).await?;
    Ok(HentKartleggingResponse {
        kartlegging: Some(kartlegging.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListKartleggingerRequest,
) -> Result<ListKartleggingerResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (records, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListKartleggingerResponse {
        kartlegginger: records.iter().map(Kartlegging::to_proto).collect(),
        next_page_token,
    })
}
