//! Figures of a month: what was reported and about whom, how soon it was
//! answered and closed, how far the severities are apart, and who had feedback.
//!
//! A thing is noted when it happens ([`noter`]), so that an answer that is given
//! back later, or a closing that is undone, still counts where it was. [`tall`]
//! counts a month of them (pure), [`kube`] is what is published of it.
//!
//! Invariants: a month costs what happened in it, and not what is stored; from
//! the day on which it can be asked for, it is the same whenever it is asked;
//! what is published never changes, and tells of nobody. Who must not be
//! recognised (adr/0025) is counted in no figure that has the reporter's unit,
//! and in none of a day.

mod kube;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
pub(crate) mod prove;
pub(crate) mod rpc;
mod store;
mod tall;

use samspor_chassis::{
    domene::{Dag, felles::tall as enumtall},
    error::Error,
    store::Tx,
    tid::Tid,
};
use samspor_proto::avvik::{Alvorlighet, Avvikskategori, Avvikskilde};
use serde::{Deserialize, Serialize};

use crate::{
    avvik::{Avvik, Deltilstand, Tilstand},
    innstillinger::innstillinger,
};

/// What happened, with all that it is counted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Hendt {
    /// Reported.
    Meldt {
        #[serde(with = "enumtall")]
        kategori: Avvikskategori,
        #[serde(with = "enumtall")]
        alvorlighet: Alvorlighet,
        av_seg_selv: bool,
        /// The reporter's unit, of one with a name.
        melder: Option<String>,
        /// Units that it was proposed to.
        enheter: Vec<String>,
    },
    /// The first feedback, within the days for it.
    Tilbakemeldt {
        #[serde(with = "enumtall")]
        kategori: Avvikskategori,
        #[serde(with = "enumtall")]
        alvorlighet: Alvorlighet,
    },
    /// A unit answered what was proposed to it.
    Kvittert {
        enhet: String,
        /// Whole hours since it was proposed.
        timer: i32,
        etter_frist: bool,
        returnert: bool,
    },
    /// A unit gave back what it had taken.
    Frasagt { enhet: String },
    /// Assessed.
    Vurdert {
        #[serde(with = "enumtall")]
        meldt: Alvorlighet,
        #[serde(with = "enumtall")]
        vurdert: Alvorlighet,
    },
    /// Closed, while the unit answered for it.
    Lukket {
        enhet: String,
        #[serde(with = "enumtall")]
        alvorlighet: Alvorlighet,
        /// Days since it was reported.
        dager: i32,
    },
    /// Opened again.
    Gjenapnet { enhet: String },
}

/// What a change amounts to, each with when it counts: what is said of a report
/// counts with the report.
fn hendt(before: Option<&Avvik>, after: &Avvik, now: Tid, dager: i32) -> Vec<(Tid, Hendt)> {
    let sak = &after.innhold.sak;
    let (kategori, alvorlighet) = (sak.kategori, sak.alvorlighet);
    let Some(before) = before else {
        let named = sak.kilde == Avvikskilde::Menneske && !sak.anonym;
        let report = Hendt::Meldt {
            kategori,
            alvorlighet,
            av_seg_selv: sak.kilde == Avvikskilde::Hendelse,
            melder: named.then(|| after.melder_enhet.clone()),
            enheter: after.deler().map(|part| part.enhet.clone()).collect(),
        };
        return vec![(after.meldt, report)];
    };
    let mut all = Vec::new();
    let earlier = &before.innhold.deler;
    for (was, is) in earlier.iter().zip(&after.innhold.deler) {
        let enhet = is.enhet.clone();
        let returnert = is.tilstand == Deltilstand::Returnert;
        match was.tilstand {
            Deltilstand::Foreslatt if is.tilstand != was.tilstand => {
                let hours = now.since(is.foreslatt).as_secs() / 3600;
                let answered = Hendt::Kvittert {
                    enhet,
                    timer: i32::try_from(hours).unwrap_or(i32::MAX),
                    etter_frist: now >= is.kvitteringsfrist,
                    returnert,
                };
                all.push((now, answered));
            }
            Deltilstand::Akseptert if returnert => all.push((now, Hendt::Frasagt { enhet })),
            _ => {}
        }
    }
    if let Some(assessed) = &after.innhold.vurdert
        && before.innhold.vurdert.as_ref() != Some(assessed)
    {
        let vurdert = assessed.alvorlighet;
        let meldt = alvorlighet;
        all.push((now, Hendt::Vurdert { meldt, vurdert }));
    }
    let days = Dag::av(after.meldt).dager_til(Dag::av(now));
    let first = before.innhold.tilbakemeldinger.is_empty();
    if first && !after.innhold.tilbakemeldinger.is_empty() && days <= dager {
        let told = Hendt::Tilbakemeldt {
            kategori,
            alvorlighet,
        };
        all.push((after.meldt, told));
    }
    let enhet = after.ansvarlig().to_owned();
    match (before.tilstand, after.tilstand) {
        (Tilstand::Lukket, Tilstand::Lukket) => {}
        (_, Tilstand::Lukket) => all.push((
            now,
            Hendt::Lukket {
                enhet,
                alvorlighet,
                dager: days,
            },
        )),
        (Tilstand::Lukket, _) => all.push((now, Hendt::Gjenapnet { enhet })),
        _ => {}
    }
    all
}

/// Notes what a change amounts to, in its transaction.
pub(crate) async fn noter(tx: &mut Tx, before: Option<&Avvik>, after: &Avvik) -> Result<(), Error> {
    let days = i32::from(innstillinger()?.tilbakemelding_dager);
    let all = hendt(before, after, tx.now(), days);
    store::noter(tx, after, &all).await
}
