//! When storage cannot: nothing is acknowledged, nothing is half there, and
//! the caller can tell that a repeat is worth it.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use samspor_chassis::{
    id::RandomIds,
    on_both_databases, params,
    store::{Backend, OpenError, Store, StoreOptions},
    testing::{self, Clock, Database, request_id},
};
use sqlx::{AnyConnection, Connection as _};

use crate::common::{MIGRATIONS, call, event, notes, number, receipt, texts, write_note};

on_both_databases! {
    a_lock_of_another_is_unavailable_and_stores_nothing,
    a_closed_store_is_unavailable,
    a_changed_migration_is_refused,
    too_many_at_once_are_unavailable,
}

fn brief() -> StoreOptions {
    StoreOptions {
        wait: Duration::from_millis(50),
        ..StoreOptions::default()
    }
}

/// Seen red: without the codes of a busy database in `is_transient`.
async fn a_lock_of_another_is_unavailable_and_stores_nothing(database: Database) {
    let store = database.open_with(MIGRATIONS, brief()).await;
    write_note(&store, "a").await.unwrap();
    let mut other = AnyConnection::connect(database.url()).await.unwrap();
    let lock = match database.backend() {
        Backend::Sqlite => "BEGIN IMMEDIATE",
        Backend::Postgres => "BEGIN; LOCK TABLE chassis_faktum IN EXCLUSIVE MODE",
    };
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let error = write_note(&store, "b").await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    // Reading goes on.
    assert_eq!(texts(&store, "SELECT id FROM notat").await, ["a"]);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(write_note(&store, "b").await.unwrap().fakta_nr, 2);
}

async fn a_closed_store_is_unavailable(database: Database) {
    let store = database.open(MIGRATIONS).await;
    store.close().await;
    assert!(write_note(&store, "a").await.unwrap_err().is_unavailable());
    let read = store.read(call(), |_| async { Ok(()) }.boxed()).await;
    assert!(read.unwrap_err().is_unavailable());
}

async fn a_changed_migration_is_refused(database: Database) {
    drop(database.open(&[("001", "CREATE TABLE a (id TEXT)")]).await);
    let clock: Arc<dyn Clock> = database.clock().clone();
    let ids = Arc::new(RandomIds::new(clock.clone()));
    let changed = Store::open(
        database.url(),
        &[("001", "CREATE TABLE b (id TEXT)")],
        clock,
        ids,
    )
    .await;
    assert!(matches!(changed, Err(OpenError::Migrate(_))), "{changed:?}");
}

async fn too_many_at_once_are_unavailable(database: Database) {
    let options = StoreOptions {
        connections: 1,
        ..brief()
    };
    let store = database.open_with(MIGRATIONS, options).await;
    let held = store.begin(call()).await.unwrap();
    let error = write_note(&store, "a").await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    drop(held);
    write_note(&store, "a").await.unwrap();
}

