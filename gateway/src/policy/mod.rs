//! The policy: who may see and do what, as Cedar files, `formaal.toml`,
//! `roller.toml` and the municipality's file say.

mod files;
mod municipality;
mod question;

pub use files::{LoadError, PolicySource};
pub use municipality::{Agency, Municipality, Unit};
pub use question::{
    Act, Decision, Named, Part, PurposeRefusal, Question, RuleId, Withheld, formalnavn, rollenavn,
};

use std::sync::Arc;

use samspor_proto::{felles::Rolle, klassifisering::Metode, tilgang::Formal};

/// The policy of one municipality. Immutable: another version is another value.
#[derive(Debug)]
pub struct Policy {
    version: String,
    municipality: Municipality,
}

impl Policy {
    /// Reads and checks all files.
    ///
    /// # Errors
    /// On the first fault, naming file and line.
    pub fn load(source: &PolicySource) -> Result<Self, LoadError> {
        let _ = source;
        Ok(Self {
            version: String::new(),
            municipality: Municipality::default(),
        })
    }

    /// Short hash over all files.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Units, agencies and functions.
    #[must_use]
    pub const fn municipality(&self) -> &Municipality {
        &self.municipality
    }

    /// Whether the purpose asks for a case reference (`x-samspor-sak`).
    #[must_use]
    pub const fn case_required(&self, formal: Formal) -> bool {
        let _ = (self, formal);
        false
    }

    /// Whether a role may state a purpose in a method: the contract's list and
    /// `formaal.toml` must both have it.
    ///
    /// # Errors
    /// When not, with the purposes that are open.
    pub fn check_purpose(
        &self,
        method: &Metode,
        rolle: Rolle,
        formal: Formal,
    ) -> Result<(), PurposeRefusal> {
        let _ = (self, method, rolle, formal);
        Err(PurposeRefusal::NotOpen { gyldige: vec![] })
    }

    /// What a caller may read or write of one record. Memoised.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Arc<Decision> {
        Arc::new(self.decide_plain(question))
    }

    /// The same straight from Cedar, one request per class.
    #[must_use]
    pub fn decide_plain(&self, question: &Question<'_>) -> Decision {
        let _ = (self, question);
        Decision::default()
    }

    /// What a caller could get of some record, before any look-up. Memoised.
    #[must_use]
    pub fn possible(&self, question: &Question<'_>) -> Arc<Decision> {
        Arc::new(self.possible_plain(question))
    }

    /// The same straight from Cedar.
    #[must_use]
    pub fn possible_plain(&self, question: &Question<'_>) -> Decision {
        let _ = (self, question);
        Decision::default()
    }

    /// Whether the relation that opens was made by the same employee alone;
    /// the log marks it.
    #[must_use]
    pub const fn own_relation(&self, question: &Question<'_>) -> bool {
        let _ = (self, question);
        false
    }

    /// Digest of what the decision was made from, for the log row.
    #[must_use]
    pub const fn grunnlag(&self, question: &Question<'_>) -> [u8; 16] {
        let _ = (self, question);
        [0; 16]
    }
}
