//! States of a record and the table of what is allowed in each.

use crate::error::Refusal;

/// Declares the states of a record: the domain's own enum, without the
/// UNSPECIFIED of the contract, with the text that the database holds.
///
/// ```
/// samspor_chassis::tilstand! {
///     /// State of an oppdrag.
///     pub(crate) enum Tilstand => samspor_proto::bestillerkontor::OppdragTilstand {
///         /// Offered.
///         Tilbudt = "TILBUDT",
///         /// Accepted.
///         Akseptert = "AKSEPTERT",
///     }
/// }
/// assert_eq!(Tilstand::fra_kode("TILBUDT"), Some(Tilstand::Tilbudt));
/// ```
#[macro_export]
macro_rules! tilstand {
    ($(#[$doc:meta])* $vis:vis enum $name:ident => $proto:ty {
        $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        $vis enum $name {
            $($(#[$variant_doc])* #[serde(rename = $code)] $variant,)+
        }

        #[allow(dead_code, reason = "not every record needs all of it")]
        impl $name {
            /// Every state.
            $vis const ALLE: &'static [Self] = &[$(Self::$variant,)+];

            /// Text in the database and in refusals.
            $vis const fn kode(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The state that the text says.
            $vis fn fra_kode(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        impl From<$name> for $proto {
            fn from(state: $name) -> Self {
                match state { $($name::$variant => Self::$variant,)+ }
            }
        }
    };
}

/// Which verbs are allowed in which states; the verb is the name of its RPC.
#[derive(Debug)]
pub struct Overganger<T: 'static>(pub &'static [(&'static str, &'static [T])]);

impl<T: Copy + PartialEq> Overganger<T> {
    /// Verbs allowed in a state, in the order of the table.
    #[must_use]
    pub fn tillatt(&self, state: T) -> Vec<&'static str> {
        self.0
            .iter()
            .filter(|(_, states)| states.contains(&state))
            .map(|(verb, _)| *verb)
            .collect()
    }

    /// The verb is allowed in the state.
    ///
    /// # Errors
    /// `UGYLDIG_OVERGANG`, which names the state (`code`) and what is allowed.
    pub fn krev(&self, verb: &str, state: T, code: &str) -> Result<(), Refusal> {
        let allowed = self.tillatt(state);
        if allowed.contains(&verb) {
            return Ok(());
        }
        Err(Refusal::transition(code, &allowed))
    }
}
