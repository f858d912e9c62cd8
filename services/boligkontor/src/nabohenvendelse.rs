//! Nabohenvendelse: what a neighbour says about a dwelling, until the neighbour
//! is answered.
//!
//! MOTTATT → I_ARBEID → BESVART. Invariants: the answer is the same for
//! everybody, so that who complains learns nothing about the tenant; nothing of
//! it counts in a queue or ends a tenancy, as neither can be reached from here:
//! it is about the dwelling, and names no person.

use samspor_chassis::{
    domene::{Dag, Virkninger, felt, kalender, navn, tilstand::Overganger},
    error::{Error, FieldFaults},
    store::Tx,
    tid::Tid,
};
use samspor_proto::boligkontor::{
    self as proto, BesvarNabohenvendelseRequest, BesvarNabohenvendelseResponse,
    HentNabohenvendelseRequest, HentNabohenvendelseResponse, ListApneNabohenvendelserRequest,
    ListApneNabohenvendelserResponse, ListNabohenvendelserRequest, ListNabohenvendelserResponse,
    NabohenvendelseTilstand, RegistrerNabohenvendelseRequest, RegistrerNabohenvendelseResponse,
    StartNabohenvendelseRequest, StartNabohenvendelseResponse,
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET, bolig,
    boligpost::{self, Post, boligtabell},
    innstillinger::innstillinger,
};

/// Deadline: the neighbour is answered.
pub(crate) const FRIST: &str = "nabohenvendelse";

/// What every neighbour is told, after the day.
const SVAR: &str = "Henvendelsen din er mottatt og fulgt opp. Vi har taushetsplikt om hvem som \
bor i boligen og om hva vi gjør, og kan derfor ikke si mer. Ta kontakt igjen hvis det fortsetter. \
Ring 112 hvis noen er i fare.";

samspor_chassis::tilstand! {
    /// State of a neighbour's enquiry.
    enum Tilstand => NabohenvendelseTilstand {
        /// Received.
        Mottatt = "MOTTATT",
        /// Somebody sees to it.
        IArbeid = "I_ARBEID",
        /// Answered.
        Besvart = "BESVART",
    }
}

const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("StartNabohenvendelse", &[Tilstand::Mottatt]),
    (
        "BesvarNabohenvendelse",
        &[Tilstand::Mottatt, Tilstand::IArbeid],
    ),
]);

/// What a neighbour's enquiry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Nabohenvendelse {
    beskrivelse: String,
    kontakt: String,
    mottatt: Tid,
    frist: Tid,
    pabegynt: Option<Tid>,
    besvart: Option<Tid>,
}

impl Nabohenvendelse {
    const fn tilstand(&self) -> Tilstand {
        match (self.pabegynt, self.besvart) {
            (_, Some(_)) => Tilstand::Besvart,
            (Some(_), None) => Tilstand::IArbeid,
            (None, None) => Tilstand::Mottatt,
        }
    }
}

impl boligpost::Innhold for Nabohenvendelse {
    const SAMLING: &'static str = "nabohenvendelser";
    const SQL: &'static boligpost::Sql = boligtabell!("nabohenvendelse");

    fn apen(&self) -> bool {
        self.besvart.is_none()
    }

    fn frist(&self) -> Tid {
        self.frist
    }
}

