//! Karmøy's figures, as the audit tells them (`data/karmoy.json`).

use anyhow::{Context as _, Result};
use serde::Deserialize;

const FIL: &str = include_str!("../../data/karmoy.json");

/// What is told of the municipality.
#[derive(Debug, Deserialize)]
pub struct Tall {
    /// Dwellings in 2024.
    pub boliger_2024: Boliger,
    /// Dwellings with staff and common rooms.
    pub bofellesskap: Vec<Bofellesskap>,
    /// Who waits with a vedtak.
    pub venteliste_januar_2025: Venteliste,
    /// Temporary housing.
    pub midlertidig: Midlertidig,
    /// Who gets services.
    pub brukere_2025: Brukere,
    /// The service.
    pub rop_tjenesten_2024: RopTjenesten,
}

/// Dwellings.
#[derive(Debug, Deserialize)]
pub struct Boliger {
    /// All that the municipality disposes of.
    pub disponert: usize,
    /// Its own.
    pub eid: usize,
    /// These by type.
    pub eid_fordelt: Fordelt,
    /// Of those that are let, for Nav's temporary housing.
    pub av_utleie_til_nav_midlertidig: usize,
    /// Of these, for a family.
    pub av_disse_familiebolig: usize,
    /// Others', which it disposes of.
    pub private_disponert: usize,
    /// These by who has the contract with the owner.
    pub private_fordelt: Private,
    /// Robust dwellings, at least.
    pub hardfore_minst: usize,
    /// Of these, new in the autumn.
    pub nye_hardfore_hosten_2024: usize,
}

/// By type.
#[derive(Debug, Deserialize)]
pub struct Fordelt {
    /// Let.
    pub kommunal_utleie: usize,
    /// Care dwellings.
    pub omsorgsbolig: usize,
}

/// By who has the contract.
#[derive(Debug, Deserialize)]
pub struct Private {
    /// The tenant.
    pub leietaker_kontrakt_med_privat_utleier: usize,
    /// The municipality, which lets it on.
    pub framleid_av_kommunen: usize,
}

/// A house with staff and common rooms.
#[derive(Debug, Deserialize)]
pub struct Bofellesskap {
    /// Name.
    pub navn: String,
    /// Dwellings.
    pub antall: usize,
}

/// Who waits.
#[derive(Debug, Deserialize)]
pub struct Venteliste {
    /// For one that is let.
    pub kommunal_utleie: usize,
    /// For a care dwelling.
    pub omsorgsbolig: usize,
    /// Of these, with ROP-lidelser.
    pub omsorgsbolig_med_rop: usize,
    /// Of all, in temporary housing.
    pub bor_i_midlertidig: usize,
    /// The others.
    pub bor_hos_andre_eller_skal_flytte: usize,
}

/// Temporary housing.
#[derive(Debug, Deserialize)]
pub struct Midlertidig {
    /// The municipality's own dwellings for it.
    pub disponible_boliger: usize,
    /// Households for over three months, by year.
    pub husholdninger_over_3_mnd: OverTre,
}

/// By year.
#[derive(Debug, Deserialize)]
pub struct OverTre {
    /// 2023, the last that is told.
    #[serde(rename = "2023")]
    pub i_2023: usize,
}

/// Who gets services.
#[derive(Debug, Deserialize)]
pub struct Brukere {
    /// In hovedforløp 2.
    pub hovedforlop_2: u32,
    /// In hovedforløp 3.
    pub hovedforlop_3: u32,
    /// With ROP-lidelser at BOM or Aktivitet, from and to.
    pub bom_og_aktivitet_med_rop: (u32, u32),
}

/// The service.
#[derive(Debug, Deserialize)]
pub struct RopTjenesten {
    /// Full-time posts.
    pub arsverk: f64,
}

impl Tall {
    /// Reads them.
    ///
    /// # Errors
    /// When the file of the build is not as it is read here.
    pub fn les() -> Result<Self> {
        serde_json::from_str(FIL).context("data/karmoy.json")
    }

    /// Dwellings of a house with staff.
    pub(super) fn i(&self, navn: &str) -> Result<usize> {
        let found = self.bofellesskap.iter().find(|house| house.navn == navn);
        found
            .map(|house| house.antall)
            .with_context(|| format!("data/karmoy.json: no {navn}"))
    }
}
