//! Opphold: a stay in temporary housing, with one clock over all places and
//! providers.
//!
//! LOPENDE → AVSLUTTET. It begins with what is granted ([`crate::botilbud`]) and
//! goes on when the person is moved, prolonged, or asks again while it runs.
//!
//! Invariants: a person has one that goes on at a unit; the clock runs from the
//! first day, also over a break that is shorter than the unit says
//! (`data/innstillinger.json`); three months are warned of beforehand and told
//! once, whatever was down meanwhile; past them it takes an exception with its
//! reason and end; what was granted does not run out in silence. While it goes
//! on, the unit has the relation BOTILBUD to the person.

pub(crate) mod rpc;

use samspor_chassis::{
    domene::{
        Aktor, Dag, Emne, Hjemmel, Virkninger,
        felles::{Hvem, Relasjon, tall},
        navn,
    },
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    store::Tx,
    tabell,
    tid::Tid,
};
use samspor_proto::{
    felles::{Faktum, Faktumtype},
    nav::{self as proto, OppholdTilstand, Videre},
};
use serde::{Deserialize, Serialize};

use crate::{
    BOLIGKONTOR,
    botilbud::Innvilgelse,
    brukererfaring,
    innboks::{self, Type},
    innstillinger::{Innstillinger, innstillinger},
};

/// Deadline: three months have passed.
pub(crate) const FRIST_TRE_MANEDER: &str = "opphold_tre_maneder";
/// Deadline: what was granted runs out.
pub(crate) const FRIST_UTLOP: &str = "opphold_utlop";
/// Deadline: an exception runs out.
pub(crate) const FRIST_UNNTAK: &str = "opphold_unntak";

