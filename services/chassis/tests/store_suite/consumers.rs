//! Following the events of others: each has its effect exactly once.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::BoxStream};
use samspor_chassis::{
    error::Error,
    feeds::{Consumer, Feeds, Runner, Source},
    on_both_databases, params,
    store::{Backend, NewEvent, Store, Tx},
    testing::{Clock as _, Database, START, TestClock},
};
use samspor_proto::hendelse::Hendelse;
use tokio::sync::watch;
use tonic::Status;

use crate::{
    common::{MIGRATIONS, PERSON, call, number, texts, write_note},
    feeds::{feeds, try_subscribe},
};

on_both_databases! {
    duplicates_and_holes_change_nothing,
    a_failing_effect_is_tried_again_and_keeps_the_order,
    a_restarted_consumer_goes_on_where_it_was,
    two_replicas_are_one_consumer,
    the_effect_belongs_to_the_trace_of_the_event,
    a_quiet_feed_that_ends_is_no_failure,
}

/// Number of the last event that a consumer has behind it.
pub(crate) const POSITION: &str =
    "SELECT CAST(coalesce(max(nr), 0) AS BIGINT) FROM chassis_posisjon";
const EFFECTS: &str = "SELECT hendelse FROM effekt ORDER BY nr";

/// Notes the event as an effect, in order.
pub(crate) fn note(tx: &mut Tx, event: Hendelse) -> BoxFuture<'_, Result<(), Error>> {
    async move {
        let row: Option<(i64,)> = tx
            .one("SELECT CAST(count(*) AS BIGINT) FROM effekt", params![])
            .await?;
        tx.execute(
            "INSERT INTO effekt (hendelse, nr) VALUES ($1, $2)",
            params![event.post, row.unwrap().0],
        )
        .await?;
        Ok(())
    }
    .boxed()
}

pub(crate) const NOTE: Consumer = Consumer {
    from: "rop",
    enhet: "nav",
    apply: note,
};

/// Deliveries as they were written down, whatever was asked for; then silence.
struct Script(Mutex<VecDeque<Vec<i64>>>);

impl Source for Script {
    fn abonner<'s>(
        &'s self,
        _from: &'s str,
        _enhet: &'s str,
        _etter: i64,
    ) -> BoxFuture<'s, Result<BoxStream<'static, Result<Hendelse, Status>>, Status>> {
        let delivery = self.0.lock().unwrap().pop_front();
        async move {
            let Some(delivery) = delivery else {
                return Ok(futures::stream::pending().boxed());
            };
            let events = delivery.into_iter().map(|nr| {
                // 0 stands for a broken connection.
                if nr == 0 {
                    return Err(Status::unavailable(""));
                }
                Ok(Hendelse {
                    nr,
                    post: nr.to_string(),
                    ..Hendelse::default()
                })
            });
            Ok(futures::stream::iter(events.collect::<Vec<_>>()).boxed())
        }
        .boxed()
    }
}

fn script(deliveries: &[&[i64]]) -> Arc<Script> {
    let deliveries = deliveries
        .iter()
        .map(|delivery| delivery.to_vec())
        .collect();
    Arc::new(Script(Mutex::new(deliveries)))
}

/// The feed of a store, without a network.
pub(crate) struct Local(pub(crate) Feeds);

impl Source for Local {
    fn abonner<'s>(
        &'s self,
        _from: &'s str,
        enhet: &'s str,
        etter: i64,
    ) -> BoxFuture<'s, Result<BoxStream<'static, Result<Hendelse, Status>>, Status>> {
        async move {
            let stream = try_subscribe(&self.0, enhet, enhet, etter).await?;
            Ok(stream.map(Ok).boxed())
        }
        .boxed()
    }
}

/// Runs consumers until they have come to number `last`, moving the clock
/// whenever one waits for it.
async fn run_until(
    database: &Database,
    store: &Store,
    last: i64,
    runners: impl IntoIterator<Item = Runner>,
) {
    let (closing, closed) = watch::channel(false);
    let running: Vec<_> = runners
        .into_iter()
        .map(|runner| tokio::spawn(runner.run(closed.clone())))
        .collect();
    while number(store, POSITION).await < last {
        database.clock().advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    closing.send(true).unwrap();
    for runner in running {
        runner.await.unwrap();
    }
}

/// Seen red: with a position that is only read before the effect.
async fn duplicates_and_holes_change_nothing(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let source = script(&[
        &[1, 1, 3, 1],
        &[3, 1],
        &[],
        &[1, 3, 4, 4],
        &[0, 4, 9],
        &[9, 10, 9, 10],
    ]);
    run_until(
        &database,
        &store,
        10,
        [Runner::new(store.clone(), NOTE, source)],
    )
    .await;
    assert_eq!(texts(&store, EFFECTS).await, ["1", "3", "4", "9", "10"]);
}

/// Fails before its effect, then after it, then succeeds.
///
/// Seen red: with the position moved although the effect failed.
async fn a_failing_effect_is_tried_again_and_keeps_the_order(database: Database) {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    fn stumble(tx: &mut Tx, event: Hendelse) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let tries = match event.nr {
                2 => TRIES.fetch_add(1, Ordering::Relaxed) % 3,
                _ => 2,
            };
            if tries == 0 {
                return Err(Error::internal("not now"));
            }
            note(tx, event).await?;
            if tries == 1 {
                return Err(Error::internal("not now"));
            }
            Ok(())
        }
        .boxed()
    }
    let store = database.open(MIGRATIONS).await;
    let source = script(&[[1, 2, 3].as_slice(); 9]);
    let consumer = Consumer {
        apply: stumble,
        ..NOTE
    };
    run_until(
        &database,
        &store,
        3,
        [Runner::new(store.clone(), consumer, source)],
    )
    .await;
    assert_eq!(texts(&store, EFFECTS).await, ["1", "2", "3"]);
}

