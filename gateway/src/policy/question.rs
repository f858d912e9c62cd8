//! What is asked of the policy, and what it answers.

use std::sync::Arc;

use samspor_proto::{
    felles::{Rolle, SkjermetKlasse, Skjerming, Skjermingsgrunn},
    klassifisering::{Klasser, Ressurstype},
    tilgang::{Dataklasse, Formal},
};

use crate::model::{Caller, PersonFacts, RecordHead};

/// What the caller wants to do with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act<'a> {
    /// Read it.
    Read,
    /// Change it, under a row of the doing table: `W3`, or `P20` to break the glass.
    Do(&'a str),
}

/// Which part of a record with parts of several units (`delpost` in the
/// contract): the party list of a samlet vedtak is the head, a line is a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Part {
    /// The record itself. A record without parts is only a head.
    #[default]
    Head,
    /// A part that names the caller's unit.
    Own,
    /// A part that names other units alone.
    Other,
}

/// One question. Raw: nothing in it has been judged, apart from the identity
/// of the caller and the two facts about the call that are not about the person.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// For what purpose.
    pub formal: Formal,
    /// Reading or doing.
    pub act: Act<'a>,
    /// Type of the record.
    pub ressurs: &'a Ressurstype,
    /// The record; none before any look-up. For [`super::Policy::possible`] only
    /// its name counts: before the look-up the owner is not known.
    pub record: Option<RecordHead<'a>>,
    /// Part of the record.
    pub part: Part,
    /// Person id of the subject; none when the record is about nobody, or when
    /// the request does not say whom it is about (a unit's queue).
    pub subject: Option<&'a str>,
    /// Unit id that the request's name begins with (`enheter/{enhet}`): whose
    /// queue or feed it is.
    pub omfang_enhet: Option<&'a str>,
    /// What is known of the subject.
    pub facts: &'a PersonFacts,
    /// The contract opens the method under break-glass.
    pub method_nodtilgang: bool,
    /// The contract opens the method to SYSTEM.
    pub method_system: bool,
    /// The case reference is an open case of unit and subject, or none was
    /// given and the purpose asks for none ([`super::Policy::case_required`]).
    pub sak_ok: bool,
    /// The case reference; empty: none.
    pub sak: &'a str,
    /// Now, microseconds since 1970.
    pub now: i64,
}

/// Id of a rule as `tilgang.md` has it: `P1`, `W3`, `F1`.
pub type RuleId = Arc<str>;

/// A rule as its annotations have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleText<'a> {
    /// Its id as decisions tell it: `P1`.
    pub rule: &'a str,
    /// Its full id, with the variant: `P1.person`.
    pub id: &'a str,
    /// Legal basis.
    pub hjemmel: &'a str,
    /// What it says, in Norwegian.
    pub tekst: &'a str,
}

/// A rule that may be told to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub rule: RuleId,
    /// Its text (`@tekst`), in Norwegian.
    pub text: Arc<str>,
}

/// A withheld class, and what may be said about why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// The class.
    pub klasse: Dataklasse,
    /// Why, as far as it may be said.
    pub grunn: Skjermingsgrunn,
    /// Rule that would open it or closes it, where it may be named.
    pub regel: Option<RuleId>,
    /// Classes that may be shared instead, whether or not this record has them.
    pub isteden: Klasser,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Classes that may be read, or written for [`Act::Do`].
    pub classes: Klasser,
    /// Rules that gave something.
    pub permits: Vec<RuleId>,
    /// Rules that forbade something; all of them, for the log.
    pub refused_by: Vec<RuleId>,
    /// What the caller may be told when the call is refused. It never depends
    /// on a fact about the person.
    pub named: Option<Named>,
    /// A core rule refuses that answers as for a person whom nobody knows.
    pub som_ukjent: bool,
    /// Classes of the type that are withheld from a record that is known to
    /// the caller; empty when the record itself is not found, and for a mutation.
    pub withheld: Vec<Withheld>,
}

impl Decision {
    /// Whether the caller may know that the record exists.
    #[must_use]
    pub fn existence(&self, ressurs: &Ressurstype) -> bool {
        Dataklasse::try_from(ressurs.ressurs.eksistensklasse)
            .is_ok_and(|class| self.classes.har(class))
    }

    /// Whether nothing is permitted.
    #[must_use]
    pub const fn nothing(&self) -> bool {
        self.classes.er_tom()
    }

    /// The record's `skjerming` field.
    #[must_use]
    pub fn skjerming(&self) -> Skjerming {
        let klasser = self
            .withheld
            .iter()
            .map(|withheld| SkjermetKlasse {
                klasse: withheld.klasse.into(),
                grunn: withheld.grunn.into(),
                regel: withheld.regel.as_deref().unwrap_or_default().to_owned(),
                isteden: withheld.isteden.iter().map(i32::from).collect(),
            })
            .collect();
        Skjerming { klasser }
    }
}

/// Why a purpose was refused, with those that are open to the role in the method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurposeRefusal {
    /// None was stated.
    Missing {
        /// Valid ones.
        gyldige: Vec<Formal>,
    },
    /// Not open to the role in the method.
    NotOpen {
        /// Valid ones.
        gyldige: Vec<Formal>,
    },
}

/// The role without its enum prefix: `BEHANDLER`.
#[must_use]
pub fn rollenavn(rolle: Rolle) -> &'static str {
    rolle
        .as_str_name()
        .strip_prefix("ROLLE_")
        .unwrap_or_default()
}

/// The purpose without its enum prefix: `YTELSE`.
#[must_use]
pub fn formalnavn(formal: Formal) -> &'static str {
    formal
        .as_str_name()
        .strip_prefix("FORMAL_")
        .unwrap_or_default()
}
