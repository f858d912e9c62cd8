//! Kriseplan: what helps in a crisis, written with the person. Each change is a
//! new version, and the newest holds.
//!
//! Invariants: versions of a person are numbered without gap from 1; exactly
//! one of them is the newest; nobody replaces a version that was not read; the
//! newest has a day on which it is gone through, and only a newer one ends it.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{Aktor, Dag, Emne, Hjemmel, navn},
    store::etag,
    tid::Tid,
};
use samspor_proto::rop as proto;
use serde::{Deserialize, Serialize};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "kriseplaner";

/// Deadline: it is gone through anew with the person.
pub(crate) const FRIST_GJENNOMGANG: &str = "kriseplan_gjennomgang";

/// One version of a crisis plan.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kriseplan {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    /// Number of the version, from 1.
    pub(crate) nr: i64,
    /// Unit id that owns it.
    pub(crate) ansvarlig_enhet: String,
    pub(crate) nyeste: bool,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) varseltegn: String,
    pub(crate) hjelper: String,
    pub(crate) unnga: String,
    pub(crate) behandling: String,
    pub(crate) kontakter: Vec<Krisekontakt>,
    pub(crate) trygt_sted: String,
    /// Id of the version that it replaced.
    pub(crate) erstatter: Option<String>,
    pub(crate) skrevet_av: Aktor,
    pub(crate) skrevet: Tid,
    pub(crate) med_personen: bool,
    pub(crate) hjemmel: Hjemmel,
    /// None from before it was asked for.
    #[serde(default)]
    pub(crate) gjennomgas: Option<Dag>,
}

/// A next of kin to call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Krisekontakt {
    pub(crate) navn: String,
    pub(crate) relasjon: String,
    pub(crate) telefon: String,
}

impl Kriseplan {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// What events are about.
    pub(crate) fn emne(&self) -> Emne {
        Emne {
            person: self.person.clone(),
            post: self.name(),
            eier: self.ansvarlig_enhet.clone(),
        }
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Kriseplan {
        let Innhold {
            varseltegn,
            hjelper,
            unnga,
            behandling,
            kontakter,
            trygt_sted,
            erstatter,
            skrevet_av,
            skrevet,
            med_personen,
            hjemmel,
            gjennomgas,
        } = self.innhold.clone();
        proto::Kriseplan {
            name: self.name(),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            varseltegn,
            hjelper,
            unnga,
            behandling,
            kontakter: kontakter
                .into_iter()
                .map(|contact| proto::Krisekontakt {
                    navn: contact.navn,
                    relasjon: contact.relasjon,
                    telefon: contact.telefon,
                })
                .collect(),
            trygt_sted,
            versjon: i32::try_from(self.nr).unwrap_or(i32::MAX),
            erstatter: erstatter
                .map(|id| navn::post(&self.person, SAMLING, &id))
                .unwrap_or_default(),
            gjeldende: self.nyeste,
            skrevet_av: Some(skrevet_av.to_proto()),
            skrevet: Some(skrevet.into()),
            skjerming: None,
            med_personen,
            hjemmel: Some(hjemmel.to_proto()),
            gjennomgas: gjennomgas.map(|day| day.to_string()).unwrap_or_default(),
        }
    }
}
