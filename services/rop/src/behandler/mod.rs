//! Behandlerforhold: which employee treats the person. The restricted journal
//! is read by nobody else (P2).
//!
//! Invariant: an employee has at most one open relation to a person. Who
//! assigned is part of the fact, so that the log can mark access that rests on
//! one's own assignment.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{
        Aktor, Emne, Hjemmel,
        felles::{Hvem, Relasjon},
        navn,
    },
    store::etag,
    tid::Tid,
};
use samspor_proto::{
    felles::{Faktum, Faktumtype},
    rop as proto,
};
use serde::{Deserialize, Serialize};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "behandlerforhold";

/// A relation of treatment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Behandlerforhold {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    /// Unit id that owns it.
    pub(crate) ansvarlig_enhet: String,
    /// Employee who treats.
    pub(crate) ansatt: String,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) fra: Tid,
    pub(crate) tildelt_av: Aktor,
    pub(crate) hjemmel: Hjemmel,
    /// None while it is open.
    pub(crate) slutt: Option<Slutt>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slutt {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) begrunnelse: String,
}

impl Behandlerforhold {
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

    /// The relation that access rules build on.
    pub(crate) fn faktum(&self) -> Faktum {
        Relasjon {
            id: format!("behandler/{}", self.id),
            subjekt: &self.person,
            part: Hvem::Ansatt(&self.ansatt),
            type_: Faktumtype::Behandler,
            post: String::new(),
            fra: self.innhold.fra,
            til: self.innhold.slutt.as_ref().map(|end| end.tid),
            opprettet_av: &self.innhold.tildelt_av.ansatt,
        }
        .faktum()
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Behandlerforhold {
        let Innhold {
            fra,
            tildelt_av,
            hjemmel,
            slutt,
        } = self.innhold.clone();
        proto::Behandlerforhold {
            name: self.name(),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            ansatt: self.ansatt.clone(),
            fra: Some(fra.into()),
            til: slutt.as_ref().map(|end| end.tid.into()),
            tildelt_av: Some(tildelt_av.to_proto()),
            avsluttet_av: slutt.as_ref().map(|end| end.av.to_proto()),
            begrunnelse: slutt.map(|end| end.begrunnelse).unwrap_or_default(),
            hjemmel: Some(hjemmel.to_proto()),
            skjerming: None,
        }
    }
}
