//! Deadlines fire once, whatever happened meanwhile.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture};
use samspor_chassis::{
    deadlines::{DueDeadline, Stage, Ticked, Ticker, notify, notify_recipients},
    error::Error,
    on_both_databases,
    store::{NewDeadline, Store, Tx},
    testing::{Clock as _, Database, START, Tid},
};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    common::{MIGRATIONS, PERSON, call, insert, notes, texts},
    feeds::{feeds, subscribe},
};

on_both_databases! {
    a_deadline_warns_then_falls_due_once_each,
    after_downtime_it_falls_due_once_and_says_since_when,
    a_cleared_deadline_is_silent_and_a_new_one_starts_anew,
    eight_tickers_fire_it_once,
    what_fails_is_tried_again_and_holds_up_nobody,
    the_ticker_follows_the_clock_and_hears_of_new_deadlines,
    many_deadlines_fire_in_one_go,
}

const DAY: Duration = Duration::from_hours(24);

fn days(n: u32) -> Tid {
    START.plus(DAY * n)
}

fn deadline(post: &str, due: Tid, warn: Option<Tid>) -> NewDeadline {
    NewDeadline {
        post: post.to_owned(),
        person: format!("personer/{PERSON}"),
        kind: "evaluering",
        due,
        warn,
        eier: "enheter/rop".to_owned(),
        mottakere: vec!["nav".to_owned(), "enheter/rop".to_owned()],
    }
}

async fn set(store: &Store, deadlines: impl IntoIterator<Item = NewDeadline>) {
    let mut tx = store.begin(call()).await.unwrap();
    deadlines
        .into_iter()
        .for_each(|deadline| tx.set_deadline(deadline));
    tx.save().await.unwrap();
}

/// Types of the events, in order.
async fn said(store: &Store) -> Vec<String> {
    texts(store, "SELECT type FROM chassis_hendelse ORDER BY nr").await
}

/// Seen red: with a claim that leaves `neste` as it was.
async fn a_deadline_warns_then_falls_due_once_each(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let ticker = Ticker::new(store.clone(), notify_recipients);
    set(&store, [deadline("vedtak/1", days(28), Some(days(21)))]).await;
    let nothing = |next| Ticked {
        fired: 0,
        failed: 0,
        next,
    };
    assert_eq!(ticker.tick().await.unwrap(), nothing(Some(days(21))));
    database.clock().set(Tid(days(21).0 - 1));
    assert_eq!(ticker.tick().await.unwrap(), nothing(Some(days(21))));

    database.clock().set(days(21));
    let first = ticker.tick().await.unwrap();
    assert_eq!((first.fired, first.next), (1, Some(days(28))));
    assert_eq!(ticker.tick().await.unwrap(), nothing(Some(days(28))));
    database.clock().set(days(28));
    assert_eq!(ticker.tick().await.unwrap().fired, 1);
    database.clock().set(days(1_000));
    assert_eq!(ticker.tick().await.unwrap(), nothing(None));

    assert_eq!(said(&store).await, ["FristNaer", "FristBrutt"]);
    let (feeds, _closing) = feeds(&store);
    for unit in ["nav", "rop"] {
        let events: Vec<_> = subscribe(&feeds, unit, 0).await.take(2).collect().await;
        assert_eq!(events[1].post, "vedtak/1");
        assert_eq!(events[1].eier, "enheter/rop");
        assert!(events[1].name.starts_with(&format!("personer/{PERSON}/")));
        assert_eq!(events[1].tid, Some(days(28).to_proto()));
        // In the trace of the call that set it.
        assert_eq!(events[1].traceparent, call().traceparent);
    }
}

/// Seen red: with the warning fired although the due time had passed, and with
/// a claim that leaves `neste` as it was.
async fn after_downtime_it_falls_due_once_and_says_since_when(database: Database) {
    static HEARD: Mutex<BTreeMap<String, Vec<DueDeadline>>> = Mutex::new(BTreeMap::new());
    fn hear(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        notify(tx, &deadline);
        let mut heard = HEARD.lock().unwrap();
        heard
            .entry(deadline.post.clone())
            .or_default()
            .push(deadline);
        std::future::ready(Ok(())).boxed()
    }
    let post = format!("vedtak/{:?}", database.backend());
    let store = database.open(MIGRATIONS).await;
    set(&store, [deadline(&post, days(28), Some(days(21)))]).await;
    store.close().await;
    drop(store);

    database.clock().set(days(40));
    let store = database.open(MIGRATIONS).await;
    let ticker = Ticker::new(store.clone(), hear);
    assert_eq!(ticker.tick().await.unwrap().fired, 1);
    assert_eq!(ticker.tick().await.unwrap().fired, 0);
    drop((store, ticker));
    let store = database.open(MIGRATIONS).await;
    let ticker = Ticker::new(store.clone(), hear);
    assert_eq!(ticker.tick().await.unwrap().fired, 0);
    assert_eq!(said(&store).await, ["FristBrutt"]);
    assert_eq!(
        HEARD.lock().unwrap()[&post],
        [DueDeadline {
            post: post.clone(),
            person: PERSON.to_owned(),
            kind: "evaluering".to_owned(),
            stage: Stage::Due,
            due: days(28),
            detected: days(40),
            eier: "rop".to_owned(),
            mottakere: vec!["nav".to_owned(), "rop".to_owned()],
        }]
    );
}

