//! Figures of a period: what every service's statistics have in common.

use super::{Dag, felt, navn};
use crate::{
    error::{FieldFaults, Refusal},
    tid::Tid,
};

/// Longest period, in days.
const LENGST: i32 = 366;

/// A number as it is published: the nearest that 5 divides.
#[must_use]
pub fn avrund(number: i32) -> i32 {
    number.saturating_add(2).div_euclid(5).saturating_mul(5)
}

/// Hours as they are published: whole ones, the nearest that 5 divides.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "hours of a unit in a year are far below the end of i32"
)]
pub fn avrund_timer(hours: f64) -> i32 {
    avrund(hours.round() as i32)
}

/// So few are persons whom somebody knows: a middle, a longest or a sum of them
/// is one person's.
const FAERREST: usize = 5;

/// A figure as it is published of so many: none where they are too few.
#[must_use]
pub const fn av_flere(antall: usize, figure: i32) -> i32 {
    if antall < FAERREST { 0 } else { figure }
}

/// First and last day of a period that is over, in the fields `fra` and `til`.
pub fn les(fra: &str, til: &str, now: Tid, faults: &mut FieldFaults) -> Option<(Dag, Dag)> {
    let fra = felt::pakrevd_dag(fra, "fra", faults);
    let til = felt::pakrevd_dag(til, "til", faults);
    let (fra, til) = (fra?, til?);
    if til < fra {
        faults.contradicts("til", "fra", "siste dag er før første");
    } else if til > fra.pluss_dager(LENGST) {
        faults.form("til", format_args!("en dag høyst {LENGST} dager etter fra"));
    }
    if til >= Dag::av(now) {
        faults.form("til", "en dag som er over");
    }
    Some((fra, til))
}

/// First and last day of a month `YYYY-MM` in the field `maned`.
pub fn les_maned(maned: &str, faults: &mut FieldFaults) -> Option<(Dag, Dag)> {
    if maned.is_empty() {
        faults.missing("maned");
        return None;
    }
    let first: Option<Dag> = format!("{maned}-01").parse().ok();
    if first.is_none() {
        faults.form("maned", "YYYY-MM");
    }
    first.map(|first| (first, first.pluss_maneder(1).pluss_dager(-1)))
}

/// That the figures of a month are not published: by whom they are, and from
/// which day they can be.
#[must_use]
pub fn ikke_publisert(maned: &str, utgiver: &str, tidligst: Dag) -> Refusal {
    let mut faults = FieldFaults::new();
    let expected = format!(
        "en publisert måned; {maned} publiseres av {}, tidligst {tidligst}",
        navn::enhet(utgiver)
    );
    faults.form("maned", expected);
    faults.finish().err().unwrap_or_else(Refusal::not_found)
}

/// The value that so many of a hundred do not exceed; 0 of none.
#[must_use]
pub fn kvantil(sorted: &[i32], percent: usize) -> i32 {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_are_those_that_5_divides() {
        for (exact, published) in [(0, 0), (2, 0), (3, 5), (7, 5), (8, 10), (12, 10), (13, 15)] {
            assert_eq!(avrund(exact), published, "{exact}");
        }
        assert_eq!(avrund_timer(7.4), 5);
        assert_eq!(avrund_timer(7.6), 10);
    }

    /// Seen red: with one fewer.
    #[test]
    fn a_figure_of_a_few_is_not_published() {
        for (antall, published) in [(0, 0), (1, 0), (4, 0), (5, 40), (60, 40)] {
            assert_eq!(av_flere(antall, 40), published, "{antall}");
        }
    }

    #[test]
    fn a_month_has_its_own_last_day() {
        for (maned, last) in [
            ("2026-02", Some("2026-02-28")),
            ("2028-02", Some("2028-02-29")),
            ("2026-12", Some("2026-12-31")),
            ("2026-13", None),
            ("2026-1", None),
            ("2026", None),
            ("", None),
        ] {
            let mut faults = FieldFaults::new();
            let read = les_maned(maned, &mut faults).map(|(_, last)| last.to_string());
            assert_eq!(read.as_deref(), last, "{maned}");
            assert_eq!(faults.is_empty(), last.is_some());
        }
    }

    /// Guards against: with the place rounded down, which gives 1 for the half of
    /// (1, 2, 3).
    #[test]
    fn a_quantile_is_one_of_the_values() {
        for (values, half, nine) in [
            (&[][..], 0, 0),
            (&[4], 4, 4),
            (&[1, 2, 3], 2, 3),
            (&[1, 2, 3, 4], 2, 4),
            (&[1, 1, 1, 1, 1, 1, 1, 1, 1, 9], 1, 1),
            (&[1, 1, 1, 1, 1, 1, 1, 1, 8, 9], 1, 8),
        ] {
            assert_eq!(kvantil(values, 50), half, "{values:?}");
            assert_eq!(kvantil(values, 90), nine, "{values:?}");
        }
    }
}
