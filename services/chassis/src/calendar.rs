//! Norwegian days: when a day ends in Oslo, which days are working days, and
//! where a deadline counted in them falls.
//!
//! A deadline that is counted in days ends with its last day, at midnight; the
//! day it is counted from is not counted (domstolloven § 148). An instant on
//! the boundary belongs to the day that begins.

use std::sync::LazyLock;

use jiff::{
    Span, ToSpan as _,
    civil::{Date, Weekday},
    tz::TimeZone,
};

use crate::tid::Tid;

/// The zone of every municipality; its rules come with the binary.
static OSLO: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::get("Europe/Oslo").unwrap_or(TimeZone::UTC));

/// The date in Oslo at an instant.
#[must_use]
pub fn oslo_date(tid: Tid) -> Date {
    tid.timestamp().to_zoned(OSLO.clone()).date()
}

/// When a date begins in Oslo.
#[must_use]
pub fn start_of_day(date: Date) -> Tid {
    date.to_zoned(OSLO.clone())
        .map_or(Tid(i64::MAX), |zoned| Tid::from(zoned.timestamp()))
}

/// When the date ends in Oslo: the first instant that is no longer in it.
#[must_use]
pub fn end_of_date(date: Date) -> Tid {
    start_of_day(plus(date, 1.day()))
}

/// When the day of an instant ends in Oslo: a deadline of the same day.
#[must_use]
pub fn end_of_day(tid: Tid) -> Tid {
    end_of_date(oslo_date(tid))
}

/// The end of the `n`th working day after the day of `tid`. 0 is the end of
/// that day itself, whatever day it is.
#[must_use]
pub fn working_days_after(tid: Tid, n: u16) -> Tid {
    let mut date = oslo_date(tid);
    let mut rest = n;
    while rest > 0 && date < Date::MAX {
        date = plus(date, 1.day());
        rest -= u16::from(is_working_day(date));
    }
    end_of_date(date)
}

/// The end of the `n`th day after the day of `tid`, working day or not.
#[must_use]
pub fn days_after(tid: Tid, n: u16) -> Tid {
    end_of_date(plus(oslo_date(tid), i64::from(n).days()))
}

/// The end of the same weekday `n` weeks later.
#[must_use]
pub fn weeks_after(tid: Tid, n: u16) -> Tid {
    end_of_date(plus(oslo_date(tid), i64::from(n).weeks()))
}

/// The end of the same day of the month `n` months later; of the month's last
/// day where it has no such day.
#[must_use]
pub fn months_after(tid: Tid, n: u16) -> Tid {
    end_of_date(plus(oslo_date(tid), i64::from(n).months()))
}

/// A deadline that ends with a Saturday, Sunday or holiday ends with the next
/// working day instead (domstolloven § 149, forvaltningsloven § 30).
#[must_use]
pub fn extended(deadline: Tid) -> Tid {
    let mut date = oslo_date(Tid(deadline.0.saturating_sub(1)));
    if is_working_day(date) {
        return deadline;
    }
    while !is_working_day(date) && date < Date::MAX {
        date = plus(date, 1.day());
    }
    end_of_date(date)
}

/// Whether it is Monday to Friday and no holiday.
#[must_use]
pub fn is_working_day(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_holiday(date)
}

/// Whether it is a public holiday (lov om helligdager § 2, lov om 1 og 17 mai
/// som høgtidsdager § 1).
#[must_use]
pub fn is_holiday(date: Date) -> bool {
    /// New Year's Day, Labour Day, Constitution Day, Christmas.
    const FIXED: [(i8, i8); 5] = [(1, 1), (5, 1), (5, 17), (12, 25), (12, 26)];
    /// Maundy Thursday, Good Friday, Easter, Ascension, Pentecost: days after
    /// Easter Sunday.
    const MOVABLE: [i32; 7] = [-3, -2, 0, 1, 39, 49, 50];
    let after_easter = easter_sunday(date.year())
        .and_then(|easter| easter.until(date).ok())
        .map(|span| span.get_days());
    FIXED.contains(&(date.month(), date.day()))
        || after_easter.is_some_and(|days| MOVABLE.contains(&days))
}

/// Easter Sunday of a year of the Gregorian calendar (the algorithm of Meeus,
/// Jones and Butcher).
fn easter_sunday(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (golden, century, year_of_century) = (y % 19, y / 100, y % 100);
    let correction = (century + 8) / 25;
    let epact = (19 * golden + century - century / 4 - (century - correction + 1) / 3 + 15) % 30;
    let to_sunday =
        (32 + 2 * (century % 4) + 2 * (year_of_century / 4) - epact - year_of_century % 4) % 7;
    let shift = (golden + 11 * epact + 22 * to_sunday) / 451;
    let days = epact + to_sunday - 7 * shift + 114;
    Date::new(
        year,
        i8::try_from(days / 31).ok()?,
        i8::try_from(days % 31 + 1).ok()?,
    )
    .ok()
}

