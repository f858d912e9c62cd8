//! Klage: the person disputes a vedtak.
//!
//! MOTTATT → OMGJORT, or OPPRETTHOLDT → OVERSENDT → AVGJORT; TRUKKET until it
//! is decided. Invariants: nothing is disputed before the person was told of
//! it; what comes late says why; a vedtak has one open klage at a time; the one
//! who decided the vedtak does not change it; the outcome stands in the vedtak;
//! and at each step a clock runs for the unit that must act.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{Aktor, Dag, Emne, felles::tall, navn},
    store::etag,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{self as proto, KlageTilstand, Statsforvalterutfall},
    felles::Faktum,
};
use serde::{Deserialize, Serialize};

use crate::vedtak;

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "klager";
/// Deadline: the unit's own look at it.
pub(crate) const FRIST_KLAGE: &str = "klage";
/// Deadline: it must be sent to the statsforvalter.
pub(crate) const FRIST_OVERSENDELSE: &str = "oversendelse";
/// Deadline: the statsforvalter must be asked.
pub(crate) const FRIST_AVGJORELSE: &str = "avgjorelse";

samspor_chassis::tilstand! {
    /// State of a klage.
    pub(crate) enum Tilstand => KlageTilstand {
        /// Received.
        Mottatt = "MOTTATT",
        /// The unit changed its decision.
        Omgjort = "OMGJORT",
        /// The unit holds to its decision.
        Opprettholdt = "OPPRETTHOLDT",
        /// Sent to the statsforvalter.
        Oversendt = "OVERSENDT",
        /// The statsforvalter has decided.
        Avgjort = "AVGJORT",
        /// Taken back.
        Trukket = "TRUKKET",
    }
}

/// A klage.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Klage {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    pub(crate) tilstand: Tilstand,
    /// Unit id that decided.
    pub(crate) ansvarlig_enhet: String,
    /// Id of the vedtak.
    pub(crate) vedtak: String,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) grunn: String,
    pub(crate) innsender: String,
    /// When it came.
    pub(crate) mottatt: Tid,
    /// When it was registered, where that was later.
    #[serde(default)]
    pub(crate) registrert: Option<Tid>,
    #[serde(default)]
    pub(crate) etterregistrert_grunn: String,
    pub(crate) registrert_av: Aktor,
    pub(crate) pa_vegne_av: bool,
    /// How the person said it, where staff registered it.
    #[serde(default)]
    pub(crate) personens_onske: String,
    /// The same where staff took it back.
    #[serde(default)]
    pub(crate) trukket_onske: String,
    pub(crate) klagefrist: Dag,
    pub(crate) forsinket_grunn: String,
    /// Version of the vedtak that it disputes.
    pub(crate) vedtaksversjon: i32,
    /// When the unit changed or held to its decision, who, and why.
    pub(crate) behandlet: Option<(Tid, Aktor, String)>,
    pub(crate) oversendt: Option<Tid>,
    pub(crate) avgjorelse: Option<Avgjorelse>,
    pub(crate) avsluttet: Option<Tid>,
}

/// What the statsforvalter decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Avgjorelse {
    #[serde(with = "tall")]
    pub(crate) utfall: Statsforvalterutfall,
    pub(crate) begrunnelse: String,
    pub(crate) dag: Dag,
}

impl Klage {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// What events and deadlines are about.
    pub(crate) fn emne(&self) -> Emne {
        Emne {
            person: self.person.clone(),
            post: self.name(),
            eier: self.ansvarlig_enhet.clone(),
        }
    }

    /// The open case that a klage is, whatever became of the vedtak.
    pub(crate) fn fakta(&self, til: Option<Tid>) -> Vec<Faktum> {
        crate::sak_hos(
            &self.ansvarlig_enhet,
            &self.id,
            &self.person,
            &self.name(),
            (self.innhold.registrert.unwrap_or(self.innhold.mottatt), til),
            &self.innhold.registrert_av,
        )
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Klage {
        let Innhold {
            grunn,
            innsender,
            mottatt,
            registrert: _,
            etterregistrert_grunn,
            registrert_av,
            pa_vegne_av,
            personens_onske,
            trukket_onske,
            klagefrist,
            forsinket_grunn,
            vedtaksversjon,
            behandlet,
            oversendt,
            avgjorelse,
            avsluttet: _,
        } = self.innhold.clone();
        proto::Klage {
            name: self.name(),
            etag: etag::etag(self.versjon),
            tilstand: KlageTilstand::from(self.tilstand).into(),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            vedtak: navn::post(&self.person, vedtak::SAMLING, &self.vedtak),
            grunn,
            pa_vegne_av,
            personens_onske,
            trukket_onske,
            innsender,
            etterregistrert_grunn,
            mottatt: Some(mottatt.into()),
            registrert_av: Some(registrert_av.to_proto()),
            klagefrist: klagefrist.to_string(),
            forsinket_grunn,
            versjon: vedtaksversjon,
            begrunnelse: behandlet
                .as_ref()
                .map(|(_, _, why)| why.clone())
                .unwrap_or_default(),
            skjerming: None,
            behandlet_av: behandlet.as_ref().map(|(_, who, _)| who.to_proto()),
            behandlet: behandlet.map(|(at, _, _)| at.into()),
            oversendt: oversendt.map(Into::into),
            avgjorelse: avgjorelse.as_ref().map_or(0, |found| found.utfall.into()),
            avgjort: avgjorelse
                .as_ref()
                .map(|found| found.dag.to_string())
                .unwrap_or_default(),
            avgjorelse_begrunnelse: avgjorelse
                .map(|found| found.begrunnelse)
                .unwrap_or_default(),
        }
    }
}