async fn a_restarted_consumer_goes_on_where_it_was(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let (feeds, _closing) = feeds(&store);
    let source = Arc::new(Local(feeds));
    for (id, effects) in [("a", 1), ("b", 2), ("c", 3)] {
        write_note(&store, id).await.unwrap();
        let runner = Runner::new(store.clone(), NOTE, source.clone());
        run_until(&database, &store, effects, [runner]).await;
    }
    assert_eq!(texts(&store, EFFECTS).await, ["a", "b", "c"]);
}

/// Seen red: with the position moved whatever it was.
async fn two_replicas_are_one_consumer(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let replica = match database.backend() {
        Backend::Sqlite => store.clone(),
        Backend::Postgres => database.open(MIGRATIONS).await,
    };
    let (feeds, _closing) = feeds(&store);
    let source = Arc::new(Local(feeds));
    let ids: Vec<String> = (10..40).map(|id| id.to_string()).collect();
    for id in &ids {
        write_note(&store, id).await.unwrap();
    }
    let runners = [store.clone(), replica].map(|store| Runner::new(store, NOTE, source.clone()));
    run_until(&database, &store, 30, runners).await;
    assert_eq!(texts(&store, EFFECTS).await, ids);
}

async fn the_effect_belongs_to_the_trace_of_the_event(database: Database) {
    fn answer(tx: &mut Tx, event: Hendelse) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            assert_eq!(tx.call().actor.enhet, "nav");
            assert_eq!(tx.call().trace_id, event.traceparent[3..35]);
            tx.emit(NewEvent {
                type_: "Svar",
                person: PERSON,
                post: "svar",
                eier: "nav",
                mottakere: Vec::new(),
            });
            note(tx, event).await
        }
        .boxed()
    }
    let store = database.open(MIGRATIONS).await;
    write_note(&store, "a").await.unwrap();
    let (feeds, _closing) = feeds(&store);
    let consumer = Consumer {
        apply: answer,
        ..NOTE
    };
    let runner = Runner::new(store.clone(), consumer, Arc::new(Local(feeds)));
    run_until(&database, &store, 1, [runner]).await;
    let traces = texts(
        &store,
        "SELECT traceparent FROM chassis_hendelse ORDER BY nr",
    )
    .await;
    assert_eq!(traces.len(), 2);
    assert_eq!(traces[0][3..35], traces[1][3..35]);
    assert_eq!(traces[0], call().traceparent);
}

/// Streams that stand so many seconds, tell nothing, and end because their token
/// has run out; then one that stands. When each was asked for.
struct Quiet {
    clock: Arc<TestClock>,
    stands: Mutex<VecDeque<u64>>,
    asked: Mutex<Vec<Duration>>,
}

impl Source for Quiet {
    fn abonner<'s>(
        &'s self,
        _from: &'s str,
        _enhet: &'s str,
        _etter: i64,
    ) -> BoxFuture<'s, Result<BoxStream<'static, Result<Hendelse, Status>>, Status>> {
        let clock = Arc::clone(&self.clock);
        let now = clock.now();
        self.asked.lock().unwrap().push(now.since(START));
        let stands = self.stands.lock().unwrap().pop_front();
        async move {
            let Some(seconds) = stands else {
                return Ok(futures::stream::pending().boxed());
            };
            let ends = async move {
                let until = now.plus(Duration::from_secs(seconds));
                clock.sleep_until(until).await;
                Err(Status::unauthenticated(""))
            };
            Ok(futures::stream::once(ends).boxed())
        }
        .boxed()
    }
}

/// Those that end at once are asked for again after ever longer pauses; those
/// that stood, soon, and the first failure after one is the first again.
///
/// Seen red: with a stream that worked only where it told something; with a pause
/// that is doubled after one that worked.
async fn a_quiet_feed_that_ends_is_no_failure(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let source = Arc::new(Quiet {
        clock: Arc::clone(database.clock()),
        stands: Mutex::new([0, 0, 0, 31, 31, 0, 0].into()),
        asked: Mutex::default(),
    });
    let expected = [0, 250, 750, 1_750, 33_000, 64_250, 64_500, 65_000];
    let (closing, closed) = watch::channel(false);
    let running = Runner::new(store, NOTE, source.clone()).run(closed);
    let running = tokio::spawn(running);
    while source.asked.lock().unwrap().len() < expected.len() {
        if database.clock().sleepers() > 0 {
            database.clock().advance(Duration::from_millis(250));
        }
        tokio::task::yield_now().await;
    }
    closing.send(true).unwrap();
    running.await.unwrap();
    let asked = source.asked.lock().unwrap().clone();
    assert_eq!(asked, expected.map(Duration::from_millis));
}
