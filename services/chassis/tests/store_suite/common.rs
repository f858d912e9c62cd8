//! The small service that the suite stores things for.

use std::sync::Arc;

use futures::FutureExt as _;
use samspor_chassis::{
    call::Call,
    error::{Error, Refusal},
    params,
    store::{Migrations, NewEvent, Store, Tx, Written},
    testing::{TestCall, request_id},
};
use samspor_proto::felles::{Faktum, Feilgrunn, Kvittering};

pub(crate) const MIGRATIONS: Migrations = &[
    (
        "001_notat",
        "CREATE TABLE notat (id TEXT PRIMARY KEY, tekst TEXT NOT NULL, versjon BIGINT NOT NULL);
         CREATE TABLE effekt (hendelse TEXT NOT NULL, nr BIGINT NOT NULL);",
    ),
    (
        "002_behov",
        "CREATE TABLE behov (id TEXT PRIMARY KEY, person TEXT NOT NULL, apent BIGINT NOT NULL);
         CREATE UNIQUE INDEX behov_apent ON behov (person) WHERE apent = 1;",
    ),
];

pub(crate) const PERSON: &str = "0b0a1e52-54a8-4a08-8b3d-8d3a8a4f0e10";

/// A new call of a caseworker at `rop`.
pub(crate) fn call() -> Arc<Call> {
    TestCall::new("rop").build()
}

pub(crate) async fn insert(tx: &mut Tx, id: &str) -> Result<u64, Error> {
    tx.execute(
        "INSERT INTO notat (id, tekst, versjon) VALUES ($1, $2, 1)",
        params![id, "æøå"],
    )
    .await
}

pub(crate) fn event<'a>(post: &'a str, mottakere: &[&str]) -> NewEvent<'a> {
    NewEvent {
        type_: "NotatSkrevet",
        person: PERSON,
        post,
        eier: "rop",
        mottakere: mottakere.iter().map(|unit| (*unit).to_owned()).collect(),
    }
}

pub(crate) fn fact(id: &str) -> Faktum {
    Faktum {
        id: id.to_owned(),
        subjekt: PERSON.to_owned(),
        ..Faktum::default()
    }
}

pub(crate) fn receipt(text: &str) -> Kvittering {
    Kvittering {
        referanse: text.to_owned(),
        mottatt: None,
    }
}

/// Writes a note with an event to `nav` and a fact, as one mutation.
pub(crate) async fn write_note(store: &Store, id: &str) -> Result<Written<Kvittering>, Error> {
    let note = id.to_owned();
    store
        .write(call(), &request_id(), move |tx| {
            async move {
                insert(tx, &note).await?;
                tx.emit(event(&note, &["nav"]));
                tx.fact(fact(&note));
                Ok(receipt(&note))
            }
            .boxed()
        })
        .await
}

/// The single number that a query gives, read in a transaction of its own.
pub(crate) async fn number(store: &Store, sql: &'static str) -> i64 {
    store
        .read(call(), |tx| {
            async move {
                let row: Option<(i64,)> = tx.one(sql, params![]).await?;
                Ok(row.expect("one row").0)
            }
            .boxed()
        })
        .await
        .unwrap()
}

pub(crate) async fn notes(store: &Store) -> i64 {
    number(store, "SELECT CAST(count(*) AS BIGINT) FROM notat").await
}

pub(crate) async fn texts(store: &Store, sql: &'static str) -> Vec<String> {
    store
        .read(call(), |tx| {
            async move {
                let rows: Vec<(String,)> = tx.all(sql, params![]).await?;
                Ok(rows.into_iter().map(|row| row.0).collect())
            }
            .boxed()
        })
        .await
        .unwrap()
}

pub(crate) fn refused_as(grunn: Feilgrunn) -> Error {
    Refusal::new(grunn).into()
}

#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, grunn: Feilgrunn) {
    let error = result.expect_err("a refusal");
    assert_eq!(
        error.refusal().map(|refusal| refusal.grunn),
        Some(grunn),
        "{error:?}"
    );
}
