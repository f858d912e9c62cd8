//! What a dwelling is like, from the contract and back.

use samspor_chassis::{domene::felt, error::FieldFaults};
use samspor_proto::boligkontor::{self as proto, Boligegenskaper};

use super::Egenskaper;

/// House rules at most.
const MANGE_REGLER: usize = 20;

impl Egenskaper {
    /// Reads and checks; every fault is noted under `prefix`.
    pub(crate) fn les(given: Boligegenskaper, prefix: &str, faults: &mut FieldFaults) -> Self {
        // Every field is named, so that a new one breaks the build here.
        let Boligegenskaper {
            navn,
            adresse,
            omrade,
            boligform,
            tildelingstype,
            eierform,
            bemanning,
            soverom,
            kvadratmeter,
            etasje,
            heis,
            rullestol,
            kun_kvinner,
            bomiljo,
            husregler,
            meter_butikk,
            meter_buss,
            meter_tjenester,
            standard,
            husleie,
            kostnad_per_dag,
        } = given;
        let at = |field: &str| format!("{prefix}{field}");
        let choice = |name: &str| format!("samspor.boligkontor.v1.{name}");
        for (value, field, least, most) in [
            (soverom, "soverom", 0, 10),
            (kvadratmeter, "kvadratmeter", 8, 500),
            (etasje, "etasje", 0, 50),
            (meter_butikk, "meter_butikk", 0, 50_000),
            (meter_buss, "meter_buss", 0, 50_000),
            (meter_tjenester, "meter_tjenester", 0, 50_000),
            (husleie, "husleie", 0, 100_000),
            (kostnad_per_dag, "kostnad_per_dag", 0, 100_000),
        ] {
            if !(least..=most).contains(&value) {
                faults.range(at(field), least, most);
            }
        }
        Self {
            navn: felt::pakrevd(&navn, &at("navn"), felt::KORT, faults),
            adresse: felt::pakrevd(&adresse, &at("adresse"), felt::KORT, faults),
            omrade: felt::pakrevd(&omrade, &at("omrade"), felt::KORT, faults),
            boligform: felt::valg(boligform, &at("boligform"), &choice("Boligform"), faults),
            tildelingstype: felt::valg(
                tildelingstype,
                &at("tildelingstype"),
                &choice("Tildelingstype"),
                faults,
            ),
            eierform: felt::valg(eierform, &at("eierform"), &choice("Eierform"), faults),
            bemanning: felt::valg(bemanning, &at("bemanning"), &choice("Bemanning"), faults),
            soverom,
            kvadratmeter,
            etasje,
            heis,
            rullestol,
            kun_kvinner,
            bomiljo: felt::valg(bomiljo, &at("bomiljo"), &choice("Bomiljo"), faults),
            husregler: felt::tekster(&husregler, &at("husregler"), MANGE_REGLER, faults),
            meter_butikk,
            meter_buss,
            meter_tjenester,
            standard: felt::valg(standard, &at("standard"), &choice("Standard"), faults),
            husleie,
            kostnad_per_dag,
        }
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Boligegenskaper {
        let Self {
            navn,
            adresse,
            omrade,
            boligform,
            tildelingstype,
            eierform,
            bemanning,
            soverom,
            kvadratmeter,
            etasje,
            heis,
            rullestol,
            kun_kvinner,
            bomiljo,
            husregler,
            meter_butikk,
            meter_buss,
            meter_tjenester,
            standard,
            husleie,
            kostnad_per_dag,
        } = self.clone();
        Boligegenskaper {
            navn,
            adresse,
            omrade,
            boligform: boligform.into(),
            tildelingstype: tildelingstype.into(),
            eierform: eierform.into(),
            bemanning: bemanning.into(),
            soverom,
            kvadratmeter,
            etasje,
            heis,
            rullestol,
            kun_kvinner,
            bomiljo: bomiljo.into(),
            husregler,
            meter_butikk,
            meter_buss,
            meter_tjenester,
            standard: standard.into(),
            husleie,
            kostnad_per_dag,
        }
    }
}
