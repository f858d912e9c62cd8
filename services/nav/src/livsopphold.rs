//! Livsopphold: support for living (sosialtjenesteloven § 18).
//!
//! LOPENDE → AVSLUTTET. Invariant: what goes on is assessed anew every third
//! month; a reminder comes before, and being late is told.

use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger, felt, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    store::Tx,
    tabell,
    tid::Tid,
};
use samspor_proto::nav::{
    self as proto, AvsluttLivsoppholdRequest, AvsluttLivsoppholdResponse, HentLivsoppholdRequest,
    HentLivsoppholdResponse, InnvilgLivsoppholdRequest, InnvilgLivsoppholdResponse,
    ListLivsoppholdRequest, ListLivsoppholdResponse, LivsoppholdTilstand, VurderLivsoppholdRequest,
    VurderLivsoppholdResponse,
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    innboks::{self, Type},
    innstillinger::innstillinger,
    lesing::lesing,
    sak,
};

/// Deadline: it is assessed anew.
pub(crate) const FRIST_VURDERING: &str = "livsopphold_vurdering";
/// A hundred thousand kroner a month is a slip of the hand.
const MAKS_ORE: i64 = 10_000_000;

/// One assessment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Vurdering {
    belop_ore: i64,
    begrunnelse: String,
    hjemmel: Hjemmel,
    tid: Tid,
    av: Aktor,
}

/// Support.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Livsopphold {
    fra: Dag,
    /// Oldest first; never empty.
    vurderinger: Vec<Vurdering>,
    neste: Dag,
    slutt: Option<(Tid, Aktor, String, Hjemmel)>,
}

impl lager::Innhold for Livsopphold {
    const SAMLING: &'static str = "livsopphold";
    const SQL: &'static lager::Sql = tabell!("livsopphold");

    fn apen(&self) -> bool {
        self.slutt.is_none()
    }
}

fn to_proto(post: &Post<Livsopphold>) -> proto::Livsopphold {
    let Livsopphold {
        fra,
        vurderinger,
        neste,
        slutt,
    } = post.innhold.clone();
    let last = vurderinger.last();
    let state = match slutt {
        None => LivsoppholdTilstand::Lopende,
        Some(_) => LivsoppholdTilstand::Avsluttet,
    };
    proto::Livsopphold {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: state.into(),
        fra: fra.to_string(),
        belop_ore: last.map_or(0, |last| last.belop_ore),
        begrunnelse: last
            .map(|last| last.begrunnelse.clone())
            .unwrap_or_default(),
        neste_vurdering: neste.to_string(),
        vurdert: last.map(|last| last.tid.into()),
        vurdert_av: last.map(|last| last.av.to_proto()),
        hjemmel: last.map(|last| last.hjemmel.to_proto()),
        avsluttet: slutt.as_ref().map(|(at, ..)| (*at).into()),
        avsluttet_av: slutt.as_ref().map(|(_, who, ..)| who.to_proto()),
        slutt_hjemmel: slutt.as_ref().map(|(.., basis)| basis.to_proto()),
        slutt_grunn: slutt.map(|(_, _, reason, _)| reason).unwrap_or_default(),
        skjerming: None,
    }
}

/// Reads an assessment.
fn les(
    (belop_ore, begrunnelse, hjemmel): (i64, &str, Option<&samspor_proto::felles::Hjemmel>),
    tx: &Tx,
    faults: &mut FieldFaults,
) -> Vurdering {
    if !(1..=MAKS_ORE).contains(&belop_ore) {
        faults.range("belop_ore", 1, MAKS_ORE);
    }
    Vurdering {
        belop_ore,
        begrunnelse: felt::pakrevd(begrunnelse, "begrunnelse", felt::LANG, faults),
        hjemmel: felt::hjemmel(hjemmel, "hjemmel", faults),
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
    }
}

/// The clock of the next assessment.
fn frist(post: &Post<Livsopphold>, out: &mut Virkninger) -> Result<(), Error> {
    let settings = innstillinger()?;
    let ahead = i32::from(settings.livsopphold_varsel_dager);
    let next = post.innhold.neste;
    let warn = Some(next.pluss_dager(-ahead).start());
    let owner = [post.enhet.clone()];
    out.frist(FRIST_VURDERING, &post.emne(), next.slutt(), warn, owner);
    Ok(())
}

