//! The journal in two record types: open notes (what cooperating units need)
//! and restricted notes (therapy conversations, for those who treat).
//!
//! Notes are never changed: a correction is a new note that refers to the
//! earlier one. That a restricted note exists is as restricted as the note.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{Aktor, Emne, Hjemmel, navn},
    store::etag,
    tid::Tid,
};
use samspor_proto::rop as proto;
use serde::{Deserialize, Serialize};

/// Which journal a note stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slag {
    /// Open.
    Aapent,
    /// Restricted.
    Begrenset,
}

impl Slag {
    /// Text in the database.
    pub(crate) const fn kode(self) -> &'static str {
        match self {
            Self::Aapent => "AAPENT",
            Self::Begrenset => "BEGRENSET",
        }
    }

    /// Collection in the resource name.
    pub(crate) const fn samling(self) -> &'static str {
        match self {
            Self::Aapent => "aapne_notater",
            Self::Begrenset => "begrensede_notater",
        }
    }

    /// Event when one is written.
    pub(crate) const fn hendelse(self) -> Option<&'static str> {
        match self {
            Self::Aapent => Some("AapentNotatSkrevet"),
            // An event would tell that the note exists.
            Self::Begrenset => None,
        }
    }
}

/// A note.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notat {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) slag: Slag,
    /// Id of the newest note that corrects it.
    pub(crate) rettet_av: Option<String>,
    /// Unit id that owns it.
    pub(crate) ansvarlig_enhet: String,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) tema: String,
    /// Open notes only.
    pub(crate) funksjon: String,
    pub(crate) tekst: String,
    /// Why it is exempt from the person's own access; none where it is not.
    pub(crate) unntatt: Option<String>,
    /// Id of the note that it corrects.
    pub(crate) retter: Option<String>,
    pub(crate) skrevet_av: Aktor,
    pub(crate) skrevet: Tid,
    pub(crate) hjemmel: Hjemmel,
    /// Why the earlier note is corrected.
    #[serde(default)]
    pub(crate) rettelse_begrunnelse: String,
}

impl Notat {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, self.slag.samling(), &self.id)
    }

    /// What events are about.
    pub(crate) fn emne(&self) -> Emne {
        Emne {
            person: self.person.clone(),
            post: self.name(),
            eier: self.ansvarlig_enhet.clone(),
        }
    }

    fn rettet_av(&self) -> String {
        let later = self.rettet_av.as_deref();
        later
            .map(|id| navn::post(&self.person, self.slag.samling(), id))
            .unwrap_or_default()
    }

    fn retter(&self) -> String {
        let earlier = self.innhold.retter.as_deref();
        earlier
            .map(|id| navn::post(&self.person, self.slag.samling(), id))
            .unwrap_or_default()
    }

    /// As the contract carries an open one.
    pub(crate) fn to_aapent(&self) -> proto::AapentNotat {
        let Innhold {
            tema,
            funksjon,
            tekst,
            unntatt,
            retter: _,
            skrevet_av,
            skrevet,
            hjemmel,
            rettelse_begrunnelse,
        } = self.innhold.clone();
        proto::AapentNotat {
            name: self.name(),
            etag: etag::etag(1),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            tema,
            funksjon,
            tekst,
            unntatt_innsyn: unntatt.is_some(),
            unntatt_begrunnelse: unntatt.unwrap_or_default(),
            retter: self.retter(),
            skrevet_av: Some(skrevet_av.to_proto()),
            skrevet: Some(skrevet.into()),
            hjemmel: Some(hjemmel.to_proto()),
            skjerming: None,
            rettelse_begrunnelse,
            rettet_av: self.rettet_av(),
        }
    }

    /// As the contract carries a restricted one.
    pub(crate) fn to_begrenset(&self) -> proto::BegrensetNotat {
        let Innhold {
            tema,
            funksjon: _,
            tekst,
            unntatt,
            retter: _,
            skrevet_av,
            skrevet,
            hjemmel,
            rettelse_begrunnelse,
        } = self.innhold.clone();
        proto::BegrensetNotat {
            name: self.name(),
            etag: etag::etag(1),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            tema,
            tekst,
            unntatt_innsyn: unntatt.is_some(),
            unntatt_begrunnelse: unntatt.unwrap_or_default(),
            retter: self.retter(),
            skrevet_av: Some(skrevet_av.to_proto()),
            skrevet: Some(skrevet.into()),
            hjemmel: Some(hjemmel.to_proto()),
            skjerming: None,
            rettelse_begrunnelse,
            rettet_av: self.rettet_av(),
        }
    }
}
