//! Throughput of the access log and of the fact projection, and how long a
//! gateway takes to go on where its database stands:
//!
//! ```text
//! cargo bench -p samspor-gateway --bench log -- [postgres://…]
//! ```
//!
//! Without an address PostgreSQL is the throwaway cluster of the tests, which
//! does not wait for the disk and therefore shows less gain from sharing
//! commits than a real one.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement: fails by panicking, prints, and rounds"
)]

#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "shared with the tests"
)]
#[path = "../tests/log_suite/harness.rs"]
mod harness;

use std::{convert::Infallible, process::Command, sync::Arc, time::Duration};

use futures::future::join_all;
use harness::{Replica, batch, fact, person, refusal, unit};
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use samspor_chassis::{id::RandomIds, store::Store, testing, tid::SystemClock};
use samspor_gateway::log::MIGRATIONS;
use samspor_proto::{
    felles::{Faktum, Faktumtype},
    hendelse::FaktaResponse,
};
use tokio::time::Instant;

/// How long each throughput is measured.
const SPAN: Duration = Duration::from_secs(4);

const PERSONS: usize = 20_000;
const FACTS_PER_PERSON: usize = 6;
/// As the services send them.
const FACTS_PER_MESSAGE: usize = 500;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, url, ..] = arguments.as_slice()
        && first == "memory"
    {
        return memory(url).await;
    }
    let sqlite = testing::sqlite();
    log_throughput("SQLite", sqlite.url()).await;
    projection("SQLite", sqlite.url()).await;
    if let Some(url) = arguments.iter().find(|word| word.starts_with("postgres")) {
        log_throughput("PostgreSQL", url).await;
        projection("PostgreSQL", url).await;
    } else if let Some(throwaway) = testing::postgres() {
        log_throughput("PostgreSQL without fsync", throwaway.url()).await;
        projection("PostgreSQL without fsync", throwaway.url()).await;
    }
    // In a process of its own, where nothing else has been allocated.
    let program = std::env::current_exe().unwrap();
    let status = Command::new(program)
        .args(["memory", sqlite.url()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Rows per second with one caller and with 64, each waiting for its answer.
async fn log_throughput(name: &str, url: &str) {
    let replica = Replica::open(url).await;
    // Prepares the statements that recur and creates the keys.
    rows_per_second(&replica, 64, SPAN / 4).await;
    let alone = rows_per_second(&replica, 1, SPAN).await;
    let together = rows_per_second(&replica, 64, SPAN).await;
    println!(
        "{name}: log {alone:.0} rows/s with 1 caller, {together:.0} with 64: {:.1} times",
        together / alone
    );
    replica.close().await;
}

async fn rows_per_second(replica: &Replica, callers: usize, span: Duration) -> f64 {
    let start = Instant::now();
    let callers = (0..callers).map(|caller| {
        let log = replica.log.clone();
        tokio::spawn(async move {
            let mut rows = 0;
            while start.elapsed() < span {
                log.append(refusal(&person(caller))).await.unwrap();
                rows += 1;
            }
            rows
        })
    });
    let rows: u32 = join_all(callers.collect::<Vec<_>>())
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    f64::from(rows) / start.elapsed().as_secs_f64()
}

/// Facts per second into an empty projection: ids in the order of the feed,
/// as time-ordered ids are, persons in no order.
async fn projection(name: &str, url: &str) {
    let replica = Replica::open(url).await;
    let mut facts: Vec<Faktum> = (0..PERSONS * FACTS_PER_PERSON).map(stated).collect();
    facts.shuffle(&mut StdRng::seed_from_u64(1));
    for (n, fact) in facts.iter_mut().enumerate() {
        fact.id = person(n);
    }
    let total = facts.len();
    let mut messages: Vec<FaktaResponse> = facts
        .chunks(FACTS_PER_MESSAGE)
        .enumerate()
        .map(|(n, facts)| {
            let first = i64::try_from(n * FACTS_PER_MESSAGE).unwrap() + 1;
            batch(first, facts.to_vec())
        })
        .collect();
    for message in &mut messages {
        message.siste = i64::try_from(total).unwrap();
    }
    let feed = futures::stream::iter(messages.into_iter().map(Ok::<_, Infallible>));

    let start = Instant::now();
    replica.facts.follow("rop", feed).await.unwrap();
    let rate = total as f64 / start.elapsed().as_secs_f64();
    assert!(replica.facts.caught_up());

    let asked: u32 = 2_000;
    let start = Instant::now();
    for n in 0..asked as usize {
        let facts = replica.facts.refresh(&person(n)).await.unwrap();
        assert_eq!(facts.facts.len(), FACTS_PER_PERSON);
    }
    let each = start.elapsed() / asked;
    println!("{name}: cold projection {rate:.0} facts/s; one person's facts read in {each:.0?}");
    replica.close().await;
}

/// Fact number `n`: of a person in a unit, half of them about one record.
fn stated(n: usize) -> Faktum {
    let subjekt = person(n / FACTS_PER_PERSON);
    let enhet = [
        "rop",
        "bom",
        "nav",
        "bestillerkontor",
        "boligkontor",
        "koordinering",
    ][n % FACTS_PER_PERSON];
    let post = if n.is_multiple_of(2) {
        format!("personer/{subjekt}/vedtak/{}", person(n))
    } else {
        String::new()
    };
    Faktum {
        post,
        opprettet_av: format!("ansatt-{}", n % 400),
        periode: Some(harness::period(Some(1_700_000_000), None)),
        ..fact("", &subjekt, unit(enhet), Faktumtype::Utforer)
    }
}

/// Resident memory before and after the facts of the database are opened.
async fn memory(url: &str) {
    let clock = Arc::new(SystemClock);
    let ids = Arc::new(RandomIds::new(clock.clone()));
    let store = Store::open(url, MIGRATIONS, clock, ids).await.unwrap();
    let before = resident_kib();
    let start = Instant::now();
    let replica = Replica::on(store).await;
    let loaded = start.elapsed();
    let after = resident_kib();
    let known = replica.facts.get(&person(PERSONS - 1)).await.unwrap();
    assert_eq!(known.facts.len(), FACTS_PER_PERSON);
    println!(
        "{PERSONS} persons with {FACTS_PER_PERSON} facts each: {:.1} MiB, opened in {loaded:.1?} \
         (process {:.1} MiB)",
        (after - before) as f64 / 1024.0,
        after as f64 / 1024.0
    );
}

/// `VmRSS` of this process.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let words = line.unwrap().split_whitespace().nth(1);
    words.unwrap().parse().unwrap()
}
