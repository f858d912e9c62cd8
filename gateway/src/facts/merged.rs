//! One person's facts, out of the subjects that were ever merged with it.

use std::{collections::BTreeMap, sync::Arc};

use samspor_chassis::tid::Tid;
use samspor_proto::{
    felles::{Faktum, Faktumtype, Periode, Rolle, part::Hvem},
    klassifisering::Klasser,
    tilgang::{Dataklasse, Formal},
};

use super::store::Subject;
use crate::model::{Fact, Mandate, Party, PersonFacts};

/// Unit id that stands for all units.
const ALLE_ENHETER: &str = "*";

/// Facts that do not cross a merge.
const MANDATES: [Faktumtype; 2] = [Faktumtype::Mandat, Faktumtype::MandatStrengt];

/// Subjects that were read together, by person id.
pub(super) type Subjects = BTreeMap<String, Subject>;

/// Facts of a person, with those of the persons that it is merged with. The
/// subjects hold everybody of its group. A person of whom nothing was ever
/// stated has none, at version 0.
pub(super) fn facts_of(person: &str, subjects: &Subjects) -> PersonFacts {
    let Some(subject) = subjects.get(person) else {
        return PersonFacts::default();
    };
    let mut facts = Vec::with_capacity(subject.facts.len());
    let merges = match &subject.group {
        Some(group) => merges(group, subjects),
        None => Vec::new(),
    };
    walk(
        subjects,
        &mut vec![person],
        Window::ALWAYS,
        &merges,
        &mut facts,
    );
    PersonFacts {
        version: subject.version,
        facts,
    }
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

    /// None for instants that [`super::store::Incoming`] refuses.
    fn of(periode: Option<&Periode>) -> Option<Self> {
        let periode = periode.copied().unwrap_or_default();
        let instant = |instant, none| match instant {
            Some(instant) => Tid::try_from(instant).ok().map(|tid| tid.0),
            None => Some(none),
        };
        Some(Self {
            fra: instant(periode.fra, i64::MIN)?,
            til: instant(periode.til, i64::MAX)?,
        })
    }

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

/// Merges between the members of a group.
fn merges<'a>(group: &str, subjects: &'a Subjects) -> Vec<Merge<'a>> {
    let members = subjects
        .values()
        .filter(|subject| subject.group.as_deref() == Some(group));
    members
        .flat_map(|member| {
            member.facts.iter().filter_map(|fact| {
                let Some(Hvem::Person(into)) = hvem(fact) else {
                    return None;
                };
                (fact.r#type() == Faktumtype::Sammenslatt).then_some((
                    member.person.as_str(),
                    into.as_str(),
                    Window::of(fact.periode.as_ref())?,
                ))
            })
        })
        .collect()
}

/// Adds the facts of the last person of the path and, for as long as the
/// merges hold, of everybody merged with that person beyond the path.
fn walk<'a>(
    subjects: &Subjects,
    path: &mut Vec<&'a str>,
    window: Window,
    merges: &[Merge<'a>],
    facts: &mut Vec<Fact>,
) {
    let Some(&here) = path.last() else { return };
    let own = path.len() == 1;
    for fact in subjects.get(here).iter().flat_map(|known| &known.facts) {
        // A merge shows nobody more than before: whoever keeps the
        // protections states a mandate for every id that it holds for.
        // Who is merged with whom is said below, from both sides.
        let crosses = own || !MANDATES.contains(&fact.r#type());
        if crosses && fact.r#type() != Faktumtype::Sammenslatt {
            facts.extend(within(fact, window));
        }
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
            facts.push(same_human(next, window));
            path.push(next);
            walk(subjects, path, window, merges, facts);
            path.pop();
        }
    }
}

/// That another id is the same human.
fn same_human(other: &str, window: Window) -> Fact {
    let Window { fra, til } = window;
    Fact {
        party: Party::Person(other.into()),
        enhet: None,
        kind: Faktumtype::Sammenslatt,
        post: None,
        klasser: Klasser::INGEN,
        rolle: Rolle::Unspecified,
        formal: Formal::Unspecified,
        fra,
        til,
        opprettet_av: "".into(),
        samtykke: None,
        mandat: None,
    }
}

/// A fact as the rules use it; none when it holds at no instant of the window,
/// and for what [`super::store::Incoming`] refuses.
fn within(fact: &Faktum, window: Window) -> Option<Fact> {
    let Window { fra, til } = Window::of(fact.periode.as_ref())?.and(window)?;
    Some(Fact {
        party: match hvem(fact)? {
            Hvem::Enhet(enhet) if enhet == ALLE_ENHETER => Party::AlleEnheter,
            Hvem::Enhet(enhet) => Party::Enhet(enhet.as_str().into()),
            Hvem::Ansatt(ansatt) => Party::Ansatt(ansatt.as_str().into()),
            Hvem::Person(person) => Party::Person(person.as_str().into()),
        },
        enhet: (!fact.enhet.is_empty()).then(|| fact.enhet.as_str().into()),
        kind: fact.r#type(),
        post: (!fact.post.is_empty()).then(|| fact.post.as_str().into()),
        klasser: fact
            .klasser
            .iter()
            .filter_map(|class| Dataklasse::try_from(*class).ok())
            .collect(),
        rolle: Rolle::try_from(fact.rolle).ok()?,
        formal: Formal::try_from(fact.formal).ok()?,
        fra,
        til,
        opprettet_av: fact.opprettet_av.as_str().into(),
        samtykke: fact.id.strip_prefix("samtykker/").map(Into::into),
        mandat: (!fact.mandat.is_empty()).then(|| {
            let nothing = Window { fra: 0, til: 0 };
            let reviewed = Window::of(fact.gjelder.as_ref()).unwrap_or(nothing);
            Arc::new(Mandate {
                navn: fact.mandat.clone(),
                fra: reviewed.fra,
                til: reviewed.til,
            })
        }),
    })
}

fn hvem(fact: &Faktum) -> Option<&Hvem> {
    fact.part.as_ref()?.hvem.as_ref()
}
