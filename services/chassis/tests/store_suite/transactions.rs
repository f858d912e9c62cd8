//! One transaction: saved whole or not at all.

use futures::FutureExt as _;
use samspor_chassis::{
    error::{Error, Refusal},
    on_both_databases, params,
    store::{NewDeadline, StoreOptions, etag},
    testing::{Clock as _, Database, START, Tid, request_id},
};
use samspor_proto::felles::{Feilgrunn, Kvittering};
use tokio::{sync::oneshot, task::JoinSet};

use crate::common::{
    MIGRATIONS, assert_refused, call, event, fact, insert, notes, number, receipt, refused_as,
    texts, write_note,
};

on_both_databases! {
    what_is_saved_lasts_and_what_is_dropped_does_not,
    a_refusal_takes_everything_back,
    a_caller_who_goes_away_leaves_nothing_behind,
    who_goes_away_at_the_beginning_leaves_no_transaction_open,
    a_failed_statement_ends_the_transaction,
    a_taken_index_becomes_a_refusal,
    a_read_cannot_write_or_emit,
    a_read_sees_one_instant,
    values_come_back_as_they_went_in,
    of_eight_who_read_the_same_version_one_may_write,
    a_lock_holds_a_rule_over_several_rows,
    settings_reach_the_handlers,
}

async fn what_is_saved_lasts_and_what_is_dropped_does_not(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let mut tx = store.begin(call()).await.unwrap();
    insert(&mut tx, "dropped").await.unwrap();
    drop(tx);
    let mut tx = store.begin(call()).await.unwrap();
    insert(&mut tx, "saved").await.unwrap();
    assert_eq!(tx.save().await.unwrap(), 0);
    store.close().await;
    drop(store);

    let store = database.open(MIGRATIONS).await;
    assert_eq!(texts(&store, "SELECT id FROM notat").await, ["saved"]);
}

/// Seen red: with a commit instead of the rollback in `Store::write`.
async fn a_refusal_takes_everything_back(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let result = store
        .write(call(), &request_id(), |tx| {
            async move {
                insert(tx, "a").await?;
                tx.emit(event("a", &["nav"]));
                tx.fact(fact("a"));
                tx.set_deadline(NewDeadline {
                    post: "a".to_owned(),
                    person: String::new(),
                    kind: "svar",
                    due: tx.now(),
                    warn: None,
                    eier: "rop".to_owned(),
                    mottakere: Vec::new(),
                });
                Err::<Kvittering, _>(Refusal::transition("UTKAST", &["Send"]).into())
            }
            .boxed()
        })
        .await;
    assert_refused(result, Feilgrunn::UgyldigOvergang);
    for table in [
        "SELECT CAST(count(*) AS BIGINT) FROM notat",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_brukt",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_hendelse",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_hendelse_mottaker",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_faktum",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_frist",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_sekvens",
    ] {
        assert_eq!(number(&store, table).await, 0, "{table}");
    }
    // No number was lost to it.
    assert_eq!(write_note(&store, "b").await.unwrap().fakta_nr, 1);
}

async fn a_caller_who_goes_away_leaves_nothing_behind(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let (say_it_runs, runs) = oneshot::channel();
    let call_that_ends = {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .write(call(), &request_id(), |tx| {
                    async move {
                        insert(tx, "a").await?;
                        say_it_runs.send(()).unwrap();
                        std::future::pending::<Result<Kvittering, Error>>().await
                    }
                    .boxed()
                })
                .await
        })
    };
    runs.await.unwrap();
    call_that_ends.abort();
    // It would wait for a lock that is never given back.
    write_note(&store, "b").await.unwrap();
    assert_eq!(texts(&store, "SELECT id FROM notat").await, ["b"]);
}

