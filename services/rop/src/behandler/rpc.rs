//! `BehandlingService`: contract ↔ domain.

use samspor_chassis::{
    domene::{felt, navn},
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
};
use samspor_proto::rop::{
    AvsluttBehandlerRequest, AvsluttBehandlerResponse, ListBehandlereRequest,
    ListBehandlereResponse, TildelBehandlerRequest, TildelBehandlerResponse,
};

use super::{Behandlerforhold, SAMLING, rules, store};
use crate::oppfolging;

pub(crate) async fn tildel(
    tx: &mut Tx,
    request: TildelBehandlerRequest,
) -> Result<TildelBehandlerResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let (ansatt, innhold) = rules::les(&request, av, tx.now(), &mut faults);
    faults.finish()?;
    let followed = oppfolging::rpc::folg(tx, &person).await?;
    oppfolging::rpc::krev_bekreftet(&followed, &innhold.tildelt_av)?;
    let (forhold, virkninger) = rules::tildel(person, tx.new_id(), ansatt, innhold)?;
    store::sett_inn(tx, &forhold).await?;
    virkninger.utfor(tx);
    Ok(TildelBehandlerResponse {
        behandlerforhold: Some(forhold.to_proto()),
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttBehandlerRequest,
) -> Result<AvsluttBehandlerResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let forhold = store::hent(tx, &person, &id).await?;
    let (mut forhold, virkninger) = rules::avslutt(forhold, begrunnelse, av, tx.now())?;
    store::lagre(tx, &mut forhold).await?;
    virkninger.utfor(tx);
    Ok(AvsluttBehandlerResponse {
        behandlerforhold: Some(forhold.to_proto()),
    })
}

/// The unit follows the person no more, and nobody there treats the person.
pub(crate) async fn avslutt_alle(
    tx: &mut Tx,
    person: &str,
    slutt: &oppfolging::Slutt,
) -> Result<(), Error> {
    for forhold in store::apne(tx, person).await? {
        let (reason, av) = (slutt.begrunnelse.clone(), slutt.av.clone());
        let (mut forhold, out) = rules::avslutt(forhold, reason, av, slutt.tid)?;
        store::lagre(tx, &mut forhold).await?;
        out.utfor(tx);
    }
    Ok(())
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListBehandlereRequest,
) -> Result<ListBehandlereResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (records, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListBehandlereResponse {
        behandlere: records.iter().map(Behandlerforhold::to_proto).collect(),
        next_page_token,
    })
}
