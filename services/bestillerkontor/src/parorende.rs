//! Next of kin, in applications and decisions.

use samspor_chassis::{domene::felt, error::FieldFaults};
use samspor_proto::bestillerkontor as proto;
use serde::{Deserialize, Serialize};

/// Most next of kin of one record.
const MAKS: usize = 20;

/// A next of kin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parorende {
    pub(crate) navn: String,
    pub(crate) relasjon: String,
    pub(crate) kontakt: String,
    pub(crate) barn: bool,
}

impl From<Parorende> for proto::Parorende {
    fn from(value: Parorende) -> Self {
        let Parorende {
            navn,
            relasjon,
            kontakt,
            barn,
        } = value;
        Self {
            navn,
            relasjon,
            kontakt,
            barn,
        }
    }
}

/// Reads next of kin; each has a name.
pub(crate) fn les(
    values: &[proto::Parorende],
    field: &str,
    faults: &mut FieldFaults,
) -> Vec<Parorende> {
    felt::antall(values.len(), field, MAKS, faults);
    values
        .iter()
        .enumerate()
        .map(|(place, value)| {
            let at = |name: &str| format!("{field}[{place}].{name}");
            Parorende {
                navn: felt::pakrevd(&value.navn, &at("navn"), felt::KORT, faults),
                relasjon: felt::tekst(&value.relasjon, &at("relasjon"), felt::KORT, faults),
                kontakt: felt::tekst(&value.kontakt, &at("kontakt"), felt::KORT, faults),
                barn: value.barn,
            }
        })
        .collect()
}
