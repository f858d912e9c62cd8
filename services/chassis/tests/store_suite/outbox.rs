//! Numbers of events and facts: dense, in the order of commits, none missed
//! and none doubled, whoever writes and whoever reads meanwhile.

use std::collections::BTreeSet;

use futures::{FutureExt as _, Stream, StreamExt as _};
use samspor_chassis::{
    error::Error,
    on_both_databases, params,
    store::Store,
    testing::{self, Database, TestCall, request_id},
};
use samspor_proto::{
    felles::{Feilgrunn, Kvittering},
    hendelse::FaktaRequest,
};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::{
    common::{
        MIGRATIONS, call, event, fact, insert, number, receipt, refused_as, texts, write_note,
    },
    feeds::{fakta, feeds, subscribe},
};

on_both_databases! {
    eight_writers_and_two_readers_lose_and_double_nothing,
    the_number_of_the_last_fact_is_answered,
    a_recipient_is_addressed_once,
    a_feed_has_the_numbers_of_the_outbox,
    many_events_in_one_transaction,
    rows_carry_the_trace_of_the_call,
}

const WRITERS: usize = 8;
const EACH: usize = 25;

/// Seen red: with numbers from `max(nr) + 1` of the tables (PostgreSQL: taken
/// twice), and with the sequence raised in a transaction of its own
/// (PostgreSQL: a reader passes a number that is committed later).
async fn eight_writers_and_two_readers_lose_and_double_nothing(database: Database) {
    const LAST: &str = "last";
    let store = database.open(MIGRATIONS).await;
    let (feeds, _closing) = feeds(&store);

    let events = subscribe(&feeds, "nav", 0).await;
    let events = tokio::spawn(until(events.map(|event| (event.nr, event.post)), LAST));
    let facts = fakta(&feeds, FaktaRequest::default()).await;
    let facts = facts.flat_map(|batch| {
        let last = batch.fakta.last().map_or(0, |fact| fact.nr);
        assert!(last <= batch.siste);
        futures::stream::iter(batch.fakta)
    });
    let facts = facts.map(|fact| (fact.nr, fact.faktum.unwrap().id));
    let facts = tokio::spawn(until(facts, LAST));

    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            let mut kept = Vec::new();
            for n in 0..EACH {
                let id = format!("{writer}-{n}");
                // Every third is refused at its end.
                match write(&store, id.clone(), n % 3 == 0).await {
                    Ok(()) => kept.push(id),
                    Err(error) => assert!(error.refusal().is_some(), "{error:?}"),
                }
            }
            kept
        });
    }
    let mut kept: BTreeSet<String> = writers.join_all().await.into_iter().flatten().collect();
    assert_eq!(kept.len(), WRITERS * EACH - WRITERS * EACH.div_ceil(3));
    write_note(&store, LAST).await.unwrap();

    let facts = facts.await.unwrap();
    let expected: BTreeSet<String> = kept
        .iter()
        .flat_map(|id| [format!("{id}/1"), format!("{id}/2")])
        .chain([LAST.to_owned()])
        .collect();
    assert_dense(&facts, &expected);
    kept.insert(LAST.to_owned());
    assert_dense(&events.await.unwrap(), &kept);
}

/// What a stream gives, up to the one that is the last.
async fn until(
    stream: impl Stream<Item = (i64, String)>,
    last: &'static str,
) -> Vec<(i64, String)> {
    let mut seen = Vec::new();
    let mut stream = std::pin::pin!(stream);
    while seen.last().is_none_or(|(_, id)| id != last) {
        seen.push(stream.next().await.unwrap());
    }
    seen
}

/// Exactly these, numbered from 1 without a gap, in order.
#[track_caller]
fn assert_dense(seen: &[(i64, String)], expected: &BTreeSet<String>) {
    let numbers: Vec<i64> = seen.iter().map(|(nr, _)| *nr).collect();
    let dense: Vec<i64> = (1..).take(expected.len()).collect();
    assert_eq!(numbers, dense);
    let ids: BTreeSet<String> = seen.iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(&ids, expected);
}

async fn write(store: &Store, id: String, refuse: bool) -> Result<(), Error> {
    store
        .write(call(), &request_id(), move |tx| {
            async move {
                insert(tx, &id).await?;
                tx.emit(event(&id, &["nav", "boligkontor"]));
                tx.fact(fact(&format!("{id}/1")));
                tx.fact(fact(&format!("{id}/2")));
                // Others run in between.
                tokio::task::yield_now().await;
                if refuse {
                    return Err(refused_as(Feilgrunn::Konflikt));
                }
                Ok(receipt(&id))
            }
            .boxed()
        })
        .await
        .map(|_| ())
}

async fn the_number_of_the_last_fact_is_answered(database: Database) {
    let store = database.open(MIGRATIONS).await;
    for (facts, expected) in [(0, 0), (2, 2), (0, 0), (1, 3)] {
        let written = store
            .write(call(), &request_id(), |tx| {
                async move {
                    (0..facts).for_each(|n| tx.fact(fact(&n.to_string())));
                    Ok(receipt("ok"))
                }
                .boxed()
            })
            .await
            .unwrap();
        assert_eq!(written.fakta_nr, expected);
    }
}

