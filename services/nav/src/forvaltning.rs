//! Forvaltning: voluntary management of a person's money, and rent that is paid
//! directly.
//!
//! LOPENDE → TRUKKET → AVSLUTTET. Invariants: it rests on what the person
//! consented to; the person takes that back at once and without a reason, and
//! from then a task says that it is to be stopped the same day.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felles::tall, felt, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    store::Tx,
    tabell,
    tid::Tid,
};
use samspor_proto::{
    felles::{Kvittering, Rolle},
    nav::{
        self as proto, AvsluttForvaltningRequest, AvsluttForvaltningResponse, ForvaltningTilstand,
        Forvaltningstype, HentForvaltningRequest, HentForvaltningResponse,
        ListForvaltningerRequest, ListForvaltningerResponse, SamtykkForvaltningRequest,
        SamtykkForvaltningResponse, TrekkForvaltningRequest, TrekkForvaltningResponse,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    innboks::{self, Type},
    lesing::lesing,
    sak,
};

/// Deadline: it is stopped.
pub(crate) const FRIST_STANS: &str = "forvaltning_stans";

/// Management by consent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forvaltning {
    #[serde(with = "tall")]
    type_: Forvaltningstype,
    omfang: String,
    samtykke: String,
    samtykket: (Tid, Aktor),
    trukket: Option<(Tid, Aktor)>,
    slutt: Option<(Tid, Aktor, String)>,
}

impl lager::Innhold for Forvaltning {
    const SAMLING: &'static str = "forvaltninger";
    const SQL: &'static lager::Sql = tabell!("forvaltning");

    fn apen(&self) -> bool {
        self.slutt.is_none()
    }

    fn nokkel(&self) -> String {
        i32::from(self.type_).to_string()
    }
}

fn to_proto(post: &Post<Forvaltning>) -> proto::Forvaltning {
    let Forvaltning {
        type_,
        omfang,
        samtykke,
        samtykket,
        trukket,
        slutt,
    } = post.innhold.clone();
    let state = match (&trukket, &slutt) {
        (_, Some(_)) => ForvaltningTilstand::Avsluttet,
        (Some(_), None) => ForvaltningTilstand::Trukket,
        (None, None) => ForvaltningTilstand::Lopende,
    };
    proto::Forvaltning {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: state.into(),
        r#type: type_.into(),
        omfang,
        samtykke,
        samtykket: Some(samtykket.0.into()),
        registrert_av: Some(samtykket.1.to_proto()),
        trukket: trukket.as_ref().map(|(at, _)| (*at).into()),
        trukket_av: trukket.map(|(_, who)| who.to_proto()),
        avsluttet: slutt.as_ref().map(|(at, ..)| (*at).into()),
        slutt_grunn: slutt.map(|(.., reason)| reason).unwrap_or_default(),
        skjerming: None,
    }
}

/// Who says the person's will: the person, or staff of the unit.
pub(crate) fn for_person_eller_enhet(tx: &Tx) -> Result<Aktor, Refusal> {
    let av = Aktor::from(&tx.call().actor);
    if av.rolle != Rolle::Innbygger {
        crate::krev_eier(&av, ENHET)?;
    }
    Ok(av)
}

fn kvittering(id: String, now: Tid) -> Kvittering {
    Kvittering {
        referanse: id,
        mottatt: Some(now.into()),
    }
}

pub(crate) async fn samtykk(
    tx: &mut Tx,
    request: SamtykkForvaltningRequest,
) -> Result<SamtykkForvaltningResponse, Error> {
    let av = for_person_eller_enhet(tx)?;
    let now = tx.now();
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let name = "samspor.nav.v1.Forvaltningstype";
    let consent = Forvaltning {
        type_: felt::valg(request.r#type, "type", name, &mut faults),
        omfang: felt::pakrevd(&request.omfang, "omfang", felt::LANG, &mut faults),
        samtykke: felt::pakrevd(&request.samtykke, "samtykke", felt::LANG, &mut faults),
        samtykket: (now, av),
        trukket: None,
        slutt: None,
    };
    faults.finish()?;
    lager::las_person(tx, &person).await?;
    sak::folg(tx, &person, ENHET).await?;
    let post = Post::ny(ENHET, person, tx.new_id(), consent);
    if !lager::sett_inn(tx, &post).await? {
        return Err(
            Refusal::conflict("en forvaltning av samme type; trekk eller avslutt den").into(),
        );
    }
    let mut out = Virkninger::new();
    out.hendelse("ForvaltningSamtykket", &post.emne(), [ENHET]);
    out.utfor(tx);
    Ok(SamtykkForvaltningResponse {
        kvittering: Some(kvittering(post.id, now)),
    })
}

pub(crate) async fn trekk(
    tx: &mut Tx,
    request: TrekkForvaltningRequest,
) -> Result<TrekkForvaltningResponse, Error> {
    let av = for_person_eller_enhet(tx)?;
    let now = tx.now();
    let faults = FieldFaults::new();
    let mut post = lager::hent_for_endring::<Forvaltning>(tx, &request.name, faults).await?;
    if post.innhold.slutt.is_some() || post.innhold.trukket.is_some() {
        return Err(Refusal::transition("TRUKKET", &[]).into());
    }
    post.innhold.trukket = Some((now, av));
    lager::lagre(tx, &mut post).await?;
    let due = Dag::av(now).slutt();
    let mut out = Virkninger::new();
    let (emne, owner) = (post.emne(), [post.enhet.clone()]);
    out.hendelse("ForvaltningTrukket", &emne, owner.clone());
    out.frist(FRIST_STANS, &emne, due, None, owner);
    out.utfor(tx);
    innboks::be_om(tx, Type::ForvaltningTrukket, &emne, due).await?;
    Ok(TrekkForvaltningResponse {
        kvittering: Some(kvittering(post.id, now)),
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttForvaltningRequest,
) -> Result<AvsluttForvaltningResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.grunn, "grunn", felt::LANG, &mut faults);
    let mut post = lager::hent_for_endring::<Forvaltning>(tx, &request.name, faults).await?;
    if post.innhold.slutt.is_some() {
        return Err(Refusal::transition("AVSLUTTET", &[]).into());
    }
    post.innhold.slutt = Some((tx.now(), av, reason));
    lager::lagre(tx, &mut post).await?;
    innboks::ferdig(tx, Type::ForvaltningTrukket, &post.name()).await?;
    let mut out = Virkninger::new();
    out.hendelse("ForvaltningAvsluttet", &post.emne(), [post.enhet.clone()]);
    out.slett_frist(FRIST_STANS, &post.name());
    out.utfor(tx);
    sak::noe_sluttet(tx, &post.person, &post.enhet).await?;
    Ok(AvsluttForvaltningResponse {
        forvaltning: Some(to_proto(&post)),
    })
}

lesing!(
    Forvaltning,
    HentForvaltningRequest -> HentForvaltningResponse.forvaltning,
    ListForvaltningerRequest -> ListForvaltningerResponse.forvaltninger
);
