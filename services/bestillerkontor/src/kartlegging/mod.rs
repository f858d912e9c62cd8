//! Kartlegging: what the mapping of a need found.
//!
//! Made when an application becomes ready, and not changed afterwards. It is a
//! record of its own, so that the units of a vedtak's lines read what the
//! vedtak stands on, and nothing else that the application told.

pub(crate) mod rpc;
pub(crate) mod store;

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::FieldFaults,
    store::etag,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{self as proto, GjorKlarSoknadRequest},
    felles::Hjemmel,
};
use serde::{Deserialize, Serialize};

use crate::soknad;

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "kartlegginger";

/// What a mapping found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kartlegging {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    /// Unit id that mapped the need.
    pub(crate) ansvarlig_enhet: String,
    /// Id of the application that it was made for.
    pub(crate) soknad: String,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) beskrivelse: Beskrivelse,
    pub(crate) kartlagt: Tid,
    pub(crate) kartlagt_av: Aktor,
}

/// The need in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Beskrivelse {
    pub(crate) funksjon: String,
    pub(crate) helse: String,
}

/// Reads what was found. Function is required: services are matched on it.
pub(crate) fn les(request: &GjorKlarSoknadRequest, faults: &mut FieldFaults) -> Beskrivelse {
    Beskrivelse {
        funksjon: felt::pakrevd(
            &request.funksjonsbeskrivelse,
            "funksjonsbeskrivelse",
            felt::LANG,
            faults,
        ),
        helse: felt::tekst(
            &request.helsebeskrivelse,
            "helsebeskrivelse",
            felt::LANG,
            faults,
        ),
    }
}

impl Kartlegging {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Kartlegging {
        let Innhold {
            beskrivelse,
            kartlagt,
            kartlagt_av,
        } = self.innhold.clone();
        proto::Kartlegging {
            name: self.name(),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            soknad: navn::post(&self.person, soknad::SAMLING, &self.soknad),
            funksjonsbeskrivelse: beskrivelse.funksjon,
            helsebeskrivelse: beskrivelse.helse,
            kartlagt: Some(kartlagt.into()),
            kartlagt_av: Some(kartlagt_av.to_proto()),
            hjemmel: Some(Hjemmel {
                lov: "forvaltningsloven".to_owned(),
                paragraf: "§ 17".to_owned(),
            }),
            skjerming: None,
        }
    }
}
