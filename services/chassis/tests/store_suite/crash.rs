//! I8: an acknowledged write is never lost, and an event has its effect
//! exactly once, also when the process is killed at any instant.
//!
//! The test starts its own binary as a child that writes, consumes its own
//! events and says on its output which writes were acknowledged; kills it
//! with SIGKILL; and looks at what is there. A kill cannot tell a database
//! that reached the disk from one in the kernel's memory: that the commit
//! syncs is asserted in `sqlite_writes_through_to_the_disk`.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::Arc,
};

use futures::FutureExt as _;
use samspor_chassis::{
    feeds::Runner,
    id::RandomIds,
    on_both_databases,
    store::Store,
    testing::{Clock, Database, request_id},
    tid::SystemClock,
};
use tokio::sync::watch;

use crate::{
    common::{MIGRATIONS, call, event, fact, insert, number, receipt, texts},
    consumers::{Local, NOTE, POSITION},
    feeds::feeds,
};

on_both_databases! {
    killed_at_any_instant_nothing_is_lost_or_doubled,
}

const ROUNDS: usize = 6;
const DATABASE: &str = "SAMSPOR_TEST_CRASH_DATABASE";
const ROUND: &str = "SAMSPOR_TEST_CRASH_ROUND";

async fn open(url: &str) -> Store {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids = Arc::new(RandomIds::new(clock.clone()));
    Store::open(url, MIGRATIONS, clock, ids).await.unwrap()
}

/// Seen red: with the answer given while the commit still ran, and with the
/// position of the consumer saved in a transaction of its own.
async fn killed_at_any_instant_nothing_is_lost_or_doubled(database: Database) {
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        // A number of lines that differs from round to round.
        acknowledged.extend(run_and_kill(database.url(), round, 5 + 17 * round));
    }
    let store = open(database.url()).await;
    let stored: BTreeSet<String> = texts(&store, "SELECT id FROM notat")
        .await
        .into_iter()
        .collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    // Each write has its event and its fact, and no other has.
    let events = texts(&store, "SELECT post FROM chassis_hendelse ORDER BY nr").await;
    assert_eq!(events.iter().cloned().collect::<BTreeSet<_>>(), stored);
    assert_eq!(events.len(), stored.len());
    let count = i64::try_from(stored.len()).unwrap();
    for last in [
        "SELECT CAST(max(hendelse) AS BIGINT) FROM chassis_hendelse_mottaker",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_hendelse_mottaker",
        "SELECT CAST(max(nr) AS BIGINT) FROM chassis_faktum",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_faktum",
    ] {
        assert_eq!(number(&store, last).await, count, "{last}");
    }

    // The consumer comes to the end and has had each event once, in order.
    let (feeds, _closing_feeds) = feeds(&store);
    let (closing, closed) = watch::channel(false);
    let runner = Runner::new(store.clone(), NOTE, Arc::new(Local(feeds)));
    let running = tokio::spawn(runner.run(closed));
    while number(&store, POSITION).await < count {
        tokio::task::yield_now().await;
    }
    closing.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(
        texts(&store, "SELECT hendelse FROM effekt ORDER BY nr").await,
        events
    );
}

/// Runs the child until it has said `lines` lines, kills it, and gives the
/// writes that it had acknowledged by then.
fn run_and_kill(url: &str, round: usize, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::child_that_is_killed",
            "--nocapture",
            "--ignored",
        ])
        .env(DATABASE, url)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < lines {
        let line = output.next().expect("the child ended early").unwrap();
        acknowledged.extend(line.strip_prefix("acknowledged ").map(str::to_owned));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it died counts, too.
    let rest = output.map_while(Result::ok);
    acknowledged.extend(
        rest.filter_map(|line| line.strip_prefix("acknowledged ").map(str::to_owned))
            // A line that was cut is no acknowledgement.
            .filter(|id| id.ends_with('.')),
    );
    acknowledged
}

/// Not a test: what the killed process does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run as a child of the test above"]
#[expect(clippy::disallowed_methods, reason = "the parent tells it what to do")]
async fn child_that_is_killed() {
    let Ok(url) = std::env::var(DATABASE) else {
        return;
    };
    let round = std::env::var(ROUND).unwrap();
    let store = open(&url).await;
    let (feeds, _closing_feeds) = feeds(&store);
    let (_closing, closed) = watch::channel(false);
    tokio::spawn(Runner::new(store.clone(), NOTE, Arc::new(Local(feeds))).run(closed));
    for writer in 0..3 {
        let (store, round) = (store.clone(), round.clone());
        tokio::spawn(async move {
            for n in 0.. {
                let id = format!("{round}-{writer}-{n}.");
                let written = store
                    .write(call(), &request_id(), |tx| {
                        async move {
                            insert(tx, &id).await?;
                            tx.emit(event(&id, &["nav"]));
                            tx.fact(fact(&id));
                            Ok(receipt(&id))
                        }
                        .boxed()
                    })
                    .await
                    .unwrap();
                let mut output = std::io::stdout().lock();
                writeln!(output, "acknowledged {}", written.svar.referanse).unwrap();
                output.flush().unwrap();
            }
        });
    }
    std::future::pending::<()>().await;
}
