//! Days as the law counts them: civil days in Norway, working days with the
//! public holidays (lov om helligdager og helligdagsfred § 2; lov om 1. og 17.
//! mai).

use std::{fmt, str::FromStr, sync::OnceLock, time::Duration};

use jiff::{Span, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::tid::Tid;

/// A civil day in Norway, written `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dag(civil::Date);

/// The text is not a day `YYYY-MM-DD` between 1900 and 2199.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day YYYY-MM-DD")]
pub struct NotADay;

fn norge() -> &'static TimeZone {
    static NORGE: OnceLock<TimeZone> = OnceLock::new();
    // The zone is compiled in, so the fallback is never taken; a test holds it.
    NORGE.get_or_init(|| TimeZone::get("Europe/Oslo").unwrap_or(TimeZone::UTC))
}

impl Dag {
    /// The day on which an instant falls.
    #[must_use]
    pub fn av(t: Tid) -> Self {
        Self(t.timestamp().to_zoned(norge().clone()).date())
    }

    /// First instant of the day.
    #[must_use]
    pub fn start(self) -> Tid {
        self.klokken(0)
    }

    /// The instant at which the clock shows a whole hour, 0 to 23. An hour that
    /// the day skips is the one after it.
    #[must_use]
    pub fn klokken(self, hour: i8) -> Tid {
        norge()
            .to_zoned(self.0.at(hour.clamp(0, 23), 0, 0, 0))
            .map_or(Tid(i64::MAX), |at| at.timestamp().into())
    }

    /// First instant after the day: a deadline on the day is due then.
    #[must_use]
    pub fn slutt(self) -> Tid {
        self.pluss_dager(1).start()
    }

    /// So many days later (earlier when negative). At the far end of time it
    /// stays there.
    #[must_use]
    pub fn pluss_dager(self, days: i32) -> Self {
        self.pluss(days, Span::new().try_days(days).ok())
    }

    /// Civil days from this day until another; negative when that is earlier.
    #[must_use]
    pub fn dager_til(self, til: Self) -> i32 {
        let between = self.0.until(til.0).map(|span| span.get_days());
        // The span of two civil days is in days, and always fits.
        between.unwrap_or(i32::MAX)
    }

    /// So many months later: the same day of the month, or its last. At the far
    /// end of time it stays there.
    #[must_use]
    pub fn pluss_maneder(self, months: i32) -> Self {
        self.pluss(months, Span::new().try_months(months).ok())
    }

    /// Whether it is a working day: neither Saturday, Sunday nor a public
    /// holiday.
    #[must_use]
    pub fn er_arbeidsdag(self) -> bool {
        let weekend = matches!(
            self.0.weekday(),
            civil::Weekday::Saturday | civil::Weekday::Sunday
        );
        !weekend && !self.er_helligdag()
    }

    /// The working day that is so many working days after this day. The day
    /// itself does not count.
    #[must_use]
    pub fn pluss_arbeidsdager(self, days: u16) -> Self {
        let mut day = self;
        let mut left = days;
        while left > 0 {
            day = day.pluss_dager(1);
            if day.er_arbeidsdag() {
                left -= 1;
            }
        }
        day
    }

    fn er_helligdag(self) -> bool {
        let fixed = [(1, 1), (5, 1), (5, 17), (12, 25), (12, 26)];
        // Maundy Thursday, Good Friday, Easter Sunday and Monday, Ascension,
        // Whit Sunday and Monday.
        let by_easter = [-3, -2, 0, 1, 39, 49, 50];
        let easter = paskedag(self.0.year());
        fixed.contains(&(self.0.month(), self.0.day()))
            || by_easter
                .iter()
                .any(|days| easter.pluss_dager(*days) == self)
    }

    /// A span that is longer than time reaches its end.
    fn pluss(self, amount: i32, span: Option<Span>) -> Self {
        Self(match span {
            Some(span) => self.0.saturating_add(span),
            None if amount < 0 => civil::Date::MIN,
            None => civil::Date::MAX,
        })
    }
}

/// Easter Sunday of a Gregorian year (Meeus/Jones/Butcher).
fn paskedag(year: i16) -> Dag {
    let year = i32::from(year);
    let golden = year % 19;
    let (century, of_century) = (year / 100, year % 100);
    let correction = (century + 8) / 25;
    let moon_age = (19 * golden + century - century / 4 - (century - correction + 1) / 3 + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - moon_age - of_century % 4) % 7;
    let late = (golden + 11 * moon_age + 22 * weekday) / 451;
    let sum = moon_age + weekday - 7 * late + 114;
    let number = |value: i32| i8::try_from(value).unwrap_or(1);
    let year = i16::try_from(year).unwrap_or(civil::Date::MAX.year());
    Dag(civil::Date::new(year, number(sum / 31), number(sum % 31 + 1)).unwrap_or(civil::Date::MAX))
}

