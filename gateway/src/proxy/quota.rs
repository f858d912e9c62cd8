//! How much one caller may register without any relation to the person (W1).
//!
//! Kept in memory, by each replica for itself: it slows a flood down, and
//! needs no more to do that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;
use samspor_proto::felles::Feilgrunn;

use super::refusal::Refused;
use crate::model::Caller;

/// Registrations of one caller in an hour, evenly refilled: more than an
/// office takes in, less than a flood.
const PER_HOUR: i64 = 240;
const HOUR: i64 = 3_600_000_000;
/// Callers that are remembered.
const CALLERS: u64 = 10_000;

/// Who registers: unit, employee, system, and the person who does it herself.
type Who = (String, String, String, Option<String>);

/// What every caller has used up.
pub(super) struct Quota(Cache<Who, Arc<AtomicI64>>);

impl Quota {
    pub(super) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(CALLERS)
                .time_to_idle(Duration::from_hours(1))
                .build(),
        )
    }

    /// Uses up one registration. `now` in microseconds since 1970.
    ///
    /// # Errors
    /// FOR_MANGE_KALL with the seconds to wait.
    pub(super) fn take(&self, caller: &Caller, now: i64) -> Result<(), Refused> {
        let who = (
            caller.enhet.clone(),
            caller.ansatt.clone(),
            caller.system.clone(),
            caller.person.clone(),
        );
        let used_until = self.0.get_with(who, Arc::default);
        let step = HOUR / PER_HOUR;
        let next = |used: i64| used.max(now).saturating_add(step);
        let within = |used: i64| Some(next(used)).filter(|next| *next <= now + HOUR);
        match used_until.fetch_update(Ordering::AcqRel, Ordering::Acquire, within) {
            Ok(_) => Ok(()),
            Err(used) => {
                let wait = next(used) - (now + HOUR);
                let seconds = wait.unsigned_abs().div_ceil(1_000_000);
                Err(Refused::new(Feilgrunn::ForMangeKall).with("sekunder", seconds))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::Rolle;

    use super::*;

    fn caller(ansatt: &str) -> Caller {
        Caller {
            enhet: "nav".to_owned(),
            ansatt: ansatt.to_owned(),
            rolle: Rolle::Inntak,
            person: None,
            system: "fagsystem".to_owned(),
            mesh: false,
        }
    }

    /// Seen red: with nothing stored.
    #[test]
    fn a_flood_is_refused_until_it_is_refilled() {
        let quota = Quota::new();
        let now = 1_790_841_600_000_000;
        for _ in 0..PER_HOUR {
            quota.take(&caller("a"), now).unwrap();
        }
        let refused = quota.take(&caller("a"), now).unwrap_err();
        assert_eq!(refused.feil.grunn, i32::from(Feilgrunn::ForMangeKall));
        assert_eq!(refused.feil.nokler["sekunder"], "15");
        quota.take(&caller("b"), now).unwrap();
        let later = now + HOUR / PER_HOUR;
        quota.take(&caller("a"), later).unwrap();
        assert!(quota.take(&caller("a"), later).is_err());
    }

    /// One person's applications stop nobody else's, also where the tokens of
    /// both come through one system.
    ///
    /// Seen red: without the person among who registers.
    #[test]
    fn every_citizen_has_a_quota_of_the_own() {
        let citizen = |person: &str| Caller {
            enhet: String::new(),
            rolle: Rolle::Innbygger,
            person: Some(person.to_owned()),
            ..caller("")
        };
        let quota = Quota::new();
        let now = 1_790_841_600_000_000;
        for _ in 0..PER_HOUR {
            quota.take(&citizen("a"), now).unwrap();
        }
        assert!(quota.take(&citizen("a"), now).is_err());
        quota.take(&citizen("b"), now).unwrap();
    }
}
