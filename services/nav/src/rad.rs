//! Råd: advice and guidance (sosialtjenesteloven § 17), and that somebody else
//! helps where the unit cannot.
//!
//! GITT, or VENTER → BEKREFTET. Invariant: advice that somebody else must act on
//! is open until they have said that they do, with a clock. Until then they have
//! the relation that lets them answer, limited to the record.

use samspor_chassis::{
    domene::{
        Aktor, Hjemmel, Virkninger,
        felles::{Hvem, Relasjon},
        felt, kalender, navn,
    },
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    store::Tx,
    tabell,
    tid::Tid,
};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Feilgrunn, Kvittering},
    nav::{
        self as proto, BekreftRadRequest, BekreftRadResponse, GiRadRequest, GiRadResponse,
        HentRadRequest, HentRadResponse, ListRadRequest, ListRadResponse, RadTilstand,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    innboks::{self, Type},
    innstillinger::innstillinger,
    lesing::lesing,
    sak,
};

/// Deadline: who is to help has said that they do.
pub(crate) const FRIST_BEKREFT: &str = "rad_bekreft";

/// Who is to help, with what, and whether they said so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mottaker {
    enhet: String,
    oppdrag: String,
    frist: Tid,
    bekreftet: Option<(Tid, Aktor, String)>,
}

/// Advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rad {
    tema: String,
    rad: String,
    hjemmel: Hjemmel,
    gitt: (Tid, Aktor),
    mottaker: Option<Mottaker>,
}

impl lager::Innhold for Rad {
    const SAMLING: &'static str = "rad";
    const SQL: &'static lager::Sql = tabell!("rad");

    fn apen(&self) -> bool {
        let waits = |who: &Mottaker| who.bekreftet.is_none();
        self.mottaker.as_ref().is_some_and(waits)
    }
}

/// The relation of who is to help, until they have answered.
fn faktum(post: &Post<Rad>, to: &Mottaker) -> Faktum {
    let (gitt, av) = &post.innhold.gitt;
    Relasjon {
        id: format!("rad/{}", post.id),
        subjekt: &post.person,
        part: Hvem::Enhet(&to.enhet),
        type_: Faktumtype::MottakerOverforing,
        post: post.name(),
        fra: *gitt,
        til: to.bekreftet.as_ref().map(|(at, ..)| *at),
        opprettet_av: &av.ansatt,
    }
    .faktum()
}

fn to_proto(post: &Post<Rad>) -> proto::Rad {
    let Rad {
        tema,
        rad,
        hjemmel,
        gitt,
        mottaker,
    } = post.innhold.clone();
    let confirmed = mottaker.as_ref().and_then(|to| to.bekreftet.clone());
    let state = match (&mottaker, &confirmed) {
        (None, _) => RadTilstand::Gitt,
        (Some(_), None) => RadTilstand::Venter,
        (Some(_), Some(_)) => RadTilstand::Bekreftet,
    };
    let to = mottaker.as_ref();
    proto::Rad {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: state.into(),
        tema,
        rad,
        mottaker: to.map(|to| navn::enhet(&to.enhet)).unwrap_or_default(),
        oppdrag: to.map(|to| to.oppdrag.clone()).unwrap_or_default(),
        frist: to.map(|to| to.frist.into()),
        gitt_av: Some(gitt.1.to_proto()),
        gitt: Some(gitt.0.into()),
        bekreftet: confirmed.as_ref().map(|(at, ..)| (*at).into()),
        bekreftet_av: confirmed.as_ref().map(|(_, who, _)| who.to_proto()),
        bekreftelse: confirmed.map(|(.., said)| said).unwrap_or_default(),
        hjemmel: Some(hjemmel.to_proto()),
        skjerming: None,
    }
}