async fn a_recipient_is_addressed_once(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let mut tx = store.begin(call()).await.unwrap();
    tx.emit(event("a", &["nav", "enheter/nav", "boligkontor", "nav"]));
    tx.emit(event("b", &[]));
    tx.save().await.unwrap();
    assert_eq!(
        texts(
            &store,
            "SELECT mottaker FROM chassis_hendelse_mottaker ORDER BY mottaker"
        )
        .await,
        ["boligkontor", "nav"]
    );
    assert_eq!(
        number(
            &store,
            "SELECT CAST(count(*) AS BIGINT) FROM chassis_hendelse"
        )
        .await,
        2
    );
}

/// The numbers in a feed are those of the outbox, so that a hole is what was
/// addressed to others, or what was withheld, and does not tell which.
async fn a_feed_has_the_numbers_of_the_outbox(database: Database) {
    let store = database.open(MIGRATIONS).await;
    for recipients in [
        &["boligkontor"][..],
        &["nav"],
        &[],
        &["boligkontor", "nav"],
        &["nav"],
    ] {
        let mut tx = store.begin(call()).await.unwrap();
        tx.emit(event("a", recipients));
        tx.save().await.unwrap();
    }
    let (feeds, _closing) = feeds(&store);
    for (unit, after, expected) in [
        ("nav", 0, &[2, 4, 5][..]),
        ("boligkontor", 0, &[1, 4]),
        ("nav", 3, &[4, 5]),
    ] {
        let events = subscribe(&feeds, unit, after).await;
        let numbers: Vec<i64> = events
            .take(expected.len())
            .map(|event| event.nr)
            .collect()
            .await;
        assert_eq!(numbers, expected, "{unit} after {after}");
    }
}

async fn many_events_in_one_transaction(database: Database) {
    const EVENTS: usize = 130;
    const UNITS: usize = 60;
    let store = database.open(MIGRATIONS).await;
    let units: Vec<String> = (0..UNITS).map(|unit| format!("enhet_{unit}")).collect();
    let mut tx = store.begin(call()).await.unwrap();
    for n in 0..EVENTS {
        let mut event = event("a", &[]);
        let post = n.to_string();
        event.post = &post;
        event.mottakere.clone_from(&units);
        tx.emit(event);
        tx.fact(fact(&n.to_string()));
    }
    assert_eq!(tx.save().await.unwrap(), i64::try_from(EVENTS).unwrap());
    let mut tx = store.begin_read(call()).await.unwrap();
    let (rows, units, most): (i64, i64, i64) = tx
        .one(
            "SELECT CAST(count(*) AS BIGINT), CAST(count(DISTINCT mottaker) AS BIGINT), \
             CAST(max(hendelse) AS BIGINT) FROM chassis_hendelse_mottaker",
            params![],
        )
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (rows, units, most),
        (
            i64::try_from(EVENTS * UNITS).unwrap(),
            i64::try_from(UNITS).unwrap(),
            i64::try_from(EVENTS).unwrap()
        )
    );
}

async fn rows_carry_the_trace_of_the_call(database: Database) {
    const TRACE: &str = "00-11111111111111111111111111111111-2222222222222222-01";
    let store = database.open(MIGRATIONS).await;
    let call = TestCall::new("rop").traceparent(TRACE).build();
    store
        .write(call, &request_id(), |tx| {
            async move {
                tx.emit(event("a", &["nav"]));
                tx.fact(fact("a"));
                Ok::<Kvittering, Error>(receipt("ok"))
            }
            .boxed()
        })
        .await
        .unwrap();
    for table in [
        "SELECT traceparent FROM chassis_hendelse",
        "SELECT traceparent FROM chassis_faktum",
    ] {
        assert_eq!(texts(&store, table).await, [TRACE]);
    }
}

/// Where a trace is collected, a row names the span that wrote it, so that the
/// consumer hangs below it.
///
/// Seen red: with the traceparent of the call in every case.
#[tokio::test]
async fn rows_carry_the_span_that_wrote_them() {
    use opentelemetry::trace::TracerProvider as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    let database = testing::sqlite();
    let store = database.open(MIGRATIONS).await;
    // A span that another thread meets first, where nobody collects, would stay
    // off for this one too. A subscriber looks again at all that were met.
    write_note(&store, "met").await.unwrap();

    let provider = opentelemetry_sdk::trace::SdkTracerProvider::default();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _collected = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    async {
        write_note(&store, "a").await.unwrap();
        write_note(&store, "b").await.unwrap();
    }
    .instrument(tracing::info_span!("request"))
    .await;
    let rows = texts(
        &store,
        "SELECT traceparent FROM chassis_hendelse WHERE nr > 1 ORDER BY nr",
    )
    .await;
    let parts: Vec<Vec<&str>> = rows.iter().map(|row| row.split('-').collect()).collect();
    // One trace, two spans, and neither is what the call said.
    assert_eq!(parts[0][1], parts[1][1]);
    assert_ne!(parts[0][2], parts[1][2]);
    assert!(!call().traceparent.contains(parts[0][1]));
    assert_eq!(rows[0].len(), call().traceparent.len());
}
