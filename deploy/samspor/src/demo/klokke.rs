//! The clock of a story: it runs as the machine's does, and jumps where the
//! story says that days go by.

use std::time::Duration;

use futures::future::BoxFuture;
use samspor_chassis::{
    domene::Dag,
    tid::{Clock, SystemClock, Tid},
};
use tokio::sync::watch;

/// A Monday in January 2027, nine in the morning in Norway.
const BEGIN: Tid = Tid(1_799_654_400_000_000);

/// The clock of a story, which begins on a Monday in January 2027.
#[derive(Debug)]
pub struct Klokke(
    /// Microseconds that the story is ahead of the machine.
    watch::Sender<i64>,
);

impl Default for Klokke {
    fn default() -> Self {
        Self::ved(BEGIN)
    }
}

impl Klokke {
    /// One that begins at an instant.
    #[must_use]
    pub fn ved(at: Tid) -> Self {
        Self(watch::Sender::new(at.0.saturating_sub(SystemClock.now().0)))
    }

    /// When a story begins.
    #[must_use]
    pub const fn begynner() -> Tid {
        BEGIN
    }

    /// It is so late now, unless it was later already; whoever waited for an
    /// instant before that is woken.
    pub fn til(&self, at: Tid) {
        let ahead = at.0.saturating_sub(SystemClock.now().0);
        self.0.send_modify(|now| *now = ahead.max(*now));
    }

    /// It is as late as at the machine, for good.
    pub fn innhent(&self) {
        self.0.send_modify(|ahead| *ahead = 0);
    }

    /// So many days go by, and whoever waited for one of them is woken.
    pub fn days_pass(&self, days: i32) {
        let now = self.now();
        let then = Dag::av(now).pluss_dager(days).start().0 - Dag::av(now).start().0;
        self.0
            .send_modify(|ahead| *ahead = ahead.saturating_add(then));
    }
}

impl Clock for Klokke {
    fn now(&self) -> Tid {
        Tid(SystemClock.now().0.saturating_add(*self.0.borrow()))
    }

    fn sleep_until(&self, t: Tid) -> BoxFuture<'_, ()> {
        let mut jumps = self.0.subscribe();
        Box::pin(async move {
            loop {
                let rest: Duration = t.since(self.now());
                if rest.is_zero() {
                    return;
                }
                // A jump has to look again; so has the end of the wait.
                let _ = tokio::time::timeout(rest, jumps.changed()).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards against: with `sleep_until` that waits for the machine alone.
    #[tokio::test]
    async fn who_sleeps_is_woken_by_a_jump() {
        let clock = Klokke::default();
        let begin = clock.now();
        let tomorrow = begin.plus(Duration::from_hours(24));
        let mut woken = clock.sleep_until(tomorrow);
        assert!(futures::poll!(&mut woken).is_pending());
        clock.days_pass(1);
        let woken = tokio::time::timeout(Duration::from_secs(5), woken).await;
        assert!(woken.is_ok() && clock.now() >= tomorrow);
        assert_eq!(Dag::av(begin).to_string(), "2027-01-11");
        assert_eq!(Dag::av(clock.now()).to_string(), "2027-01-12");
    }
}
