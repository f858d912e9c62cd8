//! What this service is configured with.

use std::time::Duration;

use crate::{nokler::Nokkelring, person::rules::Kvote};

/// Settings of koordinering. The keys come from the environment or a secret
/// store, never from a file in the repository.
#[derive(Debug)]
pub struct Settings {
    /// Keys of identity numbers and names.
    pub nokler: Nokkelring,
    /// Identity numbers of test persons are accepted. Default: no.
    pub syntetiske: bool,
    /// How often one employee may call `SikrePerson`. Default: 60 an hour.
    pub kvote: Kvote,
    /// How long after it was last asked for an id that nobody uses is purged.
    /// Default: 90 days.
    pub ubrukt_etter: Duration,
    /// Units that hear of every objection, because they decide who delivers.
    /// Default: `bestillerkontor`.
    pub varslede: Vec<String>,
}

impl Settings {
    /// The defaults, with keys.
    #[must_use]
    pub fn new(nokler: Nokkelring) -> Self {
        Self {
            nokler,
            syntetiske: false,
            kvote: Kvote::default(),
            ubrukt_etter: Duration::from_hours(90 * 24),
            varslede: vec!["bestillerkontor".to_owned()],
        }
    }
}
