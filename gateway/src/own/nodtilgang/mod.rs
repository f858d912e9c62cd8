//! Break-glass: reading to save life or health now, when no other rule opens
//! (P20; helsepersonelloven § 31, necessity).
//!
//! A session is a fact about its employee and person, with an end. Reading
//! under it is decided and logged as any reading is; this is its life: active,
//! ended by its user or by time, reviewed by somebody else.

pub(super) mod rpc;
pub(super) mod rules;
pub(super) mod store;

use samspor_chassis::tid::Tid;
use samspor_proto::{
    felles::{Aktor, Faktum, Faktumtype, Part, Periode, Rolle, part::Hvem},
    gateway::{Nodtilgang, NodtilgangTilstand},
    klassifisering::Klasser,
};

/// A break-glass session, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub id: String,
    pub person: String,
    pub enhet: String,
    pub ansatt: String,
    /// The role in which it was started, and in which alone it opens.
    pub rolle: Rolle,
    pub tilstand: NodtilgangTilstand,
    pub begrunnelse: String,
    pub klasser: Klasser,
    pub startet: Tid,
    pub utloper: Tid,
    pub avsluttet: Option<Tid>,
    pub frist: Tid,
    pub gjennomgang: Option<Review>,
    pub versjon: i64,
}

/// What its reviewer found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Review {
    pub enhet: String,
    pub ansatt: String,
    pub rolle: Rolle,
    pub vurdering: String,
}

impl Session {
    /// Resource name.
    pub(super) fn name(&self) -> String {
        format!("personer/{}/nodtilganger/{}", self.person, self.id)
    }

    /// The right that it gives. Sent again with an earlier end when it ends.
    pub(super) fn fact(&self) -> Faktum {
        let end = self
            .avsluttet
            .map_or(self.utloper, |ended| ended.min(self.utloper));
        Faktum {
            id: self.name(),
            subjekt: self.person.clone(),
            part: Some(Part {
                hvem: Some(Hvem::Ansatt(self.ansatt.clone())),
            }),
            r#type: Faktumtype::Nodtilgang.into(),
            klasser: self.klasser.iter().map(Into::into).collect(),
            periode: Some(Periode {
                fra: Some(self.startet.to_proto()),
                til: Some(end.to_proto()),
            }),
            rolle: self.rolle.into(),
            opprettet_av: self.ansatt.clone(),
            enhet: self.enhet.clone(),
            ..Faktum::default()
        }
    }

    /// As the contract has it.
    pub(super) fn to_proto(&self) -> Nodtilgang {
        let review = self.gjennomgang.as_ref();
        Nodtilgang {
            name: self.name(),
            etag: samspor_chassis::store::etag::etag(self.versjon),
            tilstand: self.tilstand.into(),
            enhet: format!("enheter/{}", self.enhet),
            ansatt: self.ansatt.clone(),
            begrunnelse: self.begrunnelse.clone(),
            klasser: self.klasser.iter().map(Into::into).collect(),
            startet: Some(self.startet.to_proto()),
            utloper: Some(self.utloper.to_proto()),
            avsluttet: self.avsluttet.map(Tid::to_proto),
            gjennomgang_frist: Some(self.frist.to_proto()),
            gjennomgatt_av: review.map(|review| Aktor {
                enhet: format!("enheter/{}", review.enhet),
                ansatt: review.ansatt.clone(),
                rolle: review.rolle.into(),
            }),
            vurdering: review
                .map(|review| review.vurdering.clone())
                .unwrap_or_default(),
            skjerming: None,
        }
    }
}
