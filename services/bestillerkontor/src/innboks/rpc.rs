//! `InnboksService`: contract ↔ domain.

use samspor_chassis::{
    domene::navn,
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
};
use samspor_proto::bestillerkontor::{ListVenteposterRequest, ListVenteposterResponse};

use super::{Ventepost, store};

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListVenteposterRequest,
) -> Result<ListVenteposterResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (waiting, next_page_token) = store::enhetens(tx, &enhet, &page).await?;
    Ok(ListVenteposterResponse {
        venteposter: waiting.iter().map(Ventepost::to_proto).collect(),
        next_page_token,
    })
}