/// Later by a span; the last date of all when there is none later.
fn plus(date: Date, span: Span) -> Date {
    date.saturating_add(span)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn tid(text: &str) -> Tid {
        text.parse().unwrap()
    }

    #[test]
    fn easter() {
        for (year, sunday) in [
            (1961, "1961-04-02"),
            (2008, "2008-03-23"),
            (2019, "2019-04-21"),
            (2024, "2024-03-31"),
            (2025, "2025-04-20"),
            (2026, "2026-04-05"),
            (2038, "2038-04-25"),
        ] {
            assert_eq!(easter_sunday(year).unwrap().to_string(), sunday);
        }
    }

    #[test]
    fn holidays_of_2026() {
        let first: Date = "2026-01-01".parse().unwrap();
        let holidays: Vec<_> = first
            .series(1.day())
            .take(365)
            .filter(|date| is_holiday(*date))
            .map(|date| date.to_string())
            .collect();
        assert_eq!(
            holidays,
            [
                "2026-01-01",
                "2026-04-02", // skjærtorsdag
                "2026-04-03", // langfredag
                "2026-04-05",
                "2026-04-06",
                "2026-05-01",
                "2026-05-14", // Kristi himmelfartsdag
                "2026-05-17",
                "2026-05-24", // pinse
                "2026-05-25",
                "2026-12-25",
                "2026-12-26",
            ]
        );
    }

    /// From, working days, end of the deadline. Oslo is at +01:00 in winter and
    /// +02:00 in summer; it changed on 2026-03-29 and 2026-10-25.
    ///
    /// Seen red: with UTC for Oslo, with Saturdays as working days, and without
    /// the movable holidays.
    #[test]
    fn working_days() {
        let table = [
            // Tuesday noon: the end of Friday.
            ("2026-01-13T11:00:00Z", 3, "2026-01-16T23:00:00Z"),
            // Late Tuesday in UTC is Wednesday in Oslo.
            ("2026-01-13T23:30:00Z", 3, "2026-01-19T23:00:00Z"),
            ("2026-01-13T22:59:59.999999Z", 3, "2026-01-16T23:00:00Z"),
            ("2026-01-13T23:00:00Z", 3, "2026-01-19T23:00:00Z"),
            // Over a weekend.
            ("2026-01-16T11:00:00Z", 1, "2026-01-19T23:00:00Z"),
            ("2026-01-17T11:00:00Z", 1, "2026-01-19T23:00:00Z"),
            // Over Easter: Wednesday before to Tuesday after.
            ("2026-04-01T10:00:00Z", 1, "2026-04-07T22:00:00Z"),
            // Over the night when an hour is skipped (29 March, 23 hours).
            ("2026-03-27T11:00:00Z", 1, "2026-03-30T22:00:00Z"),
            ("2026-03-29T00:59:59Z", 1, "2026-03-30T22:00:00Z"),
            ("2026-03-29T01:00:00Z", 1, "2026-03-30T22:00:00Z"),
            // Over the night when an hour comes twice (25 October, 25 hours).
            ("2026-10-23T10:00:00Z", 1, "2026-10-26T23:00:00Z"),
            ("2026-10-25T00:30:00Z", 1, "2026-10-26T23:00:00Z"),
            ("2026-10-25T01:30:00Z", 1, "2026-10-26T23:00:00Z"),
            // Over Christmas and the turn of the year: 24, 28 to 31 December
            // and 4 January are working days.
            ("2026-12-23T11:00:00Z", 6, "2027-01-04T23:00:00Z"),
            // 17 May 2027 is a Monday, and the second day of Pentecost too.
            ("2027-05-14T10:00:00Z", 1, "2027-05-18T22:00:00Z"),
            // None: the same day.
            ("2026-03-29T11:00:00Z", 0, "2026-03-29T22:00:00Z"),
            ("2026-10-24T22:30:00Z", 0, "2026-10-25T23:00:00Z"),
        ];
        for (from, n, end) in table {
            assert_eq!(
                working_days_after(tid(from), n).to_string(),
                end,
                "{n} after {from}"
            );
        }
    }

    #[test]
    fn days_weeks_and_months() {
        let from = tid("2026-01-31T11:00:00Z");
        assert_eq!(days_after(from, 14).to_string(), "2026-02-14T23:00:00Z");
        assert_eq!(weeks_after(from, 3).to_string(), "2026-02-21T23:00:00Z");
        assert_eq!(months_after(from, 1).to_string(), "2026-02-28T23:00:00Z");
        // Summer time began in between.
        assert_eq!(months_after(from, 3).to_string(), "2026-04-30T22:00:00Z");
    }

    #[test]
    fn a_deadline_on_a_holiday_is_extended() {
        // Three weeks from 12 March 2026 is Maundy Thursday.
        let klage = weeks_after(tid("2026-03-12T09:00:00Z"), 3);
        assert_eq!(klage.to_string(), "2026-04-02T22:00:00Z");
        assert_eq!(extended(klage).to_string(), "2026-04-07T22:00:00Z");
        let friday = weeks_after(tid("2026-01-16T09:00:00Z"), 1);
        assert_eq!(extended(friday), friday);
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        for tid in [Tid(i64::MIN), Tid(0), Tid(i64::MAX)] {
            let _ = working_days_after(tid, 3);
            let _ = extended(tid);
            let _ = end_of_day(tid);
        }
        let _ = months_after(Tid(i64::MAX), u16::MAX);
        let _ = days_after(Tid(0), u16::MAX);
    }
}
