//! Opphold: a stay in temporary housing, with one clock over all places and
//! providers.
//!
//! LOPENDE → AVSLUTTET. It begins with what is granted ([`crate::botilbud`]) and
//! goes on when the person is moved, prolonged, or asks again while it runs.
//!
//! Invariants: a person has one that goes on at a unit; the clock runs from the
//! first day, also over a break that is shorter than the unit says
//! (`data/innstillinger.json`) and over another unit's stay; three months are
//! warned of beforehand and told once, whatever was down meanwhile; nothing is
//! granted past them without an exception with its reason and end, which the
//! same request may give, and which holds in the stay that goes on with it; what
//! was granted does not run out in silence; who is barred from where they stay
//! has no offer there ([`stengt`]). While it goes on, the unit has the relation
//! BOTILBUD to the person, and the stay one bed of its place ([`crate::plass`])
//! unless there is money in lieu.

pub(crate) mod historie;
pub(crate) mod rpc;
pub(crate) mod stengt;

use samspor_chassis::{
    deadlines::AVVIK,
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
    natt,
    plass::{self, Plass},
};
use stengt::{FRIST_UTESTENGT, steder_endret};

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
    /// When three months had passed and that was told, in this stay, one beside it
    /// or the one that it goes on with.
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

    /// The last day that takes no exception.
    fn siste_dag(&self, settings: &Innstillinger) -> Dag {
        Dag::av(self.tre_maneder(settings)).pluss_dager(-1)
    }

    /// Keeps the exception that a longer stay takes, where none holds as long.
    /// Whether it took one.
    ///
    /// # Errors
    /// A fault of the field `unntak_begrunnelse` where it has no reason.
    fn unnta(&mut self, given: Unntak, settings: &Innstillinger) -> Result<bool, Refusal> {
        let last = self.siste_dag(settings);
        if given.til <= last || self.unntak.iter().any(|held| held.til >= given.til) {
            return Ok(false);
        }
        if given.begrunnelse.is_empty() {
            let mut faults = FieldFaults::new();
            let rule = format!(
                "tre måneder er gått {last}; skriv her hvorfor oppholdet varer lenger, så er det \
                 et unntak"
            );
            faults.contradicts("unntak_begrunnelse", "til", &rule);
            faults.finish()?;
        }
        self.unntak.push(given);
        Ok(true)
    }

    fn flytt(&mut self, ny: Oppholdsplass) {
        if let Some(last) = self.plasser.last_mut() {
            // The day of the move is the first of the new place.
            last.til = Some(ny.fra.pluss_dager(-1).max(last.fra));
        }
        self.plasser.push(ny);
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

/// The clock of what was granted.
fn frist_utlop(post: &Post<Opphold>, settings: &Innstillinger, out: &mut Virkninger) {
    let granted = post.innhold.innvilget_til;
    let warn = ahead(granted, settings.opphold_utlop_dager);
    let owner = [post.enhet.clone()];
    out.frist(
        FRIST_UTLOP,
        &post.emne(),
        granted.slutt(),
        Some(warn),
        owner,
    );
}

/// The clock of three months, set once for a stay: set anew it warns anew. Not
/// where a stay goes on with the clock of another that told.
fn frist_tre_maneder(post: &Post<Opphold>, settings: &Innstillinger, out: &mut Virkninger) {
    if post.innhold.over.is_none() {
        let due = post.innhold.tre_maneder(settings);
        let last = post.innhold.siste_dag(settings);
        let warn = ahead(last, settings.opphold_varsel_dager);
        let owner = [post.enhet.clone()];
        out.frist(FRIST_TRE_MANEDER, &post.emne(), due, Some(warn), owner);
    }
}

/// The clock of an exception until that day.
fn frist_unntak(post: &Post<Opphold>, til: Dag, settings: &Innstillinger, out: &mut Virkninger) {
    let warn = ahead(til, settings.opphold_varsel_dager);
    let owner = [post.enhet.clone()];
    out.frist(FRIST_UNNTAK, &post.emne(), til.slutt(), Some(warn), owner);
}

fn ahead(day: Dag, days: u16) -> Tid {
    day.pluss_dager(-i32::from(days)).start()
}

fn slett_frister(post: &Post<Opphold>, out: &mut Virkninger) {
    for kind in [
        FRIST_UTLOP,
        FRIST_TRE_MANEDER,
        FRIST_UNNTAK,
        FRIST_UTESTENGT,
    ] {
        out.slett_frist(kind, &post.name());
    }
}

/// A stay that begins then in that place, and goes on with the clock of another,
/// where it does, and with what excepts it.
fn begynn(
    (startet, startet_av): (Tid, Aktor),
    plass: Oppholdsplass,
    innvilget_til: Dag,
    enhet: &str,
    before: Option<&Post<Opphold>>,
) -> Opphold {
    let today = Dag::av(startet);
    let mut unntak = before.map_or_else(Vec::new, |post| post.innhold.unntak.clone());
    unntak.retain(|held| held.til >= today);
    let own = before.filter(|post| post.enhet == enhet);
    Opphold {
        startet,
        startet_av,
        klokke_fra: before.map_or(today, |post| post.innhold.klokke_fra),
        fortsetter: own.map(Post::name).unwrap_or_default(),
        plasser: vec![plass],
        innvilget_til,
        forlengelser: Vec::new(),
        over: before.and_then(|post| post.innhold.over),
        unntak,
        slutt: None,
    }
}

/// What follows of it.
fn begynt(post: &Post<Opphold>, settings: &Innstillinger, out: &mut Virkninger) {
    out.faktum(faktum(post));
    let first = Dag::av(post.innhold.startet);
    let ask = first.pluss_dager(settings.brukererfaring_dager.into());
    brukererfaring::spor(&post.emne(), ask, out);
    frist_tre_maneder(post, settings, out);
}

/// The person is somewhere else from now on.
async fn flytt(tx: &mut Tx, post: &mut Post<Opphold>, ny: Oppholdsplass) -> Result<(), Error> {
    natt::skriv_stengte(tx, post).await?;
    post.innhold.flytt(ny);
    Ok(())
}

/// Whether a new stay goes on with the clock of another: one that ended a short
/// while ago, or that another unit still has.
fn fortsetter(ended: Option<Tid>, now: Tid, settings: &Innstillinger) -> bool {
    let days = i32::from(settings.opphold_brudd_dager);
    ended.is_none_or(|ended| Dag::av(ended).dager_til(Dag::av(now)) < days)
}

/// The stay whose clock a new one goes on with, whichever unit has it: the clock
/// is the person's. Of several the one with the longest, and the newest of these.
async fn fortsatt(tx: &mut Tx, person: &str) -> Result<Option<Post<Opphold>>, Error> {
    let (settings, now) = (innstillinger()?, tx.now());
    // More stays than this do not end in a week.
    let (latest, _) = lager::personens::<Opphold>(tx, &navn::person(person), 0, "").await?;
    Ok(fortsatt_av(latest, now, settings))
}

fn fortsatt_av(
    stays: Vec<Post<Opphold>>,
    at: Tid,
    settings: &Innstillinger,
) -> Option<Post<Opphold>> {
    let goes_on = stays.into_iter().filter(|post| {
        let ended = post.innhold.slutt.as_ref().map(|end| end.tid);
        post.innhold.startet <= at && fortsetter(ended, at, settings)
    });
    goes_on.min_by_key(|post| post.innhold.klokke_fra)
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

/// What is granted, beside what the request for a bed keeps of it.
pub(crate) struct Grunnlag {
    /// None for money in lieu.
    pub(crate) plass: Option<Plass>,
    pub(crate) grunn: String,
    pub(crate) hjemmel: Hjemmel,
    pub(crate) unntak_begrunnelse: String,
}

/// A bed was granted: a stay begins, or the one that runs goes on with it. The
/// name of the stay.
///
/// # Errors
/// A fault of the field that says what to do: no bed is free, or it takes an
/// exception.
pub(crate) async fn innvilget(
    tx: &mut Tx,
    person: &str,
    enhet: &str,
    granted: &Innvilgelse,
    grunnlag: Grunnlag,
) -> Result<String, Error> {
    let settings = innstillinger()?;
    let (now, av) = (tx.now(), Aktor::from(&tx.call().actor));
    let Grunnlag {
        plass,
        grunn,
        hjemmel,
        unntak_begrunnelse,
    } = grunnlag;
    let place = Oppholdsplass {
        plass: granted.plass.clone(),
        leverandor: plass
            .as_ref()
            .map(|place| place.leverandor.clone())
            .unwrap_or_default(),
        fra: Dag::av(now),
        til: None,
        grunn,
        kvalitet_begrunnelse: granted.kvalitet_begrunnelse.clone(),
    };
    let exception = Unntak {
        begrunnelse: unntak_begrunnelse,
        hjemmel,
        til: granted.til,
        gitt: now,
        gitt_av: av.clone(),
    };
    let mut out = Virkninger::new();
    let (post, excepted) = if let Some(mut post) = lopende(tx, person, enhet).await? {
        let here = post.innhold.plasser.last();
        if here.is_none_or(|last| last.plass != place.plass) {
            seng(tx, &post, plass.as_ref()).await?;
            flytt(tx, &mut post, place).await?;
            fortell(&post, "OppholdFlyttet", &mut out);
        }
        let longer = granted.til > post.innhold.innvilget_til;
        let excepted = longer && post.innhold.unnta(exception, settings)?;
        post.innhold.innvilget_til = post.innhold.innvilget_til.max(granted.til);
        lager::lagre(tx, &mut post).await?;
        innboks::ferdig(tx, Type::OppholdUtloper, &post.name()).await?;
        (post, excepted)
    } else {
        let before = fortsatt(tx, person).await?;
        let mut stay = begynn((now, av), place, granted.til, enhet, before.as_ref());
        let excepted = stay.unnta(exception, settings)?;
        let held = stay.unntak.iter().map(|held| held.til).max();
        let post = Post::ny(enhet, person.to_owned(), tx.new_id(), stay);
        lager::legg_til(tx, &post).await?;
        seng(tx, &post, plass.as_ref()).await?;
        // Who counts knows by this that the clock goes on, without reading it.
        let begun = match before {
            None => "OppholdStartet",
            Some(_) => "OppholdFortsatt",
        };
        fortell(&post, begun, &mut out);
        begynt(&post, settings, &mut out);
        if let Some(held) = held.filter(|_| !excepted) {
            frist_unntak(&post, held, settings, &mut out);
        }
        (post, excepted)
    };
    if excepted {
        unntatt(tx, &post, granted.til, &mut out).await?;
    }
    frist_utlop(&post, settings, &mut out);
    out.utfor(tx);
    steder_endret(tx, person).await?;
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

/// The stay has a bed of the place, or none for money in lieu.
async fn seng(tx: &mut Tx, post: &Post<Opphold>, place: Option<&Plass>) -> Result<(), Error> {
    match place {
        Some(place) => plass::ta_seng(tx, place, &post.id).await,
        None => plass::slipp_seng(tx, &post.id).await,
    }
}

/// What follows of an exception until that day.
async fn unntatt(
    tx: &mut Tx,
    post: &Post<Opphold>,
    til: Dag,
    out: &mut Virkninger,
) -> Result<(), Error> {
    for type_ in [Type::TreManeder, Type::UnntakUtloper] {
        innboks::ferdig(tx, type_, &post.name()).await?;
    }
    let (emne, owner) = (post.emne(), [post.enhet.clone()]);
    out.hendelse("UnntakInnvilget", &emne, owner);
    frist_unntak(post, til, innstillinger()?, out);
    Ok(())
}

/// Three months have passed. Where an exception holds nothing is to be done.
pub(crate) async fn over_tre_maneder(tx: &mut Tx, name: &str) -> Result<(), Error> {
    let post = lager::hent_for_endring::<Opphold>(tx, name, FieldFaults::new()).await?;
    if post.innhold.slutt.is_some() {
        return Ok(());
    }
    fortell_over(tx, &post).await?;
    let today = Dag::av(tx.now());
    if post.innhold.unntak.iter().any(|held| held.til >= today) {
        innboks::ferdig(tx, Type::TreManeder, name).await?;
    }
    Ok(())
}

/// Each unit hears once that its stay has passed three months, and the others
/// once of the person's clock: of the stay that those beside it go on with.
async fn fortell_over(tx: &mut Tx, post: &Post<Opphold>) -> Result<(), Error> {
    let person = navn::person(&post.person);
    let (mut stays, _) = lager::personens::<Opphold>(tx, &person, 0, "").await?;
    stays.retain(|stay| stay.innhold.klokke_fra == post.innhold.klokke_fra);
    let mut others: &[&str] = &[BOLIGKONTOR, AVVIK];
    if stays.iter().any(|stay| stay.innhold.over.is_some()) {
        others = &[];
    }
    stays.retain(|stay| stay.innhold.slutt.is_none() && stay.innhold.over.is_none());
    stays.sort_by_key(|stay| stay.innhold.startet);
    let mut out = Virkninger::new();
    for mut stay in stays {
        stay.innhold.over = Some(tx.now());
        lager::lagre(tx, &mut stay).await?;
        let told = [&*stay.enhet].into_iter().chain(others.iter().copied());
        out.hendelse("OppholdOverTreManeder", &stay.emne(), told);
        others = &[];
    }
    out.utfor(tx);
    Ok(())
}
