//! What a rule brings about besides the new state.

use samspor_proto::felles::Faktum;

use crate::{
    store::{NewDeadline, NewEvent, Tx},
    tid::Tid,
};

/// Events, facts and deadlines that follow from a change of records. Made by
/// pure rules, carried out in the transaction that stores the change.
#[derive(Debug, Default)]
pub struct Virkninger {
    /// Events.
    pub hendelser: Vec<Melding>,
    /// Facts.
    pub fakta: Vec<Faktum>,
    /// Deadlines, set and cleared.
    pub frister: Vec<Fristendring>,
}

/// Which record it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emne {
    /// Person id.
    pub person: String,
    /// Record name.
    pub post: String,
    /// Id of the unit that owns the record.
    pub eier: String,
}

/// A thin event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Melding {
    /// Type: `VedtakFattet`.
    pub type_: &'static str,
    /// What it is about.
    pub emne: Emne,
    /// Unit ids that it is addressed to.
    pub mottakere: Vec<String>,
    /// When it happened; none: now.
    pub tid: Option<Tid>,
}

/// A deadline that is set or cleared.
#[derive(Debug, Clone)]
pub enum Fristendring {
    /// Set, or set anew.
    Sett(NewDeadline),
    /// Cleared.
    Slett {
        /// Record name.
        post: String,
        /// Kind.
        kind: &'static str,
    },
}

impl Virkninger {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells units that something happened to the record.
    pub fn hendelse<I>(&mut self, type_: &'static str, emne: &Emne, mottakere: I)
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.hendelser.push(Melding {
            type_,
            emne: emne.clone(),
            mottakere: mottakere.into_iter().map(Into::into).collect(),
            tid: None,
        });
    }

    /// Tells a unit that counts from it that something happened then, which it
    /// could not be told before: of a history that is taken in and goes on.
    pub fn hendte(&mut self, type_: &'static str, emne: &Emne, tid: Tid, mottaker: &str) {
        self.hendelser.push(Melding {
            type_,
            emne: emne.clone(),
            mottakere: vec![mottaker.to_owned()],
            tid: Some(tid),
        });
    }

    /// States a fact.
    pub fn faktum(&mut self, faktum: Faktum) {
        self.fakta.push(faktum);
    }

    /// Sets a deadline of the record, with a warning where `warn` is given.
    pub fn frist<I>(
        &mut self,
        kind: &'static str,
        emne: &Emne,
        due: Tid,
        warn: Option<Tid>,
        mottakere: I,
    ) where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let Emne { person, post, eier } = emne.clone();
        self.frister.push(Fristendring::Sett(NewDeadline {
            post,
            person,
            kind,
            due,
            warn,
            eier,
            mottakere: mottakere.into_iter().map(Into::into).collect(),
        }));
    }

    /// Clears a deadline of the record.
    pub fn slett_frist(&mut self, kind: &'static str, post: &str) {
        self.frister.push(Fristendring::Slett {
            post: post.to_owned(),
            kind,
        });
    }

    /// Those, and then the others.
    pub fn og(&mut self, others: Self) {
        self.hendelser.extend(others.hendelser);
        self.fakta.extend(others.fakta);
        self.frister.extend(others.frister);
    }

    /// Hands everything to the transaction, which emits it when it is saved.
    pub fn utfor(self, tx: &mut Tx) {
        for Melding {
            type_,
            emne,
            mottakere,
            tid,
        } in self.hendelser
        {
            let event = NewEvent {
                type_,
                person: &emne.person,
                post: &emne.post,
                eier: &emne.eier,
                mottakere,
            };
            tx.emit_at(event, tid.unwrap_or(tx.now()));
        }
        for faktum in self.fakta {
            tx.fact(faktum);
        }
        for endring in self.frister {
            match endring {
                Fristendring::Sett(deadline) => tx.set_deadline(deadline),
                Fristendring::Slett { post, kind } => tx.clear_deadline(&post, kind),
            }
        }
    }
}
