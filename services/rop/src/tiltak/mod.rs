//! Tiltak: what the unit delivers to a person, and delivered against granted
//! per week.
//!
//! What is granted is bestillerkontor's to say: it is read through the gateway
//! when the tiltak begins and when the vedtak was amended, and kept with the
//! instant at which it was read. Invariants: one tiltak per oppdrag, and none
//! for one that is known to have ended; a grant never changes for days before
//! the oppdrag was amended; a tiltak under an oppdrag ends with the oppdrag and
//! in no other way.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, navn},
    error::Error,
    store::Tx,
    tid::Tid,
};
use samspor_proto::rop as proto;
use serde::{Deserialize, Serialize};

use crate::{
    kontakt,
    lager::{self, Post},
    plandekning, tabell,
};

/// What is granted a week, between two days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ramme {
    min_timer: f64,
    maks_timer: f64,
    fra: Dag,
    til: Option<Dag>,
    lest: Tid,
}

/// A tiltak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tiltak {
    /// Resource name at bestillerkontor; empty: without vedtak.
    oppdrag: String,
    beskrivelse: String,
    /// In order of days, none over another.
    rammer: Vec<Ramme>,
    pub(crate) bestilt: Tid,
    avsluttet: Option<Tid>,
    avslutning: String,
    registrert_av: Aktor,
    registrert: Tid,
    hjemmel: Hjemmel,
    /// When the oppdrag was last amended, until that is read.
    #[serde(default)]
    endret: Option<Tid>,
}

impl lager::Innhold for Tiltak {
    const SAMLING: &'static str = kontakt::TILTAK;
    const SQL: &'static lager::Sql = tabell!("tiltak");

    fn apen(&self) -> bool {
        self.avsluttet.is_none()
    }

    fn nokkel(&self) -> String {
        self.oppdrag.clone()
    }

    fn frist(&self) -> Option<Tid> {
        Some(self.avsluttet.unwrap_or(lager::APENT))
    }

    fn fra(&self) -> Tid {
        self.bestilt
    }

    /// The unit counts who has one.
    fn lagret<'t>(tx: &'t mut Tx, person: &'t str) -> BoxFuture<'t, Result<(), Error>> {
        plandekning::oppdater(tx, person).boxed()
    }
}

fn to_proto(tiltak: &Post<Tiltak>) -> proto::Tiltak {
    let Tiltak {
        oppdrag,
        beskrivelse,
        rammer,
        bestilt,
        avsluttet,
        avslutning,
        registrert_av,
        registrert,
        hjemmel,
        endret: _,
    } = tiltak.innhold.clone();
    let rammer = rammer.into_iter().map(|ramme| proto::Ramme {
        min_timer: ramme.min_timer,
        maks_timer: ramme.maks_timer,
        fra: ramme.fra.to_string(),
        til: ramme.til.map(|day| day.to_string()).unwrap_or_default(),
        lest: Some(ramme.lest.into()),
    });
    proto::Tiltak {
        name: tiltak.name(),
        etag: tiltak.etag(),
        ansvarlig_enhet: navn::enhet(&tiltak.enhet),
        oppdrag,
        beskrivelse,
        rammer: rammer.collect(),
        bestilt: Some(bestilt.into()),
        avsluttet: avsluttet.map(Into::into),
        avslutning,
        registrert_av: Some(registrert_av.to_proto()),
        registrert: Some(registrert.into()),
        hjemmel: Some(hjemmel.to_proto()),
        skjerming: None,
    }
}
