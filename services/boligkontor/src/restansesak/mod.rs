//! Restansesak: arrears of a tenancy, and the joint case that comes before
//! anybody loses a home (K7: it has avoided every eviction for five years).
//!
//! APEN → AVGJORT. Invariants: a tenancy has one open case; that it may be
//! ended is said only when every unit of the case has answered what it does and
//! they have met; each unit sees the case while it is open and no longer (P12).

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
    domene::{
        Aktor, Dag,
        felles::{Hvem, Relasjon, tall},
        navn,
    },
    lager::{self, Post},
    tabell,
    tid::Tid,
};
use samspor_proto::{
    boligkontor::{self as proto, RestansesakTilstand, Restanseutfall},
    felles::{Faktum, Faktumtype},
};
use serde::{Deserialize, Serialize};

/// Deadline: the case has its outcome; near when the units have to answer.
pub(crate) const FRIST: &str = "restansesak";

samspor_chassis::tilstand! {
    /// State of a joint case.
    pub(crate) enum Tilstand => RestansesakTilstand {
        /// The units answer and meet.
        Apen = "APEN",
        /// It has an outcome.
        Avgjort = "AVGJORT",
    }
}

/// What a joint case says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Restansesak {
    /// Name of the tenancy.
    pub(crate) leieforhold: String,
    pub(crate) belop: i32,
    pub(crate) siden: Dag,
    pub(crate) parter: Vec<Part>,
    pub(crate) apnet: (Tid, Aktor),
    pub(crate) svarfrist: Tid,
    pub(crate) frist: Tid,
    pub(crate) moter: Vec<Mote>,
    pub(crate) avgjort: Option<Avgjort>,
}

/// A unit of the case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) enhet: String,
    /// When, who and what.
    pub(crate) svar: Option<(Tid, Aktor, String)>,
}

/// A meeting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mote {
    pub(crate) dag: Dag,
    pub(crate) leietaker_deltok: bool,
    pub(crate) utfall: String,
    pub(crate) av: Aktor,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Avgjort {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    #[serde(with = "tall")]
    pub(crate) utfall: Restanseutfall,
    pub(crate) begrunnelse: String,
}

impl Restansesak {
    pub(crate) const fn tilstand(&self) -> Tilstand {
        match self.avgjort {
            None => Tilstand::Apen,
            Some(_) => Tilstand::Avgjort,
        }
    }
}

impl lager::Innhold for Restansesak {
    const SAMLING: &'static str = "restansesaker";
    const SQL: &'static lager::Sql = tabell!("restansesak");

    fn apen(&self) -> bool {
        self.avgjort.is_none()
    }

    fn nokkel(&self) -> String {
        self.leieforhold.clone()
    }

    fn frist(&self) -> Option<Tid> {
        Some(self.frist)
    }

    fn fra(&self) -> Tid {
        self.apnet.0
    }
}

/// What access rules build on: the units are parties while the case is open.
pub(crate) fn fakta(post: &Post<Restansesak>) -> Vec<Faktum> {
    let Restansesak {
        parter,
        apnet,
        avgjort,
        ..
    } = &post.innhold;
    let party = |part: &Part| {
        Relasjon {
            id: format!("restansesak/{}/{}", post.id, part.enhet),
            subjekt: &post.person,
            part: Hvem::Enhet(&part.enhet),
            type_: Faktumtype::PartIBolig,
            post: post.name(),
            fra: apnet.0,
            til: avgjort.as_ref().map(|outcome| outcome.tid),
            opprettet_av: &apnet.1.ansatt,
        }
        .faktum()
    };
    parter.iter().map(party).collect()
}

fn part_to_proto(Part { enhet, svar }: &Part) -> proto::Restansepart {
    let answer = svar.clone();
    proto::Restansepart {
        enhet: navn::enhet(enhet),
        svart: answer.as_ref().map(|(tid, ..)| (*tid).into()),
        svart_av: answer.as_ref().map(|(_, av, _)| av.to_proto()),
        tiltak: answer.map(|(.., what)| what).unwrap_or_default(),
    }
}

fn mote_to_proto(mote: &Mote) -> proto::Restansemote {
    let Mote {
        dag,
        leietaker_deltok,
        utfall,
        av,
    } = mote;
    proto::Restansemote {
        dag: dag.to_string(),
        leietaker_deltok: *leietaker_deltok,
        utfall: utfall.clone(),
        av: Some(av.to_proto()),
    }
}

/// As the contract carries it.
pub(crate) fn to_proto(post: &Post<Restansesak>) -> proto::Restansesak {
    let state = post.innhold.tilstand();
    let Restansesak {
        leieforhold,
        belop,
        siden,
        parter,
        apnet,
        svarfrist,
        frist: _,
        moter,
        avgjort,
    } = post.innhold.clone();
    proto::Restansesak {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: RestansesakTilstand::from(state).into(),
        leieforhold,
        belop,
        siden: siden.to_string(),
        parter: parter.iter().map(part_to_proto).collect(),
        svarfrist: Some(svarfrist.into()),
        moter: moter.iter().map(mote_to_proto).collect(),
        apnet: Some(apnet.0.into()),
        avgjort: avgjort.as_ref().map(|outcome| outcome.tid.into()),
        avgjort_av: avgjort.as_ref().map(|outcome| outcome.av.to_proto()),
        utfall: avgjort.as_ref().map_or(0, |outcome| outcome.utfall.into()),
        begrunnelse: avgjort
            .map(|outcome| outcome.begrunnelse)
            .unwrap_or_default(),
        skjerming: None,
    }
}
