//! `OppfolgingService`, and what of the unit's work opens, keeps and ends it.

use samspor_chassis::{
    domene::{Aktor, Virkninger, felt, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
};
use samspor_proto::{
    felles::{Feilgrunn, Kvittering, Rolle},
    rop::{
        ApneOppfolgingRequest, ApneOppfolgingResponse, AvsluttOppfolgingRequest,
        AvsluttOppfolgingResponse, BekreftOppfolgingRequest, BekreftOppfolgingResponse,
        HentOppfolgingRequest, HentOppfolgingResponse, ListOppfolgingerRequest,
        ListOppfolgingerResponse,
    },
};

use super::{FRIST_AVSLUTT, Oppfolging, Slutt, rules, store};
use crate::{
    behandler, behandlingsplan, hovedforlop,
    innboks::{self, Type},
    innstillinger::innstillinger,
    kontakt, kontaktplan, kriseplan,
    lager::{self, Post},
    planlegging, primaerkontakt, risikovurdering, tilbakemelding, tiltak,
};

fn frister() -> Result<rules::Frister, Error> {
    let settings = innstillinger()?;
    Ok(rules::Frister {
        bekreft: settings.oppgave_arbeidsdager,
        avslutt: settings.uten_tiltak_arbeidsdager,
    })
}

async fn apen(tx: &mut Tx, person: &str) -> Result<Option<Post<Oppfolging>>, Error> {
    Ok(lager::apne(tx, person).await?.pop())
}

async fn sett_inn(
    tx: &mut Tx,
    (post, out): (Post<Oppfolging>, Virkninger),
) -> Result<Post<Oppfolging>, Error> {
    lager::legg_til(tx, &post).await?;
    out.utfor(tx);
    // Plans and the assessment of risk outlive an end, and their clocks did not.
    behandlingsplan::gjenoppta(tx, &post.person).await?;
    kriseplan::rpc::gjenoppta(tx, &post.person).await?;
    risikovurdering::rpc::gjenoppta(tx, &post.person).await?;
    Ok(post)
}

async fn lagre_bekreftet(
    tx: &mut Tx,
    (mut post, out): (Post<Oppfolging>, Virkninger),
) -> Result<Post<Oppfolging>, Error> {
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    let type_ = Type::BekreftOppfolging;
    innboks::rpc::ferdig(tx, &post.person, type_, &post.name()).await?;
    Ok(post)
}

/// The person's records are locked, and the unit follows the person from now
/// on, if it did not: in the name of who acts.
pub(crate) async fn folg(tx: &mut Tx, person: &str) -> Result<Post<Oppfolging>, Error> {
    crate::las_person(tx, person).await?;
    if let Some(open) = apen(tx, person).await? {
        return Ok(open);
    }
    let av = Aktor::from(&tx.call().actor);
    let (id, now) = (tx.new_id(), tx.now());
    let opened = rules::apne(
        person.to_owned(),
        id,
        String::new(),
        None,
        (now, av),
        frister()?,
    );
    sett_inn(tx, opened).await
}

/// Who treats the person opens more than one employee's word does.
///
/// # Errors
/// `IKKE_TILLATT` while the oppfølging is not confirmed; a leader is let
/// through by a confirmed relation alone.
pub(crate) fn krev_bekreftet(post: &Post<Oppfolging>, av: &Aktor) -> Result<(), Refusal> {
    if post.innhold.er_bekreftet() || av.rolle == Rolle::Leder {
        return Ok(());
    }
    Err(Refusal::new(Feilgrunn::IkkeTillatt)
        .with("regel", "W3")
        .with(
            "rad",
            "Oppfølgingen bekreftes av en annen ansatt før noen oppnevnes som behandler.",
        ))
}

/// An oppdrag is offered or goes on: bestillerkontor says that the unit is to
/// follow the person. It does once it has accepted; an offer that it declines
/// leaves no relation. False where the oppdrag is known to have ended.
pub(crate) async fn oppdrag_pagar(
    tx: &mut Tx,
    person: &str,
    oppdrag: &str,
    akseptert: bool,
) -> Result<bool, Error> {
    if !store::pagar(tx, person, oppdrag).await? {
        return Ok(false);
    }
    let av = Aktor {
        enhet: "bestillerkontor".to_owned(),
        ansatt: String::new(),
        rolle: Rolle::System,
    };
    let now = tx.now();
    let post = match apen(tx, person).await? {
        Some(open) if open.innhold.er_bekreftet() => open,
        Some(open) => lagre_bekreftet(tx, rules::bekreft(open, av, now)?).await?,
        None if !akseptert => return Ok(true),
        None => {
            let (person, id) = (person.to_owned(), tx.new_id());
            let opened = rules::apne(person, id, String::new(), None, (now, av), frister()?);
            sett_inn(tx, opened).await?
        }
    };
    leverer(tx, &post).await?;
    Ok(true)
}

/// An oppdrag has ended, and with it perhaps all that is delivered.
pub(crate) async fn oppdrag_slutt(tx: &mut Tx, person: &str, oppdrag: &str) -> Result<(), Error> {
    store::slutt(tx, person, oppdrag).await?;
    leverer_mindre(tx, person).await
}

/// Something is delivered under it.
pub(crate) async fn leverer(tx: &mut Tx, post: &Post<Oppfolging>) -> Result<(), Error> {
    let mut out = Virkninger::new();
    out.slett_frist(FRIST_AVSLUTT, &post.name());
    out.utfor(tx);
    let type_ = Type::AvsluttOppfolging;
    innboks::rpc::ferdig(tx, &post.person, type_, &post.name()).await
}

/// Something is delivered no more. Was it the last, somebody is to say whether
/// the unit follows the person at all.
pub(crate) async fn leverer_mindre(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let Some(post) = apen(tx, person).await? else {
        return Ok(());
    };
    if store::har_apent(tx, person).await? || tiltak::rpc::noe_apent(tx, person).await? {
        return Ok(());
    }
    let mut out = Virkninger::new();
    let due = rules::frist_avslutt(&post, tx.now(), frister()?, &mut out);
    out.utfor(tx);
    let (type_, name) = (Type::AvsluttOppfolging, post.name());
    innboks::rpc::oppgave_om(tx, type_, person, &post.enhet, &name, due).await?;
    Ok(())
}

pub(crate) async fn apne(
    tx: &mut Tx,
    request: ApneOppfolgingRequest,
) -> Result<ApneOppfolgingResponse, Error> {
    let av = Aktor::from(&tx.call().actor);
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let basis = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let (id, now) = (tx.new_id(), tx.now());
    match apen(tx, &person).await? {
        None => {
            let (basis, id) = (Some(basis), id.clone());
            let opened = rules::apne(person, id, reason, basis, (now, av), frister()?);
            sett_inn(tx, opened).await?;
        }
        Some(open) => {
            // Told to the unit alone: the receipt is the same.
            let mut out = Virkninger::new();
            let owner = [open.enhet.clone()];
            out.hendelse("OppfolgingEtterspurt", &open.emne(), owner);
            out.utfor(tx);
            if !open.innhold.er_bekreftet() && rules::bekrefter(&av, Some(&open.innhold.apnet.1)) {
                lagre_bekreftet(tx, rules::bekreft(open, av, now)?).await?;
            }
        }
    }
    Ok(ApneOppfolgingResponse {
        kvittering: Some(Kvittering {
            referanse: id,
            mottatt: Some(now.into()),
        }),
    })
}

pub(crate) async fn bekreft(
    tx: &mut Tx,
    request: BekreftOppfolgingRequest,
) -> Result<BekreftOppfolgingResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let post = lager::hent_for_endring(tx, &request.name, FieldFaults::new()).await?;
    let confirmed = rules::bekreft(post, av, tx.now())?;
    let post = lagre_bekreftet(tx, confirmed).await?;
    Ok(BekreftOppfolgingResponse {
        oppfolging: Some(super::to_proto(&post)),
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttOppfolgingRequest,
) -> Result<AvsluttOppfolgingResponse, Error> {
    let slutt = Slutt {
        av: crate::for_enhet(tx)?,
        tid: tx.now(),
        begrunnelse: String::new(),
        alternativ: String::new(),
    };
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let instead = felt::pakrevd(&request.alternativ, "alternativ", felt::LANG, &mut faults);
    let post = lager::hent_for_endring::<Oppfolging>(tx, &request.name, faults).await?;
    let slutt = Slutt {
        begrunnelse: reason,
        alternativ: instead,
        ..slutt
    };
    let person = post.person.clone();
    let ugjort = rules::Ugjort {
        oppdrag: store::har_apent(tx, &person).await?,
        tiltak: tiltak::rpc::noe_apent(tx, &person).await?,
        tilbakemelding: tilbakemelding::noe_ubesvart(tx, &person).await?,
    };
    let (mut post, out) = rules::avslutt(post, slutt.clone(), ugjort)?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    // Nothing that waits or opens anything outlives it.
    behandler::rpc::avslutt_alle(tx, &person, &slutt).await?;
    primaerkontakt::avslutt_alle(tx, &person, &slutt).await?;
    hovedforlop::avslutt_alle(tx, &person, &slutt).await?;
    kontaktplan::avslutt_alle(tx, &person, &slutt).await?;
    planlegging::avslutt_alle(tx, &person, &slutt).await?;
    kontakt::rpc::avslutt_alle(tx, &person).await?;
    behandlingsplan::stans(tx, &person).await?;
    kriseplan::rpc::stans(tx, &person).await?;
    risikovurdering::rpc::stans(tx, &person).await?;
    innboks::rpc::avslutt_alle(tx, &person).await?;
    Ok(AvsluttOppfolgingResponse {
        kvittering: Some(Kvittering {
            referanse: post.id,
            mottatt: Some(slutt.tid.into()),
        }),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentOppfolgingRequest,
) -> Result<HentOppfolgingResponse, Error> {
    let post: Post<Oppfolging> = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentOppfolgingResponse {
        oppfolging: Some(super::to_proto(&post)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListOppfolgingerRequest,
) -> Result<ListOppfolgingerResponse, Error> {
    let (all, next_page_token) =
        lager::personens::<Oppfolging>(tx, &request.parent, request.page_size, &request.page_token)
            .await?;
    Ok(ListOppfolgingerResponse {
        oppfolginger: all.iter().map(super::to_proto).collect(),
        next_page_token,
    })
}
