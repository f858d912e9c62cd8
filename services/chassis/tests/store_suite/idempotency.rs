//! A mutation happens once, however often it is asked for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use samspor_chassis::{
    call::Call,
    error::Error,
    on_both_databases,
    store::{Store, Written},
    testing::{Database, START, TestCall, request_id},
};
use samspor_proto::{
    felles::{Feilgrunn, Kvittering},
    internt::Attestasjon,
};
use tokio::task::JoinSet;

use crate::common::{
    MIGRATIONS, assert_refused, call, event, fact, insert, notes, number, receipt, refused_as,
};

on_both_databases! {
    the_same_request_gets_the_same_answer,
    a_request_id_with_another_content_is_refused,
    another_caller_or_method_is_another_request,
    an_attestation_is_used_once,
    a_refused_request_may_be_repeated,
    eight_at_once_are_one,
    a_request_id_is_a_uuid,
    a_call_without_attestation_changes_nothing,
    what_has_expired_is_forgotten,
    who_must_not_be_recognised_uses_nothing_up,
}

const USED: &str = "SELECT CAST(count(*) AS BIGINT) FROM chassis_brukt";

/// Writes a note with a new id each time the handler runs.
async fn write(
    store: &Store,
    call: Arc<Call>,
    request_id: &str,
) -> Result<Written<Kvittering>, Error> {
    store
        .write(call, request_id, |tx| {
            async move {
                let id = tx.new_id();
                insert(tx, &id).await?;
                tx.emit(event(&id, &["nav"]));
                tx.fact(fact(&id));
                Ok(receipt(&id))
            }
            .boxed()
        })
        .await
}

/// Seen red: with `Claimed::New` for every request.
async fn the_same_request_gets_the_same_answer(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let id = request_id();
    let first = write(&store, call(), &id).await.unwrap();
    assert!(!first.gjentatt);
    assert_eq!(first.fakta_nr, 1);
    // The number of the fact is the first answer's, whatever came after.
    write(&store, call(), &request_id()).await.unwrap();
    let again = write(&store, call(), &id).await.unwrap();
    assert_eq!(
        again,
        Written {
            gjentatt: true,
            ..first
        }
    );
    assert_eq!(notes(&store).await, 2);
}

/// Seen red: without the comparison of `body`.
async fn a_request_id_with_another_content_is_refused(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let id = request_id();
    let call = |message: &[u8]| TestCall::new("rop").innhold(message).build();
    write(&store, call(b"one"), &id).await.unwrap();
    let other = write(&store, call(b"two"), &id).await;
    assert_refused(other, Feilgrunn::RequestIdGjenbrukt);
    assert!(write(&store, call(b"one"), &id).await.unwrap().gjentatt);
    assert_eq!(notes(&store).await, 1);
}

/// Seen red: with `scope` leaving out each of its parts in turn.
async fn another_caller_or_method_is_another_request(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let id = request_id();
    for call in [
        TestCall::new("rop"),
        TestCall::new("nav"),
        TestCall::new("rop").ansatt("ansatt-2"),
        TestCall::new("rop").metode("/samspor.test.v1.TestService/Other"),
        TestCall::new("rop").innbygger("p1"),
        TestCall::new("rop").innbygger("p2"),
    ] {
        assert!(!write(&store, call.build(), &id).await.unwrap().gjentatt);
        assert!(write(&store, call.build(), &id).await.unwrap().gjentatt);
    }
    assert_eq!(notes(&store).await, 6);
}

/// Seen red: with the `request_id` in the key of the attestation.
async fn an_attestation_is_used_once(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let call = || TestCall::new("rop").jti("jti-1").build();
    let id = request_id();
    write(&store, call(), &id).await.unwrap();
    // Neither for another request, nor for the stored answer of the same.
    for id in [&request_id(), &id] {
        let again = write(&store, call(), id).await;
        assert_refused(again, Feilgrunn::ManglerAttestasjon);
    }
    // One that fetched a stored answer is used up as well.
    let other = || TestCall::new("rop").jti("jti-2").build();
    assert!(write(&store, other(), &id).await.unwrap().gjentatt);
    let again = write(&store, other(), &request_id()).await;
    assert_refused(again, Feilgrunn::ManglerAttestasjon);
    assert_eq!(notes(&store).await, 1);
}

