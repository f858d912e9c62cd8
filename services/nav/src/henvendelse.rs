//! Henvendelse: an enquiry by any channel, which is a task until somebody has
//! seen it, and another until it is answered.
//!
//! MOTTATT → BEKREFTET → BESVART. Invariant: each of the two has a deadline that
//! only doing it ends.

use samspor_chassis::{
    domene::{Aktor, Virkninger, felles::tall, felt, kalender, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    store::Tx,
    tabell,
    tid::Tid,
};
use samspor_proto::{
    felles::Kvittering,
    nav::{
        self as proto, BekreftHenvendelseRequest, BekreftHenvendelseResponse,
        BesvarHenvendelseRequest, BesvarHenvendelseResponse, HentHenvendelseRequest,
        HentHenvendelseResponse, HenvendelseTilstand, ListHenvendelserRequest,
        ListHenvendelserResponse, MeldHenvendelseRequest, MeldHenvendelseResponse, Meldekanal,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    innboks::{self, Type},
    innstillinger::innstillinger,
    lesing::lesing,
    sak,
};

/// Deadline: somebody has said that it was seen.
pub(crate) const FRIST_BEKREFT: &str = "henvendelse_bekreft";
/// Deadline: it is answered.
pub(crate) const FRIST_SVAR: &str = "henvendelse_svar";

/// An enquiry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Henvendelse {
    #[serde(with = "tall")]
    kanal: Meldekanal,
    innhold: String,
    meldt_av: Aktor,
    mottatt: Tid,
    bekreftelsesfrist: Tid,
    svarfrist: Tid,
    bekreftet: Option<(Tid, Aktor)>,
    svar: Option<(Tid, Aktor, String)>,
}

impl lager::Innhold for Henvendelse {
    const SAMLING: &'static str = "henvendelser";
    const SQL: &'static lager::Sql = tabell!("henvendelse");

    fn apen(&self) -> bool {
        self.svar.is_none()
    }
}

fn to_proto(post: &Post<Henvendelse>) -> proto::Henvendelse {
    let Henvendelse {
        kanal,
        innhold,
        meldt_av,
        mottatt,
        bekreftelsesfrist,
        svarfrist,
        bekreftet,
        svar,
    } = post.innhold.clone();
    let state = match (&bekreftet, &svar) {
        (_, Some(_)) => HenvendelseTilstand::Besvart,
        (Some(_), None) => HenvendelseTilstand::Bekreftet,
        (None, None) => HenvendelseTilstand::Mottatt,
    };
    proto::Henvendelse {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: state.into(),
        kanal: kanal.into(),
        innhold,
        meldt_av: Some(meldt_av.to_proto()),
        mottatt: Some(mottatt.into()),
        bekreftelsesfrist: Some(bekreftelsesfrist.into()),
        svarfrist: Some(svarfrist.into()),
        bekreftet: bekreftet.as_ref().map(|(at, _)| (*at).into()),
        bekreftet_av: bekreftet.map(|(_, who)| who.to_proto()),
        besvart: svar.as_ref().map(|(at, ..)| (*at).into()),
        besvart_av: svar.as_ref().map(|(_, who, _)| who.to_proto()),
        svar: svar.map(|(.., text)| text).unwrap_or_default(),
        skjerming: None,
    }
}

pub(crate) async fn meld(
    tx: &mut Tx,
    request: MeldHenvendelseRequest,
) -> Result<MeldHenvendelseResponse, Error> {
    let settings = innstillinger()?;
    let (now, av) = (tx.now(), Aktor::from(&tx.call().actor));
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let kanal = felt::valg(
        request.kanal,
        "kanal",
        "samspor.nav.v1.Meldekanal",
        &mut faults,
    );
    let innhold = felt::pakrevd(&request.innhold, "innhold", felt::LANG, &mut faults);
    faults.finish()?;
    let days = settings.henvendelse_bekreft_arbeidsdager;
    let bekreftelsesfrist = kalender::arbeidsdager_etter(now, days);
    let days = settings.henvendelse_svar_arbeidsdager;
    let svarfrist = kalender::arbeidsdager_etter(now, days);
    let enhet = crate::ansvarlig(tx);
    lager::las_person(tx, &person).await?;
    sak::folg(tx, &person, &enhet).await?;
    let told = Henvendelse {
        kanal,
        innhold,
        meldt_av: av,
        mottatt: now,
        bekreftelsesfrist,
        svarfrist,
        bekreftet: None,
        svar: None,
    };
    let post = Post::ny(&enhet, person, tx.new_id(), told);
    lager::legg_til(tx, &post).await?;
    let mut out = Virkninger::new();
    let (emne, owner) = (post.emne(), [post.enhet.clone()]);
    out.hendelse("HenvendelseMottatt", &emne, owner.clone());
    out.frist(FRIST_BEKREFT, &emne, bekreftelsesfrist, None, owner.clone());
    out.frist(FRIST_SVAR, &emne, svarfrist, None, owner);
    out.utfor(tx);
    innboks::be_om(tx, Type::Henvendelse, &emne, bekreftelsesfrist).await?;
    Ok(MeldHenvendelseResponse {
        kvittering: Some(Kvittering {
            referanse: post.id,
            mottatt: Some(now.into()),
        }),
    })
}

async fn les_for_endring(
    tx: &mut Tx,
    name: &str,
    faults: FieldFaults,
) -> Result<Post<Henvendelse>, Error> {
    let av = Aktor::from(&tx.call().actor);
    let post = lager::hent_for_endring::<Henvendelse>(tx, name, faults).await?;
    crate::krev_eier(&av, &post.enhet)?;
    if post.innhold.svar.is_some() {
        return Err(Refusal::transition("BESVART", &[]).into());
    }
    Ok(post)
}

pub(crate) async fn bekreft(
    tx: &mut Tx,
    request: BekreftHenvendelseRequest,
) -> Result<BekreftHenvendelseResponse, Error> {
    let mut post = les_for_endring(tx, &request.name, FieldFaults::new()).await?;
    if post.innhold.bekreftet.is_some() {
        return Err(Refusal::transition("BEKREFTET", &["BesvarHenvendelse"]).into());
    }
    post.innhold.bekreftet = Some((tx.now(), Aktor::from(&tx.call().actor)));
    lager::lagre(tx, &mut post).await?;
    let mut out = Virkninger::new();
    out.hendelse("HenvendelseBekreftet", &post.emne(), [post.enhet.clone()]);
    out.slett_frist(FRIST_BEKREFT, &post.name());
    out.utfor(tx);
    sak::folg(tx, &post.person, &post.enhet).await?;
    innboks::ferdig(tx, Type::Henvendelse, &post.name()).await?;
    innboks::be_om(
        tx,
        Type::HenvendelseSvar,
        &post.emne(),
        post.innhold.svarfrist,
    )
    .await?;
    Ok(BekreftHenvendelseResponse {
        henvendelse: Some(to_proto(&post)),
    })
}

pub(crate) async fn besvar(
    tx: &mut Tx,
    request: BesvarHenvendelseRequest,
) -> Result<BesvarHenvendelseResponse, Error> {
    let mut faults = FieldFaults::new();
    let svar = felt::pakrevd(&request.svar, "svar", felt::LANG, &mut faults);
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    post.innhold.svar = Some((tx.now(), Aktor::from(&tx.call().actor), svar));
    lager::lagre(tx, &mut post).await?;
    let mut out = Virkninger::new();
    out.hendelse("HenvendelseBesvart", &post.emne(), [post.enhet.clone()]);
    for kind in [FRIST_BEKREFT, FRIST_SVAR] {
        out.slett_frist(kind, &post.name());
    }
    out.utfor(tx);
    for type_ in [Type::Henvendelse, Type::HenvendelseSvar] {
        innboks::ferdig(tx, type_, &post.name()).await?;
    }
    sak::noe_sluttet(tx, &post.person, &post.enhet).await?;
    Ok(BesvarHenvendelseResponse {
        henvendelse: Some(to_proto(&post)),
    })
}

lesing!(
    Henvendelse,
    HentHenvendelseRequest -> HentHenvendelseResponse.henvendelse,
    ListHenvendelserRequest -> ListHenvendelserResponse.henvendelser
);
