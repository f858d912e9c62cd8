//! What a decision is made of: the caller, a person's facts, a record's head.
//! Free of transport and of storage.

use std::sync::Arc;

use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::Klasser,
    tilgang::Formal,
};

/// Who calls, as the verified token and the municipality's file say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Unit id: `rop`. Empty for the person.
    pub enhet: String,
    /// Pseudonymous employee id; empty for a system. For the person whatever the
    /// token calls its subject, which may be nothing.
    pub ansatt: String,
    /// The one role in which the call acts.
    pub rolle: Rolle,
    /// Person id, for INNBYGGER.
    pub person: Option<String>,
    /// System that carries the call (client id of the token).
    pub system: String,
    /// The token comes from an issuer of the mesh itself, whose trace is continued.
    pub mesh: bool,
}

/// Party of a fact. Ids are shared, because few units stand in many facts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Party {
    /// Unit id.
    Enhet(Arc<str>),
    /// Every unit (`*`).
    AlleEnheter,
    /// Pseudonymous employee id.
    Ansatt(Arc<str>),
    /// Person id.
    Person(Arc<str>),
}

/// A fact about a subject, as the rules use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Who stands in the relation.
    pub party: Party,
    /// Unit in which the employee who is the party has it; none: in any.
    pub enhet: Option<Arc<str>>,
    /// Kind.
    pub kind: Faktumtype,
    /// Record that it is limited to; none: all of the subject's records.
    pub post: Option<Arc<str>>,
    /// Classes it opens (consent, break-glass).
    pub klasser: Klasser,
    /// Role it is limited to; unspecified: any.
    pub rolle: Rolle,
    /// Purpose it is limited to; unspecified: any.
    pub formal: Formal,
    /// First microsecond in which it holds.
    pub fra: i64,
    /// First microsecond in which it no longer holds; `i64::MAX`: no end.
    pub til: i64,
    /// Employee whose act made it; empty when unknown.
    pub opprettet_av: Arc<str>,
    /// Id of the consent that it is; none for what is none of koordinering's.
    pub samtykke: Option<Arc<str>>,
    /// Mandate that a reviewer's right comes from; none for other kinds.
    pub mandat: Option<Arc<Mandate>>,
}

/// The mandate of an incident review, as far as it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    /// Its name, to which the reviewer's calls refer.
    pub navn: String,
    /// First microsecond that is reviewed.
    pub fra: i64,
    /// First microsecond that no longer is.
    pub til: i64,
}

impl Mandate {
    /// Whether it opens what happened at a time. What has no time is opened by
    /// a mandate without bounds alone.
    #[must_use]
    pub const fn covers(&self, happened: Option<Happened>) -> bool {
        match happened {
            Some(Happened { fra, til }) => fra < self.til && til >= self.fra,
            None => self.fra == i64::MIN && self.til == i64::MAX,
        }
    }
}

/// When something happened: from an instant to another, both included, in
/// microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happened {
    /// First.
    pub fra: i64,
    /// Last; `i64::MAX`: it goes on.
    pub til: i64,
}

impl Fact {
    /// Whether its party is the employee who calls, in the unit in which they have it.
    #[must_use]
    pub fn is_of_employee(&self, caller: &Caller) -> bool {
        let in_unit = self
            .enhet
            .as_ref()
            .is_none_or(|unit| **unit == *caller.enhet);
        matches!(&self.party, Party::Ansatt(id) if !id.is_empty() && **id == *caller.ansatt)
            && in_unit
    }

    /// Whether it holds at an instant (microseconds since 1970).
    #[must_use]
    pub const fn holds_at(&self, now: i64) -> bool {
        self.fra <= now && now < self.til
    }
}

/// All facts of one subject, with the version that a log row checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonFacts {
    /// Number of the last change of the subject's facts; 0: never any.
    pub version: i64,
    /// The facts, also ended ones that can still matter to a replay.
    pub facts: Vec<Fact>,
}

impl PersonFacts {
    /// Whether another id is the same human, by a merge that holds.
    #[must_use]
    pub fn same_human(&self, other: &str, now: i64) -> bool {
        let merges = self
            .facts
            .iter()
            .filter(|fact| fact.kind == Faktumtype::Sammenslatt);
        merges
            .filter(|fact| fact.holds_at(now))
            .any(|fact| fact.party.is_person(other))
    }

    /// Whether any of them, also one that has ended, names a person.
    #[must_use]
    pub fn name(&self, person: &str) -> bool {
        self.facts.iter().any(|fact| fact.party.is_person(person))
    }
}

impl Party {
    fn is_person(&self, id: &str) -> bool {
        matches!(self, Self::Person(person) if **person == *id)
    }
}

/// What a decision needs of a record, read from its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHead<'a> {
    /// Resource name.
    pub name: &'a str,
    /// Owning unit id (without `enheter/`); empty: none.
    pub eier: &'a str,
    /// Marked as exempt from the person's own access, with a reason.
    pub unntatt_innsyn: bool,
    /// First microsecond in which it is no longer valid (the time in
    /// `Ressurs.utlop_felt`); `i64::MAX`: no end.
    pub utloper: i64,
    /// When it happened (`Ressurs.tid_felt`, `Ressurs.slutt_felt`); none: its
    /// type has no time.
    pub skjedde: Option<Happened>,
}
