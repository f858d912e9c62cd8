//! Bolig: the stock. What a dwelling is like, whether it can be had, and since
//! when and why it stands empty.
//!
//! KLARGJORES → LEDIG → RESERVERT → UTLEID → KLARGJORES; UTE_AV_DRIFT from
//! LEDIG and KLARGJORES and back to being made ready; AVVIKLET for good.
//! Invariants: a dwelling has at most one holder, which the table `belegg`
//! keeps (I4), and has one exactly while it is RESERVERT or UTLEID; exactly one
//! period of standing empty is open while nobody lives there and it is in the
//! stock.

pub(crate) mod innlesing;
pub(crate) mod les;
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
pub(crate) mod store;

use samspor_chassis::{
    domene::{Dag, felles::tall, navn},
    store::etag,
    tid::Tid,
};
use samspor_proto::boligkontor::{
    self as proto, Bemanning, Boligform, Boligtilstand, Bomiljo, Eierform, Standard,
    Tildelingstype, Tomgangsarsak,
};
use serde::{Deserialize, Serialize};

use crate::ENHET;

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "boliger";

samspor_chassis::tilstand! {
    /// State of a dwelling.
    pub(crate) enum Tilstand => Boligtilstand {
        /// Can be reserved.
        Ledig = "LEDIG",
        /// Held for somebody.
        Reservert = "RESERVERT",
        /// Somebody lives there.
        Utleid = "UTLEID",
        /// Is made ready.
        Klargjores = "KLARGJORES",
        /// Cannot be let.
        UteAvDrift = "UTE_AV_DRIFT",
        /// Has left the stock.
        Avviklet = "AVVIKLET",
    }
}

/// States in which a dwelling belongs to the stock.
pub(crate) const I_BEHOLDNING: [Tilstand; 5] = [
    Tilstand::Ledig,
    Tilstand::Reservert,
    Tilstand::Utleid,
    Tilstand::Klargjores,
    Tilstand::UteAvDrift,
];

/// A dwelling.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bolig {
    pub(crate) id: String,
    pub(crate) versjon: i64,
    /// Number in the municipality's register.
    pub(crate) nokkel: String,
    pub(crate) tilstand: Tilstand,
    pub(crate) siden: Tid,
    pub(crate) innhold: Innhold,
    /// The open period of standing empty.
    pub(crate) tomgang: Option<Tomgang>,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) egenskaper: Egenskaper,
    /// When it is expected to be ready.
    #[serde(default)]
    pub(crate) klar: Option<Tid>,
    /// Why it left the stock.
    #[serde(default)]
    pub(crate) avviklet: String,
}

/// What a dwelling is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Egenskaper {
    pub(crate) navn: String,
    pub(crate) adresse: String,
    pub(crate) omrade: String,
    #[serde(with = "tall")]
    pub(crate) boligform: Boligform,
    #[serde(with = "tall")]
    pub(crate) tildelingstype: Tildelingstype,
    #[serde(with = "tall")]
    pub(crate) eierform: Eierform,
    #[serde(with = "tall")]
    pub(crate) bemanning: Bemanning,
    pub(crate) soverom: i32,
    pub(crate) kvadratmeter: i32,
    pub(crate) etasje: i32,
    pub(crate) heis: bool,
    pub(crate) rullestol: bool,
    pub(crate) kun_kvinner: bool,
    #[serde(with = "tall")]
    pub(crate) bomiljo: Bomiljo,
    pub(crate) husregler: Vec<String>,
    pub(crate) meter_butikk: i32,
    pub(crate) meter_buss: i32,
    pub(crate) meter_tjenester: i32,
    #[serde(with = "tall")]
    pub(crate) standard: Standard,
    pub(crate) husleie: i32,
    pub(crate) kostnad_per_dag: i32,
}

/// A period in which a dwelling stands empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tomgang {
    pub(crate) id: String,
    pub(crate) arsak: Tomgangsarsak,
    pub(crate) merknad: String,
    pub(crate) fra: Tid,
    pub(crate) til: Option<Tid>,
    pub(crate) kostnad_per_dag: i32,
}

impl Tomgang {
    /// Midnights that it has stood empty.
    pub(crate) fn dager(&self, now: Tid) -> i32 {
        let end = self.til.unwrap_or(now);
        Dag::av(self.fra).dager_til(Dag::av(end)).max(0)
    }

    fn to_proto(&self, now: Tid) -> proto::Tomgang {
        let dager = self.dager(now);
        proto::Tomgang {
            arsak: self.arsak.into(),
            merknad: self.merknad.clone(),
            fra: Some(self.fra.into()),
            til: self.til.map(Into::into),
            kostnad_per_dag: self.kostnad_per_dag,
            dager,
            kostnad: i64::from(dager) * i64::from(self.kostnad_per_dag),
        }
    }
}

impl Bolig {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn_pa(&self.id)
    }

    pub(crate) fn tildelingstype(&self) -> Tildelingstype {
        self.innhold.egenskaper.tildelingstype
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self, now: Tid) -> proto::Bolig {
        let Innhold {
            egenskaper, klar, ..
        } = &self.innhold;
        proto::Bolig {
            name: self.name(),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(ENHET),
            nokkel: self.nokkel.clone(),
            egenskaper: Some(egenskaper.to_proto()),
            tilstand: Boligtilstand::from(self.tilstand).into(),
            tilstand_siden: Some(self.siden.into()),
            tomgang: self.tomgang.as_ref().map(|empty| empty.to_proto(now)),
            klar: klar.map(Into::into),
            skjerming: None,
        }
    }
}

/// `enheter/boligkontor/boliger/{id}`.
pub(crate) fn navn_pa(id: &str) -> String {
    format!("enheter/{ENHET}/{SAMLING}/{id}")
}

/// The key of a type: that of the function `tildelingsmyndighet:<key>`, and of
/// the column.
pub(crate) const fn typenokkel(type_: Tildelingstype) -> &'static str {
    match type_ {
        Tildelingstype::Unspecified => "",
        Tildelingstype::Midlertidig => "midlertidig",
        Tildelingstype::KommunalUtleie => "kommunal_utleie",
        Tildelingstype::Hardfor => "hardfor",
        Tildelingstype::Omsorgsbolig => "omsorgsbolig",
    }
}

/// Every type.
pub(crate) const TYPER: [Tildelingstype; 4] = [
    Tildelingstype::Midlertidig,
    Tildelingstype::KommunalUtleie,
    Tildelingstype::Hardfor,
    Tildelingstype::Omsorgsbolig,
];
