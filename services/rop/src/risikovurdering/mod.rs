//! Risikovurdering: what staff who meet the person must know to be safe.
//!
//! Invariants: it always has an expiry, and one that has expired or was
//! replaced is not current; a person has at most one that is not replaced;
//! yellow and red name a measure, and what a level asks for by itself
//! (`data/innstillinger.json`) is named and lasts until somebody assesses anew:
//! nobody is safer for an expiry.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{
        Aktor, Emne, Hjemmel,
        felles::{mange_tall, tall},
        navn,
    },
    error::Error,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::rop::{self as proto, Risikokilde, Risikoniva, Risikotiltak};
use serde::{Deserialize, Serialize};

use crate::innstillinger::innstillinger;

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "risikovurderinger";
/// Deadline: it expires; the warning is the time to assess anew.
pub(crate) const FRIST_UTLOP: &str = "risiko_utlop";

/// A risk assessment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Risikovurdering {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    /// Unit id that owns it.
    pub(crate) ansvarlig_enhet: String,
    /// Not replaced.
    pub(crate) nyeste: bool,
    /// Instant from which it no longer holds; moved to its replacement.
    pub(crate) utloper: Tid,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    #[serde(with = "tall")]
    pub(crate) niva: Risikoniva,
    #[serde(with = "mange_tall")]
    pub(crate) tiltak: Vec<Risikotiltak>,
    pub(crate) tiltak_merknad: String,
    #[serde(with = "tall")]
    pub(crate) kilde: Risikokilde,
    pub(crate) grunnlag: String,
    pub(crate) tidligere_dom: String,
    /// Id of the one that it replaced.
    pub(crate) erstatter: Option<String>,
    pub(crate) vurdert_av: Aktor,
    pub(crate) vurdert: Tid,
    /// Why it is exempt from the person's own access; none where it is not.
    pub(crate) unntatt: Option<String>,
    pub(crate) hjemmel: Hjemmel,
}

/// How many employees meet the person outside the service's own rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bemanning {
    /// One is enough.
    En,
    /// Two, by the assessment that holds.
    To,
    /// Two, by the level of an assessment that expired and was not replaced.
    ToUtlopt,
}

/// How many employees the person's latest assessment asks for now.
pub(crate) async fn bemanning(tx: &mut Tx, person: &str) -> Result<Bemanning, Error> {
    let latest = store::nyeste(tx, person).await?;
    let settings = innstillinger()?;
    Ok(latest.map_or(Bemanning::En, |vurdering| {
        let always = settings.tiltak_for(vurdering.innhold.niva);
        rules::bemanning(&vurdering, always, tx.now())
    }))
}

impl Risikovurdering {
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

    /// Whether it holds at an instant.
    pub(crate) fn gjelder(&self, now: Tid) -> bool {
        self.nyeste && now < self.utloper
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self, now: Tid) -> proto::Risikovurdering {
        let Innhold {
            niva,
            tiltak,
            tiltak_merknad,
            kilde,
            grunnlag,
            tidligere_dom,
            erstatter,
            vurdert_av,
            vurdert,
            unntatt,
            hjemmel,
        } = self.innhold.clone();
        proto::Risikovurdering {
            name: self.name(),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            niva: niva.into(),
            tiltak: tiltak.into_iter().map(Into::into).collect(),
            tiltak_merknad,
            kilde: kilde.into(),
            grunnlag,
            tidligere_dom,
            utloper: Some(self.utloper.into()),
            gjeldende: self.gjelder(now),
            erstatter: erstatter
                .map(|id| navn::post(&self.person, SAMLING, &id))
                .unwrap_or_default(),
            vurdert_av: Some(vurdert_av.to_proto()),
            vurdert: Some(vurdert.into()),
            skjerming: None,
            unntatt_innsyn: unntatt.is_some(),
            unntatt_begrunnelse: unntatt.unwrap_or_default(),
            hjemmel: Some(hjemmel.to_proto()),
        }
    }
}
