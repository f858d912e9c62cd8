//! Behovsoversikt: who waits for which dwelling, who waits in temporary housing,
//! what is known to come, what there is and what stands empty (boligsosialloven
//! § 5), at any instant.
//!
//! [`opphold`] hears nav's stays, [`store`] keeps from when to when each thing was
//! so, [`tall`] counts (pure), [`kube`] is what is published of it. Invariants: an
//! overview of an instant that has passed is the same whenever it is asked for,
//! once what had happened by then is heard; a published month never changes, and
//! tells of nobody.

mod kube;
pub(crate) mod opphold;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
pub(crate) mod prove;
pub(crate) mod rpc;
pub(crate) mod store;
mod tall;

use samspor_chassis::{
    domene::{Dag, felles::tall as enumtall},
    tid::Tid,
};
use samspor_proto::boligkontor::{
    Behovsgruppe, Behovsstatus, Bemanning, Kommendearsak, Tildelingstype,
};
use serde::{Deserialize, Serialize};

use crate::boligsak::{Boligsak, Tilstand};

/// An open application, as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Onske {
    pub(crate) person: String,
    pub(crate) type_: Tildelingstype,
    pub(crate) status: Behovsstatus,
    /// Since when the person waits.
    pub(crate) siden: Tid,
    pub(crate) onsket: Onsket,
}

/// What is asked for, as far as it counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Onsket {
    /// Groups besides everybody.
    grupper: Vec<Gruppe>,
    kommende: Option<Kommende>,
}

/// A group, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Gruppe(#[serde(with = "enumtall")] Behovsgruppe);

/// A need that is known to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kommende {
    dag: Dag,
    #[serde(with = "enumtall")]
    arsak: Kommendearsak,
}

impl Onsket {
    /// The one place where it is said what of an application counts.
    pub(crate) fn av(sak: &Boligsak) -> Self {
        let (soknad, behov) = (&sak.soknad, &sak.soknad.behov);
        let staffed = matches!(behov.bemanning, Bemanning::Dag | Bemanning::Dogn);
        let groups = [
            (behov.kvinne, Behovsgruppe::Kvinner),
            (soknad.barn > 0, Behovsgruppe::Barnefamilier),
            (behov.rusfritt_miljo, Behovsgruppe::Rusfritt),
            (staffed, Behovsgruppe::Bemannet),
            (behov.rullestol, Behovsgruppe::Rullestol),
        ];
        Self {
            grupper: groups
                .into_iter()
                .filter_map(|(is, group)| is.then_some(Gruppe(group)))
                .collect(),
            kommende: soknad.kommende_dag.map(|dag| Kommende {
                dag,
                arsak: soknad.kommende_arsak,
            }),
        }
    }
}

/// How far it has come; none where it is not open.
pub(crate) const fn status(tilstand: Tilstand) -> Option<Behovsstatus> {
    match tilstand {
        Tilstand::Mottatt | Tilstand::UnderVurdering => Some(Behovsstatus::Uavgjort),
        Tilstand::Godkjent => Some(Behovsstatus::PaListen),
        Tilstand::Avslatt | Tilstand::Trukket | Tilstand::Tildelt => None,
    }
}
