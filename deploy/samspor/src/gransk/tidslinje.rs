//! One timeline of an incident, put together from what each source answered:
//! events, runs of deadlines, rows of the access log. Pure: the same answers give
//! the same timeline, in whatever order they came.
//!
//! What ties them together is the trace id. An event that was written while a
//! call of its trace was under way in its own service was made by that call, and
//! shows who called, by which rules and which version of them; what came of it
//! elsewhere shows where its trace began. Spans take no part in it.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use samspor_chassis::tid::Tid;
use samspor_proto::klassifisering::Klasser;

use super::{
    grunnlag::{Aktor, Frist, Grunnlag, Hendelse, Hull, Mandat, Post},
    kall::{Kall, LENGST, kall},
    ord,
};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slag {
    /// A unit decided.
    Beslutning,
    /// Something was put into somebody's hands, or taken.
    Overlevering,
    /// Anything else that a service told.
    Hendelse,
    /// A call that changes, of which no service told an event.
    Endring,
    /// A call that read.
    Innsyn,
    /// A call that was refused.
    Avslag,
    /// A deadline is near.
    FristNaer,
    /// A deadline passed.
    FristBrutt,
    /// A step of an avvik.
    Avvik,
    /// Break-glass.
    Nodtilgang,
}

impl Slag {
    /// All, in the order in which a filter lists them.
    pub const ALLE: [Self; 10] = [
        Self::Beslutning,
        Self::Overlevering,
        Self::Hendelse,
        Self::Endring,
        Self::Innsyn,
        Self::Avslag,
        Self::FristNaer,
        Self::FristBrutt,
        Self::Avvik,
        Self::Nodtilgang,
    ];

    /// As a person reads it.
    #[must_use]
    pub const fn navn(self) -> &'static str {
        match self {
            Self::Beslutning => "beslutning",
            Self::Overlevering => "overlevering",
            Self::Hendelse => "hendelse",
            Self::Endring => "endring",
            Self::Innsyn => "innsyn",
            Self::Avslag => "avslag",
            Self::FristNaer => "frist nær",
            Self::FristBrutt => "frist brutt",
            Self::Avvik => "avvik",
            Self::Nodtilgang => "nødtilgang",
        }
    }

    /// As a program reads it.
    #[must_use]
    pub const fn kode(self) -> &'static str {
        match self {
            Self::Beslutning => "beslutning",
            Self::Overlevering => "overlevering",
            Self::Hendelse => "hendelse",
            Self::Endring => "endring",
            Self::Innsyn => "innsyn",
            Self::Avslag => "avslag",
            Self::FristNaer => "frist_naer",
            Self::FristBrutt => "frist_brutt",
            Self::Avvik => "avvik",
            Self::Nodtilgang => "nodtilgang",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Innslag {
    /// When.
    pub tid: Tid,
    /// Unit in whose lane it stands: who acted, else who owns the record.
    pub bane: String,
    /// What it is.
    pub slag: Slag,
    /// The same in words.
    pub tekst: String,
    /// Type of the event, or name of the method.
    pub type_: String,
    /// Records that it is about; the first is the one it names.
    pub poster: Vec<String>,
    /// Who called.
    pub hvem: Option<Aktor>,
    /// Whether that call is this entry, and not only where its trace began.
    pub direkte: bool,
    /// Purpose of the call.
    pub formal: String,
    /// Rules that decided on the call, and which version of them.
    pub regler: Vec<String>,
    /// Version.
    pub regelversjon: String,
    /// Trace id; empty: none.
    pub sporings_id: String,
    /// Units, or the person, that were told.
    pub fortalt: Vec<String>,
    /// Classes that a call released.
    pub utlevert: Klasser,
    /// Classes that it withheld.
    pub skjermet: Klasser,
    /// What else a reader should know of it.
    pub merknader: Vec<&'static str>,
    /// Name of what it was made from: orders those of one instant.
    kilde: (u8, String, String),
}

/// What went on for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lop {
    /// `F1` for a deadline, `O1` for a handover.
    pub id: String,
    /// It is a deadline.
    pub frist: bool,
    /// What it is, in words.
    pub tekst: String,
    /// Record that it is about.
    pub post: String,
    /// Unit that owns the record.
    pub eier: String,
    /// Units that were told.
    pub fortalt: Vec<String>,
    /// From when.
    pub fra: Tid,
    /// Until when; none: it was open when the period ended.
    pub til: Option<Tid>,
    /// When a deadline is due.
    pub forfall: Option<Tid>,
    /// When it was noticed to be broken, in the period.
    pub brutt: Option<Tid>,
}

impl Lop {
    /// Whether it was open at an instant.
    #[must_use]
    pub fn apent(&self, at: Tid) -> bool {
        self.fra <= at && self.til.is_none_or(|end| at < end)
    }
}

