//! Which units may be contacted about an application. A unit that the person
//! refuses gets no relation from it, reads neither the application nor its
//! mapping, whatever else would open them to it, decides on nothing in it and
//! is named in no vedtak on it until the person says otherwise. A unit that the
//! person allows reads what the application is about, to give its view, from
//! when the case is confirmed until it is decided: a consent, and no relation.

use std::collections::BTreeMap;

use samspor_chassis::{
    domene::{
        felles::{Hvem, Relasjon},
        felt, navn,
    },
    error::FieldFaults,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor as proto,
    felles::{Faktum, Faktumtype},
    tilgang::{Dataklasse, Formal},
};
use serde::{Deserialize, Serialize};

use super::Soknad;
use crate::{ENHET, KOORDINERING, kartlegging};

/// Most units of one application.
const MAKS: usize = 50;
/// The unit for psykisk helse and rus, the same in every municipality's file.
const PSYKISK_HELSE_OG_RUS: &str = "rop";

/// What the person said about contact before the vedtak.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kontakt {
    /// No contact with psykisk helse or rus.
    pub(crate) reservert: bool,
    /// By unit id: whether it may be contacted.
    pub(crate) enheter: BTreeMap<String, bool>,
}

/// Reads what the person says; each unit once.
pub(crate) fn les(
    reservert: bool,
    values: &[proto::Kontaktsamtykke],
    faults: &mut FieldFaults,
) -> Kontakt {
    felt::antall(values.len(), "kontaktsamtykker", MAKS, faults);
    let mut enheter = BTreeMap::new();
    for (place, value) in values.iter().enumerate() {
        let field = format!("kontaktsamtykker[{place}].enhet");
        let unit = navn::les_enhet(&value.enhet, &field, faults);
        // Koordinering follows who answers for the need, by law.
        if unit == ENHET || unit == KOORDINERING {
            faults.contradicts(
                field,
                "name",
                "enheten som avgjør søknaden, og koordinerende enhet kan ikke holdes utenfor; \
                 trekk søknaden i stedet",
            );
        } else if unit == PSYKISK_HELSE_OG_RUS && reservert && value.tillatt {
            faults.contradicts(
                field,
                "reservert_kontakt",
                "enheten er både ønsket og nektet",
            );
        } else if enheter.insert(unit, value.tillatt).is_some() {
            faults.contradicts(field, "kontaktsamtykker", "en enhet kan nevnes én gang");
        }
    }
    Kontakt { reservert, enheter }
}

impl Kontakt {
    /// Ids of the units that the person refuses.
    pub(crate) fn nektet(&self) -> Vec<String> {
        let refused = self.enheter.iter().filter(|(_, allowed)| !**allowed);
        let mut units: Vec<String> = refused.map(|(unit, _)| unit.clone()).collect();
        if self.reservert {
            units.push(PSYKISK_HELSE_OG_RUS.to_owned());
        }
        units.sort();
        units.dedup();
        units
    }

    /// Ids of the units that the person allows.
    pub(crate) fn tillatt(&self) -> impl Iterator<Item = &String> {
        let allowed = self.enheter.iter().filter(|(_, allowed)| **allowed);
        allowed.map(|(unit, _)| unit)
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> Vec<proto::Kontaktsamtykke> {
        self.enheter
            .iter()
            .map(|(unit, allowed)| proto::Kontaktsamtykke {
                enhet: navn::enhet(unit),
                tillatt: *allowed,
            })
            .collect()
    }
}

/// What opens the application to a unit that the person allows, since and until.
pub(crate) fn apnet(soknad: &Soknad, enhet: &str, fra: Tid, til: Option<Tid>) -> Faktum {
    let relasjon = Relasjon {
        id: format!("kontakt/{}/{enhet}/samtykke", soknad.id),
        subjekt: &soknad.person,
        part: Hvem::Enhet(enhet),
        type_: Faktumtype::Samtykke,
        post: soknad.name(),
        fra,
        til,
        opprettet_av: "",
    };
    Faktum {
        klasser: vec![Dataklasse::Tjeneste.into(), Dataklasse::Funksjon.into()],
        formal: Formal::Samordning.into(),
        ..relasjon.faktum()
    }
}

/// What keeps a unit from the application and its mapping, since and until.
pub(crate) fn stengt(soknad: &Soknad, enhet: &str, fra: Tid, til: Option<Tid>) -> Vec<Faktum> {
    let mapping = soknad
        .innhold
        .kartlegging
        .as_ref()
        .map(|id| navn::post(&soknad.person, kartlegging::SAMLING, id));
    [("soknad", Some(soknad.name())), ("kartlegging", mapping)]
        .into_iter()
        .filter_map(|(of, post)| {
            let post = post?;
            let faktum = Relasjon {
                id: format!("kontakt/{}/{enhet}/{of}", soknad.id),
                subjekt: &soknad.person,
                part: Hvem::Enhet(enhet),
                type_: Faktumtype::Reservasjon,
                post,
                fra,
                til,
                opprettet_av: "",
            }
            .faktum();
            Some(faktum)
        })
        .collect()
}
