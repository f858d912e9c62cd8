//! What the sources answered, in the words of the review: the wire's messages
//! are read once, where they arrive.

use samspor_chassis::tid::Tid;
use samspor_proto::klassifisering::Klasser;

/// What a timeline is put together from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grunnlag {
    /// What it was asked under.
    pub mandat: Mandat,
    /// First instant.
    pub fra: Tid,
    /// First instant that is not in it.
    pub til: Tid,
    /// Until when the log was asked for: at least until the end, and on to the
    /// outcomes of the last calls, as far as the mandate reaches.
    pub lest_til: Tid,
    /// Events, of all services; the steps of an avvik among them, which is about
    /// nobody and so in no person's list.
    pub hendelser: Vec<Hendelse>,
    /// Runs of deadlines, of all services.
    pub frister: Vec<Frist>,
    /// Rows of the access log.
    pub innsyn: Vec<Innsyn>,
    /// Records that events name.
    pub poster: Vec<Post>,
    /// What did not answer.
    pub hull: Vec<Hull>,
}

/// The mandate of a review.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mandat {
    /// `granskinger/{id}`.
    pub navn: String,
    /// What is to be found out.
    pub tekst: String,
    /// Units that are reviewed.
    pub enheter: Vec<String>,
    /// Persons: `personer/{id}`.
    pub personer: Vec<String>,
    /// The avvik; empty: none.
    pub avvik: String,
    /// The trace that it was opened from; empty: none.
    pub sporings_id: String,
    /// Classes that are read.
    pub klasser: Klasser,
    /// First instant that is reviewed.
    pub fra: Tid,
    /// First instant that is not.
    pub til: Tid,
    /// When it ends.
    pub utloper: Tid,
}

/// Who called.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aktor {
    /// Unit id; empty for the person.
    pub enhet: String,
    /// Pseudonymous employee id; empty for a system and for the person.
    pub ansatt: String,
    /// `BESLUTTER`.
    pub rolle: String,
}

/// Lane of what the person does.
pub const INNBYGGER: &str = "innbygger";

impl Aktor {
    /// Lane in which what it does stands.
    #[must_use]
    pub fn bane(&self) -> String {
        match self.enhet.is_empty() {
            true => INNBYGGER.to_owned(),
            false => self.enhet.clone(),
        }
    }
}

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hendelse {
    /// Service that told it.
    pub kilde: String,
    /// Its name.
    pub navn: String,
    /// Type; empty where it is withheld.
    pub type_: String,
    /// Record.
    pub post: String,
    /// When it was committed.
    pub tid: Tid,
    /// Trace id.
    pub sporings_id: String,
    /// Unit that owns the record.
    pub eier: String,
    /// Who was told: unit ids, or the person.
    pub mottakere: Vec<String>,
}

/// A run of a deadline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frist {
    /// Service that keeps it.
    pub kilde: String,
    /// Its name.
    pub navn: String,
    /// Kind.
    pub type_: String,
    /// Record.
    pub post: String,
    /// When it was set.
    pub satt: Tid,
    /// When it is due.
    pub forfall: Tid,
    /// When it was warned of.
    pub varslet: Option<Tid>,
    /// When it was noticed to be broken.
    pub brutt: Option<Tid>,
    /// When it was met, moved or taken away.
    pub avsluttet: Option<Tid>,
    /// Unit that owns the record.
    pub eier: String,
    /// Units that are told.
    pub mottakere: Vec<String>,
    /// Trace id of the call that set it.
    pub sporings_id: String,
}

/// A row of the access log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Innsyn {
    /// Place in the log.
    pub indeks: i64,
    /// Whom it is about: `personer/{id}`, or `avvik/{id}`.
    pub person: String,
    /// When.
    pub tid: Tid,
    /// Who.
    pub aktor: Aktor,
    /// `YTELSE`.
    pub formal: String,
    /// Path of the method.
    pub metode: String,
    /// Records, without the person part of their names.
    pub poster: Vec<String>,
    /// Classes released.
    pub utlevert: Klasser,
    /// Classes withheld.
    pub skjermet: Klasser,
    /// Rules that decided.
    pub regler: Vec<String>,
    /// Version of the rules.
    pub regelversjon: String,
    /// It was refused.
    pub avslatt: bool,
    /// The relation that opened was made by the same employee.
    pub egen_relasjon: bool,
    /// A representative acted.
    pub representant: bool,
    /// Of a call that changes: what became of it. Its intent names a record and
    /// releases nothing.
    pub utfall: bool,
    /// Trace id.
    pub sporings_id: String,
    /// Case that the call referred to.
    pub sak: String,
}

/// A record, as it is when the review reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Post {
    /// Its name.
    pub navn: String,
    /// What it says: field and value.
    pub felt: Vec<(String, String)>,
}

/// Something that is not in the timeline, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hull {
    /// Source: `rop`, `gateway`, `sporlager`.
    pub kilde: String,
    /// What it did not give: `hendelser`.
    pub hva: String,
    /// Why.
    pub grunn: String,
}
