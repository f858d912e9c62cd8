//! Kontakt: what happened between the service and the person. Never changed:
//! one that was wrong stands as it was registered, marked with why, and counts
//! no more; another may stand for it.
//!
//! Invariants: a declined contact has a day on which it is offered again, and
//! a clock that runs until the person was met or has answered anew (R10), after it
//! was declined and about the same; no number of missed contacts closes anything, three of them call for outreach;
//! who goes alone where the assessment asks for two says why, and the unit hears
//! of it. What has happened is never refused for that: it would not be known.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{Aktor, Dag, Emne, Hjemmel, felles::tall, navn},
    store::etag,
    tid::Tid,
};
use samspor_proto::rop::{self as proto, Kontakttype, Kontaktutfall};
use serde::{Deserialize, Serialize};

use crate::planlegging;

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "kontakter";
/// Collection of the tiltak under which contacts are delivered.
pub(crate) const TILTAK: &str = "tiltak";
/// Deadline: a declined contact is offered again.
pub(crate) const FRIST_NYTT_TILBUD: &str = "nytt_tilbud";

samspor_chassis::tilstand! {
    /// What came of a contact.
    pub(crate) enum Utfall => Kontaktutfall {
        /// They met.
        Mott = "MOTT",
        /// The person was not there.
        IkkeMott = "IKKE_MOTT",
        /// The person declined.
        TakketNei = "TAKKET_NEI",
    }
}

/// A contact.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kontakt {
    pub(crate) person: String,
    pub(crate) id: String,
    /// Unit id that owns it.
    pub(crate) ansvarlig_enhet: String,
    pub(crate) utfall: Utfall,
    pub(crate) tidspunkt: Tid,
    pub(crate) innhold: Innhold,
    /// Set where it was wrong.
    pub(crate) rettelse: Option<Rettelse>,
}

/// Why a contact counts no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rettelse {
    pub(crate) begrunnelse: String,
    pub(crate) av: Aktor,
    pub(crate) tid: Tid,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    #[serde(with = "tall")]
    pub(crate) type_: Kontakttype,
    pub(crate) notat: String,
    pub(crate) sted: String,
    /// Set exactly where the person declined.
    pub(crate) nytt_tilbud: Option<Dag>,
    /// Resource name at bestillerkontor; empty for a service without vedtak.
    pub(crate) oppdrag: String,
    pub(crate) registrert_av: Aktor,
    pub(crate) registrert: Tid,
    pub(crate) hjemmel: Hjemmel,
    #[serde(default)]
    pub(crate) minutter: i32,
    /// Employees beside the one who registered.
    #[serde(default)]
    pub(crate) ansatte: Vec<String>,
    /// Why with one employee although the assessment asked for two.
    #[serde(default)]
    pub(crate) alene_begrunnelse: String,
    #[serde(default)]
    pub(crate) sen_begrunnelse: String,
    /// Id of the tiltak; empty: none.
    #[serde(default)]
    pub(crate) tiltak: String,
    /// Id of the contact that it stands for; empty: none.
    #[serde(default)]
    pub(crate) retter: String,
    /// Id of the planned contact that it was; empty: none.
    #[serde(default)]
    pub(crate) planlagt: String,
}

impl Kontakt {
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

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Kontakt {
        let Innhold {
            type_,
            notat,
            sted,
            nytt_tilbud,
            oppdrag,
            registrert_av,
            registrert,
            hjemmel,
            minutter,
            ansatte,
            alene_begrunnelse,
            sen_begrunnelse,
            tiltak,
            retter,
            planlagt,
        } = self.innhold.clone();
        let rettet = self.rettelse.clone();
        let named = |samling: &str, id: String| match id.is_empty() {
            true => id,
            false => navn::post(&self.person, samling, &id),
        };
        proto::Kontakt {
            name: self.name(),
            etag: etag::etag(if rettet.is_some() { 2 } else { 1 }),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            r#type: type_.into(),
            utfall: Kontaktutfall::from(self.utfall).into(),
            tidspunkt: Some(self.tidspunkt.into()),
            notat,
            sted,
            nytt_tilbud: nytt_tilbud.map(|day| day.to_string()).unwrap_or_default(),
            oppdrag,
            registrert_av: Some(registrert_av.to_proto()),
            registrert: Some(registrert.into()),
            hjemmel: Some(hjemmel.to_proto()),
            skjerming: None,
            minutter,
            ansatte,
            alene_begrunnelse,
            sen_begrunnelse,
            tiltak: named(TILTAK, tiltak),
            retter: named(SAMLING, retter),
            planlagt: named(planlegging::SAMLING, planlagt),
            rettet: rettet.is_some(),
            rettet_av: rettet.as_ref().map(|wrong| wrong.av.to_proto()),
            rettelse: rettet.map(|wrong| wrong.begrunnelse).unwrap_or_default(),
        }
    }
}
