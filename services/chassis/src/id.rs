//! Ids, as a parameter: random in a service, seeded in a test.

#![expect(clippy::disallowed_methods, reason = "the source of ids itself")]

use std::sync::{Arc, Mutex, PoisonError};

use rand::{RngCore as _, SeedableRng as _, rngs::StdRng};
use uuid::{Builder, Uuid};

use crate::tid::Clock;

/// Where ids and randomness come from. Nothing else in the mesh asks the
/// machine.
pub trait Ids: Send + Sync + 'static {
    /// Id of a person: UUIDv4, because a v7 would tell when somebody became
    /// known.
    fn person(&self) -> Uuid;
    /// Id of anything else: UUIDv7 of the clock's millisecond.
    fn record(&self) -> Uuid;
    /// Fills `bytes` with randomness.
    fn random(&self, bytes: &mut [u8]);
}

fn v4(random: impl FnOnce(&mut [u8])) -> Uuid {
    let mut bytes = [0; 16];
    random(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid()
}

fn v7(clock: &dyn Clock, random: impl FnOnce(&mut [u8])) -> Uuid {
    let mut bytes = [0; 10];
    random(&mut bytes);
    let millis = u64::try_from(clock.now().0 / 1_000).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// Ids from the operating system's randomness.
pub struct RandomIds {
    clock: Arc<dyn Clock>,
}

impl RandomIds {
    /// Ids whose times are those of `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl Ids for RandomIds {
    fn person(&self) -> Uuid {
        v4(|bytes| self.random(bytes))
    }

    fn record(&self) -> Uuid {
        v7(&*self.clock, |bytes| self.random(bytes))
    }

    fn random(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The same ids for the same seed and the same order of asking. For tests and
/// demonstrations: they can be guessed.
pub struct SeededIds {
    clock: Arc<dyn Clock>,
    rng: Mutex<StdRng>,
}

impl SeededIds {
    /// Ids that follow from `seed`, with the times of `clock`.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }
}

impl Ids for SeededIds {
    fn person(&self) -> Uuid {
        v4(|bytes| self.random(bytes))
    }

    fn record(&self) -> Uuid {
        v7(&*self.clock, |bytes| self.random(bytes))
    }

    fn random(&self, bytes: &mut [u8]) {
        self.rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tid::{TestClock, Tid};

    #[test]
    fn versions_and_seed() {
        let clock = Arc::new(TestClock::new(Tid(1_800_000_000_000_000)));
        let (one, two) = (
            SeededIds::new(7, clock.clone()),
            SeededIds::new(7, clock.clone()),
        );
        assert_eq!(one.person(), two.person());
        assert_eq!(one.record(), two.record());
        assert_eq!(one.person().get_version_num(), 4);
        let record = RandomIds::new(clock).record();
        assert_eq!(record.get_version_num(), 7);
        assert_eq!(
            record.get_timestamp().map(|stamp| stamp.to_unix().0),
            Some(1_800_000_000)
        );
    }
}
