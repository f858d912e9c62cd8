//! The clocks of a request: when its outcome is due, when a night begins, and
//! which nights began without a bed. Pure, and in the days and hours of Norway.

use std::time::Duration;

use samspor_chassis::{domene::Dag, tid::Tid};

use crate::innstillinger::Innstillinger;

/// Whoever asks is given at least this.
fn minst(innstillinger: &Innstillinger) -> Duration {
    Duration::from_mins(innstillinger.minst_minutter.into())
}

/// The night that an instant belongs to: before the morning, the one that began
/// the day before.
pub(crate) fn natt_av(at: Tid, innstillinger: &Innstillinger) -> Dag {
    let day = Dag::av(at);
    if at < day.klokken(innstillinger.morgen_time) {
        day.pluss_dager(-1)
    } else {
        day
    }
}

/// When the outcome is due: by day in the evening, in the evening before the
/// night, in the night at once.
pub(crate) fn samme_dag(mottatt: Tid, innstillinger: &Innstillinger) -> Tid {
    let night = natt_av(mottatt, innstillinger);
    let evening = night.klokken(innstillinger.kveld_time);
    let begins = night.klokken(innstillinger.natt_time);
    let due = if mottatt < evening { evening } else { begins };
    due.max(mottatt.plus(minst(innstillinger)))
}

/// Nights from a day on, with the instant at which each begins for who asked
/// then. For who asks in the night itself, that is soon after, if the morning
/// has not come by then.
fn fra(mottatt: Tid, day: Dag, innstillinger: &Innstillinger) -> impl Iterator<Item = (Dag, Tid)> {
    let soonest = mottatt.plus(minst(innstillinger));
    let first = natt_av(mottatt, innstillinger).max(day);
    (0..)
        .map(move |n| first.pluss_dager(n))
        .map(move |night| {
            let begins = night.klokken(innstillinger.natt_time);
            let morning = night.pluss_dager(1).klokken(innstillinger.morgen_time);
            (night, begins.max(soonest), morning)
        })
        .filter(|(_, at, morning)| at < morning)
        .map(|(night, at, _)| (night, at))
}

/// Nights that began without a bed for who asked then and waited until then.
pub(crate) fn netter(
    mottatt: Tid,
    til: Tid,
    innstillinger: &Innstillinger,
) -> impl Iterator<Item = (Dag, Tid)> {
    let first = natt_av(mottatt, innstillinger);
    fra(mottatt, first, innstillinger).take_while(move |(_, at)| *at < til)
}

/// When the next night begins for who asked then and waits still.
pub(crate) fn neste_natt(mottatt: Tid, now: Tid, innstillinger: &Innstillinger) -> Tid {
    let running = natt_av(now, innstillinger);
    let mut nights = fra(mottatt, running, innstillinger);
    nights.find(|(_, at)| *at > now).map_or(now, |(_, at)| at)
}