async fn a_cleared_deadline_is_silent_and_a_new_one_starts_anew(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let ticker = Ticker::new(store.clone(), notify_recipients);
    set(
        &store,
        [
            deadline("vedtak/1", days(1), None),
            deadline("vedtak/2", days(1), None),
        ],
    )
    .await;
    let mut tx = store.begin(call()).await.unwrap();
    tx.clear_deadline("vedtak/1", "evaluering");
    tx.clear_deadline("vedtak/2", "another kind");
    tx.clear_deadline("vedtak/3", "evaluering");
    tx.save().await.unwrap();
    database.clock().set(days(2));
    assert_eq!(ticker.tick().await.unwrap().fired, 1);
    // Set again after it fired, with a warning that makes no sense.
    set(&store, [deadline("vedtak/2", days(3), Some(days(4)))]).await;
    assert_eq!(ticker.tick().await.unwrap().next, Some(days(3)));
    database.clock().set(days(3));
    assert_eq!(ticker.tick().await.unwrap().fired, 1);
    assert_eq!(said(&store).await, ["FristBrutt", "FristBrutt"]);
}

/// Seen red: with a claim that does not look at `neste`.
async fn eight_tickers_fire_it_once(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let posts: Vec<String> = (0..10).map(|n| format!("vedtak/{n}")).collect();
    set(
        &store,
        posts.iter().map(|post| deadline(post, days(1), None)),
    )
    .await;
    database.clock().set(days(1));
    let mut tickers = JoinSet::new();
    for _ in 0..8 {
        let ticker = Ticker::new(store.clone(), notify_recipients);
        tickers.spawn(async move { ticker.tick().await.unwrap() });
    }
    let ticked = tickers.join_all().await;
    assert_eq!(ticked.iter().map(|ticked| ticked.fired).sum::<usize>(), 10);
    assert_eq!(said(&store).await.len(), 10);
}

/// Seen red: with the claim saved although the service failed.
async fn what_fails_is_tried_again_and_holds_up_nobody(database: Database) {
    /// One switch for each database: the tests may share a process.
    static REPAIRED: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];
    fn repaired(post: &str) -> &'static AtomicBool {
        &REPAIRED[usize::from(post.starts_with("Postgres"))]
    }
    fn sometimes(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            notify(tx, &deadline);
            insert(tx, &deadline.post).await?;
            if deadline.post.ends_with('1') && !repaired(&deadline.post).load(Ordering::Relaxed) {
                return Err(Error::internal("not now"));
            }
            Ok(())
        }
        .boxed()
    }
    let store = database.open(MIGRATIONS).await;
    let ticker = Ticker::new(store.clone(), sometimes);
    let posts = [0, 1, 2].map(|n| format!("{:?}/{n}", database.backend()));
    set(
        &store,
        posts.iter().map(|post| deadline(post, days(1), None)),
    )
    .await;
    database.clock().set(days(1));
    let first = ticker.tick().await.unwrap();
    assert_eq!((first.fired, first.failed), (2, 1));
    assert_eq!(notes(&store).await, 2);
    repaired(&posts[1]).store(true, Ordering::Relaxed);
    let again = ticker.tick().await.unwrap();
    assert_eq!((again.fired, again.failed), (1, 0));
    assert_eq!(notes(&store).await, 3);
    assert_eq!(said(&store).await.len(), 3);
}

/// Seen red (it hangs): without listening for changes of deadlines.
async fn the_ticker_follows_the_clock_and_hears_of_new_deadlines(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let (feeds, _closing_feeds) = feeds(&store);
    let mut heard = subscribe(&feeds, "nav", 0).await;
    let (closing, closed) = watch::channel(false);
    let running = tokio::spawn(Ticker::new(store.clone(), notify_recipients).run(closed));

    set(&store, [deadline("vedtak/1", days(1), None)]).await;
    // An earlier one, already due: it need not wait for the clock.
    set(&store, [deadline("vedtak/2", START, None)]).await;
    assert_eq!(heard.next().await.unwrap().post, "vedtak/2");
    let first = tokio::spawn(async move { heard.next().await.unwrap().post });
    while !first.is_finished() {
        database.clock().advance(Duration::from_hours(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(first.await.unwrap(), "vedtak/1");
    assert!(database.clock().now() >= days(1));
    closing.send(true).unwrap();
    running.await.unwrap();
}

async fn many_deadlines_fire_in_one_go(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let posts: Vec<String> = (0..250).map(|n| format!("vedtak/{n}")).collect();
    set(
        &store,
        posts.iter().map(|post| deadline(post, days(1), None)),
    )
    .await;
    database.clock().set(days(1));
    let ticked = Ticker::new(store.clone(), notify_recipients)
        .tick()
        .await
        .unwrap();
    assert_eq!((ticked.fired, ticked.failed, ticked.next), (250, 0, None));
}