/// The whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tidslinje {
    /// What it was asked under.
    pub mandat: Mandat,
    /// First instant.
    pub fra: Tid,
    /// First instant that is not in it.
    pub til: Tid,
    /// Units, in the order in which they first act; then those that did not act,
    /// but had something open or are reviewed.
    pub baner: Vec<String>,
    /// What happened.
    pub innslag: Vec<Innslag>,
    /// What went on.
    pub lop: Vec<Lop>,
    /// Records, as they are now.
    pub poster: Vec<Post>,
    /// What is missing, and why.
    pub hull: Vec<Hull>,
}

/// A clock of one machine may be before another's by so much.
const SKJEVT: Duration = Duration::from_secs(2);
/// Whether an event was written while a call was under way, in its own service.
fn laget_av(event: &Hendelse, call: &Kall) -> bool {
    let last = call.slutt.unwrap_or_else(|| call.tid.plus(LENGST));
    call.skriver
        && !call.avslatt
        && call.tjeneste() == event.kilde
        && call.tid.minus(SKJEVT) <= event.tid
        && event.tid <= last.plus(SKJEVT)
}

fn underveis(event: &Hendelse, call: &Kall) -> bool {
    call.tid <= event.tid && call.slutt.is_some_and(|end| event.tid <= end)
}

fn baner(innslag: &[Innslag], lop: &[Lop], mandat: &Mandat) -> Vec<String> {
    let acted = innslag.iter().map(|entry| &entry.bane);
    let had = lop.iter().map(|run| &run.eier);
    let mut lanes: Vec<String> = Vec::new();
    for lane in acted.chain(had).chain(&mandat.enheter) {
        if !lanes.contains(lane) {
            lanes.push(lane.clone());
        }
    }
    lanes
}

impl Tidslinje {
    /// Puts it together.
    #[must_use]
    pub fn av(grunnlag: Grunnlag) -> Self {
        let Grunnlag {
            mandat,
            fra,
            til,
            lest_til,
            hendelser,
            frister,
            innsyn,
            mut poster,
            mut hull,
        } = grunnlag;
        let inside = |at: Tid| fra <= at && at < til;
        let calls = kall(innsyn, &mandat.navn, lest_til);
        let mut by_trace: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, call) in calls.iter().enumerate() {
            if !call.sporings_id.is_empty() {
                by_trace.entry(&call.sporings_id).or_default().push(place);
            }
        }
        let events = en_gang(hendelser, |event| event.navn.clone());
        let runs = en_gang(frister, |run| run.navn.clone());

        let mut innslag = Vec::new();
        let mut told = BTreeSet::new();
        let mut ticks = Tikk::av(&runs);
        for event in &events {
            let of_trace = by_trace.get(event.sporings_id.as_str());
            let of_trace = of_trace.into_iter().flatten();
            let earlier: Vec<(usize, &Kall)> = of_trace
                .filter_map(|place| Some((*place, calls.get(*place)?)))
                .filter(|(_, call)| call.tid.minus(SKJEVT) <= event.tid)
                .collect();
            // Clocks agree as a rule: one that was under way is it. Else the
            // latest that can be it.
            let maker = earlier
                .iter()
                .filter(|(_, call)| laget_av(event, call) && !er_tikk(event))
                .max_by_key(|(place, call)| (underveis(event, call), *place));
            let call = maker.or_else(|| {
                earlier
                    .iter()
                    .find(|(_, call)| call.skriver && !call.avslatt)
            });
            let frist = ticks.frist(event);
            if inside(event.tid) {
                told.extend(maker.map(|(place, _)| *place));
                innslag.push(av_hendelse(
                    event,
                    call.map(|(_, call)| *call),
                    maker.is_some(),
                    frist,
                ));
            }
        }
        for (place, call) in calls.iter().enumerate() {
            if !told.contains(&place) && inside(call.tid) {
                innslag.push(av_kall(call));
            }
        }
        innslag.extend(ticks.resten().filter(|entry| inside(entry.tid)));
        innslag.sort_by(i_rekke);

        let lop = lop(&events, &runs, (fra, til));
        let baner = baner(&innslag, &lop, &mandat);
        poster.sort_by(|a, b| a.navn.cmp(&b.navn));
        poster.dedup_by(|a, b| a.navn == b.navn);
        hull.sort();
        hull.dedup();
        Self {
            mandat,
            fra,
            til,
            baner,
            innslag,
            lop,
            poster,
            hull,
        }
    }

    /// What was open at an instant.
    pub fn apne(&self, at: Tid) -> impl Iterator<Item = &Lop> {
        self.lop.iter().filter(move |run| run.apent(at))
    }

    /// Only what belongs to one trace; what went on, and what is missing, stays.
    #[must_use]
    pub fn av_spor(mut self, sporings_id: &str) -> Self {
        self.innslag
            .retain(|entry| entry.sporings_id == sporings_id);
        self.baner = baner(&self.innslag, &self.lop, &self.mandat);
        self
    }

    /// Trace ids, in the order in which they first occur.
    #[must_use]
    pub fn sporings_ider(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let ids = self.innslag.iter().map(|entry| entry.sporings_id.as_str());
        ids.filter(|id| !id.is_empty() && seen.insert(*id))
            .collect()
    }
}

