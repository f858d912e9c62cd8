//! Oppfølging: that the unit follows a person, under a vedtak or without.
//!
//! APEN → AVSLUTTET. Opened by an oppdrag that is accepted, by who registers a
//! person who came without vedtak, and by anything that is registered about a
//! person whom the unit does not follow. It is the unit's own relation to the
//! person (docs/adr/0020): unconfirmed while it rests on one employee's word.
//!
//! Invariants: one open for a person; nothing that waits or opens anything
//! outlives it: who treats, primary contact, pathway, plans, clocks, tasks; it
//! is not ended while a tiltak or an oppdrag is open or feedback unanswered,
//! nor without a reason and an alternative; while nothing is delivered under it
//! a clock runs.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{
        Aktor, Hjemmel,
        felles::{Hvem, Relasjon},
        navn,
    },
    tid::Tid,
};
use samspor_proto::{
    felles::{Faktum, Faktumtype},
    rop::{self as proto, OppfolgingTilstand},
};
use serde::{Deserialize, Serialize};

use crate::{
    lager::{self, Post},
    tabell,
};

/// Deadline: something is delivered, or the oppfølging ends.
pub(crate) const FRIST_AVSLUTT: &str = "avslutt_oppfolging";
/// Deadline: a second employee confirms it.
pub(crate) const FRIST_BEKREFT: &str = "bekreft_oppfolging";

/// How the unit follows a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Oppfolging {
    begrunnelse: String,
    hjemmel: Option<Hjemmel>,
    apnet: (Tid, Aktor),
    bekreftet: Option<(Tid, Aktor)>,
    slutt: Option<Slutt>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slutt {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) begrunnelse: String,
    pub(crate) alternativ: String,
}

impl lager::Innhold for Oppfolging {
    const SAMLING: &'static str = "oppfolginger";
    const SQL: &'static lager::Sql = tabell!("oppfolging");

    fn apen(&self) -> bool {
        self.slutt.is_none()
    }

    fn fra(&self) -> Tid {
        self.apnet.0
    }
}

impl Oppfolging {
    pub(crate) fn er_bekreftet(&self) -> bool {
        self.bekreftet.is_some()
    }
}

/// The relations that access rules build on: SOKER until it is confirmed,
/// OPPFOLGER from then, both limited to the record.
fn fakta(post: &Post<Oppfolging>) -> Vec<Faktum> {
    let Oppfolging {
        apnet,
        bekreftet,
        slutt,
        ..
    } = &post.innhold;
    let end = slutt.as_ref().map(|end| end.tid);
    let confirmed = bekreftet.as_ref().map(|(at, _)| *at);
    let fact = |kind: &str, type_, (fra, av): &(Tid, Aktor), til| {
        Relasjon {
            id: format!("{kind}/{}", post.id),
            subjekt: &post.person,
            part: Hvem::Enhet(&post.enhet),
            type_,
            post: post.name(),
            fra: *fra,
            til,
            opprettet_av: &av.ansatt,
        }
        .faktum()
    };
    let mut facts = Vec::new();
    // Confirmed from the beginning, it was never unconfirmed.
    if confirmed != Some(apnet.0) {
        facts.push(fact("soker", Faktumtype::Soker, apnet, confirmed.or(end)));
    }
    if let Some(confirmed) = bekreftet {
        facts.push(fact("oppfolger", Faktumtype::Oppfolger, confirmed, end));
    }
    facts
}

/// As the contract carries it.
fn to_proto(post: &Post<Oppfolging>) -> proto::Oppfolging {
    let Oppfolging {
        begrunnelse,
        hjemmel,
        apnet,
        bekreftet,
        slutt,
    } = post.innhold.clone();
    let state = match slutt {
        None => OppfolgingTilstand::Apen,
        Some(_) => OppfolgingTilstand::Avsluttet,
    };
    proto::Oppfolging {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: state.into(),
        begrunnelse,
        hjemmel: hjemmel.map(|basis| basis.to_proto()),
        apnet: Some(apnet.0.into()),
        apnet_av: Some(apnet.1.to_proto()),
        bekreftet: bekreftet.as_ref().map(|(at, _)| (*at).into()),
        bekreftet_av: bekreftet.map(|(_, who)| who.to_proto()),
        avsluttet: slutt.as_ref().map(|end| end.tid.into()),
        avsluttet_av: slutt.as_ref().map(|end| end.av.to_proto()),
        alternativ: slutt
            .as_ref()
            .map(|end| end.alternativ.clone())
            .unwrap_or_default(),
        avslutning: slutt.map(|end| end.begrunnelse).unwrap_or_default(),
        skjerming: None,
    }
}
