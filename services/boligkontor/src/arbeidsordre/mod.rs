//! Arbeidsordre: what is broken in a dwelling or makes it ready, and by when it
//! is done (Boligdrift).
//!
//! MELDT → BESTILT → UTFORT → LUKKET; AVVIST. Invariants: nothing in it says who
//! lives there or who reported it; its deadline ends only with the work or with a
//! reason why it is not done; a dwelling that is made ready has one open order
//! for that, which ends when the dwelling is ready.

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
pub(crate) mod prove;
pub(crate) mod rpc;
pub(crate) mod rules;

use samspor_chassis::{
    domene::{Dag, felles::tall, navn},
    tid::Tid,
};
use samspor_proto::boligkontor::{self as proto, ArbeidsordreTilstand, Arbeidstype, Hastegrad};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    boligpost::{self, Post, boligtabell},
};

/// Deadline: it is done.
pub(crate) const FRIST: &str = "arbeidsordre";

/// What an order to make a dwelling ready is found by.
pub(crate) const KLARGJORING: &str = "KLARGJORING";

samspor_chassis::tilstand! {
    /// State of a works order.
    pub(crate) enum Tilstand => ArbeidsordreTilstand {
        /// Reported.
        Meldt = "MELDT",
        /// Somebody is to do it, on a day.
        Bestilt = "BESTILT",
        /// Done.
        Utfort = "UTFORT",
        /// Seen to be done.
        Lukket = "LUKKET",
        /// Not done.
        Avvist = "AVVIST",
    }
}

/// What a works order says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arbeidsordre {
    #[serde(with = "tall")]
    pub(crate) type_: Arbeidstype,
    #[serde(with = "tall")]
    pub(crate) hastegrad: Hastegrad,
    pub(crate) tilstand: Tilstand,
    pub(crate) beskrivelse: String,
    pub(crate) meldt: Tid,
    pub(crate) frist: Tid,
    pub(crate) planlagt: Option<Dag>,
    /// A role or a firm.
    pub(crate) utforer: String,
    pub(crate) utfort: Option<Tid>,
    pub(crate) avsluttet: Option<Tid>,
    pub(crate) begrunnelse: String,
}

impl boligpost::Innhold for Arbeidsordre {
    const SAMLING: &'static str = "arbeidsordrer";
    const SQL: &'static boligpost::Sql = boligtabell!("arbeidsordre");

    fn apen(&self) -> bool {
        self.avsluttet.is_none()
    }

    fn nokkel(&self) -> &'static str {
        match self.type_ {
            Arbeidstype::Klargjoring => KLARGJORING,
            _ => "",
        }
    }

    fn frist(&self) -> Tid {
        self.frist
    }
}

/// As the contract carries it.
pub(crate) fn to_proto(post: &Post<Arbeidsordre>, now: Tid) -> proto::Arbeidsordre {
    let Arbeidsordre {
        type_,
        hastegrad,
        tilstand,
        beskrivelse,
        meldt,
        frist,
        planlagt,
        utforer,
        utfort,
        avsluttet,
        begrunnelse,
    } = post.innhold.clone();
    proto::Arbeidsordre {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(ENHET),
        r#type: type_.into(),
        hastegrad: hastegrad.into(),
        tilstand: ArbeidsordreTilstand::from(tilstand).into(),
        beskrivelse,
        meldt: Some(meldt.into()),
        frist: Some(frist.into()),
        brutt: utfort.or(avsluttet).unwrap_or(now) > frist,
        planlagt_dag: planlagt.map(|day| day.to_string()).unwrap_or_default(),
        utforer,
        utfort: utfort.map(Into::into),
        avsluttet: avsluttet.map(Into::into),
        begrunnelse,
        skjerming: None,
    }
}