/// Each once, by name: a page that is read twice tells nothing new.
fn en_gang<T>(all: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
    let by_name: BTreeMap<String, T> = all.into_iter().map(|one| (name(&one), one)).collect();
    by_name.into_values().collect()
}

/// By time; within one instant calls before events before deadlines, and those
/// of one service in the order in which it wrote them, which is that of their
/// ids.
fn i_rekke(a: &Innslag, b: &Innslag) -> Ordering {
    (a.tid, &a.kilde).cmp(&(b.tid, &b.kilde))
}

impl Innslag {
    fn tomt(tid: Tid) -> Self {
        Self {
            tid,
            bane: String::new(),
            slag: Slag::Hendelse,
            tekst: String::new(),
            type_: String::new(),
            poster: Vec::new(),
            hvem: None,
            direkte: false,
            formal: String::new(),
            regler: Vec::new(),
            regelversjon: String::new(),
            sporings_id: String::new(),
            fortalt: Vec::new(),
            utlevert: Klasser::INGEN,
            skjermet: Klasser::INGEN,
            merknader: Vec::new(),
            kilde: (0, String::new(), String::new()),
        }
    }

    /// Record that it names; empty: none.
    #[must_use]
    pub fn post(&self) -> &str {
        self.poster.first().map_or("", String::as_str)
    }
}

fn av_hendelse(
    event: &Hendelse,
    call: Option<&Kall>,
    direkte: bool,
    frist: Option<&str>,
) -> Innslag {
    let text = ord::norsk(&event.type_);
    let maker = call.filter(|_| direkte);
    Innslag {
        bane: maker.map_or_else(|| event.eier.clone(), |call| call.aktor.bane()),
        slag: ord::slag(&event.type_),
        tekst: match frist {
            Some(kind) => format!("{text}: {}", ord::norsk(kind).to_lowercase()),
            None if event.type_.is_empty() => "Skjermet hendelse".to_owned(),
            None => text,
        },
        type_: event.type_.clone(),
        poster: [&event.post]
            .into_iter()
            .filter(|post| !post.is_empty())
            .cloned()
            .collect(),
        hvem: call.map(|call| call.aktor.clone()),
        direkte,
        formal: maker.map_or_else(String::new, |call| call.formal.clone()),
        regler: maker.map_or_else(Vec::new, |call| call.regler.clone()),
        regelversjon: maker.map_or_else(String::new, |call| call.regelversjon.clone()),
        sporings_id: event.sporings_id.clone(),
        fortalt: event.mottakere.clone(),
        merknader: maker.map_or_else(Vec::new, Kall::merknader),
        kilde: (1, event.kilde.clone(), event.navn.clone()),
        ..Innslag::tomt(event.tid)
    }
}

fn av_kall(call: &Kall) -> Innslag {
    let words = ord::kall(&call.metode);
    let (slag, tekst) = match (call.avslatt, call.skriver) {
        (true, _) => (
            Slag::Avslag,
            format!(
                "Avslått: {}",
                ord::norsk(ord::metodenavn(&call.metode)).to_lowercase()
            ),
        ),
        (false, true) => (Slag::Endring, words),
        (false, false) => (Slag::Innsyn, words),
    };
    Innslag {
        bane: call.aktor.bane(),
        slag,
        tekst,
        type_: ord::metodenavn(&call.metode).to_owned(),
        poster: call.poster.clone(),
        hvem: Some(call.aktor.clone()),
        direkte: true,
        formal: call.formal.clone(),
        regler: call.regler.clone(),
        regelversjon: call.regelversjon.clone(),
        sporings_id: call.sporings_id.clone(),
        utlevert: call.utlevert,
        skjermet: call.skjermet,
        merknader: call.merknader(),
        kilde: (0, String::new(), format!("{:020}", call.indeks)),
        ..Innslag::tomt(call.tid)
    }
}

/// Whether the ticker wrote an event: it carries the trace of the call that set
/// the deadline, and is not made by it.
fn er_tikk(event: &Hendelse) -> bool {
    matches!(event.type_.as_str(), ord::FRIST_NAER | ord::FRIST_BRUTT)
}

/// What the clock did to deadlines: each told by an event of the same record and
/// instant, or only by the run itself.
struct Tikk<'f> {
    /// Runs that were warned of or broken, by service, record, instant and stage.
    ventet: BTreeMap<(&'f str, &'f str, Tid, bool), Vec<&'f Frist>>,
}

