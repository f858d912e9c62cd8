//! Times that no law gives as a number of days: data with its sources
//! (`data/frister.toml`).

use std::sync::LazyLock;

use samspor_chassis::{domene::Dag, error::FieldFaults, tid::Tid};
use serde::Deserialize;

static FRISTER: LazyLock<Frister> = LazyLock::new(|| {
    // Compiled in, so that it always reads; a test holds it.
    toml::from_str(include_str!("../data/frister.toml")).unwrap_or_default()
});

/// Every time.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Frister {
    /// From a right to a dwelling to the dwelling.
    pub(crate) bolig: Tidsrom,
    /// Furthest day that a preliminary answer can promise.
    pub(crate) ventet_avgjort: Tidsrom,
    /// Furthest day to which telling the person is postponed at a time.
    pub(crate) utsatt_underretning: Tidsrom,
    /// Longest pause of a service at a time.
    pub(crate) pause: Tidsrom,
    /// Within which the unit does what boligkontor's events ask it for.
    pub(crate) boligoppgave: Vindu,
    /// Within which the days of a service without a vedtak are counted.
    pub(crate) kortvarig: Vindu,
}

/// A number of days, and where it comes from.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vindu {
    pub(crate) dager: i32,
    kilde: String,
}

/// A time, and where it comes from.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tidsrom {
    pub(crate) maneder: i32,
    kilde: String,
}

/// Every time.
pub(crate) fn frister() -> &'static Frister {
    &FRISTER
}

impl Tidsrom {
    /// A day that stops a clock is within this time from now.
    pub(crate) fn krev(&self, dag: Dag, field: &'static str, now: Tid, faults: &mut FieldFaults) {
        let last = Dag::av(now).pluss_maneder(self.maneder);
        if dag > last {
            faults.form(
                field,
                format_args!("{last} eller før, {} måneder fra nå", self.maneder),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_whole() {
        let all = frister();
        for time in [
            &all.bolig,
            &all.ventet_avgjort,
            &all.utsatt_underretning,
            &all.pause,
        ] {
            assert!(time.maneder > 0 && !time.kilde.is_empty());
        }
        assert!(all.boligoppgave.dager > 0 && !all.boligoppgave.kilde.is_empty());
        assert!(all.kortvarig.dager > 14 && !all.kortvarig.kilde.is_empty());
    }
}
