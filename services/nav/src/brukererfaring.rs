//! Brukererfaring: what persons say of how they were met (Sarpsborg
//! forvaltningsrevisjon 2025, anbefaling c).
//!
//! Invariants: it is asked for systematically: some time into a stay, and when
//! it has ended; every answer of a person is answered, with a clock, and that
//! says what changes.

use samspor_chassis::{
    domene::{Aktor, Dag, Emne, Virkninger, felt, kalender, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    page::Page,
    store::Tx,
    tabell,
    tid::Tid,
};
use samspor_proto::{
    felles::{Kvittering, Rolle},
    nav::{
        self as proto, BesvarBrukererfaringRequest, BesvarBrukererfaringResponse,
        GiBrukererfaringRequest, GiBrukererfaringResponse, HentBrukererfaringRequest,
        HentBrukererfaringResponse, ListBrukererfaringerRequest, ListBrukererfaringerResponse,
        ListUbesvarteBrukererfaringerRequest, ListUbesvarteBrukererfaringerResponse,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    forvaltning::for_person_eller_enhet,
    innboks::{self, Type},
    innstillinger::innstillinger,
    lesing::lesing,
    sak,
};

/// Deadline of a stay: the person is asked.
pub(crate) const FRIST_SPOR: &str = "brukererfaring_spor";
/// Deadline: it is answered.
pub(crate) const FRIST_SVAR: &str = "brukererfaring_svar";
/// From bad to good.
const SKALA: std::ops::RangeInclusive<i32> = 1..=5;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Svar {
    tid: Tid,
    av: Aktor,
    svar: String,
    endring: String,
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Brukererfaring {
    tilfredshet: i32,
    tekst: String,
    /// Name of the stay; empty: the unit.
    om: String,
    registrert: (Tid, Aktor),
    svarfrist: Tid,
    svar: Option<Svar>,
}

impl lager::Innhold for Brukererfaring {
    const SAMLING: &'static str = "brukererfaringer";
    const SQL: &'static lager::Sql = tabell!("brukererfaring");

    fn apen(&self) -> bool {
        self.svar.is_none()
    }
}

fn to_proto(post: &Post<Brukererfaring>) -> proto::Brukererfaring {
    let Brukererfaring {
        tilfredshet,
        tekst,
        om,
        registrert,
        svarfrist,
        svar,
    } = post.innhold.clone();
    proto::Brukererfaring {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilfredshet,
        tekst,
        om,
        pa_vegne_av: registrert.1.rolle != Rolle::Innbygger,
        registrert_av: Some(registrert.1.to_proto()),
        registrert: Some(registrert.0.into()),
        svarfrist: Some(svarfrist.into()),
        besvart: svar.as_ref().map(|said| said.tid.into()),
        besvart_av: svar.as_ref().map(|said| said.av.to_proto()),
        endring: svar
            .as_ref()
            .map(|said| said.endring.clone())
            .unwrap_or_default(),
        svar: svar.map(|said| said.svar).unwrap_or_default(),
        skjerming: None,
    }
}

/// Of a stay that begins, or has ended: the person is asked by then.
pub(crate) fn spor(stay: &Emne, due: Dag, out: &mut Virkninger) {
    let owner = [stay.eier.clone()];
    let warn = Some(due.start());
    out.frist(FRIST_SPOR, stay, due.slutt(), warn, owner);
}

pub(crate) async fn gi(
    tx: &mut Tx,
    request: GiBrukererfaringRequest,
) -> Result<GiBrukererfaringResponse, Error> {
    let av = for_person_eller_enhet(tx)?;
    let now = tx.now();
    let days = innstillinger()?.brukererfaring_svar_arbeidsdager;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let tekst = if request.tilfredshet == 0 {
        felt::pakrevd(&request.tekst, "tekst", felt::LANG, &mut faults)
    } else {
        if !SKALA.contains(&request.tilfredshet) {
            faults.range("tilfredshet", SKALA.start(), SKALA.end());
        }
        felt::tekst(&request.tekst, "tekst", felt::LANG, &mut faults)
    };
    if !request.om.is_empty() {
        let (of, _) = navn::les_post(&request.om, "opphold", "om", &mut faults);
        if !of.is_empty() && of != person {
            faults.contradicts("om", "parent", "oppholdet er en annens");
        }
    }
    faults.finish()?;
    lager::las_person(tx, &person).await?;
    sak::folg(tx, &person, ENHET).await?;
    let said = Brukererfaring {
        tilfredshet: request.tilfredshet,
        tekst,
        om: request.om,
        registrert: (now, av),
        svarfrist: kalender::arbeidsdager_etter(now, days),
        svar: None,
    };
    let post = Post::ny(ENHET, person, tx.new_id(), said);
    lager::legg_til(tx, &post).await?;
    let (emne, due) = (post.emne(), post.innhold.svarfrist);
    let mut out = Virkninger::new();
    out.hendelse("BrukererfaringGitt", &emne, [ENHET]);
    out.frist(FRIST_SVAR, &emne, due, None, [ENHET]);
    if !post.innhold.om.is_empty() {
        out.slett_frist(FRIST_SPOR, &post.innhold.om);
    }
    out.utfor(tx);
    innboks::ferdig(tx, Type::Brukererfaring, &post.innhold.om).await?;
    innboks::be_om(tx, Type::BrukererfaringSvar, &emne, due).await?;
    Ok(GiBrukererfaringResponse {
        kvittering: Some(Kvittering {
            referanse: post.id,
            mottatt: Some(now.into()),
        }),
    })
}

pub(crate) async fn besvar(
    tx: &mut Tx,
    request: BesvarBrukererfaringRequest,
) -> Result<BesvarBrukererfaringResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let svar = felt::pakrevd(&request.svar, "svar", felt::LANG, &mut faults);
    let endring = felt::pakrevd(&request.endring, "endring", felt::LANG, &mut faults);
    let mut post = lager::hent_for_endring::<Brukererfaring>(tx, &request.name, faults).await?;
    if post.innhold.svar.is_some() {
        return Err(Refusal::transition("BESVART", &[]).into());
    }
    post.innhold.svar = Some(Svar {
        tid: tx.now(),
        av,
        svar,
        endring,
    });
    lager::lagre(tx, &mut post).await?;
    innboks::ferdig(tx, Type::BrukererfaringSvar, &post.name()).await?;
    let mut out = Virkninger::new();
    out.hendelse("BrukererfaringBesvart", &post.emne(), [ENHET]);
    out.slett_frist(FRIST_SVAR, &post.name());
    out.utfor(tx);
    sak::noe_sluttet(tx, &post.person, &post.enhet).await?;
    Ok(BesvarBrukererfaringResponse {
        brukererfaring: Some(to_proto(&post)),
    })
}

/// The oldest is due first: all have the same time to be answered in.
pub(crate) async fn list_ubesvarte(
    tx: &mut Tx,
    request: ListUbesvarteBrukererfaringerRequest,
) -> Result<ListUbesvarteBrukererfaringerResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (all, next_page_token) = lager::enhetens(tx, &enhet, &page).await?;
    Ok(ListUbesvarteBrukererfaringerResponse {
        brukererfaringer: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}

lesing!(
    Brukererfaring,
    HentBrukererfaringRequest -> HentBrukererfaringResponse.brukererfaring,
    ListBrukererfaringerRequest -> ListBrukererfaringerResponse.brukererfaringer
);
