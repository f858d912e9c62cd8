//! Incident reviews (gransking; P17, W8): a mandate says who reviews what of
//! whom, which period, which classes, and until when.
//!
//! A mandate opens nothing by itself. Approved, it is a fact about each person
//! that it names, about its avvik and about itself, with the mandate's end;
//! reading under it is decided and logged as any reading is.

pub(super) mod rpc;
pub(super) mod rules;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod rulesprove;
pub(super) mod store;

use samspor_chassis::{
    domene::felles::{Aktor, tall},
    store::etag,
    tid::Tid,
};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Part, Periode, Rolle, part::Hvem},
    gateway::{Gransking as Wire, GranskingTilstand},
    klassifisering::Klasser,
    tilgang::Formal,
};
use serde::{Deserialize, Serialize};

/// A mandate, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gransking {
    pub id: String,
    pub versjon: i64,
    pub innhold: Innhold,
}

/// What a mandate says, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Innhold {
    #[serde(with = "tall")]
    pub tilstand: GranskingTilstand,
    pub apnet_av: Aktor,
    pub apnet: Tid,
    pub godkjent_av: Option<Aktor>,
    pub godkjent: Option<Tid>,
    pub avsluttet: Option<Tid>,
    /// Employee who reviews.
    pub gransker: String,
    pub gransker_enhet: String,
    /// Ids of the units that are reviewed.
    pub enheter: Vec<String>,
    /// Ids of the persons whose course is reviewed.
    pub personer: Vec<String>,
    /// Name of the avvik; empty: none.
    pub avvik: String,
    pub sporings_id: String,
    pub fra: Tid,
    pub til: Tid,
    pub utloper: Tid,
    /// Bits of the classes.
    pub klasser: u32,
    pub mandat: String,
}

impl Gransking {
    /// Resource name.
    pub(super) fn name(&self) -> String {
        format!("granskinger/{}", self.id)
    }

    /// The rights that it gives, from its approval until it ends. Sent again
    /// with an earlier end when it is ended.
    pub(super) fn facts(&self) -> Vec<Faktum> {
        let content = &self.innhold;
        let Some(approved) = content.godkjent else {
            return Vec::new();
        };
        let end = content
            .avsluttet
            .map_or(content.utloper, |ended| ended.min(content.utloper));
        let period = |fra: Tid, til: Tid| Periode {
            fra: Some(fra.to_proto()),
            til: Some(til.to_proto()),
        };
        let fact = |subject: &str, reviewed: Option<Periode>| Faktum {
            id: format!("{}/{subject}", self.name()),
            subjekt: subject.to_owned(),
            part: Some(Part {
                hvem: Some(Hvem::Ansatt(content.gransker.clone())),
            }),
            r#type: Faktumtype::Gransker.into(),
            klasser: Klasser::fra_bits(content.klasser)
                .iter()
                .map(Into::into)
                .collect(),
            rolle: Rolle::Gransker.into(),
            formal: Formal::Gransking.into(),
            periode: Some(period(approved, end)),
            opprettet_av: content.apnet_av.ansatt.clone(),
            mandat: self.name(),
            gjelder: reviewed,
            enhet: content.gransker_enhet.clone(),
            ..Faktum::default()
        };
        let reviewed = period(content.fra, content.til);
        let persons = content.personer.iter();
        let mut facts: Vec<_> = persons
            .map(|person| fact(person, Some(reviewed)))
            .chain([fact(&self.id, None)])
            .collect();
        // An avvik is reported after what it is about.
        facts.extend(
            content
                .avvik
                .strip_prefix("avvik/")
                .map(|avvik| fact(avvik, None)),
        );
        facts
    }

    /// As the contract has it.
    pub(super) fn to_proto(&self) -> Wire {
        let content = &self.innhold;
        let unit = |id: &String| format!("enheter/{id}");
        Wire {
            name: self.name(),
            etag: etag::etag(self.versjon),
            tilstand: content.tilstand.into(),
            enhet: unit(&content.apnet_av.enhet),
            apnet_av: Some(content.apnet_av.to_proto()),
            godkjent_av: content.godkjent_av.as_ref().map(Aktor::to_proto),
            gransker: content.gransker.clone(),
            gransker_enhet: unit(&content.gransker_enhet),
            enheter: content.enheter.iter().map(unit).collect(),
            personer: content
                .personer
                .iter()
                .map(|id| format!("personer/{id}"))
                .collect(),
            avvik: content.avvik.clone(),
            sporings_id: content.sporings_id.clone(),
            fra: Some(content.fra.to_proto()),
            til: Some(content.til.to_proto()),
            skjerming: None,
            utloper: Some(content.utloper.to_proto()),
            klasser: Klasser::fra_bits(content.klasser)
                .iter()
                .map(Into::into)
                .collect(),
            mandat: content.mandat.clone(),
            apnet: Some(content.apnet.to_proto()),
            godkjent: content.godkjent.map(Tid::to_proto),
            avsluttet: content.avsluttet.map(Tid::to_proto),
        }
    }
}
