//! Lengths of deadlines and other limits, as data with their source (`data/innstillinger.json`).

use std::sync::OnceLock;

use samspor_chassis::error::Error;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Verdi<T = u16> {
    verdi: T,
    /// Where the value comes from; read by people and by the test.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people"))]
    kilde: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fil {
    kvittering_arbeidsdager: Verdi,
    innsyn_etter_dager: Verdi,
    pause_dager: Verdi,
    kodeforsok_enhet: Verdi,
    kodeforsok_alle: Verdi,
    melder_enhet: Verdi<String>,
    tilbakemelding_dager: Verdi,
    publiserte_enheter: Verdi<Vec<String>>,
}

/// The values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Innstillinger {
    /// Working days within which a unit answers a proposed part.
    pub(crate) kvittering_arbeidsdager: u16,
    /// Days for which the parties read an avvik that has ended.
    pub(crate) innsyn_etter_dager: u16,
    /// Days that a pause lasts at most.
    pub(crate) pause_dager: u16,
    /// Wrong codes from a unit that are looked up in an hour.
    pub(crate) kodeforsok_enhet: u16,
    /// The same from all units.
    pub(crate) kodeforsok_alle: u16,
    /// Unit that stands as the reporter of what nobody reported, and keeps the figures.
    pub(crate) melder_enhet: String,
    /// Days within which the reporter has feedback.
    pub(crate) tilbakemelding_dager: u16,
    /// Units that have a cell of their own in what is published; the same every
    /// month, so that a cell that is there tells nothing.
    pub(crate) publiserte_enheter: Vec<String>,
}

fn les() -> Option<Innstillinger> {
    let file: Fil = serde_json::from_str(include_str!("../data/innstillinger.json")).ok()?;
    Some(Innstillinger {
        kvittering_arbeidsdager: file.kvittering_arbeidsdager.verdi,
        innsyn_etter_dager: file.innsyn_etter_dager.verdi,
        pause_dager: file.pause_dager.verdi,
        kodeforsok_enhet: file.kodeforsok_enhet.verdi,
        kodeforsok_alle: file.kodeforsok_alle.verdi,
        melder_enhet: file.melder_enhet.verdi,
        tilbakemelding_dager: file.tilbakemelding_dager.verdi,
        publiserte_enheter: file.publiserte_enheter.verdi,
    })
}

/// The values that were compiled in.
///
/// # Errors
/// A defect, where the file cannot be read; a test holds that it can.
pub(crate) fn innstillinger() -> Result<&'static Innstillinger, Error> {
    static LEST: OnceLock<Option<Innstillinger>> = OnceLock::new();
    LEST.get_or_init(les)
        .as_ref()
        .ok_or_else(|| Error::internal("data/innstillinger.json cannot be read"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_value_has_a_source_and_is_a_length() {
        let file: Fil = serde_json::from_str(include_str!("../data/innstillinger.json")).unwrap();
        for value in [
            &file.kvittering_arbeidsdager,
            &file.innsyn_etter_dager,
            &file.pause_dager,
            &file.kodeforsok_enhet,
            &file.kodeforsok_alle,
            &file.tilbakemelding_dager,
        ] {
            assert!(value.verdi > 0 && value.kilde.len() > 10);
        }
        assert!(!file.melder_enhet.verdi.is_empty() && file.melder_enhet.kilde.len() > 10);
        let units = &file.publiserte_enheter;
        assert!(!units.verdi.is_empty() && units.kilde.len() > 10);
        assert_eq!(innstillinger().unwrap(), &les().unwrap());
    }
}