/// Seen red on SQLite: with `settle` not remembering the failure.
/// The driver forgets a BEGIN whose caller went away before it was answered:
/// whoever is given the connection next would be in that transaction, and fail
/// where it only reads. Seen red on PostgreSQL with the begin not on a task of
/// its own.
async fn who_goes_away_at_the_beginning_leaves_no_transaction_open(database: Database) {
    let options = StoreOptions {
        connections: 1,
        readers: 1,
        ..StoreOptions::default()
    };
    let store = database.open_with(MIGRATIONS, options).await;
    for polls in (0..3_000).step_by(20) {
        let mut begin = Box::pin(store.begin_read(call()));
        for _ in 0..polls {
            if futures::poll!(&mut begin).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(begin);
        let mut tx = store.begin(call()).await.unwrap();
        insert(&mut tx, &polls.to_string()).await.unwrap();
        tx.save().await.unwrap();
    }
}

async fn a_failed_statement_ends_the_transaction(database: Database) {
    let store = database.open(MIGRATIONS).await;
    write_note(&store, "a").await.unwrap();
    let mut tx = store.begin(call()).await.unwrap();
    insert(&mut tx, "b").await.unwrap();
    let error = insert(&mut tx, "a").await.unwrap_err();
    assert!(error.is_unique_violation(), "{error:?}");
    assert!(!error.is_unavailable());
    assert!(matches!(
        insert(&mut tx, "c").await,
        Err(Error::Internal(_))
    ));
    assert!(matches!(tx.save().await, Err(Error::Internal(_))));
    assert_eq!(texts(&store, "SELECT id FROM notat").await, ["a"]);
}

async fn a_taken_index_becomes_a_refusal(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let open_need = || {
        let store = store.clone();
        async move {
            store
                .write(call(), &request_id(), |tx| {
                    async move {
                        let id = tx.new_id();
                        tx.execute(
                            "INSERT INTO behov (id, person, apent) VALUES ($1, 'p', 1)",
                            params![id],
                        )
                        .await
                        .map_err(|error| {
                            error.or_if_taken(|| Refusal::conflict("et åpent behov"))
                        })?;
                        Ok(receipt("ok"))
                    }
                    .boxed()
                })
                .await
        }
    };
    open_need().await.unwrap();
    assert_refused(open_need().await, Feilgrunn::Konflikt);
    let mut tx = store.begin(call()).await.unwrap();
    tx.execute("UPDATE behov SET apent = 0", params![])
        .await
        .unwrap();
    tx.save().await.unwrap();
    open_need().await.unwrap();
}

async fn a_read_cannot_write_or_emit(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let written = store
        .read(call(), |tx| async move { insert(tx, "a").await }.boxed())
        .await;
    assert!(matches!(written, Err(Error::Storage(_))), "{written:?}");
    assert!(!written.unwrap_err().is_unavailable());
    let emitted = store
        .read(call(), |tx| {
            async move {
                tx.fact(fact("a"));
                Ok(())
            }
            .boxed()
        })
        .await;
    assert!(matches!(emitted, Err(Error::Internal(_))), "{emitted:?}");
    assert_eq!(notes(&store).await, 0);
}

/// Seen red on PostgreSQL: with READ COMMITTED for reads.
async fn a_read_sees_one_instant(database: Database) {
    const COUNT: &str = "SELECT CAST(count(*) AS BIGINT) FROM notat";
    let store = database.open(MIGRATIONS).await;
    write_note(&store, "a").await.unwrap();
    let mut tx = store.begin_read(call()).await.unwrap();
    assert_eq!(
        tx.one::<(i64,)>(COUNT, params![]).await.unwrap(),
        Some((1,))
    );
    write_note(&store, "b").await.unwrap();
    assert_eq!(
        tx.one::<(i64,)>(COUNT, params![]).await.unwrap(),
        Some((1,))
    );
    tx.save().await.unwrap();
    assert_eq!(notes(&store).await, 2);
}

async fn values_come_back_as_they_went_in(database: Database) {
    const MIGRATION: &[(&str, &str)] = &[(
        "001",
        "CREATE TABLE t (id TEXT PRIMARY KEY, tall BIGINT, tekst TEXT)",
    )];
    let store = database.open(MIGRATION).await;
    let rows: [(&str, Option<i64>, Option<&str>); 5] = [
        ("1", None, None),
        ("2", Some(i64::MIN), Some("")),
        ("3", Some(i64::MAX), Some("Ærlig ønske på ål, '\"\\;--")),
        ("4", Some(0), Some("to\nlinjer")),
        ("5", Some(START.0), Some("%_")),
    ];
    let mut tx = store.begin(call()).await.unwrap();
    for (id, tall, tekst) in rows {
        tx.execute(
            "INSERT INTO t (id, tall, tekst) VALUES ($1, $2, $3)",
            params![id, tall, tekst],
        )
        .await
        .unwrap();
    }
    let back: Vec<(String, Option<i64>, Option<String>)> = tx
        .all("SELECT id, tall, tekst FROM t ORDER BY id", params![])
        .await
        .unwrap();
    let expected: Vec<_> = rows
        .iter()
        .map(|(id, tall, tekst)| ((*id).to_owned(), *tall, tekst.map(str::to_owned)))
        .collect();
    assert_eq!(back, expected);
    let instant: Option<(Tid,)> = tx
        .one("SELECT tall FROM t WHERE tall = $1", params![START])
        .await
        .unwrap();
    assert_eq!(instant, Some((START,)));
    assert_eq!(tx.now(), database.clock().now());
}

/// Seen red on PostgreSQL: with `versjon >= $2` in the statement.
async fn of_eight_who_read_the_same_version_one_may_write(database: Database) {
    let store = database.open(MIGRATIONS).await;
    write_note(&store, "a").await.unwrap();
    let seen = etag::etag(1);
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let (store, seen) = (store.clone(), seen.clone());
        writers.spawn(async move {
            store
                .write(call(), &request_id(), move |tx| {
                    async move {
                        let row: Option<(i64,)> = tx
                            .one("SELECT versjon FROM notat WHERE id = 'a'", params![])
                            .await?;
                        etag::check(&seen, row.unwrap().0)?;
                        let changed = tx
                            .execute(
                                "UPDATE notat SET tekst = $1, versjon = versjon + 1 \
                                 WHERE id = 'a' AND versjon = $2",
                                params![format!("writer {writer}"), etag::version(&seen)?],
                            )
                            .await?;
                        etag::ensure_affected(changed)?;
                        Ok(receipt("ok"))
                    }
                    .boxed()
                })
                .await
        });
    }
    let results = writers.join_all().await;
    let (passed, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((passed.len(), refused.len()), (1, 7));
    for result in refused {
        assert_refused(result, Feilgrunn::UtdatertEtag);
    }
    assert_eq!(number(&store, "SELECT versjon FROM notat").await, 2);
}

/// At most three open needs: no index can say that.
///
/// Seen red on PostgreSQL: without the call of `lock`.
async fn a_lock_holds_a_rule_over_several_rows(database: Database) {
    const MOST: i64 = 3;
    let store = database.open(MIGRATIONS).await;
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            store
                .write(call(), &request_id(), move |tx| {
                    async move {
                        tx.lock("behov/p").await?;
                        let row: Option<(i64,)> = tx
                            .one("SELECT CAST(count(*) AS BIGINT) FROM behov", params![])
                            .await?;
                        if row.unwrap().0 >= MOST {
                            return Err(refused_as(Feilgrunn::Konflikt));
                        }
                        tx.execute(
                            "INSERT INTO behov (id, person, apent) VALUES ($1, $1, 1)",
                            params![format!("{writer}")],
                        )
                        .await?;
                        Ok(receipt("ok"))
                    }
                    .boxed()
                })
                .await
        });
    }
    let results = writers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
    assert_eq!(
        number(&store, "SELECT CAST(count(*) AS BIGINT) FROM behov").await,
        MOST
    );
}

async fn settings_reach_the_handlers(database: Database) {
    struct Settings(&'static str);
    let store = database.open(MIGRATIONS).await;
    let tx = store.begin(call()).await.unwrap();
    assert!(matches!(tx.settings::<Settings>(), Err(Error::Internal(_))));
    drop(tx);
    let store = store.with_settings(Settings("nøkkel"));
    let tx = store.begin(call()).await.unwrap();
    assert_eq!(tx.settings::<Settings>().unwrap().0, "nøkkel");
}