pub(crate) async fn gi(tx: &mut Tx, request: GiRadRequest) -> Result<GiRadResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let now = tx.now();
    let days = innstillinger()?.oppgave_arbeidsdager;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let tema = felt::pakrevd(&request.tema, "tema", felt::KORT, &mut faults);
    let rad = felt::pakrevd(&request.rad, "rad", felt::LANG, &mut faults);
    let oppdrag = felt::tekst(&request.oppdrag, "oppdrag", felt::KORT, &mut faults);
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", &mut faults);
    let mottaker = (!request.mottaker.is_empty()).then(|| {
        let enhet = navn::les_enhet(&request.mottaker, "mottaker", &mut faults);
        if enhet == ENHET {
            faults.form("mottaker", "en annen enhet enn denne");
        }
        enhet
    });
    match (&mottaker, oppdrag.is_empty()) {
        (Some(_), true) => faults.missing("oppdrag"),
        (None, false) => {
            faults.contradicts("oppdrag", "mottaker", "oppdrag er oppgitt uten mottaker");
        }
        _ => {}
    }
    faults.finish()?;
    lager::las_person(tx, &person).await?;
    sak::folg(tx, &person, ENHET).await?;
    let frist = kalender::arbeidsdager_etter(now, days);
    let rad = Rad {
        tema,
        rad,
        hjemmel,
        gitt: (now, av),
        mottaker: mottaker.map(|enhet| Mottaker {
            enhet,
            oppdrag,
            frist,
            bekreftet: None,
        }),
    };
    let post = Post::ny(ENHET, person, tx.new_id(), rad);
    lager::legg_til(tx, &post).await?;
    let mut out = Virkninger::new();
    if let Some(to) = &post.innhold.mottaker {
        out.hendelse("RadVenter", &post.emne(), [ENHET, &to.enhet]);
        out.faktum(faktum(&post, to));
        out.frist(FRIST_BEKREFT, &post.emne(), frist, None, [ENHET, &to.enhet]);
    }
    out.utfor(tx);
    if post.innhold.mottaker.is_some() {
        innboks::be_om(tx, Type::Rad, &post.emne(), frist).await?;
    } else {
        sak::noe_sluttet(tx, &post.person, ENHET).await?;
    }
    Ok(GiRadResponse {
        rad: Some(to_proto(&post)),
    })
}

pub(crate) async fn bekreft(
    tx: &mut Tx,
    request: BekreftRadRequest,
) -> Result<BekreftRadResponse, Error> {
    let (now, av) = (tx.now(), Aktor::from(&tx.call().actor));
    let mut faults = FieldFaults::new();
    let said = felt::pakrevd(&request.bekreftelse, "bekreftelse", felt::LANG, &mut faults);
    let mut post = lager::hent_for_endring::<Rad>(tx, &request.name, faults).await?;
    let Some(mut to) = post.innhold.mottaker.clone() else {
        return Err(Refusal::transition("GITT", &[]).into());
    };
    if av.enhet != post.enhet && av.enhet != to.enhet {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W5")
            .with(
                "rad",
                "Enheten som skal hjelpe, eller den som ga rådet, bekrefter.",
            )
            .into());
    }
    if to.bekreftet.is_some() {
        return Err(Refusal::transition("BEKREFTET", &[]).into());
    }
    to.bekreftet = Some((now, av, said));
    let mut out = Virkninger::new();
    out.faktum(faktum(&post, &to));
    out.hendelse("RadBekreftet", &post.emne(), [post.enhet.clone()]);
    out.slett_frist(FRIST_BEKREFT, &post.name());
    post.innhold.mottaker = Some(to);
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    innboks::ferdig(tx, Type::Rad, &post.name()).await?;
    sak::noe_sluttet(tx, &post.person, &post.enhet).await?;
    Ok(BekreftRadResponse {
        kvittering: Some(Kvittering {
            referanse: post.id,
            mottatt: Some(now.into()),
        }),
    })
}

lesing!(
    Rad,
    HentRadRequest -> HentRadResponse.rad,
    ListRadRequest -> ListRadResponse.rad
);
