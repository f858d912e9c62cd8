//! What is published of a month: a fixed cube in which every number is rounded
//! to 5 by itself.
//!
//! Rounding alone hides nobody. Four parts that print 0 (0 to 2 each) and their
//! sum that prints 10 (8 to 12) say that each part is 2; two groups, their
//! overlap and what both are of narrow each other too. So the cube prints no
//! numbers between which more is known than that one is not larger than another: no sum of types or of states, no waits side by side (three months
//! *or more*, of these twelve *or more*), of each group who waits and nothing
//! that cuts across it, no causes of what is coming. Between such numbers the
//! rounding keeps the order by itself: what prints the same may be any of the
//! same numbers, and what prints less is less. Each true number can then be every
//! one that rounds to what is printed, at least three, whatever else is printed,
//! that month and any other. The test plays the attack, on this cube and on the
//! ones that give persons away.

use samspor_chassis::{
    domene::{Dag, felles::tall as enumtall, navn, periode::avrund},
    tid::Tid,
};
use samspor_proto::boligkontor::{
    Behovscelle, Behovsgruppe, Behovsmal, Behovsstatus, PublisertBehov, Publisertcelle,
    Publiserttomgang, Tildelingstype, Tomgangsarsak,
};
use serde::{Deserialize, Serialize};

use super::tall::{SOKBARE, Tall};
use crate::ENHET;

/// A number of the cube.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Celle {
    #[serde(with = "enumtall")]
    type_: Tildelingstype,
    #[serde(with = "enumtall")]
    mal: Behovsmal,
    antall: i32,
}

/// Empty days of a cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tomgang {
    #[serde(with = "enumtall")]
    arsak: Tomgangsarsak,
    dager: i32,
}

/// A published month, rounded when it was published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Publisert {
    dag: Dag,
    celler: Vec<Celle>,
    uten_boligsak: i32,
    uten_boligsak_over_tre: i32,
    tomgang: Vec<Tomgang>,
    tomgangskostnad_tusen: i32,
    publisert: Tid,
}

/// Groups, each with what it is published as.
const GRUPPER: [(Behovsgruppe, Behovsmal); 5] = [
    (Behovsgruppe::Kvinner, Behovsmal::Kvinner),
    (Behovsgruppe::Barnefamilier, Behovsmal::Barnefamilier),
    (Behovsgruppe::Rusfritt, Behovsmal::Rusfritt),
    (Behovsgruppe::Bemannet, Behovsmal::Bemannet),
    (Behovsgruppe::Rullestol, Behovsmal::Rullestol),
];

const ARSAKER: [Tomgangsarsak; 7] = [
    Tomgangsarsak::Klargjoring,
    Tomgangsarsak::Vedlikehold,
    Tomgangsarsak::Skade,
    Tomgangsarsak::Ombygging,
    Tomgangsarsak::Salg,
    Tomgangsarsak::VenterTildeling,
    Tomgangsarsak::Annet,
];

/// The numbers of persons of a type, exact.
fn personer(tall: &Tall, type_: Tildelingstype) -> Vec<(Behovsmal, i32)> {
    let nobody = Behovscelle::default();
    let cell = |group: Behovsgruppe, status: Behovsstatus| {
        let of = |cell: &&Behovscelle| {
            cell.tildelingstype() == type_ && cell.gruppe() == group && cell.status() == status
        };
        tall.celler.iter().find(of).unwrap_or(&nobody)
    };
    let all = cell(Behovsgruppe::Alle, Behovsstatus::PaListen);
    let undecided = cell(Behovsgruppe::Alle, Behovsstatus::Uavgjort);
    let coming = tall.kommende_pa_listen.get(&type_);
    let mut numbers = vec![
        (Behovsmal::Venter, all.antall),
        (Behovsmal::VenterIMidlertidig, all.i_midlertidig),
        (Behovsmal::VenterOverTreManeder, all.over_tre_maneder),
        (
            Behovsmal::VentetTreManeder,
            all.ventet_tre_til_tolv + all.ventet_over_tolv,
        ),
        (Behovsmal::VentetTolvManeder, all.ventet_over_tolv),
    ];
    numbers.extend(GRUPPER.map(|(group, mal)| (mal, cell(group, Behovsstatus::PaListen).antall)));
    numbers.push((Behovsmal::Kommende, coming.copied().unwrap_or_default()));
    numbers.push((Behovsmal::Uavgjort, undecided.antall));
    numbers
}

impl Publisert {
    /// What is published of what was so.
    pub(super) fn av(tall: &Tall, dag: Dag, publisert: Tid) -> Self {
        let mut celler = Vec::new();
        for stock in &tall.beholdning {
            let type_ = stock.tildelingstype();
            let persons = match SOKBARE.contains(&type_) {
                true => personer(tall, type_),
                false => Vec::new(),
            };
            let dwellings = [
                (Behovsmal::Ledige, stock.ledige),
                (Behovsmal::Reserverte, stock.reserverte),
                (Behovsmal::Utleide, stock.utleide),
                (Behovsmal::Klargjores, stock.klargjores),
                (Behovsmal::UteAvDrift, stock.ute_av_drift),
            ];
            celler.extend(
                persons
                    .into_iter()
                    .chain(dwellings)
                    .map(|(mal, exact)| Celle {
                        type_,
                        mal,
                        antall: avrund(exact),
                    }),
            );
        }
        let days = |arsak: Tomgangsarsak| {
            let of = tall.tomgang.iter().filter(|sum| sum.arsak() == arsak);
            of.map(|sum| sum.dager).sum()
        };
        let cost: i64 = tall.tomgang.iter().map(|sum| sum.kostnad).sum();
        Self {
            dag,
            celler,
            uten_boligsak: avrund(tall.uten_boligsak),
            uten_boligsak_over_tre: avrund(tall.uten_boligsak_over_tre),
            tomgang: ARSAKER
                .map(|arsak| Tomgang {
                    arsak,
                    dager: avrund(days(arsak)),
                })
                .into(),
            tomgangskostnad_tusen: avrund(i32::try_from((cost + 500) / 1000).unwrap_or(i32::MAX)),
            publisert,
        }
    }

    /// As the contract carries it.
    pub(super) fn to_proto(&self, maned: &str) -> PublisertBehov {
        PublisertBehov {
            name: format!("behov/{maned}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(ENHET),
            maned: maned.to_owned(),
            dag: self.dag.to_string(),
            celler: self
                .celler
                .iter()
                .map(|cell| Publisertcelle {
                    tildelingstype: cell.type_.into(),
                    mal: cell.mal.into(),
                    antall: cell.antall,
                })
                .collect(),
            uten_boligsak: self.uten_boligsak,
            uten_boligsak_over_tre: self.uten_boligsak_over_tre,
            tomgang: self
                .tomgang
                .iter()
                .map(|sum| Publiserttomgang {
                    arsak: sum.arsak.into(),
                    dager: sum.dager,
                })
                .collect(),
            tomgangskostnad_tusen: self.tomgangskostnad_tusen,
            publisert: Some(self.publisert.into()),
            skjerming: None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod angrep;