pub(crate) async fn innvilg(
    tx: &mut Tx,
    request: InnvilgLivsoppholdRequest,
) -> Result<InnvilgLivsoppholdResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let said = (
        request.belop_ore,
        &*request.begrunnelse,
        request.hjemmel.as_ref(),
    );
    let first = les(said, tx, &mut faults);
    let fra = felt::pakrevd_dag(&request.fra, "fra", &mut faults);
    faults.finish()?;
    let fra = fra.ok_or_else(|| Error::internal("no day and no fault"))?;
    let months = i32::from(innstillinger()?.livsopphold_maneder);
    lager::las_person(tx, &person).await?;
    sak::folg(tx, &person, ENHET).await?;
    let support = Livsopphold {
        fra,
        vurderinger: vec![first],
        neste: fra.pluss_maneder(months),
        slutt: None,
    };
    let post = Post::ny(ENHET, person, tx.new_id(), support);
    if !lager::sett_inn(tx, &post).await? {
        return Err(
            Refusal::conflict("livsopphold som løper; vurder det, eller avslutt det").into(),
        );
    }
    let mut out = Virkninger::new();
    out.hendelse("LivsoppholdInnvilget", &post.emne(), [ENHET]);
    frist(&post, &mut out)?;
    out.utfor(tx);
    Ok(InnvilgLivsoppholdResponse {
        livsopphold: Some(to_proto(&post)),
    })
}

async fn les_for_endring(
    tx: &mut Tx,
    name: &str,
    faults: FieldFaults,
) -> Result<Post<Livsopphold>, Error> {
    crate::for_enhet(tx)?;
    let post = lager::hent_for_endring::<Livsopphold>(tx, name, faults).await?;
    if post.innhold.slutt.is_some() {
        return Err(Refusal::transition("AVSLUTTET", &[]).into());
    }
    sak::folg(tx, &post.person, &post.enhet).await?;
    Ok(post)
}

pub(crate) async fn vurder(
    tx: &mut Tx,
    request: VurderLivsoppholdRequest,
) -> Result<VurderLivsoppholdResponse, Error> {
    let mut faults = FieldFaults::new();
    let said = (
        request.belop_ore,
        &*request.begrunnelse,
        request.hjemmel.as_ref(),
    );
    let next = les(said, tx, &mut faults);
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    let months = i32::from(innstillinger()?.livsopphold_maneder);
    post.innhold.neste = Dag::av(next.tid).pluss_maneder(months);
    post.innhold.vurderinger.push(next);
    lager::lagre(tx, &mut post).await?;
    innboks::ferdig(tx, Type::Livsopphold, &post.name()).await?;
    let mut out = Virkninger::new();
    out.hendelse("LivsoppholdVurdert", &post.emne(), [ENHET]);
    frist(&post, &mut out)?;
    out.utfor(tx);
    Ok(VurderLivsoppholdResponse {
        livsopphold: Some(to_proto(&post)),
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttLivsoppholdRequest,
) -> Result<AvsluttLivsoppholdResponse, Error> {
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.grunn, "grunn", felt::LANG, &mut faults);
    let basis = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", &mut faults);
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    post.innhold.slutt = Some((tx.now(), Aktor::from(&tx.call().actor), reason, basis));
    lager::lagre(tx, &mut post).await?;
    innboks::ferdig(tx, Type::Livsopphold, &post.name()).await?;
    let mut out = Virkninger::new();
    out.hendelse("LivsoppholdAvsluttet", &post.emne(), [ENHET]);
    out.slett_frist(FRIST_VURDERING, &post.name());
    out.utfor(tx);
    sak::noe_sluttet(tx, &post.person, &post.enhet).await?;
    Ok(AvsluttLivsoppholdResponse {
        livsopphold: Some(to_proto(&post)),
    })
}

lesing!(
    Livsopphold,
    HentLivsoppholdRequest -> HentLivsoppholdResponse.livsopphold,
    ListLivsoppholdRequest -> ListLivsoppholdResponse.livsopphold
);
