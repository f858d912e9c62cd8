//! All subjects' facts in memory, packed: 40 bytes a fact, names of units and
//! employees once each. [`Fact`]s are unpacked when they are asked for.

use std::{collections::HashMap, sync::Arc};

use samspor_chassis::tid::Tid;
use samspor_proto::{
    felles::{Faktum, Faktumtype, Rolle, part::Hvem},
    klassifisering::Klasser,
    tilgang::{Dataklasse, Formal},
};

use super::store::Subject;
use crate::model::{Fact, Party, PersonFacts};

/// Unit id that stands for all units.
const ALLE_ENHETER: &str = "*";

#[derive(Debug, Default)]
pub(super) struct Memory {
    names: Names,
    subjects: HashMap<Box<str>, Packed>,
    /// Members of each group of merged subjects.
    groups: HashMap<Box<str>, Vec<Box<str>>>,
}

/// One subject.
#[derive(Debug)]
struct Packed {
    version: i64,
    group: Option<Box<str>>,
    facts: Box<[PackedFact]>,
    /// Record names that facts are limited to, each once and ended by a
    /// newline; those of the subject itself without `personer/{subject}/`,
    /// others after a `/`.
    posts: Box<str>,
}

#[derive(Debug, Clone, Copy)]
struct PackedFact {
    fra: i64,
    til: i64,
    klasser: Klasser,
    party: Name,
    opprettet_av: Name,
    /// Where the name begins in `posts`; [`NO_POST`]: none.
    post: u32,
    kind: u8,
    rolle: u8,
    formal: u8,
    party_kind: PartyKind,
}

const NO_POST: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartyKind {
    Enhet,
    AlleEnheter,
    Ansatt,
    Person,
}

/// A half-open period in microseconds.
#[derive(Debug, Clone, Copy)]
struct Window {
    fra: i64,
    til: i64,
}

impl Window {
    const ALWAYS: Self = Self {
        fra: i64::MIN,
        til: i64::MAX,
    };

    /// The common part; none when there is none.
    fn and(self, other: Self) -> Option<Self> {
        let both = Self {
            fra: self.fra.max(other.fra),
            til: self.til.min(other.til),
        };
        (both.fra < both.til).then_some(both)
    }
}

/// A merge: two persons and when it holds.
type Merge<'a> = (&'a str, &'a str, Window);

/// Facts that do not cross a merge.
const MANDATES: [i32; 2] = [Faktumtype::Mandat as i32, Faktumtype::MandatStrengt as i32];

impl Memory {
    /// Takes a subject as it was read, unless memory has it as new. Returns
    /// whether it was taken.
    pub(super) fn install(&mut self, subject: &Subject) -> bool {
        let person = subject.person.as_str();
        let known = self.subjects.get(person);
        // Equal versions have equal content, since a version is read in one
        // statement with what belongs to it.
        if known.is_some_and(|known| known.version >= subject.version) {
            return false;
        }
        let old_group = known.and_then(|known| known.group.as_deref());
        if old_group != subject.group.as_deref() {
            if let Some(members) = old_group.and_then(|group| self.groups.get_mut(group)) {
                members.retain(|member| **member != *person);
            }
            if let Some(group) = subject.group.as_deref() {
                let members = self.groups.entry(group.into()).or_default();
                members.push(person.into());
            }
        }
        let packed = pack(subject, &mut self.names);
        self.subjects.insert(person.into(), packed);
        true
    }

    /// Facts of a person, with those of the persons that it is merged with.
    pub(super) fn facts_of(&self, person: &str) -> PersonFacts {
        let Some(subject) = self.subjects.get(person) else {
            return PersonFacts::default();
        };
        let mut facts = Vec::with_capacity(subject.facts.len());
        match &subject.group {
            None => self.unpack(person, subject, Window::ALWAYS, true, &mut facts),
            Some(group) => {
                let merges = self.merges(group);
                self.walk(&mut vec![person], Window::ALWAYS, &merges, &mut facts);
            }
        }
        PersonFacts {
            version: subject.version,
            facts,
        }
    }

    /// Adds the facts of the last person of the path and, for as long as the
    /// merges hold, of everybody merged with that person beyond the path.
    fn walk<'a>(
        &self,
        path: &mut Vec<&'a str>,
        window: Window,
        merges: &[Merge<'a>],
        facts: &mut Vec<Fact>,
    ) {
        let Some(&here) = path.last() else { return };
        if let Some(subject) = self.subjects.get(here) {
            self.unpack(here, subject, window, path.len() == 1, facts);
        }
        for &(one, other, period) in merges {
            let next = match here {
                _ if here == one => other,
                _ if here == other => one,
                _ => continue,
            };
            if let Some(window) = window.and(period)
                && !path.contains(&next)
            {
                path.push(next);
                self.walk(path, window, merges, facts);
                path.pop();
            }
        }
    }

