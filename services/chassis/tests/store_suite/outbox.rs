//! Numbers of events and facts: dense, in the order of commits, none missed
//! and none doubled, whoever writes and whoever reads meanwhile.

use std::collections::BTreeSet;

use futures::{FutureExt as _, StreamExt as _};
use samspor_chassis::{
    error::Error,
    on_both_databases, params,
    store::Store,
    testing::{Database, TestCall, request_id},
};
use samspor_proto::{
    felles::{Feilgrunn, Kvittering},
    hendelse::{FaktaRequest, Hendelse},
};
use tokio::task::JoinSet;

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
    many_events_in_one_transaction,
    rows_carry_the_trace_of_the_call,
}

const WRITERS: usize = 8;
const EACH: usize = 25;

/// Seen red: with numbers from `max(nr) + 1` of the tables (PostgreSQL: taken
/// twice), and with the sequence raised in a transaction of its own (both:
/// gaps after refusals; PostgreSQL: a reader passes a number that commits
/// later).
async fn eight_writers_and_two_readers_lose_and_double_nothing(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let (feeds, _closing) = feeds(&store);
    // Every writer commits two of three: the third is refused at the end.
    let committed = WRITERS * EACH - WRITERS * EACH.div_ceil(3);

    let events = {
        let stream = subscribe(&feeds, "nav", 0).await;
        tokio::spawn(stream.take(committed).collect::<Vec<Hendelse>>())
    };
    let facts = {
        let stream = fakta(&feeds, FaktaRequest::default()).await;
        tokio::spawn(async move {
            let mut seen = Vec::new();
            let mut stream = stream;
            while seen.len() < 2 * committed {
                let batch = stream.next().await.unwrap();
                seen.extend(
                    batch
                        .fakta
                        .into_iter()
                        .map(|fact| (fact.nr, fact.faktum.unwrap().id)),
                );
                assert!(seen.last().is_none_or(|(nr, _)| *nr <= batch.siste));
            }
            seen
        })
    };

    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            let mut kept = Vec::new();
            for n in 0..EACH {
                let id = format!("{writer}-{n}");
                match write(&store, id.clone(), n % 3 == 0).await {
                    Ok(()) => kept.push(id),
                    Err(error) => assert!(error.refusal().is_some(), "{error:?}"),
                }
            }
            kept
        });
    }
    let kept: BTreeSet<String> = writers.join_all().await.into_iter().flatten().collect();
    assert_eq!(kept.len(), committed);

    let events = events.await.unwrap();
    let numbers: Vec<i64> = events.iter().map(|event| event.nr).collect();
    assert_eq!(
        numbers,
        (1..=i64::try_from(committed).unwrap()).collect::<Vec<_>>()
    );
    let posts: BTreeSet<String> = events.into_iter().map(|event| event.post).collect();
    assert_eq!(posts, kept);

    let facts = facts.await.unwrap();
    let numbers: Vec<i64> = facts.iter().map(|(nr, _)| *nr).collect();
    assert_eq!(
        numbers,
        (1..=i64::try_from(2 * committed).unwrap()).collect::<Vec<_>>()
    );
    let ids: BTreeSet<String> = facts.into_iter().map(|(_, id)| id).collect();
    let expected: BTreeSet<String> = kept
        .iter()
        .flat_map(|id| [format!("{id}/1"), format!("{id}/2")])
        .collect();
    assert_eq!(ids, expected);
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
             CAST(max(nr) AS BIGINT) FROM chassis_hendelse_mottaker",
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
    write_note(&store, "b").await.unwrap();
}
