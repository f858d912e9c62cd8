//! What is published of a month: a fixed cube in which every number is rounded
//! to 5 by itself, and in which nothing more is known between two numbers than
//! that one is not larger than the other (adr/0023).
//!
//! So each thing is counted by one dimension alone: reports by category, answers
//! by unit, closings by severity. Two that divide the same reports have the same
//! sum, which says more than was printed. For the same reason there is no number
//! of parts that were proposed (each report has one), and none of avvik that were
//! opened again: with it, closings were bound to reports. A middle says on which
//! side half of them are; there are numbers above 30 and 90 days instead.
//! Nothing is by who reported: in a small unit that says who, and what a unit
//! is seen to report is what it stops reporting.
//!
//! What is tied are whole blocks: who had feedback, had an answer of some unit
//! in that month or the two after it. It narrows a number only where each cell
//! of all of these stands at its edge. The test plays the attack.

use samspor_chassis::{
    domene::{felles::tall as enumtall, navn, periode::avrund},
    tid::Tid,
};
use samspor_proto::avvik::{
    Alvorlighet, Avvikskategori, Avviksmal, Meldttall, PublisertAvvikscelle, PublisertAvvikstall,
};
use serde::{Deserialize, Serialize};

use super::tall::{Enhet, KATEGORIER, Tall};
use crate::innstillinger::Innstillinger;

/// A number of the cube, and what it is counted by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Celle {
    #[serde(with = "enumtall")]
    mal: Avviksmal,
    #[serde(with = "enumtall")]
    kategori: Avvikskategori,
    /// Of those by unit, empty: the others.
    enhet: String,
    #[serde(with = "enumtall")]
    alvorlighet: Alvorlighet,
    #[serde(with = "enumtall")]
    vurdert: Alvorlighet,
    antall: i32,
}

impl Celle {
    fn ny(mal: Avviksmal, exact: i32) -> Self {
        Self {
            mal,
            kategori: Avvikskategori::Unspecified,
            enhet: String::new(),
            alvorlighet: Alvorlighet::Unspecified,
            vurdert: Alvorlighet::Unspecified,
            antall: avrund(exact),
        }
    }
}

/// A published month, rounded when it was published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Publisert {
    celler: Vec<Celle>,
    publisert: Tid,
}

/// Reports by category.
fn meldt(tall: &Tall) -> impl Iterator<Item = Celle> {
    KATEGORIER.into_iter().flat_map(|kategori| {
        let sum = |number: fn(&Meldttall) -> i32, from: Alvorlighet| -> i32 {
            let of = tall.meldt.iter().filter(|cell| cell.kategori() == kategori);
            of.filter(|cell| cell.alvorlighet() >= from)
                .map(number)
                .sum()
        };
        let all = |cell: &Meldttall| cell.antall;
        [
            (Avviksmal::Meldt, sum(all, Alvorlighet::Lav)),
            (Avviksmal::MeldtAlvorlig, sum(all, Alvorlighet::Alvorlig)),
            (Avviksmal::MeldtKritisk, sum(all, Alvorlighet::Kritisk)),
            (
                Avviksmal::MedTilbakemelding,
                sum(|cell| cell.med_tilbakemelding, Alvorlighet::Lav),
            ),
        ]
        .map(|(mal, exact)| Celle {
            kategori,
            ..Celle::ny(mal, exact)
        })
    })
}

/// Answers by unit: those that have a cell, and the others as one.
fn kvittert(tall: &Tall, units: &[String]) -> Vec<Celle> {
    let cells = |enhet: &str, of: Vec<&Enhet>| {
        let sum = |number: fn(&Enhet) -> i32| of.iter().map(|unit| number(unit)).sum();
        [
            (Avviksmal::Kvittert, sum(Enhet::kvittert)),
            (Avviksmal::KvittertEtterFrist, sum(|unit| unit.etter_frist)),
            (Avviksmal::Returnert, sum(|unit| unit.returnert)),
        ]
        .map(|(mal, exact)| Celle {
            enhet: enhet.to_owned(),
            ..Celle::ny(mal, exact)
        })
    };
    let mut all: Vec<Celle> = Vec::new();
    for unit in units {
        all.extend(cells(unit, tall.enheter.get(unit).into_iter().collect()));
    }
    let others = tall
        .enheter
        .iter()
        .filter(|(unit, _)| !units.contains(unit));
    all.extend(cells("", others.map(|(_, tall)| tall).collect()));
    all
}

impl Publisert {
    /// What is published of what was so.
    pub(super) fn av(tall: &Tall, settings: &Innstillinger, publisert: Tid) -> Self {
        let closed = tall.lukket.iter().flat_map(|row| {
            [
                (Avviksmal::Lukket, row.antall),
                (Avviksmal::LukketEtter30, row.etter_30),
                (Avviksmal::LukketEtter90, row.etter_90),
            ]
            .map(|(mal, exact)| Celle {
                alvorlighet: row.alvorlighet(),
                ..Celle::ny(mal, exact)
            })
        });
        let assessed = tall.vurdert.iter().map(|row| Celle {
            alvorlighet: row.meldt(),
            vurdert: row.vurdert(),
            ..Celle::ny(Avviksmal::Vurdert, row.antall)
        });
        let answered = kvittert(tall, &settings.publiserte_enheter);
        Self {
            celler: meldt(tall)
                .chain(answered)
                .chain(closed)
                .chain(assessed)
                .collect(),
            publisert,
        }
    }

    /// As the contract carries it.
    pub(super) fn to_proto(&self, maned: &str, enhet: &str) -> PublisertAvvikstall {
        let named = |unit: &str| match unit.is_empty() {
            true => String::new(),
            false => navn::enhet(unit),
        };
        PublisertAvvikstall {
            name: format!("avvikstall/{maned}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(enhet),
            maned: maned.to_owned(),
            celler: self
                .celler
                .iter()
                .map(|cell| PublisertAvvikscelle {
                    mal: cell.mal.into(),
                    kategori: cell.kategori.into(),
                    enhet: named(&cell.enhet),
                    alvorlighet: cell.alvorlighet.into(),
                    vurdert: cell.vurdert.into(),
                    antall: cell.antall,
                })
                .collect(),
            publisert: Some(self.publisert.into()),
            skjerming: None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod angrep;