/// Whether somebody else than the one on duty is at work.
pub(crate) fn i_kontortid(at: Tid, innstillinger: &Innstillinger) -> bool {
    let day = Dag::av(at);
    let [opens, closes] = innstillinger.kontortid;
    day.er_arbeidsdag() && day.klokken(opens) <= at && at < day.klokken(closes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::innstillinger::innstillinger;

    fn at(text: &str) -> Tid {
        text.parse().unwrap()
    }

    /// When it came, when the outcome is due, and when the first night begins.
    /// Norway is at +01:00 in winter and +02:00 in summer; it changed on
    /// 2026-03-29 at 02:00 and on 2026-10-25 at 03:00.
    #[test]
    fn the_same_day_and_before_the_night() {
        let settings = innstillinger().unwrap();
        for (came, due, night, first) in [
            // By day: at 20:00, and the night at 23:00.
            (
                "2026-11-23T09:00:00Z",
                "2026-11-23T19:00:00Z",
                "2026-11-23",
                "2026-11-23T22:00:00Z",
            ),
            // At 19:50: an hour at least.
            (
                "2026-11-23T18:50:00Z",
                "2026-11-23T19:50:00Z",
                "2026-11-23",
                "2026-11-23T22:00:00Z",
            ),
            // After the evening hour: before the night of the same day.
            (
                "2026-11-23T19:30:00Z",
                "2026-11-23T22:00:00Z",
                "2026-11-23",
                "2026-11-23T22:00:00Z",
            ),
            // In the night: within the hour, also after midnight.
            (
                "2026-11-23T22:30:00Z",
                "2026-11-23T23:30:00Z",
                "2026-11-23",
                "2026-11-23T23:30:00Z",
            ),
            (
                "2026-11-24T01:00:00Z",
                "2026-11-24T02:00:00Z",
                "2026-11-23",
                "2026-11-24T02:00:00Z",
            ),
            // So late that the morning comes first: the next night.
            (
                "2026-11-24T04:30:00Z",
                "2026-11-24T05:30:00Z",
                "2026-11-24",
                "2026-11-24T22:00:00Z",
            ),
            // In summer, and on the days on which the clock is set.
            (
                "2026-07-01T09:00:00Z",
                "2026-07-01T18:00:00Z",
                "2026-07-01",
                "2026-07-01T21:00:00Z",
            ),
            (
                "2026-03-29T09:00:00Z",
                "2026-03-29T18:00:00Z",
                "2026-03-29",
                "2026-03-29T21:00:00Z",
            ),
            (
                "2026-10-25T09:00:00Z",
                "2026-10-25T19:00:00Z",
                "2026-10-25",
                "2026-10-25T22:00:00Z",
            ),
        ] {
            let came = at(came);
            assert_eq!(samme_dag(came, settings), at(due), "{came}");
            let found = netter(came, came.plus(Duration::from_hours(24)), settings)
                .next()
                .unwrap();
            assert_eq!(
                (found.0.to_string().as_str(), found.1),
                (night, at(first)),
                "{came}"
            );
            assert_eq!(neste_natt(came, came, settings), at(first), "{came}");
        }
    }

    /// Who waits over three nights, and how many had begun by then.
    #[test]
    fn nights_are_counted_when_they_begin() {
        let settings = innstillinger().unwrap();
        let came = at("2026-11-23T09:00:00Z");
        for (until, count) in [
            ("2026-11-23T22:00:00Z", 0),
            ("2026-11-23T22:00:01Z", 1),
            ("2026-11-24T21:59:59Z", 1),
            ("2026-11-25T23:00:00Z", 3),
        ] {
            assert_eq!(netter(came, at(until), settings).count(), count, "{until}");
        }
    }

    /// After any time away the clock is set for a night to come, and never for
    /// one that has begun.
    #[test]
    fn the_next_night_is_the_next_also_after_long() {
        let settings = innstillinger().unwrap();
        let came = at("2026-11-24T01:00:00Z");
        for (now, next) in [
            ("2026-11-24T01:30:00Z", "2026-11-24T02:00:00Z"),
            ("2026-11-24T02:00:00Z", "2026-11-24T22:00:00Z"),
            ("2026-11-24T22:00:00Z", "2026-11-25T22:00:00Z"),
            ("2027-11-25T03:00:00Z", "2027-11-25T22:00:00Z"),
        ] {
            assert_eq!(neste_natt(came, at(now), settings), at(next), "{now}");
        }
    }

    #[test]
    fn office_hours_are_those_of_working_days() {
        let settings = innstillinger().unwrap();
        for (when, open) in [
            ("2026-11-23T07:00:00Z", true),
            ("2026-11-23T06:59:59Z", false),
            ("2026-11-23T15:00:00Z", false),
            // Sunday, and Christmas Day.
            ("2026-11-22T10:00:00Z", false),
            ("2026-12-25T10:00:00Z", false),
        ] {
            assert_eq!(i_kontortid(at(when), settings), open, "{when}");
        }
    }
}