/// Where the person stayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Oppholdsplass {
    /// Name of the place; empty for money in lieu.
    plass: String,
    leverandor: String,
    fra: Dag,
    til: Option<Dag>,
    grunn: String,
    kvalitet_begrunnelse: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Forlengelse {
    til: Dag,
    begrunnelse: String,
    hjemmel: Hjemmel,
    gitt: Tid,
    gitt_av: Aktor,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unntak {
    begrunnelse: String,
    hjemmel: Hjemmel,
    til: Dag,
    gitt: Tid,
    gitt_av: Aktor,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slutt {
    tid: Tid,
    av: Aktor,
    grunn: String,
    #[serde(with = "tall")]
    videre: Videre,
    merknad: String,
}

/// A stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opphold {
    startet: Tid,
    startet_av: Aktor,
    klokke_fra: Dag,
    fortsetter: String,
    plasser: Vec<Oppholdsplass>,
    innvilget_til: Dag,
    forlengelser: Vec<Forlengelse>,
    /// When three months had passed and that was told, in this stay or the one
    /// that it goes on with.
    over: Option<Tid>,
    unntak: Vec<Unntak>,
    slutt: Option<Slutt>,
}

impl lager::Innhold for Opphold {
    const SAMLING: &'static str = "opphold";
    const SQL: &'static lager::Sql = tabell!("opphold");

    fn apen(&self) -> bool {
        self.slutt.is_none()
    }

    fn fra(&self) -> Tid {
        self.startet
    }
}

impl Opphold {
    fn tre_maneder(&self, settings: &Innstillinger) -> Tid {
        let months = i32::from(settings.opphold_maneder);
        self.klokke_fra.pluss_maneder(months).slutt()
    }

    /// Whether there is money in lieu of a bed now.
    fn kontanter(&self) -> bool {
        self.plasser
            .last()
            .is_some_and(|last| last.plass.is_empty())
    }

    /// Whether the person may stay that night, in a bed or for money in lieu.
    fn gjelder(&self, natt: Dag) -> bool {
        self.slutt.is_none() && self.innvilget_til >= natt
    }
}

fn faktum(post: &Post<Opphold>) -> Faktum {
    Relasjon {
        id: format!("botilbud/{}", post.id),
        subjekt: &post.person,
        part: Hvem::Enhet(&post.enhet),
        type_: Faktumtype::Botilbud,
        post: post.name(),
        fra: post.innhold.startet,
        til: post.innhold.slutt.as_ref().map(|end| end.tid),
        opprettet_av: &post.innhold.startet_av.ansatt,
    }
    .faktum()
}

fn to_proto(post: &Post<Opphold>, settings: &Innstillinger) -> proto::Opphold {
    let months = post.innhold.tre_maneder(settings);
    let Opphold {
        startet,
        startet_av: _,
        klokke_fra,
        fortsetter,
        plasser,
        innvilget_til,
        forlengelser,
        over,
        unntak,
        slutt,
    } = post.innhold.clone();
    let place = |place: Oppholdsplass| proto::Oppholdsplass {
        kontanter: place.plass.is_empty(),
        plass: place.plass,
        leverandor: place.leverandor,
        fra: place.fra.to_string(),
        til: place.til.map(|day| day.to_string()).unwrap_or_default(),
        grunn: place.grunn,
        kvalitet_begrunnelse: place.kvalitet_begrunnelse,
    };
    let longer = |given: Forlengelse| proto::Forlengelse {
        til: given.til.to_string(),
        begrunnelse: given.begrunnelse,
        hjemmel: Some(given.hjemmel.to_proto()),
        gitt: Some(given.gitt.into()),
        gitt_av: Some(given.gitt_av.to_proto()),
    };
    let exception = |given: Unntak| proto::Unntak {
        begrunnelse: given.begrunnelse,
        hjemmel: Some(given.hjemmel.to_proto()),
        til: given.til.to_string(),
        gitt: Some(given.gitt.into()),
        gitt_av: Some(given.gitt_av.to_proto()),
    };
    let state = match slutt {
        None => OppholdTilstand::Lopende,
        Some(_) => OppholdTilstand::Avsluttet,
    };
    proto::Opphold {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: state.into(),
        startet: Some(startet.into()),
        klokke_fra: klokke_fra.to_string(),
        fortsetter,
        plasser: plasser.into_iter().map(place).collect(),
        innvilget_til: innvilget_til.to_string(),
        forlengelser: forlengelser.into_iter().map(longer).collect(),
        tre_maneder: Some(months.into()),
        over_tre_maneder: over.is_some(),
        unntak: unntak.into_iter().map(exception).collect(),
        avsluttet: slutt.as_ref().map(|end| end.tid.into()),
        avsluttet_av: slutt.as_ref().map(|end| end.av.to_proto()),
        slutt_grunn: slutt
            .as_ref()
            .map(|end| end.grunn.clone())
            .unwrap_or_default(),
        videre: slutt
            .as_ref()
            .map(|end| end.videre)
            .unwrap_or_default()
            .into(),
        videre_merknad: slutt.map(|end| end.merknad).unwrap_or_default(),
        skjerming: None,
    }
}

// ---- rules -----------------------------------------------------------------------

/// The clocks of a stay that goes on.
fn frister(post: &Post<Opphold>, settings: &Innstillinger, out: &mut Virkninger) {
    let (emne, owner) = (post.emne(), [post.enhet.clone()]);
    let ahead = |day: Dag, days: u16| Some(day.pluss_dager(-i32::from(days)).start());
    let granted = post.innhold.innvilget_til;
    let warn = ahead(granted, settings.opphold_utlop_dager);
    out.frist(FRIST_UTLOP, &emne, granted.slutt(), warn, owner.clone());
    // Told once: not anew when a stay goes on with the clock of another.
    if post.innhold.over.is_none() {
        let due = post.innhold.tre_maneder(settings);
        let last = Dag::av(due).pluss_dager(-1);
        let warn = ahead(last, settings.opphold_varsel_dager);
        out.frist(FRIST_TRE_MANEDER, &emne, due, warn, owner);
    }
}

fn slett_frister(post: &Post<Opphold>, out: &mut Virkninger) {
    for kind in [FRIST_UTLOP, FRIST_TRE_MANEDER, FRIST_UNNTAK] {
        out.slett_frist(kind, &post.name());
    }
}

/// The person is somewhere else from now on.
fn flytt(innhold: &mut Opphold, ny: Oppholdsplass) {
    if let Some(last) = innhold.plasser.last_mut() {
        // The day of the move is the first of the new place.
        last.til = Some(ny.fra.pluss_dager(-1).max(last.fra));
    }
    innhold.plasser.push(ny);
}

/// Whether a new stay goes on with the clock of the one before it.
fn fortsetter(before: &Opphold, now: Tid, settings: &Innstillinger) -> bool {
    let ended = before.slutt.as_ref().map(|end| Dag::av(end.tid));
    let days = i32::from(settings.opphold_brudd_dager);
    ended.is_some_and(|ended| ended.dager_til(Dag::av(now)) < days)
}

fn krev_lopende(post: &Post<Opphold>) -> Result<(), Refusal> {
    match post.innhold.slutt {
        None => Ok(()),
        Some(_) => Err(Refusal::transition("AVSLUTTET", &[])),
    }
}

/// Who has an event of a stay: its unit, and who counts those who wait for a
/// dwelling.
fn fortell(post: &Post<Opphold>, type_: &'static str, out: &mut Virkninger) {
    out.hendelse(type_, &post.emne(), [post.enhet.as_str(), BOLIGKONTOR]);
}

// ---- what opens, keeps and ends it -----------------------------------------------

async fn lopende(tx: &mut Tx, person: &str, enhet: &str) -> Result<Option<Post<Opphold>>, Error> {
    let mut open = lager::apne::<Opphold>(tx, person).await?.into_iter();
    Ok(open.find(|post| post.enhet == enhet))
}

/// Whether a stay covers the night: in a bed (false) or for money in lieu
/// (true), and since when.
pub(crate) async fn i_natt(
    tx: &mut Tx,
    person: &str,
    natt: Dag,
) -> Result<Option<(bool, Tid)>, Error> {
    let open = lager::apne::<Opphold>(tx, person).await?.into_iter();
    let mut covers = open.filter(|post| post.innhold.gjelder(natt));
    let found = covers.next();
    Ok(found.map(|post| (post.innhold.kontanter(), post.innhold.startet)))
}

/// A bed was granted: a stay begins, or the one that runs goes on with it. The
/// name of the stay.
pub(crate) async fn innvilget(
    tx: &mut Tx,
    person: &str,
    enhet: &str,
    granted: &Innvilgelse,
    leverandor: String,
    grunn: String,
) -> Result<String, Error> {
    let settings = innstillinger()?;
    let (now, av) = (tx.now(), Aktor::from(&tx.call().actor));
    let place = Oppholdsplass {
        plass: granted.plass.clone(),
        leverandor,
        fra: Dag::av(now),
        til: None,
        grunn,
        kvalitet_begrunnelse: granted.kvalitet_begrunnelse.clone(),
    };
    let mut out = Virkninger::new();
    let post = if let Some(mut post) = lopende(tx, person, enhet).await? {
        let here = post.innhold.plasser.last();
        if here.is_none_or(|last| last.plass != place.plass) {
            flytt(&mut post.innhold, place);
            fortell(&post, "OppholdFlyttet", &mut out);
        }
        post.innhold.innvilget_til = post.innhold.innvilget_til.max(granted.til);
        lager::lagre(tx, &mut post).await?;
        innboks::ferdig(tx, Type::OppholdUtloper, &post.name()).await?;
        post
    } else {
        let parent = navn::person(person);
        let (latest, _) = lager::personens::<Opphold>(tx, &parent, 1, "").await?;
        let before = latest
            .into_iter()
            .find(|post| post.enhet == enhet && fortsetter(&post.innhold, now, settings));
        let stay = Opphold {
            startet: now,
            startet_av: av,
            klokke_fra: before
                .as_ref()
                .map_or(Dag::av(now), |post| post.innhold.klokke_fra),
            fortsetter: before.as_ref().map(Post::name).unwrap_or_default(),
            plasser: vec![place],
            innvilget_til: granted.til,
            forlengelser: Vec::new(),
            over: before.and_then(|post| post.innhold.over),
            unntak: Vec::new(),
            slutt: None,
        };
        let post = Post::ny(enhet, person.to_owned(), tx.new_id(), stay);
        lager::legg_til(tx, &post).await?;
        // Who counts knows by this that the clock goes on, without reading it.
        let begun = match post.innhold.fortsetter.is_empty() {
            true => "OppholdStartet",
            false => "OppholdFortsatt",
        };
        fortell(&post, begun, &mut out);
        out.faktum(faktum(&post));
        let ask = Dag::av(now).pluss_dager(settings.brukererfaring_dager.into());
        brukererfaring::spor(&post.emne(), ask, &mut out);
        if post.innhold.over.is_some() {
            let due = post.innhold.tre_maneder(settings);
            innboks::be_om(tx, Type::TreManeder, &post.emne(), due).await?;
        }
        post
    };
    frister(&post, settings, &mut out);
    out.utfor(tx);
    Ok(post.name())
}

/// The stay of a person that a dwelling given then is to end. One that began
/// afterwards is another matter.
pub(crate) async fn fikk_bolig(
    tx: &mut Tx,
    person: &str,
    enhet: &str,
    at: Tid,
) -> Result<Option<Emne>, Error> {
    let stay = lopende(tx, person, enhet).await?;
    let stay = stay.filter(|post| post.innhold.startet <= at);
    Ok(stay.map(|post| post.emne()))
}

/// Three months have passed.
pub(crate) async fn over_tre_maneder(tx: &mut Tx, name: &str) -> Result<(), Error> {
    let mut post = lager::hent_for_endring::<Opphold>(tx, name, FieldFaults::new()).await?;
    if post.innhold.slutt.is_some() || post.innhold.over.is_some() {
        return Ok(());
    }
    post.innhold.over = Some(tx.now());
    lager::lagre(tx, &mut post).await?;
    let mut out = Virkninger::new();
    fortell(&post, "OppholdOverTreManeder", &mut out);
    out.utfor(tx);
    Ok(())
}