/// The instant at which a deadline of so many working days is due: the end of
/// the last of them. The day of `from` does not count.
#[must_use]
pub fn arbeidsdager_etter(from: Tid, days: u16) -> Tid {
    Dag::av(from).pluss_arbeidsdager(days).slutt()
}

/// A deadline that ends with a Saturday, Sunday or holiday ends with the next
/// working day instead (forvaltningsloven § 30, domstolloven § 149).
#[must_use]
pub fn til_arbeidsdag(due: Tid) -> Tid {
    // A deadline is due when its last day is over.
    let last = Dag::av(Tid(due.0.saturating_sub(1)));
    if last.er_arbeidsdag() {
        due
    } else {
        last.pluss_arbeidsdager(1).slutt()
    }
}

/// The instant at which a deadline of so many months is due: the end of the
/// day.
#[must_use]
pub fn maneder_etter(from: Tid, months: i32) -> Tid {
    Dag::av(from).pluss_maneder(months).slutt()
}

/// So many days of 24 hours.
#[must_use]
pub const fn dager(days: u64) -> Duration {
    Duration::from_hours(days * 24)
}

/// An instant as clocks in Norway show it, to the millisecond:
/// `2026-05-17 09:00:00.123`.
#[must_use]
pub fn veggklokke(t: Tid) -> String {
    let at = t.timestamp().to_zoned(norge().clone()).datetime();
    let (date, millis) = (at.date(), at.subsec_nanosecond() / 1_000_000);
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{date} {hour:02}:{minute:02}:{second:02}.{millis:03}")
}

/// `2026-05-17`.
impl fmt::Display for Dag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Dag {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let day: civil::Date = text.parse().map_err(|_| NotADay)?;
        // Only the one spelling: the library also reads others.
        if day.to_string() == text && (1900..2200).contains(&day.year()) {
            Ok(Self(day))
        } else {
            Err(NotADay)
        }
    }
}

impl TryFrom<String> for Dag {
    type Error = NotADay;

    fn try_from(text: String) -> Result<Self, NotADay> {
        text.parse()
    }
}

impl From<Dag> for String {
    fn from(day: Dag) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn day(text: &str) -> Dag {
        text.parse().unwrap()
    }

