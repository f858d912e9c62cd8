//! Sammenslåing: two ids turn out to be one person.
//!
//! What restricts under either id holds for both from the proposal on, until a
//! second person has rejected or undone it. What opens crosses only while the
//! merge is confirmed and not said to be wrong: then the gateway counts the
//! relations and consents of one for the other, but for mandates, which are
//! stated for every id. Invariants: nobody confirms the own proposal; an id is
//! merged into one other; nobody is hidden from who must answer by it.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{store::etag, tid::Tid};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Part, Periode, part},
    koordinering::{self, SammenslaingTilstand},
};

use crate::{
    ENHET, navn,
    tosteg::{Steg, Tilstand},
};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "sammenslainger";

/// A merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sammenslaing {
    pub(crate) id: String,
    pub(crate) versjon: i64,
    /// Id that remains.
    pub(crate) gjenstar: String,
    /// Id that is merged into it.
    pub(crate) duplikat: String,
    pub(crate) begrunnelse: String,
    pub(crate) foreslatt: Steg,
    pub(crate) tilstand: Tilstand,
    /// Since when what opens crosses: the confirmation, or the last time that a
    /// word against it was rejected.
    pub(crate) krysser_fra: Option<Tid>,
}

impl Sammenslaing {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.gjenstar, SAMLING, &self.id)
    }

    /// Whether the ids are one person in the index.
    pub(crate) fn er_ett(&self) -> bool {
        self.tilstand.virker()
    }

    /// What lets the gateway count the facts of one for the other; none before
    /// it was confirmed. It ends with the first word that it was wrong; where
    /// that is rejected another begins, so that none says that it held
    /// meanwhile.
    pub(crate) fn faktum(&self) -> Option<Faktum> {
        let (confirmed, _) = self.tilstand.virkning()?;
        let (id, fra) = match self.krysser_fra {
            Some(fra) => (format!("sammenslatt/{}/{}", self.id, fra.0), fra),
            // Confirmed before the column was: the fact stands under this id.
            None => (format!("sammenslatt/{}", self.duplikat), confirmed),
        };
        let til = self.tilstand.forslag().map(|wrong| wrong.av.tid);
        Some(Faktum {
            id,
            subjekt: self.duplikat.clone(),
            part: Some(Part {
                hvem: Some(part::Hvem::Person(self.gjenstar.clone())),
            }),
            r#type: Faktumtype::Sammenslatt.into(),
            periode: Some(Periode {
                fra: Some(fra.into()),
                til: til.map(Into::into),
            }),
            opprettet_av: self.foreslatt.hvem.ansatt.clone(),
            ..Faktum::default()
        })
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> koordinering::Sammenslaing {
        let wrong = self.tilstand.forslag();
        let tilstand = match self.tilstand {
            Tilstand::Foreslatt => SammenslaingTilstand::Foreslatt,
            Tilstand::Gjeldende { .. } => SammenslaingTilstand::Gjeldende,
            Tilstand::OpphevingForeslatt { .. } => SammenslaingTilstand::OpphevingForeslatt,
            Tilstand::Opphevet { .. } => SammenslaingTilstand::Opphevet,
            Tilstand::Avvist { .. } => SammenslaingTilstand::Avvist,
        };
        let step = |step: &Steg| step.hvem.to_proto();
        koordinering::Sammenslaing {
            name: self.name(),
            etag: etag::etag(self.versjon),
            tilstand: tilstand.into(),
            duplikat: navn::person(&self.duplikat),
            begrunnelse: self.begrunnelse.clone(),
            eier: navn::enhet(ENHET),
            foreslatt: Some(self.foreslatt.tid.into()),
            foreslatt_av: Some(step(&self.foreslatt)),
            avgjort_av: self.tilstand.avgjort().map(step),
            periode: self.tilstand.virkning().map(|(fra, til)| Periode {
                fra: Some(fra.into()),
                til: til.map(Into::into),
            }),
            oppheving_foreslatt_av: wrong.map(|wrong| step(&wrong.av)),
            oppheving_begrunnelse: wrong.map(|w| w.begrunnelse.clone()).unwrap_or_default(),
            opphevet_av: self.tilstand.opphevet().map(step),
            skjerming: None,
        }
    }
}
