//! Work list: what waits for a unit, since when, and what breaks next.
//!
//! Nothing waits here without a clock, so the list follows the deadlines: a
//! deadline that a rule sets puts a row in the list of the unit that must act
//! (its first recipient), of the unit that answers for the record, of
//! bestillerkontor where it hears of it, and, for an order, of who ordered;
//! clearing it takes the rows away, in the same transaction. A deadline that was broken
//! stays, marked, until somebody has acted. Every handler of this service hands
//! its effects over by [`utfor`]. What boligkontor asks of the unit becomes such
//! deadlines too ([`bolig`]).

pub(crate) mod bolig;
pub(crate) mod rpc;
pub(crate) mod store;

use std::collections::BTreeMap;

use samspor_chassis::{
    domene::{Virkninger, navn, virkning::Fristendring},
    error::Error,
    store::Tx,
    tid::Tid,
};
use samspor_proto::bestillerkontor::{self as proto, Ventetype};

use crate::{ENHET, oppdrag};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "venteposter";

/// One thing that waits, as one unit sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ventepost {
    pub(crate) id: String,
    /// Unit id whose list it is in.
    pub(crate) enhet: String,
    /// Name of the record.
    pub(crate) post: String,
    /// Kind of the deadline.
    pub(crate) type_: String,
    pub(crate) person: String,
    /// Unit id that must act.
    pub(crate) venter_pa: String,
    pub(crate) siden: Tid,
    pub(crate) frist: Tid,
    pub(crate) brutt: bool,
}

impl Ventepost {
    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Ventepost {
        let type_ = self.type_.to_uppercase();
        let known = Ventetype::from_str_name(&format!("VENTETYPE_{type_}"));
        proto::Ventepost {
            name: navn::post(&self.person, SAMLING, &self.id),
            etag: String::new(),
            enhet: navn::enhet(&self.enhet),
            venter_pa: navn::enhet(&self.venter_pa),
            r#type: known.unwrap_or(Ventetype::Annet).into(),
            post: self.post.clone(),
            siden: Some(self.siden.into()),
            frist: Some(self.frist.into()),
            brutt: self.brutt,
            skjerming: None,
        }
    }
}

/// Hands the effects of a rule to the transaction, and lets the work lists
/// follow its deadlines.
pub(crate) async fn utfor(tx: &mut Tx, mut virkninger: Virkninger) -> Result<(), Error> {
    bolig::gjort_selv(tx, &mut virkninger).await?;
    let mut rows = BTreeMap::new();
    for change in &virkninger.frister {
        match change {
            Fristendring::Sett(deadline) => {
                let acts = deadline.mottakere.first().unwrap_or(&deadline.eier);
                let order = deadline.post.split('/').nth(2) == Some(oppdrag::SAMLING);
                for unit in &deadline.mottakere {
                    if order || unit == acts || *unit == deadline.eier || unit == ENHET {
                        let key = (deadline.post.clone(), deadline.kind, unit.clone());
                        rows.insert(key, store::rad(tx, deadline, unit, acts));
                    }
                }
            }
            Fristendring::Slett { post, kind } => {
                rows.retain(|(of, deadline, _), _| (of, deadline) != (post, kind));
                store::slett(tx, post, kind).await?;
            }
        }
    }
    store::sett(tx, rows.into_values().collect()).await?;
    virkninger.utfor(tx);
    Ok(())
}
