//! Representasjon: who may act for the person, by vergemål or fullmakt.
//!
//! It opens the records of every unit, so it takes two persons as a merge does,
//! and is stated for the id that it was given under. Invariants: it opens
//! nothing before another has confirmed it; nobody represents themselves; an
//! end is at once and needs no second person; a fullmakt is the person's to end.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{domene::Hjemmel, store::etag, tid::Tid};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Part, Periode, part},
    koordinering::{self, RepresentasjonTilstand, Representasjonsgrunnlag},
};

use crate::{ENHET, navn, tosteg::Steg};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "representasjoner";

/// A mandate to represent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Representasjon {
    pub(crate) id: String,
    pub(crate) versjon: i64,
    pub(crate) person: String,
    pub(crate) innhold: Innhold,
    pub(crate) registrert: Steg,
    pub(crate) bekreftet: Option<Steg>,
    pub(crate) avsluttet: Option<Steg>,
}

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Innhold {
    /// Person id of who represents.
    pub(crate) representant: String,
    pub(crate) grunnlag: Representasjonsgrunnlag,
    pub(crate) hjemmel: Hjemmel,
    pub(crate) fra: Tid,
    /// First instant at which it no longer holds; none: until it is ended.
    pub(crate) til: Option<Tid>,
}

impl Representasjon {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// State in the contract.
    pub(crate) fn tilstand(&self) -> RepresentasjonTilstand {
        if self.avsluttet.is_some() {
            RepresentasjonTilstand::Avsluttet
        } else if self.bekreftet.is_none() {
            RepresentasjonTilstand::TilBekreftelse
        } else {
            RepresentasjonTilstand::Gjeldende
        }
    }

    /// When it holds or held, or shall: not before it was confirmed.
    fn periode(&self) -> (Tid, Option<Tid>) {
        let confirmed = self.bekreftet.as_ref().map(|step| step.tid);
        let fra = confirmed.map_or(self.innhold.fra, |at| at.max(self.innhold.fra));
        let ended = self.avsluttet.as_ref().map(|step| step.tid);
        let til = [self.innhold.til, ended].into_iter().flatten().min();
        (fra, til)
    }

    /// Whether it holds at an instant.
    pub(crate) fn gjelder(&self, now: Tid) -> bool {
        let (fra, til) = self.periode();
        self.faktum().is_some() && fra <= now && til.is_none_or(|til| now < til)
    }

    /// What it opens; none where nobody has confirmed it.
    pub(crate) fn faktum(&self) -> Option<Faktum> {
        self.bekreftet.as_ref()?;
        let (fra, til) = self.periode();
        Some(Faktum {
            id: format!("{SAMLING}/{}", self.id),
            subjekt: self.person.clone(),
            part: Some(Part {
                hvem: Some(part::Hvem::Person(self.innhold.representant.clone())),
            }),
            r#type: Faktumtype::Representant.into(),
            periode: Some(Periode {
                fra: Some(fra.into()),
                til: til.map(Into::into),
            }),
            opprettet_av: self.registrert.hvem.ansatt.clone(),
            ..Faktum::default()
        })
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> koordinering::Representasjon {
        let (fra, til) = self.periode();
        let step = |step: &Steg| step.hvem.to_proto();
        koordinering::Representasjon {
            name: self.name(),
            etag: etag::etag(self.versjon),
            tilstand: self.tilstand().into(),
            representant: navn::person(&self.innhold.representant),
            grunnlag: self.innhold.grunnlag.into(),
            hjemmel: Some(self.innhold.hjemmel.to_proto()),
            periode: Some(Periode {
                fra: Some(fra.into()),
                til: til.map(Into::into),
            }),
            eier: navn::enhet(ENHET),
            registrert_av: Some(step(&self.registrert)),
            bekreftet_av: self.bekreftet.as_ref().map(step),
            avsluttet_av: self.avsluttet.as_ref().map(step),
            skjerming: None,
        }
    }
}
