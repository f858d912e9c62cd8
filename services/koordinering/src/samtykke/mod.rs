//! Consent: one unit, in one role, for one purpose, reads the classes named
//! within a period, of one record or of all that there are (P18).
//!
//! TIL_BEKREFTELSE → GITT → TRUKKET (at once, without a reason) | UTLOPT (by
//! the clock). It begins as GITT, unless staff record it for their own unit:
//! then the person or another employee confirms it first. Invariants: never
//! JOURNAL, STRAFF, VURDERING or TREDJEPART; always an end; nobody opens records
//! to the own unit alone; what was given is never changed, only withdrawn.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{store::etag, tid::Tid};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Hjemmel, Part, Periode, Rolle, part},
    klassifisering::Klasser,
    koordinering::{self, SamtykkeTilstand},
    tilgang::{Dataklasse, Formal},
};

use crate::{Aktor, navn, vilje::Vilje};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "samtykker";
/// Deadline: the consent reaches its end.
pub(crate) const FRIST_UTLOP: &str = "samtykke_utlop";

/// A consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Samtykke {
    pub(crate) id: String,
    pub(crate) person: String,
    pub(crate) versjon: i64,
    pub(crate) innhold: Innhold,
    pub(crate) vilje: Vilje,
    pub(crate) bekreftelse: Bekreftelse,
    /// When it was withdrawn, and who recorded that.
    pub(crate) trukket: Option<(Tid, Aktor)>,
}

/// Whether somebody else than the recorder must confirm a consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bekreftelse {
    /// The person gave it, or staff of another unit than the one that reads.
    Unodvendig,
    /// Waited for.
    Ventes,
    /// Given, then and by whom.
    Gitt(Tid, Aktor),
}

/// What a consent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Innhold {
    /// Unit id that may read.
    pub(crate) enhet: String,
    /// Role in which its staff may.
    pub(crate) rolle: Rolle,
    /// Classes opened.
    pub(crate) klasser: Klasser,
    /// Purpose.
    pub(crate) formal: Formal,
    /// Name of the one record that it opens; empty: every record.
    pub(crate) post: String,
    /// First instant.
    pub(crate) fra: Tid,
    /// First instant after.
    pub(crate) til: Tid,
}

/// State of a consent at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tilstand {
    /// Waits for a confirmation; it opens nothing.
    TilBekreftelse,
    /// Given; it opens within its period.
    Gitt,
    /// Withdrawn.
    Trukket,
    /// Its period has passed.
    Utlopt,
}

impl Samtykke {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// State at an instant.
    pub(crate) fn tilstand(&self, now: Tid) -> Tilstand {
        match self.trukket {
            Some(_) => Tilstand::Trukket,
            None if self.innhold.til <= now => Tilstand::Utlopt,
            None if self.bekreftelse == Bekreftelse::Ventes => Tilstand::TilBekreftelse,
            None => Tilstand::Gitt,
        }
    }

    /// The fact that access rules build on; none before it is confirmed. A
    /// withdrawal sends it again with the end moved to then.
    pub(crate) fn faktum(&self) -> Option<Faktum> {
        let fra = match &self.bekreftelse {
            Bekreftelse::Unodvendig => self.innhold.fra,
            Bekreftelse::Ventes => return None,
            Bekreftelse::Gitt(at, _) => self.innhold.fra.max(*at),
        };
        let til = match &self.trukket {
            Some((at, _)) => (*at).min(self.innhold.til),
            None => self.innhold.til,
        };
        Some(Faktum {
            id: format!("{SAMLING}/{}", self.id),
            subjekt: self.person.clone(),
            part: Some(Part {
                hvem: Some(part::Hvem::Enhet(self.innhold.enhet.clone())),
            }),
            r#type: Faktumtype::Samtykke.into(),
            post: self.innhold.post.clone(),
            klasser: self.innhold.klasser.iter().map(Into::into).collect(),
            rolle: self.innhold.rolle.into(),
            formal: self.innhold.formal.into(),
            periode: Some(Periode {
                fra: Some(fra.into()),
                til: Some(til.into()),
            }),
            opprettet_av: self.vilje.registrert_av.ansatt.clone(),
            ..Faktum::default()
        })
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self, now: Tid) -> koordinering::Samtykke {
        let bekreftet = match &self.bekreftelse {
            Bekreftelse::Unodvendig | Bekreftelse::Ventes => None,
            Bekreftelse::Gitt(at, who) => Some((*at, who.to_proto())),
        };
        let tilstand = match self.tilstand(now) {
            Tilstand::TilBekreftelse => SamtykkeTilstand::TilBekreftelse,
            Tilstand::Gitt => SamtykkeTilstand::Gitt,
            Tilstand::Trukket => SamtykkeTilstand::Trukket,
            Tilstand::Utlopt => SamtykkeTilstand::Utlopt,
        };
        koordinering::Samtykke {
            name: self.name(),
            etag: etag::etag(self.versjon),
            tilstand: tilstand.into(),
            enhet: navn::enhet(&self.innhold.enhet),
            rolle: self.innhold.rolle.into(),
            klasser: self.innhold.klasser.iter().map(Into::into).collect(),
            formal: self.innhold.formal.into(),
            periode: Some(Periode {
                fra: Some(self.innhold.fra.into()),
                til: Some(self.innhold.til.into()),
            }),
            form: self.vilje.form.into(),
            innhentet: Some(self.vilje.innhentet.into()),
            eier: navn::enhet(&self.vilje.eier),
            registrert_av: Some(self.vilje.registrert_av.to_proto()),
            trukket: self.trukket.as_ref().map(|(at, _)| (*at).into()),
            trukket_av: self.trukket.as_ref().map(|(_, who)| who.to_proto()),
            skjerming: None,
            hjemmel: Some(hjemmel(self.innhold.klasser)),
            bekreftet: bekreftet.as_ref().map(|(at, _)| (*at).into()),
            bekreftet_av: bekreftet.map(|(_, who)| who),
            post: self.innhold.post.clone(),
        }
    }
}

/// Which duty of confidentiality the consent lifts: that of health personnel
/// where it opens health, that of the administration otherwise.
fn hjemmel(klasser: Klasser) -> Hjemmel {
    let (lov, paragraf) = if klasser.har(Dataklasse::Helse) {
        ("helsepersonelloven", "§ 22")
    } else {
        ("forvaltningsloven", "§ 13 a nr. 1")
    };
    Hjemmel {
        lov: lov.to_owned(),
        paragraf: paragraf.to_owned(),
    }
}
