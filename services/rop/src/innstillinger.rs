//! Lengths of deadlines and the cap of a caseload, as data with their source
//! (`data/innstillinger.json`).

use std::sync::OnceLock;

use samspor_chassis::error::Error;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Verdi {
    verdi: u16,
    /// Where the value comes from; read by people and by the test.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people"))]
    kilde: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fil {
    etterregistrering_dager: Verdi,
    oppsok_arbeidsdager: Verdi,
    oppgave_arbeidsdager: Verdi,
    tilbakemelding_arbeidsdager: Verdi,
    hoy_risiko_arbeidsdager: Verdi,
    brukere_per_ansatt: Verdi,
}

/// The values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Innstillinger {
    /// Days after which a contact is registered late.
    pub(crate) etterregistrering_dager: u16,
    /// Working days until outreach has been tried.
    pub(crate) oppsok_arbeidsdager: u16,
    /// Working days until a task is done that has no other deadline.
    pub(crate) oppgave_arbeidsdager: u16,
    /// Working days until feedback is answered.
    pub(crate) tilbakemelding_arbeidsdager: u16,
    /// Working days until the first step towards a person at high risk.
    pub(crate) hoy_risiko_arbeidsdager: u16,
    /// Persons per primary contact above which the unit is warned.
    pub(crate) brukere_per_ansatt: u16,
}

fn fil() -> Result<Fil, serde_json::Error> {
    serde_json::from_str(include_str!("../data/innstillinger.json"))
}

/// The values, read once.
///
/// # Errors
/// A defect where the file of the build cannot be read; a test holds it.
pub(crate) fn innstillinger() -> Result<Innstillinger, Error> {
    static LEST: OnceLock<Option<Innstillinger>> = OnceLock::new();
    let read = LEST.get_or_init(|| {
        let fil = fil().ok()?;
        Some(Innstillinger {
            etterregistrering_dager: fil.etterregistrering_dager.verdi,
            oppsok_arbeidsdager: fil.oppsok_arbeidsdager.verdi,
            oppgave_arbeidsdager: fil.oppgave_arbeidsdager.verdi,
            tilbakemelding_arbeidsdager: fil.tilbakemelding_arbeidsdager.verdi,
            hoy_risiko_arbeidsdager: fil.hoy_risiko_arbeidsdager.verdi,
            brukere_per_ansatt: fil.brukere_per_ansatt.verdi,
        })
    });
    read.ok_or_else(|| Error::internal("the settings of the build cannot be read"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_value_has_its_source() {
        let fil = fil().unwrap();
        for value in [
            &fil.etterregistrering_dager,
            &fil.oppsok_arbeidsdager,
            &fil.oppgave_arbeidsdager,
            &fil.tilbakemelding_arbeidsdager,
            &fil.hoy_risiko_arbeidsdager,
            &fil.brukere_per_ansatt,
        ] {
            assert!(value.verdi > 0 && !value.kilde.is_empty(), "{value:?}");
        }
        assert!(innstillinger().is_ok());
    }
}
