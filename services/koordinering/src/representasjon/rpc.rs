//! `RepresentasjonService`, one function per RPC.

use samspor_chassis::{
    error::{Error, FieldFaults},
    page::Page,
    store::{NewEvent, Tx, etag},
};
use samspor_proto::koordinering::{
    AvsluttRepresentasjonRequest, AvsluttRepresentasjonResponse, BekreftRepresentasjonRequest,
    BekreftRepresentasjonResponse, HentRepresentasjonRequest, HentRepresentasjonResponse,
    ListRepresentasjonerRequest, ListRepresentasjonerResponse, RegistrerRepresentasjonRequest,
    RegistrerRepresentasjonResponse, Representasjonsgrunnlag,
};

use super::{Representasjon, SAMLING, rules, store};
use crate::{ENHET, innbygger, krets::Krets, navn, person, tosteg::Steg};

/// Registers a mandate.
pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerRepresentasjonRequest,
) -> Result<RegistrerRepresentasjonResponse, Error> {
    let person = person::finn(tx, &request.parent, "parent").await?.id;
    rules::kan(tx.call())?;
    let steg = Steg::av(tx);
    let mut faults = FieldFaults::new();
    let innhold = rules::les(&request, &person, tx.now(), &mut faults);
    faults.finish()?;
    // The gateway has authorized `parent` alone.
    let other = Krets::om(tx, &innhold.representant).await?;
    other.kan_vites_av(&steg.hvem)?;
    person::store::ta_i_bruk(tx, &person).await?;
    person::store::ta_i_bruk(tx, &innhold.representant).await?;
    let mandate = Representasjon {
        id: tx.new_id(),
        versjon: 1,
        person,
        innhold,
        registrert: steg,
        bekreftet: None,
        avsluttet: None,
    };
    store::opprett(tx, &mandate).await?;
    state(tx, "RepresentasjonRegistrert", &mandate);
    Ok(RegistrerRepresentasjonResponse {
        representasjon: Some(mandate.to_proto()),
    })
}

/// Confirms what another registered.
pub(crate) async fn bekreft(
    tx: &mut Tx,
    request: BekreftRepresentasjonRequest,
) -> Result<BekreftRepresentasjonResponse, Error> {
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    let mandate = store::hent(tx, &person, &id).await?;
    rules::kan(tx.call())?;
    etag::krev(&request.etag, mandate.versjon)?;
    let mut mandate = rules::bekreft(mandate, Steg::av(tx))?;
    store::lagre(tx, &mut mandate).await?;
    state(tx, "RepresentasjonBekreftet", &mandate);
    Ok(BekreftRepresentasjonResponse {
        representasjon: Some(mandate.to_proto()),
    })
}

/// Ends it. The person ends the own fullmakt, under any id.
pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttRepresentasjonRequest,
) -> Result<AvsluttRepresentasjonResponse, Error> {
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    innbygger::egen_eller_representert(tx, &person).await?;
    let mandate = store::hent(tx, &person, &id).await?;
    if !innbygger::er_selv(tx, &person).await? {
        rules::kan(tx.call())?;
    } else if mandate.innhold.grunnlag != Representasjonsgrunnlag::Fullmakt {
        return Err(rules::avsluttes_ikke_av_personen().into());
    }
    etag::krev(&request.etag, mandate.versjon)?;
    let mut mandate = rules::avslutt(mandate, Steg::av(tx))?;
    store::lagre(tx, &mut mandate).await?;
    state(tx, "RepresentasjonAvsluttet", &mandate);
    Ok(AvsluttRepresentasjonResponse {
        representasjon: Some(mandate.to_proto()),
    })
}

/// One mandate.
pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentRepresentasjonRequest,
) -> Result<HentRepresentasjonResponse, Error> {
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    let mandate = store::hent(tx, &person, &id).await?;
    Ok(HentRepresentasjonResponse {
        representasjon: Some(mandate.to_proto()),
    })
}

/// Mandates to represent a person, newest first.
pub(crate) async fn list(
    tx: &mut Tx,
    request: ListRepresentasjonerRequest,
) -> Result<ListRepresentasjonerResponse, Error> {
    let person = person::finn(tx, &request.parent, "parent").await?.id;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let rows = store::list(tx, &person, &page).await?;
    let (rows, next_page_token) = page.cut(rows, |mandate| mandate.id.clone());
    Ok(ListRepresentasjonerResponse {
        representasjoner: rows.iter().map(Representasjon::to_proto).collect(),
        next_page_token,
    })
}

/// States what it opens, and tells this unit and the person.
fn state(tx: &mut Tx, type_: &'static str, mandate: &Representasjon) {
    if let Some(fact) = mandate.faktum() {
        tx.fact(fact);
    }
    tx.emit(NewEvent {
        type_,
        person: &mandate.person,
        post: &mandate.name(),
        eier: ENHET,
        mottakere: vec![ENHET.to_owned(), navn::person(&mandate.person)],
    });
}
