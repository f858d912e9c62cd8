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
    /// Id of anything else: UUIDv7 of the clock's millisecond, above every one
    /// that was given before.
    fn record(&self) -> Uuid;
    /// Fills `bytes` with randomness.
    fn random(&self, bytes: &mut [u8]);
}

fn v4(random: impl FnOnce(&mut [u8])) -> Uuid {
    let mut bytes = [0; 16];
    random(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid()
}

/// UUIDv7 that only rise within a process, so that records of one millisecond
/// have an order too (RFC 9562 § 6.2, method 2): lists are sorted by id.
#[derive(Default)]
struct Rising(Mutex<u128>);

impl Rising {
    /// The random bits at the end of a UUIDv7.
    const TAIL: u128 = (1 << 62) - 1;

    fn next(&self, clock: &dyn Clock, random: impl FnOnce(&mut [u8])) -> Uuid {
        let mut bytes = [0; 10];
        random(&mut bytes);
        let of = |millis| Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
        let now = u64::try_from(clock.now().0 / 1_000).unwrap_or_default();

        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last_millis = u64::try_from(*last >> 80).unwrap_or_default();
        let [a, b, c, d, ..] = bytes;
        let tail = (*last & Self::TAIL) + 1 + u128::from(u32::from_be_bytes([a, b, c, d]));
        let id = if now > last_millis {
            of(now)
        } else if tail <= Self::TAIL {
            Uuid::from_u128((*last & !Self::TAIL) | tail)
        } else {
            of(last_millis + 1)
        };
        *last = id.as_u128();
        id
    }
}

/// Ids from the operating system's randomness.
pub struct RandomIds {
    clock: Arc<dyn Clock>,
    records: Rising,
}

impl RandomIds {
    /// Ids whose times are those of `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            records: Rising::default(),
        }
    }
}

impl Ids for RandomIds {
    fn person(&self) -> Uuid {
        v4(|bytes| self.random(bytes))
    }

    fn record(&self) -> Uuid {
        self.records.next(&*self.clock, |bytes| self.random(bytes))
    }

    fn random(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The same ids for the same seed and the same order of asking. For tests and
/// demonstrations: they can be guessed.
pub struct SeededIds {
    clock: Arc<dyn Clock>,
    records: Rising,
    rng: Mutex<StdRng>,
}

impl SeededIds {
    /// Ids that follow from `seed`, with the times of `clock`.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            records: Rising::default(),
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }
}

impl Ids for SeededIds {
    fn person(&self) -> Uuid {
        v4(|bytes| self.random(bytes))
    }

    fn record(&self) -> Uuid {
        self.records.next(&*self.clock, |bytes| self.random(bytes))
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
    use uuid::Variant;

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

    /// Seen red: with ten random bytes for each id of a millisecond.
    #[test]
    fn ids_of_records_rise_also_within_a_millisecond_and_when_the_clock_goes_back() {
        let now = Tid(1_800_000_000_000_000);
        let clock = Arc::new(TestClock::new(now));
        let sources: [Box<dyn Ids>; 2] = [
            Box::new(SeededIds::new(7, clock.clone())),
            Box::new(RandomIds::new(clock.clone())),
        ];
        for ids in sources {
            let mut given = Vec::new();
            for at in [now, Tid(now.0 + 1_000), now] {
                clock.set(at);
                given.extend((0..1_000).map(|_| ids.record()));
            }
            assert!(given.is_sorted_by(|one, next| one < next));
            assert!(given.iter().all(|id| id.get_version_num() == 7));
        }
    }

    /// Seen red: without the step to the next millisecond.
    #[test]
    fn a_millisecond_that_is_full_borrows_from_the_next() {
        let clock = TestClock::new(Tid(1_800_000_000_000_000));
        let full = |bytes: &mut [u8]| bytes.fill(0xff);
        let records = Rising::default();
        let (one, two) = (records.next(&clock, full), records.next(&clock, full));
        assert!(one < two);
        assert_eq!(two.get_version_num(), 7);
        assert_eq!(two.get_variant(), Variant::RFC4122);
    }
}