impl<'f> Tikk<'f> {
    fn av(runs: &'f [Frist]) -> Self {
        let mut ventet: BTreeMap<_, Vec<&Frist>> = BTreeMap::new();
        for run in runs {
            for (at, broken) in [(run.varslet, false), (run.brutt, true)] {
                if let Some(at) = at {
                    let key = (run.kilde.as_str(), run.post.as_str(), at, broken);
                    ventet.entry(key).or_default().push(run);
                }
            }
        }
        Self { ventet }
    }

    /// Kind of the deadline that an event tells of.
    fn frist(&mut self, event: &'f Hendelse) -> Option<&'f str> {
        let broken = match event.type_.as_str() {
            ord::FRIST_NAER => false,
            ord::FRIST_BRUTT => true,
            _ => return None,
        };
        let key = (event.kilde.as_str(), event.post.as_str(), event.tid, broken);
        let runs = self.ventet.get_mut(&key)?;
        (!runs.is_empty()).then(|| runs.remove(0).type_.as_str())
    }

    /// What no event told of.
    fn resten(self) -> impl Iterator<Item = Innslag> {
        self.ventet
            .into_iter()
            .flat_map(|((_, _, at, broken), runs)| {
                runs.into_iter().map(move |run| {
                    let (type_, slag) = match broken {
                        true => (ord::FRIST_BRUTT, Slag::FristBrutt),
                        false => (ord::FRIST_NAER, Slag::FristNaer),
                    };
                    Innslag {
                        bane: run.eier.clone(),
                        slag,
                        tekst: format!(
                            "{}: {}",
                            ord::norsk(type_),
                            ord::norsk(&run.type_).to_lowercase()
                        ),
                        type_: type_.to_owned(),
                        poster: vec![run.post.clone()],
                        sporings_id: run.sporings_id.clone(),
                        fortalt: run.mottakere.clone(),
                        kilde: (2, run.kilde.clone(), run.navn.clone()),
                        ..Innslag::tomt(at)
                    }
                })
            })
    }
}

/// Deadlines that ran, and handovers that were open, in a period, as they were
/// when it ended: what came later is not of it. A handover that was opened before
/// the mandate's own period is not known: only its event tells of it.
fn lop(events: &[Hendelse], runs: &[Frist], (fra, til): (Tid, Tid)) -> Vec<Lop> {
    let until_then = |at: Option<Tid>| at.filter(|at| *at < til);
    let mut deadlines: Vec<Lop> = runs
        .iter()
        .filter(|run| run.satt < til && run.avsluttet.is_none_or(|end| fra <= end))
        .map(|run| Lop {
            id: String::new(),
            frist: true,
            tekst: ord::norsk(&run.type_),
            post: run.post.clone(),
            eier: run.eier.clone(),
            fortalt: run.mottakere.clone(),
            fra: run.satt,
            til: until_then(run.avsluttet),
            forfall: Some(run.forfall),
            brutt: until_then(run.brutt),
        })
        .collect();
    let mut in_order: Vec<&Hendelse> = events
        .iter()
        .filter(|event| !event.post.is_empty())
        .collect();
    in_order.sort_by_key(|event| (event.tid, &event.kilde, &event.navn));
    let mut handovers: Vec<Lop> = Vec::new();
    let mut open: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for event in in_order {
        for pair in ord::OVERLEVERINGER {
            let key = (event.post.as_str(), pair.apner);
            if pair.lukker.contains(&event.type_.as_str())
                && let Some(place) = open.remove(&key)
                && let Some(run) = handovers.get_mut(place)
            {
                run.til = Some(event.tid);
            }
            // Opened again before it was answered, it goes on.
            if pair.apner == event.type_ && !open.contains_key(&key) {
                open.insert(key, handovers.len());
                handovers.push(Lop {
                    id: String::new(),
                    frist: false,
                    tekst: pair.hva.to_owned(),
                    post: event.post.clone(),
                    eier: event.eier.clone(),
                    fortalt: event.mottakere.clone(),
                    fra: event.tid,
                    til: None,
                    forfall: None,
                    brutt: None,
                });
            }
        }
    }
    for run in &mut handovers {
        run.til = until_then(run.til);
    }
    handovers.retain(|run| run.fra < til && run.til.is_none_or(|end| fra <= end));
    for (runs, letter) in [(&mut handovers, 'O'), (&mut deadlines, 'F')] {
        runs.sort_by(|a, b| {
            (a.fra, &a.post, &a.tekst, a.til).cmp(&(b.fra, &b.post, &b.tekst, b.til))
        });
        for (number, run) in (1..).zip(runs) {
            run.id = format!("{letter}{number}");
        }
    }
    handovers.append(&mut deadlines);
    handovers
}
