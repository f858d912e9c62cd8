//! Lengths of deadlines, hours of the day, and what one employee decides alone,
//! as data with their source (`data/innstillinger.json`).

use std::sync::OnceLock;

use samspor_chassis::error::Error;
use serde::Deserialize;

use crate::botilbud::Tilstand;

#[derive(Debug, Deserialize)]
struct Verdi<T = u16> {
    verdi: T,
    /// Where the value comes from.
    #[expect(dead_code, reason = "for people")]
    kilde: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fil {
    kveld_time: Verdi<i8>,
    natt_time: Verdi<i8>,
    morgen_time: Verdi<i8>,
    minst_minutter: Verdi,
    etterregistrering_timer: Verdi,
    kontortid: Verdi<[i8; 2]>,
    alene_utenfor_kontortid: Verdi<Vec<String>>,
    oppgave_arbeidsdager: Verdi,
    sak_dager: Verdi,
}

/// The values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Innstillinger {
    /// Hour until which what came during the day has its outcome.
    pub(crate) kveld_time: i8,
    /// Hour at which the night begins.
    pub(crate) natt_time: i8,
    /// Hour at which it ends.
    pub(crate) morgen_time: i8,
    /// Minutes that there are at least.
    pub(crate) minst_minutter: u16,
    /// Hours after which what came is too old to be registered as that.
    pub(crate) etterregistrering_timer: u16,
    /// First hour and the one after the last of a working day.
    pub(crate) kontortid: [i8; 2],
    /// Outcomes that the one who registered may decide when nobody else is at work.
    pub(crate) alene_utenfor_kontortid: Vec<Tilstand>,
    /// Working days until a task is done that has no other deadline.
    pub(crate) oppgave_arbeidsdager: u16,
    /// Days that the unit has a case after the last thing in it has ended.
    pub(crate) sak_dager: u16,
}

fn fil() -> Result<Fil, serde_json::Error> {
    serde_json::from_str(include_str!("../data/innstillinger.json"))
}

/// The values, read once.
///
/// # Errors
/// A defect where the file of the build cannot be read; a test holds it.
pub(crate) fn innstillinger() -> Result<&'static Innstillinger, Error> {
    static LEST: OnceLock<Option<Innstillinger>> = OnceLock::new();
    let read = LEST.get_or_init(|| {
        let fil = fil().ok()?;
        let alone = fil.alene_utenfor_kontortid.verdi.iter();
        Some(Innstillinger {
            kveld_time: fil.kveld_time.verdi,
            natt_time: fil.natt_time.verdi,
            morgen_time: fil.morgen_time.verdi,
            minst_minutter: fil.minst_minutter.verdi,
            etterregistrering_timer: fil.etterregistrering_timer.verdi,
            kontortid: fil.kontortid.verdi,
            alene_utenfor_kontortid: alone
                .map(|code| Tilstand::fra_kode(code))
                .collect::<Option<_>>()?,
            oppgave_arbeidsdager: fil.oppgave_arbeidsdager.verdi,
            sak_dager: fil.sak_dager.verdi,
        })
    });
    read.as_ref()
        .ok_or_else(|| Error::internal("the settings of the build cannot be read"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_value_has_its_source() {
        let text = include_str!("../data/innstillinger.json");
        let file: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
        for (name, value) in file {
            let source = value.get("kilde").and_then(serde_json::Value::as_str);
            assert!(source.is_some_and(|said| said.len() > 10), "{name}");
        }
    }

    /// The clocks of the rules rest on this order.
    #[test]
    fn the_hours_of_a_day_are_in_order() {
        let found = innstillinger().unwrap();
        let [opens, closes] = found.kontortid;
        let hours = [
            found.morgen_time,
            opens,
            closes,
            found.kveld_time,
            found.natt_time,
        ];
        assert!(hours.is_sorted() && found.natt_time < 24, "{hours:?}");
        assert!(found.minst_minutter > 0);
    }
}
