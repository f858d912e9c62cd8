//! What is granted and delivered in a week, and what may happen to a tiltak.

use samspor_chassis::{
    domene::{Dag, felt, navn},
    error::{Error, FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{Oppdrag, OppdragTilstand},
    rop::Leveringsgrad,
};

use super::{Ramme, Tiltak};
use crate::{ENHET, lager::Post};

impl Tiltak {
    /// Hours granted in a week from its Monday: a day that a grant covers gives
    /// a seventh of it. None where no day is covered.
    pub(super) fn innvilget(&self, monday: Dag) -> Option<(f64, f64)> {
        let sunday = monday.pluss_dager(6);
        let mut days = (0..7).map(|n| monday.pluss_dager(n));
        let covered = days.any(|day| self.ramme(day).is_some());
        covered.then(|| self.innvilget_mellom(monday, sunday))
    }

    /// Hours granted between two days, both of them counted.
    pub(crate) fn innvilget_mellom(&self, fra: Dag, til: Dag) -> (f64, f64) {
        let (mut min, mut max) = (0.0, 0.0);
        let mut day = fra;
        while day <= til {
            if let Some(ramme) = self.ramme(day) {
                min += ramme.min_timer;
                max += ramme.maks_timer;
            }
            day = day.pluss_dager(1);
        }
        (min / 7.0, max / 7.0)
    }

    /// What is granted on a day.
    fn ramme(&self, day: Dag) -> Option<&Ramme> {
        let ended = self.avsluttet.is_some_and(|end| day.start() >= end);
        let ramme = self.rammer.iter().find(|ramme| ramme.dekker(day));
        ramme.filter(|_| !ended)
    }

    /// Takes over what was read: from the day of the amendment on, whenever it is
    /// read, or from the first day where nothing was known. Days before it keep
    /// what was granted then.
    pub(super) fn oppdater(&mut self, mut read: Ramme, amended: Dag) {
        if !self.rammer.is_empty() {
            read.fra = read.fra.max(amended);
        }
        self.rammer.retain(|known| known.fra < read.fra);
        if let Some(last) = self.rammer.last_mut() {
            let before = read.fra.pluss_dager(-1);
            last.til = Some(last.til.map_or(before, |til| til.min(before)));
        }
        if read.til.is_none_or(|til| til >= read.fra) {
            self.rammer.push(read);
        }
    }
}

impl Ramme {
    fn dekker(&self, day: Dag) -> bool {
        self.fra <= day && self.til.is_none_or(|til| day <= til)
    }
}

pub(super) fn avsluttet_oppdrag() -> Refusal {
    let mut faults = FieldFaults::new();
    faults.contradicts(
        "oppdrag",
        "parent",
        "oppdraget er ikke akseptert av enheten, eller det er avsluttet",
    );
    faults.finish().err().unwrap_or_else(Refusal::not_found)
}

/// What an oppdrag grants, when the unit has accepted it and it has not ended.
pub(super) fn les_ramme(oppdrag: &Oppdrag, now: Tid) -> Result<Ramme, Error> {
    let accepted = matches!(
        oppdrag.tilstand(),
        OppdragTilstand::Akseptert | OppdragTilstand::Startet | OppdragTilstand::Pauset
    );
    if !accepted || oppdrag.enhet != navn::enhet(ENHET) {
        return Err(avsluttet_oppdrag().into());
    }
    let unreadable = |_| Error::internal("an oppdrag has a day that is none");
    let til = match oppdrag.til.as_str() {
        "" => None,
        day => Some(day.parse().map_err(unreadable)?),
    };
    Ok(Ramme {
        min_timer: oppdrag.min_timer,
        maks_timer: oppdrag.maks_timer,
        fra: oppdrag.fra.parse().map_err(unreadable)?,
        til,
        lest: now,
    })
}

pub(super) fn krev_apent(tiltak: &Post<Tiltak>) -> Result<(), Refusal> {
    match tiltak.innhold.avsluttet {
        None => Ok(()),
        Some(_) => Err(Refusal::transition("AVSLUTTET", &[])),
    }
}

/// Monday of the week of a day.
pub(crate) fn mandag(day: Dag) -> Dag {
    // 2001-01-01 was a Monday.
    let monday = Dag::av(Tid(978_303_600_000_000));
    day.pluss_dager(-monday.dager_til(day).rem_euclid(7))
}

/// The Monday of the week that a request asks for.
pub(super) fn les_uke(uke: &str, now: Tid, faults: &mut FieldFaults) -> Option<Dag> {
    let monday = mandag(felt::pakrevd_dag(uke, "uke", faults)?);
    if monday > Dag::av(now) {
        faults.form("uke", "en uke som har begynt");
    }
    Some(monday)
}

/// How delivered hours stand to granted hours.
pub(super) fn grad(innvilget: Option<(f64, f64)>, levert: f64) -> Leveringsgrad {
    match innvilget {
        None => Leveringsgrad::UtenRamme,
        Some((min, _)) if levert < min => Leveringsgrad::Under,
        Some((_, max)) if levert > max => Leveringsgrad::Over,
        Some(_) => Leveringsgrad::Innenfor,
    }
}

/// Two decimals are enough for hours.
pub(super) fn timer(hours: f64) -> f64 {
    (hours * 100.0).round() / 100.0
}

/// Minutes of a week as hours.
pub(crate) fn fra_minutter(minutes: i64) -> f64 {
    f64::from(i32::try_from(minutes).unwrap_or(i32::MAX)) / 60.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]

    use samspor_chassis::domene::{Aktor, Hjemmel};
    use samspor_proto::felles::Rolle;

    use super::*;

    const NOW: Tid = Tid(1_800_000_000_000_000);

    fn day(text: &str) -> Dag {
        text.parse().unwrap()
    }

    fn ramme(min: f64, max: f64, fra: &str, til: &str) -> Ramme {
        Ramme {
            min_timer: min,
            maks_timer: max,
            fra: day(fra),
            til: til.parse().ok(),
            lest: NOW,
        }
    }

    fn tiltak(rammer: Vec<Ramme>) -> Tiltak {
        Tiltak {
            oppdrag: "o".into(),
            beskrivelse: "Oppfølging".into(),
            rammer,
            bestilt: NOW,
            avsluttet: None,
            avslutning: String::new(),
            registrert_av: Aktor {
                enhet: "rop".into(),
                ansatt: "r1".into(),
                rolle: Rolle::Miljo,
            },
            registrert: NOW,
            hjemmel: Hjemmel::default(),
            endret: None,
        }
    }

    /// The changes of clocks of 2026 are on 29 March and 25 October.
    ///
    /// Seen red: without rounding over the change of clocks.
    #[test]
    fn a_week_begins_with_its_monday() {
        for (any, monday) in [
            ("2026-10-05", "2026-10-05"),
            ("2026-10-11", "2026-10-05"),
            ("2026-03-29", "2026-03-23"),
            ("2026-03-30", "2026-03-30"),
            ("2026-10-25", "2026-10-19"),
            ("2026-10-26", "2026-10-26"),
            ("2026-07-01", "2026-06-29"),
            ("2000-12-31", "2000-12-25"),
        ] {
            assert_eq!(mandag(day(any)), day(monday), "{any}");
        }
    }

    #[test]
    fn a_week_to_come_cannot_be_asked_for() {
        // 2027-01-15 is a Friday.
        for (uke, sound) in [("2027-01-17", true), ("2027-01-18", false), ("", false)] {
            let mut faults = FieldFaults::new();
            les_uke(uke, NOW, &mut faults);
            assert_eq!(faults.is_empty(), sound, "{uke}");
        }
    }

    /// Grants, then the week of Monday 2026-10-05.
    ///
    /// Seen red: with another number of days in a week.
    #[test]
    fn a_grant_counts_by_the_days_that_it_covers() {
        let monday = day("2026-10-05");
        for (rammer, expected) in [
            (vec![], None),
            (vec![ramme(7.0, 14.0, "2026-01-01", "")], Some((7.0, 14.0))),
            (vec![ramme(7.0, 14.0, "2026-10-09", "")], Some((3.0, 6.0))),
            (
                vec![ramme(7.0, 14.0, "2026-01-01", "2026-10-05")],
                Some((1.0, 2.0)),
            ),
            (vec![ramme(7.0, 14.0, "2026-01-01", "2026-10-04")], None),
            (
                vec![
                    ramme(7.0, 7.0, "2026-01-01", "2026-10-06"),
                    ramme(14.0, 14.0, "2026-10-07", ""),
                ],
                Some((12.0, 12.0)),
            ),
        ] {
            assert_eq!(
                tiltak(rammer.clone()).innvilget(monday),
                expected,
                "{rammer:?}"
            );
        }
        let mut ended = tiltak(vec![ramme(7.0, 14.0, "2026-01-01", "")]);
        ended.avsluttet = Some(day("2026-10-07").start());
        assert_eq!(ended.innvilget(monday), Some((2.0, 4.0)));
    }

    /// Seen red: with a grant that replaces the one before it altogether.
    #[test]
    fn an_amendment_leaves_the_days_that_have_passed() {
        let today = day("2026-10-07");
        let mut amended = tiltak(vec![ramme(7.0, 7.0, "2026-01-01", "2026-12-31")]);
        amended.oppdater(ramme(14.0, 14.0, "2026-01-01", "2027-12-31"), today);
        assert_eq!(amended.innvilget(day("2026-09-28")), Some((7.0, 7.0)));
        assert_eq!(amended.innvilget(day("2026-10-05")), Some((12.0, 12.0)));
        assert_eq!(amended.innvilget(day("2026-10-12")), Some((14.0, 14.0)));
        // Once more on the same day changes nothing.
        let once = amended.clone();
        amended.oppdater(ramme(14.0, 14.0, "2026-01-01", "2027-12-31"), today);
        assert_eq!(amended, once);
        // Read for the first time, it holds from its own first day.
        let mut first = tiltak(vec![]);
        first.oppdater(ramme(7.0, 7.0, "2026-09-01", ""), today);
        assert_eq!(first.innvilget(day("2026-09-07")), Some((7.0, 7.0)));
    }

    #[test]
    fn delivered_against_granted() {
        for (granted, delivered, expected) in [
            (None, 3.0, Leveringsgrad::UtenRamme),
            (Some((2.0, 4.0)), 1.9, Leveringsgrad::Under),
            (Some((2.0, 4.0)), 2.0, Leveringsgrad::Innenfor),
            (Some((2.0, 4.0)), 4.0, Leveringsgrad::Innenfor),
            (Some((2.0, 4.0)), 4.1, Leveringsgrad::Over),
            (Some((0.0, 4.0)), 0.0, Leveringsgrad::Innenfor),
        ] {
            assert_eq!(
                grad(granted, delivered),
                expected,
                "{granted:?} {delivered}"
            );
        }
    }
}
