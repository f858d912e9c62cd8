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
    opphold_maneder: Verdi,
    opphold_varsel_dager: Verdi,
    opphold_utlop_dager: Verdi,
    opphold_brudd_dager: Verdi,
    utestengelse_klage_arbeidsdager: Verdi,
    henvendelse_bekreft_arbeidsdager: Verdi,
    henvendelse_svar_arbeidsdager: Verdi,
    livsopphold_maneder: Verdi,
    livsopphold_varsel_dager: Verdi,
    brukererfaring_dager: Verdi,
    brukererfaring_slutt_dager: Verdi,
    brukererfaring_svar_arbeidsdager: Verdi,
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
    /// Months after which a stay is too long.
    pub(crate) opphold_maneder: u16,
    /// Days before that, and before an exception ends, at which the unit is warned.
    pub(crate) opphold_varsel_dager: u16,
    /// Days before what was granted runs out at which the unit is warned.
    pub(crate) opphold_utlop_dager: u16,
    /// A break of fewer days does not stop the clock of a stay.
    pub(crate) opphold_brudd_dager: u16,
    /// Working days until a complaint about a bar is decided.
    pub(crate) utestengelse_klage_arbeidsdager: u16,
    /// Working days until somebody says that an enquiry was seen.
    pub(crate) henvendelse_bekreft_arbeidsdager: u16,
    /// Working days until it is answered.
    pub(crate) henvendelse_svar_arbeidsdager: u16,
    /// Months until support is assessed anew.
    pub(crate) livsopphold_maneder: u16,
    /// Days before that at which the unit is reminded.
    pub(crate) livsopphold_varsel_dager: u16,
    /// Days into a stay at which the person is asked how it is.
    pub(crate) brukererfaring_dager: u16,
    /// Days after its end by which the person is asked how it was.
    pub(crate) brukererfaring_slutt_dager: u16,
    /// Working days until what the person said is answered.
    pub(crate) brukererfaring_svar_arbeidsdager: u16,
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
            opphold_maneder: fil.opphold_maneder.verdi,
            opphold_varsel_dager: fil.opphold_varsel_dager.verdi,
            opphold_utlop_dager: fil.opphold_utlop_dager.verdi,
            opphold_brudd_dager: fil.opphold_brudd_dager.verdi,
            utestengelse_klage_arbeidsdager: fil.utestengelse_klage_arbeidsdager.verdi,
            henvendelse_bekreft_arbeidsdager: fil.henvendelse_bekreft_arbeidsdager.verdi,
            henvendelse_svar_arbeidsdager: fil.henvendelse_svar_arbeidsdager.verdi,
            livsopphold_maneder: fil.livsopphold_maneder.verdi,
            livsopphold_varsel_dager: fil.livsopphold_varsel_dager.verdi,
            brukererfaring_dager: fil.brukererfaring_dager.verdi,
            brukererfaring_slutt_dager: fil.brukererfaring_slutt_dager.verdi,
            brukererfaring_svar_arbeidsdager: fil.brukererfaring_svar_arbeidsdager.verdi,
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