/// A disk of a few pages: writes are acknowledged until it is full, then none;
/// with space again it goes on.
///
/// Seen red: without FULL in `is_transient`, and with connections given out
/// that SQLite had rolled back by itself (`usable`).
#[tokio::test]
async fn a_full_disk_is_unavailable_and_loses_nothing() {
    let database = testing::sqlite();
    let store = database.open(MIGRATIONS).await;
    let pages = number(&store, "SELECT page_count FROM pragma_page_count").await;
    let limit = |pages: i64| {
        let store = store.clone();
        async move {
            let mut writer = store.writers().acquire().await.unwrap();
            let pragma = format!("PRAGMA max_page_count = {pages}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(pragma))
                .execute(&mut *writer)
                .await
                .unwrap();
        }
    };
    limit(pages + 20).await;
    let mut acknowledged = Vec::new();
    let error = loop {
        let id = format!("{:08}", acknowledged.len());
        let write = store
            .write(call(), &request_id(), {
                let id = id.clone();
                move |tx| {
                    async move {
                        tx.execute(
                            "INSERT INTO notat (id, tekst, versjon) VALUES ($1, $2, 1)",
                            params![id.as_str(), "x".repeat(3_000)],
                        )
                        .await?;
                        tx.emit(event(&id, &["nav"]));
                        Ok(receipt(&id))
                    }
                    .boxed()
                }
            })
            .await;
        match write {
            Ok(_) => acknowledged.push(id),
            Err(error) => break error,
        }
    };
    assert!(error.is_unavailable(), "{error:?}");
    assert!(!acknowledged.is_empty());
    for _ in 0..3 {
        // The limit is the connection's, and one that failed is replaced.
        limit(pages + 20).await;
        assert!(write_big(&store).await.unwrap_err().is_unavailable());
    }
    assert_eq!(
        texts(&store, "SELECT id FROM notat ORDER BY id").await,
        acknowledged
    );
    assert_eq!(
        texts(&store, "SELECT post FROM chassis_hendelse ORDER BY nr").await,
        acknowledged
    );
    limit(1_000_000).await;
    write_big(&store).await.unwrap();
    assert_eq!(
        notes(&store).await,
        i64::try_from(acknowledged.len()).unwrap() + 1
    );
}

async fn write_big(store: &Store) -> Result<(), samspor_chassis::error::Error> {
    store
        .write(call(), &request_id(), |tx| {
            async move {
                tx.execute(
                    "INSERT INTO notat (id, tekst, versjon) VALUES ('big', $1, 1)",
                    params!["x".repeat(100_000)],
                )
                .await?;
                Ok(receipt("ok"))
            }
            .boxed()
        })
        .await
        .map(|_| ())
}

/// A server that drops its clients: who is in the middle hears that nothing
/// was stored, and who comes after is served.
#[tokio::test]
async fn a_restarted_server_is_survived() {
    let Some(database) = testing::postgres() else {
        return;
    };
    let store = database.open(MIGRATIONS).await;
    write_note(&store, "a").await.unwrap();
    let mut tx = store.begin(call()).await.unwrap();
    crate::common::insert(&mut tx, "b").await.unwrap();
    let mut other = AnyConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .execute(&mut other)
    .await
    .unwrap();
    let error = tx.save().await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    let mut tries = 0;
    while let Err(error) = write_note(&store, "c").await {
        assert!(error.is_unavailable(), "{error:?}");
        tries += 1;
        assert!(tries < 20, "{error:?}");
    }
    assert_eq!(
        texts(&store, "SELECT id FROM notat ORDER BY id").await,
        ["a", "c"]
    );
}

/// Seen red: without the lock file.
#[tokio::test]
async fn a_second_process_is_refused_the_file() {
    let database = testing::sqlite();
    let store = database.open(MIGRATIONS).await;
    let clock: Arc<dyn Clock> = database.clock().clone();
    let open = || {
        let ids = Arc::new(RandomIds::new(clock.clone()));
        Store::open(database.url(), MIGRATIONS, clock.clone(), ids)
    };
    let refused = open().await.unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)));
    let line = refused.to_string();
    assert!(
        line.ends_with("test.db is in use by another process"),
        "{line}"
    );
    drop(store);
    open().await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_in_one_line() {
    let clock: Arc<dyn Clock> = testing::sqlite().clock().clone();
    for (url, line) in [
        ("", "database url must begin with"),
        ("mysql://localhost/x", "database url must begin with"),
        ("sqlite:", "database url must begin with"),
        ("sqlite::memory:", "a database in memory keeps nothing"),
        ("sqlite:/no/such/folder/x.db", "cannot be opened"),
        ("postgres://127.0.0.1:1/x", "database cannot be reached"),
    ] {
        let ids = Arc::new(RandomIds::new(clock.clone()));
        let error = Store::open(url, MIGRATIONS, clock.clone(), ids)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(line), "{url}: {error}");
        assert!(!error.contains('\n'), "{url}: {error}");
    }
}

/// A path with signs that mean something in an address.
#[tokio::test]
async fn a_path_may_have_any_signs() {
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = testing::sqlite().clock().clone();
    for name in ["a b.db", "ærø.db", "50%.db", "a#b.db"] {
        let ids = Arc::new(RandomIds::new(clock.clone()));
        let url = format!("sqlite:{}", folder.path().join(name).display());
        let store = Store::open(&url, MIGRATIONS, clock.clone(), ids)
            .await
            .unwrap();
        write_note(&store, "a").await.unwrap();
        assert!(folder.path().join(name).is_file(), "{name}");
    }
}

/// What durability asks of SQLite, on the connection that writes.
///
/// Seen red: with `synchronous = NORMAL`.
#[tokio::test]
async fn sqlite_writes_through_to_the_disk() {
    let database = testing::sqlite();
    let store = database.open(MIGRATIONS).await;
    let mut tx = store.begin(call()).await.unwrap();
    for (pragma, expected) in [
        (
            "SELECT CAST(synchronous AS BIGINT) FROM pragma_synchronous",
            2,
        ),
        (
            "SELECT CAST(foreign_keys AS BIGINT) FROM pragma_foreign_keys",
            1,
        ),
    ] {
        let row: Option<(i64,)> = tx.one(pragma, params![]).await.unwrap();
        assert_eq!(row, Some((expected,)), "{pragma}");
    }
    let mode: Option<(String,)> = tx
        .one("SELECT journal_mode FROM pragma_journal_mode", params![])
        .await
        .unwrap();
    assert_eq!(mode, Some(("wal".to_owned(),)));
}
