//! Instants, and the clock that everybody is given instead of the machine's.

#![expect(clippy::disallowed_methods, reason = "the clock itself")]

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::oneshot;

/// An instant: microseconds since 1970-01-01T00:00:00Z. What the databases
/// hold in a BIGINT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid(pub i64);

/// The text or the message is not an instant between year 1 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an instant")]
pub struct NotAnInstant;

/// Whole microseconds, at most what fits.
fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

impl Tid {
    /// Later by `span`; at the far end of time it stays there.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// Earlier by `span`; at the far end of time it stays there.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// How long after `earlier` this is; zero when it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }

    /// As a timestamp of the calendar library. Instants outside its range
    /// (years -9999 to 9999) come out as its nearest end.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }

    /// As the contracts carry it.
    #[must_use]
    pub fn to_proto(self) -> prost_types::Timestamp {
        self.into()
    }
}

/// RFC 3339 in UTC: `2026-03-29T01:00:00Z`.
impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl std::str::FromStr for Tid {
    type Err = NotAnInstant;

    /// Reads RFC 3339; digits below a microsecond are dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Timestamp>()
            .map(Self::from)
            .map_err(|_| NotAnInstant)
    }
}

impl From<Timestamp> for Tid {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

impl From<Tid> for prost_types::Timestamp {
    fn from(tid: Tid) -> Self {
        Self {
            seconds: tid.0.div_euclid(1_000_000),
            nanos: i32::try_from(tid.0.rem_euclid(1_000_000) * 1_000).unwrap_or_default(),
        }
    }
}

/// Digits below a microsecond are dropped.
impl TryFrom<prost_types::Timestamp> for Tid {
    type Error = NotAnInstant;

    fn try_from(timestamp: prost_types::Timestamp) -> Result<Self, Self::Error> {
        /// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the range of the
        /// well-known type.
        const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
        if !SECONDS.contains(&timestamp.seconds) || !(0..1_000_000_000).contains(&timestamp.nanos) {
            return Err(NotAnInstant);
        }
        Ok(Self(
            timestamp.seconds * 1_000_000 + i64::from(timestamp.nanos) / 1_000,
        ))
    }
}

impl sqlx::Type<sqlx::Any> for Tid {
    fn type_info() -> sqlx::any::AnyTypeInfo {
        <i64 as sqlx::Type<sqlx::Any>>::type_info()
    }

    fn compatible(ty: &sqlx::any::AnyTypeInfo) -> bool {
        <i64 as sqlx::Type<sqlx::Any>>::compatible(ty)
    }
}

impl<'q> sqlx::Encode<'q, sqlx::Any> for Tid {
    fn encode_by_ref(
        &self,
        buffer: &mut <sqlx::Any as sqlx::Database>::ArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        <i64 as sqlx::Encode<'q, sqlx::Any>>::encode_by_ref(&self.0, buffer)
    }
}

impl<'r> sqlx::Decode<'r, sqlx::Any> for Tid {
    fn decode(
        value: <sqlx::Any as sqlx::Database>::ValueRef<'r>,
    ) -> Result<Self, sqlx::error::BoxDynError> {
        <i64 as sqlx::Decode<'r, sqlx::Any>>::decode(value).map(Self)
    }
}

/// What time it is, and waiting for a time. Nothing else in the mesh asks the
/// machine.
pub trait Clock: Send + Sync + 'static {
    /// The instant now.
    fn now(&self) -> Tid;
    /// Resolves when the clock has reached `t`; at once when it has already.
    fn sleep_until(&self, t: Tid) -> BoxFuture<'_, ()>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Tid {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Tid(micros(since_epoch))
    }

    fn sleep_until(&self, t: Tid) -> BoxFuture<'_, ()> {
        /// A step of the machine's clock is seen within this time.
        const STEP: Duration = Duration::from_mins(1);
        Box::pin(async move {
            loop {
                let rest = t.since(self.now());
                if rest.is_zero() {
                    return;
                }
                tokio::time::sleep(rest.min(STEP)).await;
            }
        })
    }
}

