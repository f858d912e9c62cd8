//! `KontaktService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
};
use samspor_proto::rop::{
    AnnullerKontaktRequest, AnnullerKontaktResponse, HentKontaktRequest, HentKontaktResponse,
    ListKontakterRequest, ListKontakterResponse, RegistrerKontaktRequest, RegistrerKontaktResponse,
};

use super::{Kontakt, Rettelse, SAMLING, Utfall, rules, store};
use crate::{
    innboks::{self, Type},
    innstillinger::innstillinger,
    planlegging, risikovurdering, tiltak,
};

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerKontaktRequest,
) -> Result<RegistrerKontaktResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let krav = rules::Krav {
        bemanning: risikovurdering::bemanning(tx, &person).await?,
        etterregistrering_dager: innstillinger()?.etterregistrering_dager,
        nytt_tilbud_dager: innstillinger()?.nytt_tilbud_dager,
        historie: false,
    };
    let registrering = rules::les(&request, &person, &av, tx.now(), krav, &mut faults);
    let planned = rules::les_ref(
        &request.planlagt,
        planlegging::SAMLING,
        &person,
        "planlagt",
        &mut faults,
    );
    faults.finish()?;
    let registrering = registrering.ok_or_else(|| Error::internal("no contact and no fault"))?;

    crate::las_person(tx, &person).await?;
    if !registrering.innhold.tiltak.is_empty() {
        let (id, at) = (&registrering.innhold.tiltak, registrering.tidspunkt);
        tiltak::krev_levert_under(tx, &person, id, at).await?;
    }
    if !registrering.innhold.retter.is_empty() {
        let wrong = store::hent(tx, &person, &registrering.innhold.retter).await?;
        rett(tx, wrong, request.rettelse, av).await?;
    }
    let waiting = store::ventende(tx, &person).await?;
    if rules::avgjor_tilbud(registrering.utfall) {
        store::avgjor_ventende(tx, &person).await?;
    }
    let type_ = registrering.innhold.type_;
    let (kontakt, virkninger) = rules::registrer(registrering, person, tx.new_id(), &waiting);
    store::sett_inn(tx, &kontakt).await?;
    if kontakt.utfall == Utfall::Mott && !kontakt.innhold.tiltak.is_empty() {
        tiltak::mott(tx, &kontakt.innhold.tiltak, kontakt.tidspunkt).await?;
    }
    virkninger.utfor(tx);
    if !planned.is_empty() {
        planlegging::gjennomfort(tx, &kontakt, &planned).await?;
    }
    for post in waiting
        .iter()
        .filter(|_| rules::avgjor_tilbud(kontakt.utfall))
    {
        innboks::rpc::ferdig(tx, &kontakt.person, Type::NyttTilbud, post).await?;
    }
    if rules::er_oppsok(type_, kontakt.utfall) {
        innboks::rpc::oppsokt(tx, &kontakt.person).await?;
    }
    let latest = store::siste_utfall(tx, &kontakt.person).await?;
    if rules::trenger_oppsok(&latest) {
        innboks::rpc::oppsokende(tx, &kontakt).await?;
    }
    Ok(RegistrerKontaktResponse {
        kontakt: Some(kontakt.to_proto()),
    })
}

pub(crate) async fn annuller(
    tx: &mut Tx,
    request: AnnullerKontaktRequest,
) -> Result<AnnullerKontaktResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let kontakt = store::hent(tx, &person, &id).await?;
    let kontakt = rett(tx, kontakt, reason, av).await?;
    Ok(AnnullerKontaktResponse {
        kontakt: Some(kontakt.to_proto()),
    })
}

/// A contact was wrong: it counts no more, and what it had settled is open
/// again.
async fn rett(
    tx: &mut Tx,
    kontakt: Kontakt,
    begrunnelse: String,
    av: Aktor,
) -> Result<Kontakt, Error> {
    let tid = tx.now();
    let wrong = Rettelse {
        begrunnelse,
        av,
        tid,
    };
    let (kontakt, out) = rules::rett(kontakt, wrong.clone())?;
    store::rett(tx, &kontakt, &wrong).await?;
    out.utfor(tx);
    innboks::rpc::ferdig(tx, &kontakt.person, Type::NyttTilbud, &kontakt.name()).await?;
    if kontakt.utfall == Utfall::Mott && !kontakt.innhold.tiltak.is_empty() {
        tiltak::ikke_mott(tx, &kontakt.innhold.tiltak).await?;
    }
    if rules::avgjor_tilbud(kontakt.utfall)
        && let Some(declined) = store::siste_svar(tx, &kontakt.person).await?
        && let Some(clock) = rules::tilbud(&declined)
    {
        store::vent_igjen(tx, &declined).await?;
        clock.utfor(tx);
    }
    Ok(kontakt)
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentKontaktRequest,
) -> Result<HentKontaktResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    let kontakt = store::hent(tx, &person, &id).await?;
    Ok(HentKontaktResponse {
        kontakt: Some(kontakt.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListKontakterRequest,
) -> Result<ListKontakterResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (kontakter, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListKontakterResponse {
        kontakter: kontakter.iter().map(Kontakt::to_proto).collect(),
        next_page_token,
    })
}
