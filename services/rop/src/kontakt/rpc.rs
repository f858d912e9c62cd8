//! `KontaktService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Aktor, Virkninger, felt, navn},
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
};
use samspor_proto::rop::{
    AnnullerKontaktRequest, AnnullerKontaktResponse, HentKontaktRequest, HentKontaktResponse,
    ListKontakterRequest, ListKontakterResponse, RegistrerKontaktRequest, RegistrerKontaktResponse,
};

use super::{FRIST_NYTT_TILBUD, Kontakt, Rettelse, SAMLING, Utfall, rules, store};
use crate::{
    innboks::{self, Type},
    innstillinger::innstillinger,
    kontaktplan, oppfolging, planlegging, risikovurdering, tiltak,
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
    faults.finish()?;
    let mut registrering =
        registrering.ok_or_else(|| Error::internal("no contact and no fault"))?;

    oppfolging::rpc::folg(tx, &person).await?;
    if !registrering.innhold.tiltak.is_empty() {
        let (id, at) = (&registrering.innhold.tiltak, registrering.tidspunkt);
        tiltak::rpc::krev_levert_under(tx, &person, id, at).await?;
    }
    if !registrering.innhold.retter.is_empty() {
        let wrong = store::hent(tx, &person, &registrering.innhold.retter).await?;
        let wrong = rett(tx, wrong, request.rettelse, av).await?;
        if registrering.innhold.planlagt.is_empty() {
            registrering.innhold.planlagt = wrong.innhold.planlagt;
        }
    }
    let mut waiting = Vec::new();
    if rules::avgjor_tilbud(registrering.utfall) {
        let (at, tiltak) = (registrering.tidspunkt, &registrering.innhold.tiltak);
        waiting = store::ventende(tx, &person, at, tiltak).await?;
        store::avgjor(tx, &waiting).await?;
    }
    let waiting: Vec<String> = waiting.iter().map(Kontakt::name).collect();
    let (kontakt, virkninger) = rules::registrer(registrering, person, tx.new_id(), &waiting);
    store::sett_inn(tx, &kontakt).await?;
    if kontakt.utfall == Utfall::Mott && !kontakt.innhold.tiltak.is_empty() {
        tiltak::store::mott(tx, &kontakt.innhold.tiltak, kontakt.tidspunkt).await?;
    }
    virkninger.utfor(tx);
    if !kontakt.innhold.planlagt.is_empty() {
        planlegging::gjennomfort(tx, &kontakt).await?;
    }
    if !kontakt.innhold.retter.is_empty() {
        kontaktplan::rettet(tx, &kontakt.person, &kontakt.innhold.retter, Some(&kontakt)).await?;
    }
    for post in &waiting {
        innboks::rpc::ferdig(tx, &kontakt.person, Type::NyttTilbud, post).await?;
    }
    oppsok(tx, &kontakt.person, Some(&kontakt)).await?;
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
    kontaktplan::rettet(tx, &person, &id, None).await?;
    oppsok(tx, &person, None).await?;
    Ok(AnnullerKontaktResponse {
        kontakt: Some(kontakt.to_proto()),
    })
}

/// Asks for outreach where the latest contacts call for it, and no more where
/// they do not. `ny` is the outreach that was asked for only where nothing came
/// after it: a meeting from before the missed ones says nothing of them.
async fn oppsok(tx: &mut Tx, person: &str, ny: Option<&Kontakt>) -> Result<(), Error> {
    let latest = store::siste(tx, person).await?;
    let newest = latest.first().map_or("", |(id, _)| id);
    let outcomes: Vec<Utfall> = latest.iter().map(|(_, utfall)| *utfall).collect();
    let needed = rules::trenger_oppsok(&outcomes);
    let tried = ny.is_some_and(|kontakt| {
        kontakt.id == newest && rules::er_oppsok(kontakt.innhold.type_, kontakt.utfall)
    });
    if tried || !needed {
        innboks::rpc::oppsokt(tx, person).await?;
    }
    if needed {
        let post = navn::post(person, SAMLING, newest);
        innboks::rpc::oppsokende(tx, person, &post).await?;
    }
    Ok(())
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
        tiltak::store::ikke_mott(tx, &kontakt.innhold.tiltak).await?;
    }
    if rules::avgjor_tilbud(kontakt.utfall) {
        for declined in store::uavgjorte(tx, &kontakt).await? {
            if let Some(clock) = rules::tilbud(&declined) {
                store::vent_igjen(tx, &declined).await?;
                clock.utfor(tx);
            }
        }
    }
    if !kontakt.innhold.planlagt.is_empty() {
        planlegging::gjenapne(tx, &kontakt).await?;
    }
    Ok(kontakt)
}

/// The unit follows the person no more: what was declined is not offered again.
pub(crate) async fn avslutt_alle(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let waiting = store::alle_ventende(tx, person).await?;
    store::avgjor(tx, &waiting).await?;
    let mut out = Virkninger::new();
    for kontakt in &waiting {
        out.slett_frist(FRIST_NYTT_TILBUD, &kontakt.name());
    }
    out.utfor(tx);
    Ok(())
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
