//! `RisikovurderingService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Virkninger, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::Tx,
};
use samspor_proto::rop::{
    HentGjeldendeRisikovurderingRequest, HentGjeldendeRisikovurderingResponse,
    HentRisikovurderingRequest, HentRisikovurderingResponse, ListRisikovurderingerRequest,
    ListRisikovurderingerResponse, RegistrerRisikovurderingRequest,
    RegistrerRisikovurderingResponse, Risikotiltak,
};

use super::{Risikovurdering, SAMLING, rules, store};
use crate::{
    innboks::{self, Type},
    innstillinger::innstillinger,
    oppfolging, planlegging,
};

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerRisikovurderingRequest,
) -> Result<RegistrerRisikovurderingResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let registrering = rules::les(&request, av, tx.now(), innstillinger()?, &mut faults);
    faults.finish()?;
    let registrering = registrering.ok_or_else(|| Error::internal("no assessment, no fault"))?;

    oppfolging::rpc::folg(tx, &person).await?;
    let before = store::nyeste(tx, &person).await?;
    let before_name = before.as_ref().map(Risikovurdering::name);
    let (vurdering, replaced, virkninger) =
        rules::registrer(registrering, person, tx.new_id(), before, tx.now());
    if let Some(replaced) = replaced {
        store::lagre_erstattet(tx, &replaced).await?;
    }
    store::sett_inn(tx, &vurdering).await?;
    virkninger.utfor(tx);
    if let Some(replaced) = before_name {
        innboks::rpc::ferdig(tx, &vurdering.person, Type::Risikovurdering, &replaced).await?;
    }
    if vurdering.innhold.tiltak.contains(&Risikotiltak::ToAnsatte) {
        planlegging::varsle_alene(tx, &vurdering.person).await?;
    }
    Ok(RegistrerRisikovurderingResponse {
        risikovurdering: Some(vurdering.to_proto(tx.now())),
    })
}

/// The unit follows the person anew: it is told when the assessment expires, or
/// that it has.
pub(crate) async fn gjenoppta(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let mut out = Virkninger::new();
    if let Some(newest) = store::nyeste(tx, person).await? {
        rules::frist(&newest, &mut out);
    }
    out.utfor(tx);
    Ok(())
}

/// The unit follows the person no more: the assessment holds until it
/// expires, and nobody is told.
pub(crate) async fn stans(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let mut out = Virkninger::new();
    if let Some(newest) = store::nyeste(tx, person).await? {
        out.slett_frist(super::FRIST_UTLOP, &newest.name());
    }
    out.utfor(tx);
    Ok(())
}

pub(crate) async fn hent_gjeldende(
    tx: &mut Tx,
    request: HentGjeldendeRisikovurderingRequest,
) -> Result<HentGjeldendeRisikovurderingResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let now = tx.now();
    let current = store::nyeste(tx, &person).await?;
    let current = current
        .filter(|vurdering| vurdering.gjelder(now))
        .ok_or_else(Refusal::not_found)?;
    Ok(HentGjeldendeRisikovurderingResponse {
        risikovurdering: Some(current.to_proto(now)),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentRisikovurderingRequest,
) -> Result<HentRisikovurderingResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    let vurdering = store::hent(tx, &person, &id).await?;
    Ok(HentRisikovurderingResponse {
        risikovurdering: Some(vurdering.to_proto(tx.now())),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListRisikovurderingerRequest,
) -> Result<ListRisikovurderingerResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (records, next_page_token) = store::personens(tx, &person, &page).await?;
    let now = tx.now();
    Ok(ListRisikovurderingerResponse {
        risikovurderinger: records.iter().map(|record| record.to_proto(now)).collect(),
        next_page_token,
    })
}