/// Seen red: with a commit instead of the rollback in `Store::write`.
async fn a_refused_request_may_be_repeated(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let id = request_id();
    let refused = store
        .write(call(), &id, |_| {
            async { Err::<Kvittering, _>(refused_as(Feilgrunn::Konflikt)) }.boxed()
        })
        .await;
    assert_refused(refused, Feilgrunn::Konflikt);
    assert!(!write(&store, call(), &id).await.unwrap().gjentatt);
}

/// Seen red: with `Claimed::New` for every request.
async fn eight_at_once_are_one(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let id = request_id();
    let runs = Arc::new(AtomicU32::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (store, id, runs) = (store.clone(), id.clone(), runs.clone());
        callers.spawn(async move {
            store
                .write(call(), &id, move |tx| {
                    async move {
                        runs.fetch_add(1, Ordering::Relaxed);
                        let note = tx.new_id();
                        insert(tx, &note).await?;
                        Ok(receipt(&note))
                    }
                    .boxed()
                })
                .await
                .unwrap()
        });
    }
    let answers = callers.join_all().await;
    assert!(answers.iter().all(|answer| answer.svar == answers[0].svar));
    assert_eq!(answers.iter().filter(|answer| !answer.gjentatt).count(), 1);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert_eq!(notes(&store).await, 1);
}

async fn a_request_id_is_a_uuid(database: Database) {
    let store = database.open(MIGRATIONS).await;
    for (id, fault) in [("", Feilgrunn::FeltMangler), ("1", Feilgrunn::FeltForm)] {
        let error = write(&store, call(), id).await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(refusal.grunn, Feilgrunn::UgyldigForesporsel);
        assert_eq!(refusal.felt[0].felt, "request_id");
        assert_eq!(refusal.felt[0].grunn, fault);
    }
    assert_eq!(number(&store, USED).await, 0);
}

async fn a_call_without_attestation_changes_nothing(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let call = Arc::new(Call::for_test(Attestasjon::default(), ""));
    let written = write(&store, call, &request_id()).await;
    assert_refused(written, Feilgrunn::ManglerAttestasjon);
    assert_eq!(notes(&store).await, 0);
}

async fn what_has_expired_is_forgotten(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let id = request_id();
    let expires = START.plus(Duration::from_secs(30));
    let brief = || TestCall::new("rop").utloper(expires).build();
    write(&store, brief(), &id).await.unwrap();
    assert_eq!(number(&store, USED).await, 2);

    database.clock().set(START.plus(Duration::from_secs(29)));
    store.purge(call()).await.unwrap();
    assert_eq!(number(&store, USED).await, 2);
    // The attestation expires, the answer is kept.
    database.clock().set(expires);
    store.purge(call()).await.unwrap();
    assert_eq!(number(&store, USED).await, 1);
    assert!(write(&store, brief(), &id).await.unwrap().gjentatt);

    database.clock().advance(Duration::from_hours(7 * 24));
    store.purge(call()).await.unwrap();
    assert_eq!(number(&store, USED).await, 0);
}

/// The row would stand between rows that tell their time.
///
/// Seen red: without the turn in `Store::write`.
async fn who_must_not_be_recognised_uses_nothing_up(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let call = || TestCall::new("rop").with(|call| call.anonym = true).build();
    for _ in 0..2 {
        write(&store, call(), &request_id()).await.unwrap();
    }
    assert_eq!(number(&store, USED).await, 0);
    assert_eq!(notes(&store).await, 2);
    let refused = write(&store, call(), "x").await;
    assert_refused(refused, Feilgrunn::UgyldigForesporsel);
}