    /// Merges between the members of a group.
    fn merges(&self, group: &str) -> Vec<Merge<'_>> {
        let mut merges = Vec::new();
        for member in self.groups.get(group).into_iter().flatten() {
            let Some(subject) = self.subjects.get(member) else {
                continue;
            };
            for fact in &subject.facts {
                if i32::from(fact.kind) == Faktumtype::Sammenslatt as i32
                    && fact.party_kind == PartyKind::Person
                {
                    merges.push((&**member, self.names.text(fact.party), fact.window()));
                }
            }
        }
        merges
    }

    fn unpack(
        &self,
        person: &str,
        subject: &Packed,
        window: Window,
        own: bool,
        facts: &mut Vec<Fact>,
    ) {
        for packed in &subject.facts {
            // A merge shows nobody more than before: whoever keeps the
            // protections states a mandate for every id that it holds for.
            if !own && MANDATES.contains(&i32::from(packed.kind)) {
                continue;
            }
            // A fact that holds at no instant decides nothing.
            let Some(Window { fra, til }) = packed.window().and(window) else {
                continue;
            };
            let party = self.names.shared(packed.party);
            facts.push(Fact {
                party: match packed.party_kind {
                    PartyKind::Enhet => Party::Enhet(party),
                    PartyKind::AlleEnheter => Party::AlleEnheter,
                    PartyKind::Ansatt => Party::Ansatt(party),
                    PartyKind::Person => Party::Person(party),
                },
                kind: Faktumtype::try_from(i32::from(packed.kind)).unwrap_or_default(),
                post: subject.post(person, packed.post),
                klasser: packed.klasser,
                rolle: Rolle::try_from(i32::from(packed.rolle)).unwrap_or_default(),
                formal: Formal::try_from(i32::from(packed.formal)).unwrap_or_default(),
                fra,
                til,
                opprettet_av: self.names.shared(packed.opprettet_av),
            });
        }
    }
}

impl PackedFact {
    const fn window(&self) -> Window {
        Window {
            fra: self.fra,
            til: self.til,
        }
    }
}

impl Packed {
    fn post(&self, person: &str, start: u32) -> Option<Arc<str>> {
        let start = usize::try_from(start).ok()?;
        let (name, _) = self.posts.get(start..)?.split_once('\n')?;
        Some(match name.strip_prefix('/') {
            Some(other) => other.into(),
            None => format!("personer/{person}/{name}").into(),
        })
    }
}

fn pack(subject: &Subject, names: &mut Names) -> Packed {
    let own = format!("personer/{}/", subject.person);
    let mut posts = String::new();
    let facts = subject
        .facts
        .iter()
        .filter_map(|fact| pack_fact(fact, &own, &mut posts, names))
        .collect();
    Packed {
        version: subject.version,
        group: subject.group.as_deref().map(Into::into),
        facts,
        posts: posts.into(),
    }
}

/// None for what [`super::store::Incoming`] refuses.
fn pack_fact(
    fact: &Faktum,
    own: &str,
    posts: &mut String,
    names: &mut Names,
) -> Option<PackedFact> {
    let (party_kind, party) = match fact.part.as_ref()?.hvem.as_ref()? {
        Hvem::Enhet(enhet) if enhet == ALLE_ENHETER => (PartyKind::AlleEnheter, ""),
        Hvem::Enhet(enhet) => (PartyKind::Enhet, enhet.as_str()),
        Hvem::Ansatt(ansatt) => (PartyKind::Ansatt, ansatt.as_str()),
        Hvem::Person(person) => (PartyKind::Person, person.as_str()),
    };
    let periode = fact.periode.unwrap_or_default();
    Some(PackedFact {
        fra: match periode.fra {
            Some(fra) => Tid::try_from(fra).ok()?.0,
            None => i64::MIN,
        },
        til: match periode.til {
            Some(til) => Tid::try_from(til).ok()?.0,
            None => i64::MAX,
        },
        klasser: fact
            .klasser
            .iter()
            .filter_map(|class| Dataklasse::try_from(*class).ok())
            .collect(),
        party: names.intern(party),
        opprettet_av: names.intern(&fact.opprettet_av),
        post: pack_post(&fact.post, own, posts),
        kind: u8::try_from(fact.r#type).ok()?,
        rolle: u8::try_from(fact.rolle).ok()?,
        formal: u8::try_from(fact.formal).ok()?,
        party_kind,
    })
}

fn pack_post(post: &str, own: &str, posts: &mut String) -> u32 {
    if post.is_empty() {
        return NO_POST;
    }
    let line = match post.strip_prefix(own) {
        Some(relative) => format!("{relative}\n"),
        None => format!("/{post}\n"),
    };
    let mut start = 0;
    for known in posts.split_inclusive('\n') {
        if known == line {
            return u32::try_from(start).unwrap_or(NO_POST);
        }
        start += known.len();
    }
    posts.push_str(&line);
    u32::try_from(start).unwrap_or(NO_POST)
}

/// Names that many facts share. They are few, and never removed.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
struct Name(u32);

impl Names {
    fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.numbers.get(text) {
            return *name;
        }
        let name = Name(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, name);
        name
    }

    fn get(&self, name: Name) -> Option<&Arc<str>> {
        self.texts.get(usize::try_from(name.0).ok()?)
    }

    fn text(&self, name: Name) -> &str {
        self.get(name).map_or("", |text| text)
    }

    fn shared(&self, name: Name) -> Arc<str> {
        self.get(name).map_or_else(|| "".into(), Arc::clone)
    }
}