fn to_proto(post: &Post<Nabohenvendelse>) -> proto::Nabohenvendelse {
    let state = post.innhold.tilstand();
    let Nabohenvendelse {
        beskrivelse,
        kontakt,
        mottatt,
        frist,
        pabegynt,
        besvart,
    } = post.innhold.clone();
    proto::Nabohenvendelse {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(ENHET),
        tilstand: NabohenvendelseTilstand::from(state).into(),
        beskrivelse,
        kontakt,
        mottatt: Some(mottatt.into()),
        frist: Some(frist.into()),
        pabegynt: pabegynt.map(Into::into),
        besvart: besvart.map(Into::into),
        svar: besvart
            .map(|at| format!("{}: {SVAR}", Dag::av(at)))
            .unwrap_or_default(),
        skjerming: None,
    }
}

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerNabohenvendelseRequest,
) -> Result<RegistrerNabohenvendelseResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let dwelling = bolig::rpc::les_navn(&request.parent, "parent", &mut faults);
    let beskrivelse = felt::pakrevd(&request.beskrivelse, "beskrivelse", felt::LANG, &mut faults);
    let kontakt = felt::pakrevd(&request.kontakt, "kontakt", felt::KORT, &mut faults);
    faults.finish()?;
    let dwelling = bolig::store::hent_for_endring(tx, &dwelling).await?;
    let now = tx.now();
    let frist = kalender::arbeidsdager_etter(now, innstillinger()?.nabo_svar_arbeidsdager);
    let said = Nabohenvendelse {
        beskrivelse,
        kontakt,
        mottatt: now,
        frist,
        pabegynt: None,
        besvart: None,
    };
    let post = Post::ny(dwelling.id, tx.new_id(), said);
    boligpost::sett_inn(tx, &post).await?;
    let mut out = Virkninger::new();
    out.frist(FRIST, &post.emne(), frist, None, [ENHET]);
    out.utfor(tx);
    Ok(RegistrerNabohenvendelseResponse {
        nabohenvendelse: Some(to_proto(&post)),
    })
}

async fn les_for_endring(
    tx: &mut Tx,
    name: &str,
    verb: &str,
) -> Result<Post<Nabohenvendelse>, Error> {
    crate::for_enhet(tx)?;
    let post: Post<Nabohenvendelse> =
        boligpost::hent_for_endring(tx, name, FieldFaults::new()).await?;
    let state = post.innhold.tilstand();
    OVERGANGER.krev(verb, state, state.kode())?;
    Ok(post)
}

pub(crate) async fn start(
    tx: &mut Tx,
    request: StartNabohenvendelseRequest,
) -> Result<StartNabohenvendelseResponse, Error> {
    let mut post = les_for_endring(tx, &request.name, "StartNabohenvendelse").await?;
    post.innhold.pabegynt = Some(tx.now());
    boligpost::lagre(tx, &mut post).await?;
    Ok(StartNabohenvendelseResponse {
        nabohenvendelse: Some(to_proto(&post)),
    })
}

pub(crate) async fn besvar(
    tx: &mut Tx,
    request: BesvarNabohenvendelseRequest,
) -> Result<BesvarNabohenvendelseResponse, Error> {
    let mut post = les_for_endring(tx, &request.name, "BesvarNabohenvendelse").await?;
    post.innhold.besvart = Some(tx.now());
    boligpost::lagre(tx, &mut post).await?;
    let mut out = Virkninger::new();
    out.slett_frist(FRIST, &post.name());
    out.utfor(tx);
    Ok(BesvarNabohenvendelseResponse {
        nabohenvendelse: Some(to_proto(&post)),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentNabohenvendelseRequest,
) -> Result<HentNabohenvendelseResponse, Error> {
    let post = boligpost::hent(tx, &request.name).await?;
    Ok(HentNabohenvendelseResponse {
        nabohenvendelse: Some(to_proto(&post)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListNabohenvendelserRequest,
) -> Result<ListNabohenvendelserResponse, Error> {
    let (all, next_page_token) =
        boligpost::boligens(tx, &request.parent, request.page_size, &request.page_token).await?;
    Ok(ListNabohenvendelserResponse {
        nabohenvendelser: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}

pub(crate) async fn list_apne(
    tx: &mut Tx,
    request: ListApneNabohenvendelserRequest,
) -> Result<ListApneNabohenvendelserResponse, Error> {
    let (all, next_page_token) =
        boligpost::apne(tx, &request.parent, request.page_size, &request.page_token).await?;
    Ok(ListApneNabohenvendelserResponse {
        nabohenvendelser: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}