/// A clock that stands still until it is moved. For tests, and for a
/// demonstration that plays months in seconds.
#[derive(Debug)]
pub struct TestClock {
    state: Mutex<TestClockState>,
}

#[derive(Debug, Default)]
struct TestClockState {
    now: Tid,
    serial: u64,
    sleepers: BTreeMap<(Tid, u64), oneshot::Sender<()>>,
}

impl TestClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: Tid) -> Self {
        Self {
            state: Mutex::new(TestClockState {
                now,
                ..TestClockState::default()
            }),
        }
    }

    /// Moves the clock forward and wakes who slept until then.
    pub fn advance(&self, span: Duration) {
        self.move_with(|now| now.plus(span));
    }

    /// Sets the clock, also back, and wakes who slept until then.
    pub fn set(&self, now: Tid) {
        self.move_with(|_| now);
    }

    /// How many wait for a later instant.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        let mut state = self.lock();
        state.sleepers.retain(|_, waker| !waker.is_closed());
        state.sleepers.len()
    }

    fn move_with(&self, to: impl FnOnce(Tid) -> Tid) {
        let mut state = self.lock();
        let now = to(state.now);
        state.now = now;
        let later = state.sleepers.split_off(&(Tid(now.0.saturating_add(1)), 0));
        let awake = std::mem::replace(&mut state.sleepers, later);
        drop(state);
        for waker in awake.into_values() {
            // A sleeper that gave up needs no waking.
            let _ = waker.send(());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, TestClockState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Tid {
        self.lock().now
    }

    fn sleep_until(&self, t: Tid) -> BoxFuture<'_, ()> {
        let mut state = self.lock();
        if t <= state.now {
            return Box::pin(std::future::ready(()));
        }
        let (waker, wake) = oneshot::channel();
        state.serial += 1;
        let key = (t, state.serial);
        state.sleepers.insert(key, waker);
        drop(state);
        Box::pin(async move {
            // The clock outlives the borrow, so its sender is not dropped
            // before it has fired.
            let _ = wake.await;
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn proto_and_back_at_the_edges() {
        for tid in [
            Tid(0),
            Tid(-1),
            Tid(1_999_999),
            Tid(-62_135_596_800_000_000),
            Tid(253_402_300_799_999_999),
        ] {
            assert_eq!(Tid::try_from(tid.to_proto()), Ok(tid));
        }
        for (seconds, nanos) in [
            (-62_135_596_801, 0),
            (253_402_300_800, 0),
            (0, -1),
            (0, 1_000_000_000),
            (i64::MAX, 0),
        ] {
            let timestamp = prost_types::Timestamp { seconds, nanos };
            assert_eq!(Tid::try_from(timestamp), Err(NotAnInstant));
        }
    }

    #[test]
    fn rfc_3339_and_back() {
        let text = "2026-03-29T01:00:00.000001Z";
        let tid: Tid = text.parse().unwrap();
        assert_eq!(tid.to_string(), text);
        assert!("29.03.2026".parse::<Tid>().is_err());
    }

    #[test]
    fn test_clock_wakes_exactly_those_whose_time_came() {
        let clock = TestClock::new(Tid(0));
        let mut at_one = clock.sleep_until(Tid(1));
        let mut at_two = clock.sleep_until(Tid(2));
        assert_eq!(clock.sleepers(), 2);
        assert!((&mut at_one).now_or_never().is_none());
        clock.advance(Duration::from_micros(1));
        assert!((&mut at_one).now_or_never().is_some());
        assert!((&mut at_two).now_or_never().is_none());
        clock.set(Tid(2));
        assert!(at_two.now_or_never().is_some());
        assert!(clock.sleep_until(Tid(2)).now_or_never().is_some());
    }
}