    fn instant(text: &str) -> Tid {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_norwegian_also_around_midnight_and_the_change_of_clocks() {
        assert_eq!(Dag::av(instant("2026-01-01T22:59:59Z")), day("2026-01-01"));
        assert_eq!(Dag::av(instant("2026-01-01T23:00:00Z")), day("2026-01-02"));
        assert_eq!(day("2026-03-29").start(), instant("2026-03-28T23:00:00Z"));
        assert_eq!(day("2026-03-29").slutt(), instant("2026-03-29T22:00:00Z"));
    }

    #[test]
    fn easter_of_known_years() {
        for (year, expected) in [
            (2000, "2000-04-23"),
            (2008, "2008-03-23"),
            (2024, "2024-03-31"),
            (2025, "2025-04-20"),
            (2026, "2026-04-05"),
            (2038, "2038-04-25"),
        ] {
            assert_eq!(paskedag(year), day(expected));
        }
    }

    /// Public holidays of 2026 on weekdays. To see it red, drop one of them
    /// from `er_helligdag`.
    #[test]
    fn holidays_do_not_count() {
        for holiday in [
            "2026-01-01",
            "2026-04-02",
            "2026-04-03",
            "2026-04-06",
            "2026-05-01",
            "2026-05-14",
            "2026-05-25",
            "2026-12-25",
        ] {
            assert!(!day(holiday).er_arbeidsdag(), "{holiday}");
        }
        assert!(day("2026-05-18").er_arbeidsdag());
        // Before Easter: Wednesday + 3 = Thursday, Friday, Monday skipped.
        assert_eq!(day("2026-04-01").pluss_arbeidsdager(3), day("2026-04-09"));
        // Friday + 3 = Wednesday.
        assert_eq!(
            arbeidsdager_etter(instant("2026-02-06T12:00:00Z"), 3),
            instant("2026-02-11T23:00:00Z")
        );
    }

    /// From, working days, when it is due. Norway is at +01:00 in winter and
    /// +02:00 in summer; it changed on 2026-03-29 and 2026-10-25.
    ///
    /// Seen red: with UTC for the zone, with 24 hours for a day, with Saturdays
    /// as working days, and without the holidays that follow Easter.
    #[test]
    fn working_days_over_nights_weekends_and_holidays() {
        let table = [
            // Tuesday noon: the end of Friday.
            ("2026-01-13T11:00:00Z", 3, "2026-01-16T23:00:00Z"),
            // Late Tuesday in UTC is Wednesday in Norway.
            ("2026-01-13T22:59:59.999999Z", 3, "2026-01-16T23:00:00Z"),
            ("2026-01-13T23:00:00Z", 3, "2026-01-19T23:00:00Z"),
            // Over a weekend.
            ("2026-01-16T11:00:00Z", 1, "2026-01-19T23:00:00Z"),
            ("2026-01-17T11:00:00Z", 1, "2026-01-19T23:00:00Z"),
            // Over Easter: Wednesday before to Tuesday after.
            ("2026-04-01T10:00:00Z", 1, "2026-04-07T22:00:00Z"),
            // Over the night in which an hour is skipped.
            ("2026-03-27T11:00:00Z", 1, "2026-03-30T22:00:00Z"),
            ("2026-03-28T22:59:59Z", 1, "2026-03-30T22:00:00Z"),
            ("2026-03-29T00:59:59Z", 1, "2026-03-30T22:00:00Z"),
            ("2026-03-29T01:00:00Z", 1, "2026-03-30T22:00:00Z"),
            // Over the night in which an hour comes twice.
            ("2026-10-23T10:00:00Z", 1, "2026-10-26T23:00:00Z"),
            ("2026-10-25T00:30:00Z", 1, "2026-10-26T23:00:00Z"),
            ("2026-10-25T01:30:00Z", 1, "2026-10-26T23:00:00Z"),
            // Over Christmas and the turn of the year: 24, 28 to 31 December
            // and 4 January are working days.
            ("2026-12-23T11:00:00Z", 6, "2027-01-04T23:00:00Z"),
            // 17 May 2027 is a Monday, and Whit Monday too.
            ("2027-05-14T10:00:00Z", 1, "2027-05-18T22:00:00Z"),
            // None: the end of the same day.
            ("2026-03-29T11:00:00Z", 0, "2026-03-29T22:00:00Z"),
            ("2026-10-24T22:30:00Z", 0, "2026-10-25T23:00:00Z"),
        ];
        for (from, days, due) in table {
            assert_eq!(
                arbeidsdager_etter(instant(from), days),
                instant(due),
                "{days} after {from}"
            );
        }
    }

    #[test]
    fn a_deadline_on_a_holiday_waits_for_a_working_day() {
        // Three weeks from 12 March 2026 is Maundy Thursday.
        let klage = day("2026-03-12").pluss_dager(21).slutt();
        assert_eq!(klage, instant("2026-04-02T22:00:00Z"));
        assert_eq!(til_arbeidsdag(klage), instant("2026-04-07T22:00:00Z"));
        let friday = day("2026-01-16").slutt();
        assert_eq!(til_arbeidsdag(friday), friday);
    }

    #[test]
    fn the_ends_of_time_are_survived() {
        for end in [Tid(i64::MIN), Tid(i64::MAX)] {
            let _ = arbeidsdager_etter(end, 3);
            let _ = til_arbeidsdag(end);
        }
    }

    /// Seen red (it panicked): with the spans of `ToSpan`, which hold at most
    /// 7 304 484 days and 239 976 months.
    #[test]
    fn any_number_of_days_and_months_is_added() {
        let (first, last) = (Dag(civil::Date::MIN), Dag(civil::Date::MAX));
        for amount in [i32::MAX, i32::MAX - 1, 8_000_000] {
            assert_eq!(day("2026-02-01").pluss_dager(amount), last);
            assert_eq!(day("2026-02-01").pluss_maneder(amount), last);
            assert_eq!(day("2026-02-01").pluss_dager(-amount), first);
            assert_eq!(day("2026-02-01").pluss_maneder(-amount), first);
        }
        assert_eq!(day("2026-02-01").pluss_dager(i32::MIN), first);
        assert_eq!(day("2026-02-01").pluss_maneder(i32::MIN), first);
        assert_eq!(last.pluss_dager(1), last);
        assert_eq!(last.pluss_maneder(1), last);
    }

    #[test]
    fn a_month_after_the_last_of_january() {
        assert_eq!(day("2026-01-31").pluss_maneder(1), day("2026-02-28"));
    }

    #[test]
    fn only_one_spelling_is_a_day() {
        for text in [
            "",
            "2026-2-1",
            "20260201",
            "2026-02-30",
            "1812-01-01",
            "2026-02-01T00:00",
        ] {
            assert!(text.parse::<Dag>().is_err(), "{text}");
        }
        let json = serde_json::to_string(&day("2026-02-01")).unwrap();
        assert_eq!(json, "\"2026-02-01\"");
        assert_eq!(
            serde_json::from_str::<Dag>(&json).unwrap(),
            day("2026-02-01")
        );
    }
}
