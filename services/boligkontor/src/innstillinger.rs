//! Lengths of deadlines, as data with their source (`data/innstillinger.json`).

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
    reservasjon_dager: Verdi,
    svar_dager: Verdi,
    forleng_dager: Verdi,
    leie_maneder: Verdi,
    fornying_maneder: Verdi,
    oppsigelse_maneder: Verdi,
    protest_maneder: Verdi,
    oppgjor_dager: Verdi,
    restanse_svar_dager: Verdi,
    restanse_mote_dager: Verdi,
    restanse_utfall_dager: Verdi,
    arbeid_akutt_timer: Verdi,
    arbeid_haster_arbeidsdager: Verdi,
    arbeid_vanlig_arbeidsdager: Verdi,
    klargjoring_arbeidsdager: Verdi,
    nabo_svar_arbeidsdager: Verdi,
    bekymring_svar_arbeidsdager: Verdi,
}

/// The values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Innstillinger {
    /// Working days for which a dwelling is held when nothing else is said.
    pub(crate) reservasjon_dager: u16,
    /// Working days within which an offer is answered when nothing else is said.
    pub(crate) svar_dager: u16,
    /// Days from the reservation for which a dwelling can be held at most.
    pub(crate) forleng_dager: u16,
    /// Months that a contract for a time is for when nothing else is said.
    pub(crate) leie_maneder: u16,
    /// Months before the end by which it is decided whether it is renewed.
    pub(crate) fornying_maneder: u16,
    /// Months of notice that the municipality gives.
    pub(crate) oppsigelse_maneder: u16,
    /// Months within which the tenant can object to a notice.
    pub(crate) protest_maneder: u16,
    /// Days for which the case goes on after the tenant moved out.
    pub(crate) oppgjor_dager: u16,
    /// Working days within which the units of a joint case answer.
    pub(crate) restanse_svar_dager: u16,
    /// Days within which a joint case has its outcome.
    pub(crate) restanse_mote_dager: u16,
    /// Days for which the outcome of a joint case lets a tenancy be ended.
    pub(crate) restanse_utfall_dager: u16,
    /// Hours within which something acute is repaired.
    pub(crate) arbeid_akutt_timer: u16,
    /// Working days within which something urgent is repaired.
    pub(crate) arbeid_haster_arbeidsdager: u16,
    /// Working days within which anything else is repaired.
    pub(crate) arbeid_vanlig_arbeidsdager: u16,
    /// Working days within which a dwelling is made ready.
    pub(crate) klargjoring_arbeidsdager: u16,
    /// Working days within which a neighbour is answered.
    pub(crate) nabo_svar_arbeidsdager: u16,
    /// Working days within which a concern about a tenant is seen to.
    pub(crate) bekymring_svar_arbeidsdager: u16,
}

fn les() -> Option<Innstillinger> {
    let file: Fil = serde_json::from_str(include_str!("../data/innstillinger.json")).ok()?;
    Some(Innstillinger {
        reservasjon_dager: file.reservasjon_dager.verdi,
        svar_dager: file.svar_dager.verdi,
        forleng_dager: file.forleng_dager.verdi,
        leie_maneder: file.leie_maneder.verdi,
        fornying_maneder: file.fornying_maneder.verdi,
        oppsigelse_maneder: file.oppsigelse_maneder.verdi,
        protest_maneder: file.protest_maneder.verdi,
        oppgjor_dager: file.oppgjor_dager.verdi,
        restanse_svar_dager: file.restanse_svar_dager.verdi,
        restanse_mote_dager: file.restanse_mote_dager.verdi,
        restanse_utfall_dager: file.restanse_utfall_dager.verdi,
        arbeid_akutt_timer: file.arbeid_akutt_timer.verdi,
        arbeid_haster_arbeidsdager: file.arbeid_haster_arbeidsdager.verdi,
        arbeid_vanlig_arbeidsdager: file.arbeid_vanlig_arbeidsdager.verdi,
        klargjoring_arbeidsdager: file.klargjoring_arbeidsdager.verdi,
        nabo_svar_arbeidsdager: file.nabo_svar_arbeidsdager.verdi,
        bekymring_svar_arbeidsdager: file.bekymring_svar_arbeidsdager.verdi,
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
            &file.reservasjon_dager,
            &file.svar_dager,
            &file.forleng_dager,
            &file.leie_maneder,
            &file.fornying_maneder,
            &file.oppsigelse_maneder,
            &file.protest_maneder,
            &file.oppgjor_dager,
            &file.restanse_svar_dager,
            &file.restanse_mote_dager,
            &file.restanse_utfall_dager,
            &file.arbeid_akutt_timer,
            &file.arbeid_haster_arbeidsdager,
            &file.arbeid_vanlig_arbeidsdager,
            &file.klargjoring_arbeidsdager,
            &file.nabo_svar_arbeidsdager,
            &file.bekymring_svar_arbeidsdager,
        ] {
            assert!(value.verdi > 0 && value.kilde.len() > 10);
        }
        assert_eq!(innstillinger().unwrap(), &les().unwrap());
    }
}
