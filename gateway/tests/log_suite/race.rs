//! A withdrawal is honoured by every replica when it is answered.

use std::sync::atomic::{AtomicBool, Ordering};

use samspor_chassis::testing::{self, Database};
use samspor_gateway::{
    facts::Place,
    log::{AppendError, Receipt},
    model::Party,
};
use samspor_proto::felles::{Faktum, Faktumtype};
use tokio::sync::watch;

use crate::harness::{Gateway as _, Replica, fact, period, person, unit};

samspor_chassis::on_both_databases! {
    no_answer_is_stale_when_a_withdrawal_races_with_reads,
}

const FLIPS: usize = 150;
const READERS: usize = 8;

/// Consent in force or withdrawn.
fn consent(subjekt: &str, given: bool) -> Faktum {
    Faktum {
        periode: Some(period(Some(0), (!given).then_some(1))),
        ..fact("samtykke", subjekt, unit("nav"), Faktumtype::Samtykke)
    }
}

/// A disclosure that was acknowledged.
struct Disclosed {
    indeks: i64,
    version: i64,
    consented: bool,
}

/// Discloses while the consent holds, as a caller of the log should: read the
/// facts, decide, append, and decide again when they have changed.
async fn disclose_until(
    replica: &Replica,
    person: &str,
    done: &AtomicBool,
    answered: &watch::Sender<usize>,
) -> Vec<Disclosed> {
    let mut disclosed = Vec::new();
    while !done.load(Ordering::Acquire) {
        let mut facts = replica.facts.get(person).await.unwrap();
        loop {
            let consented = facts.facts.iter().any(|fact| {
                fact.party == Party::Enhet("nav".into()) && fact.holds_at(1_000_000_000)
            });
            let entry = crate::harness::disclosure(person, facts.version);
            match replica.log.append(entry).await {
                Ok(Receipt { indeks }) => {
                    answered.send_modify(|answered| *answered += 1);
                    disclosed.push(Disclosed {
                        indeks,
                        version: facts.version,
                        consented,
                    });
                    break;
                }
                Err(AppendError::FactsChanged(_)) => {
                    facts = replica.facts.refresh(person).await.unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    disclosed
}

/// The version that was current at an index.
fn current(places: &[Place], indeks: i64) -> i64 {
    let earlier = places.iter().filter(|place| place.indeks <= indeks);
    earlier.map(|place| place.version).max().unwrap_or(0)
}

/// Flips one consent on the first replica while all replicas read.
async fn race(replicas: &[Replica]) {
    let subjekt = person(1);
    let done = AtomicBool::new(false);
    let answered = watch::Sender::new(0);
    let flip = async {
        let mut answers = answered.subscribe();
        let mut places = Vec::new();
        for n in 0..FLIPS {
            // In the midst of others' calls, after some have got through.
            let seen = *answers.borrow();
            answers.wait_for(|now| *now > seen + n % 5).await.unwrap();
            let applied = replicas[0].state(vec![consent(&subjekt, n % 2 == 0)]).await;
            places.push(applied.change.unwrap());
        }
        done.store(true, Ordering::Release);
        places
    };
    let readers = (0..READERS).map(|n| {
        let replica = &replicas[n % replicas.len()];
        disclose_until(replica, &subjekt, &done, &answered)
    });
    let (places, disclosed) = tokio::join!(flip, futures::future::join_all(readers));

    let mut versions_used = std::collections::BTreeSet::new();
    for row in disclosed.iter().flatten() {
        let Disclosed {
            indeks,
            version,
            consented,
        } = *row;
        assert_eq!(
            version,
            current(&places, indeks),
            "stale answer at {indeks}"
        );
        if let Some(n) = places.iter().position(|place| place.version == version) {
            assert_eq!(consented, n % 2 == 0, "decided on other facts at {indeks}");
        }
        versions_used.insert(version);
    }
    // Without overlap the test would prove nothing.
    assert!(versions_used.len() > FLIPS / 2, "{}", versions_used.len());
}

/// Seen red: `changed_subjects` always empty (stale answers on both); fact
/// changes that do not take the sequencer row (PostgreSQL).
async fn no_answer_is_stale_when_a_withdrawal_races_with_reads(database: Database) {
    let replicas = [database.replica().await];
    race(&replicas).await;
    let rows = database.report().await.rows;
    database.assert_whole(rows).await;
}

/// Seen red: `changed_subjects` looking at memory instead of the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_another_replica_is_stale() {
    let Some(database) = testing::postgres() else {
        return;
    };
    let replicas = [database.replica().await, database.replica().await];
    race(&replicas).await;
    let rows = database.report().await.rows;
    database.assert_whole(rows).await;
}
