//! Lengths of deadlines and the cap of a caseload, as data with their source
//! (`data/innstillinger.json`).

use std::{collections::BTreeMap, sync::OnceLock};

use samspor_chassis::error::Error;
use samspor_proto::rop::{Naklasse, Risikoniva, Risikotiltak};
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
    etterregistrering_dager: Verdi,
    oppsok_arbeidsdager: Verdi,
    oppgave_arbeidsdager: Verdi,
    uten_tiltak_arbeidsdager: Verdi,
    tilbakemelding_arbeidsdager: Verdi,
    kontaktsteg_arbeidsdager: Verdi<BTreeMap<String, u16>>,
    brukere_per_ansatt: Verdi,
    nytt_tilbud_dager: Verdi,
    hovedforlop_maneder: Verdi,
    kriseplan_maneder: Verdi,
    fit_ors_tideler: Verdi,
    fit_srs_tideler: Verdi,
    tiltak_for_niva: Verdi<BTreeMap<String, Vec<String>>>,
}

/// The values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Innstillinger {
    /// Days after which a contact is registered late.
    pub(crate) etterregistrering_dager: u16,
    /// Working days until outreach has been tried.
    pub(crate) oppsok_arbeidsdager: u16,
    /// Working days until a task is done that has no other deadline.
    pub(crate) oppgave_arbeidsdager: u16,
    /// Working days that the unit follows a person without delivering anything.
    pub(crate) uten_tiltak_arbeidsdager: u16,
    /// Working days until feedback is answered.
    pub(crate) tilbakemelding_arbeidsdager: u16,
    /// Persons per primary contact above which the unit is warned.
    pub(crate) brukere_per_ansatt: u16,
    /// Days within which what a person declined is offered again.
    pub(crate) nytt_tilbud_dager: u16,
    /// Months back that a main pathway can begin when it is registered.
    pub(crate) hovedforlop_maneder: u16,
    /// Months within which a crisis plan is gone through anew.
    pub(crate) kriseplan_maneder: u16,
    /// A score of the Outcome Rating Scale below this calls for attention, in
    /// tenths.
    pub(crate) fit_ors_tideler: u16,
    /// The same of the Session Rating Scale.
    pub(crate) fit_srs_tideler: u16,
    tiltak_for_niva: Vec<(Risikoniva, Vec<Risikotiltak>)>,
    /// Of every class that is a class.
    kontaktsteg: Vec<(Naklasse, u16)>,
}

impl Innstillinger {
    /// Working days from one step towards a person to the next.
    pub(crate) fn kontaktsteg_arbeidsdager(&self, klasse: Naklasse) -> u16 {
        let of_class = self.kontaktsteg.iter().find(|(known, _)| *known == klasse);
        of_class.map_or(0, |(_, days)| *days)
    }

    /// Measures that a level of risk always asks for.
    pub(crate) fn tiltak_for(&self, niva: Risikoniva) -> &[Risikotiltak] {
        let mut levels = self.tiltak_for_niva.iter();
        let found = levels.find(|(level, _)| *level == niva);
        found.map_or(&[], |(_, measures)| measures)
    }
}

/// The levels and measures that the file names. None where it names another.
fn les_nivaer(
    file: &BTreeMap<String, Vec<String>>,
) -> Option<Vec<(Risikoniva, Vec<Risikotiltak>)>> {
    let measure = |name: &String| Risikotiltak::from_str_name(&format!("RISIKOTILTAK_{name}"));
    let level = |(name, measures): (&String, &Vec<String>)| {
        let level = Risikoniva::from_str_name(&format!("RISIKONIVA_{name}"))?;
        Some((level, measures.iter().map(measure).collect::<Option<_>>()?))
    };
    file.iter().map(level).collect()
}

/// The classes that the file names. None where it names another.
fn les_klasser(file: &BTreeMap<String, u16>) -> Option<Vec<(Naklasse, u16)>> {
    let class = |(name, days): (&String, &u16)| {
        Some((Naklasse::from_str_name(&format!("NAKLASSE_{name}"))?, *days))
    };
    file.iter().map(class).collect()
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
        Some(Innstillinger {
            etterregistrering_dager: fil.etterregistrering_dager.verdi,
            oppsok_arbeidsdager: fil.oppsok_arbeidsdager.verdi,
            oppgave_arbeidsdager: fil.oppgave_arbeidsdager.verdi,
            uten_tiltak_arbeidsdager: fil.uten_tiltak_arbeidsdager.verdi,
            tilbakemelding_arbeidsdager: fil.tilbakemelding_arbeidsdager.verdi,
            brukere_per_ansatt: fil.brukere_per_ansatt.verdi,
            nytt_tilbud_dager: fil.nytt_tilbud_dager.verdi,
            hovedforlop_maneder: fil.hovedforlop_maneder.verdi,
            kriseplan_maneder: fil.kriseplan_maneder.verdi,
            fit_ors_tideler: fil.fit_ors_tideler.verdi,
            fit_srs_tideler: fil.fit_srs_tideler.verdi,
            tiltak_for_niva: les_nivaer(&fil.tiltak_for_niva.verdi)?,
            kontaktsteg: les_klasser(&fil.kontaktsteg_arbeidsdager.verdi)?,
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
        let fil = fil().unwrap();
        for value in [
            &fil.etterregistrering_dager,
            &fil.oppsok_arbeidsdager,
            &fil.oppgave_arbeidsdager,
            &fil.uten_tiltak_arbeidsdager,
            &fil.tilbakemelding_arbeidsdager,
            &fil.brukere_per_ansatt,
            &fil.nytt_tilbud_dager,
            &fil.hovedforlop_maneder,
            &fil.kriseplan_maneder,
            &fil.fit_ors_tideler,
            &fil.fit_srs_tideler,
        ] {
            assert!(value.verdi > 0 && !value.kilde.is_empty(), "{value:?}");
        }
        assert!(!fil.tiltak_for_niva.kilde.is_empty());
        assert!(!fil.kontaktsteg_arbeidsdager.kilde.is_empty());
        let settings = innstillinger().unwrap();
        for klasse in [Naklasse::IkkeAlvorlig, Naklasse::HoyRisiko] {
            assert!(settings.kontaktsteg_arbeidsdager(klasse) > 0, "{klasse:?}");
        }
    }

    /// A name that nobody knows would silently ask for nothing.
    #[test]
    fn a_level_names_measures_that_exist() {
        for (niva, tiltak, sound) in [
            ("ROD", "TO_ANSATTE", true),
            ("ROED", "TO_ANSATTE", false),
            ("ROD", "TO", false),
        ] {
            let file = BTreeMap::from([(niva.to_owned(), vec![tiltak.to_owned()])]);
            assert_eq!(les_nivaer(&file).is_some(), sound, "{niva} {tiltak}");
        }
        let red = innstillinger().unwrap().tiltak_for(Risikoniva::Rod);
        assert_eq!(red, [Risikotiltak::ToAnsatte]);
    }
}
