//! An answer is given only for what is durable, and whole entries only.

use std::time::Duration;

use futures::future::join_all;
use samspor_chassis::testing::{self, Database};
use samspor_gateway::log::{AppendError, Entry, Limits, Receipt};
use samspor_proto::felles::Faktumtype;
use sqlx::{AnyConnection, Connection as _, Executor as _, Transaction};

use crate::harness::{
    Gateway as _, Replica, disclosure, fact, person, refusal, row, subject, unit,
};

samspor_chassis::on_both_databases! {
    an_answered_row_can_be_read_by_anybody,
    nothing_is_acknowledged_while_the_database_is_locked,
    an_entry_is_written_whole_or_not_at_all,
    a_refused_entry_leaves_the_rest_of_its_batch_dense,
    an_entry_is_written_although_its_caller_went_away,
}

/// Short, because these tests wait for it.
const PATIENCE: Duration = Duration::from_millis(300);

/// Holds what every writer needs.
async fn hold(outsider: &mut AnyConnection) -> Transaction<'_, sqlx::Any> {
    let begin = match outsider.backend_name() {
        "SQLite" => "BEGIN IMMEDIATE",
        _ => "BEGIN",
    };
    let mut held = outsider.begin_with(begin).await.unwrap();
    held.execute("UPDATE gw_sekvens SET logg = logg")
        .await
        .unwrap();
    held
}

/// Seen red: answering before `commit`.
async fn an_answered_row_can_be_read_by_anybody(database: Database) {
    let replica = database.replica().await;
    let readers = replica.store.readers();
    join_all((0..64).map(async |caller| {
        for _ in 0..5 {
            let Receipt { indeks } = replica.log.append(refusal(&person(caller))).await.unwrap();
            let there = sqlx::query("SELECT 1 FROM gw_logg WHERE indeks = $1")
                .bind(indeks)
                .fetch_optional(readers)
                .await
                .unwrap();
            assert!(there.is_some(), "row {indeks} was answered too early");
        }
    }))
    .await;
    database.assert_whole(64 * 5).await;
}

/// Seen red: answering `Ok` in the error branch of the writer.
async fn nothing_is_acknowledged_while_the_database_is_locked(database: Database) {
    let store = database.store(PATIENCE).await;
    let replica = Replica::with(store, PATIENCE, Limits::default()).await;
    replica.log.append(refusal(&person(0))).await.unwrap();

    let mut outsider = database.outsider().await;
    let held = hold(&mut outsider).await;
    let answers = join_all((0..32).map(|n| replica.log.append(refusal(&person(n))))).await;
    assert_eq!(answers, vec![Err(AppendError::Unavailable); 32]);
    let applied = replica
        .apply(1, vec![fact("f", &person(0), unit("rop"), Faktumtype::Sak)])
        .await;
    assert!(applied.is_err());
    assert!(!replica.facts.caught_up());
    held.rollback().await.unwrap();

    // It recovers by itself, and its memory holds no key that was not kept.
    recovered(&replica).await;
    for n in 0..32 {
        let before = replica.log.rows_of(&person(n), None, 100).await.unwrap();
        replica.log.append(refusal(&person(n))).await.unwrap();
        let after = replica.log.rows_of(&person(n), None, 100).await.unwrap();
        assert_eq!(after.len(), before.len() + 1);
    }
    let rows = database.report().await.rows;
    database.assert_whole(rows).await;
}

/// Appends until it succeeds: a connection that was given up may hold its lock
/// for a moment more.
async fn recovered(replica: &Replica) {
    for _ in 0..20 {
        if replica.log.append(refusal(&person(0))).await.is_ok() {
            return;
        }
    }
    panic!("the log does not recover");
}

/// Seen red: keeping the connection after a failure (`Gate::drop` that does
/// not detach it): the pages stay limited and nothing is written again.
#[tokio::test]
async fn nothing_is_acknowledged_on_a_full_disk() {
    let database = testing::sqlite();
    let replica = database.replica().await;
    replica.log.append(refusal(&person(0))).await.unwrap();
    {
        // SQLite has one writing connection; the limit is the connection's.
        let mut writer = replica.store.writers().acquire().await.unwrap();
        writer.execute("PRAGMA max_page_count = 1").await.unwrap();
    }
    let full = Entry {
        rows: (0..500).map(|_| row(&person(0))).collect(),
        ..Entry::default()
    };
    assert_eq!(
        replica.log.append(full).await,
        Err(AppendError::Unavailable)
    );
    database.assert_whole(1).await;
    recovered(&replica).await;
    database.assert_whole(2).await;
}

/// Seen red: `Limits::queued` ignored (an unbounded queue).
#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let database = testing::sqlite();
    let store = database.store(PATIENCE).await;
    let limits = Limits {
        queued: 4,
        batch: 2,
    };
    let replica = Replica::with(store, PATIENCE, limits).await;
    let mut outsider = database.outsider().await;
    let held = hold(&mut outsider).await;
    let answers = join_all((0..32).map(|n| replica.log.append(refusal(&person(n))))).await;
    held.rollback().await.unwrap();

    let overloaded = answers
        .iter()
        .filter(|answer| **answer == Err(AppendError::Overloaded))
        .count();
    assert!((20..=28).contains(&overloaded), "{overloaded}");
    assert!(answers.iter().all(Result::is_err));
}

/// Seen red: checking only the first subject.
async fn an_entry_is_written_whole_or_not_at_all(database: Database) {
    let replica = database.replica().await;
    let [first, second] = [person(1), person(2)];
    let stated = replica
        .state(vec![fact("f", &second, unit("nav"), Faktumtype::Sak)])
        .await;
    let version = stated.change.unwrap().version;

    let list = |version| Entry {
        rows: vec![row(&first), row(&second)],
        subjects: vec![subject(&first, 0), subject(&second, version)],
    };
    assert_eq!(
        replica.log.append(list(version - 1)).await,
        Err(AppendError::FactsChanged(vec![second.clone()]))
    );
    database.assert_whole(0).await;
    assert_eq!(
        replica.log.append(list(version)).await,
        Ok(Receipt { indeks: 0 })
    );
    database.assert_whole(2).await;
}

/// Seen red: not counting the sequencer back for refused rows.
async fn a_refused_entry_leaves_the_rest_of_its_batch_dense(database: Database) {
    let replica = database.replica().await;
    let answers = join_all((0..60).map(|n| {
        // Every third decision was made on facts that never were.
        let version = if n % 3 == 0 { 99 } else { 0 };
        replica.log.append(disclosure(&person(n), version))
    }))
    .await;
    let mut indices: Vec<_> = answers.iter().flatten().map(|r| r.indeks).collect();
    indices.sort_unstable();
    assert_eq!(indices, (0..40).collect::<Vec<_>>());
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 20);
    database.assert_whole(40).await;
}

/// Seen red: no check in `prepare`; a NUL then fails its whole batch.
#[tokio::test]
async fn a_malformed_entry_is_refused_alone() {
    let database = testing::sqlite();
    let replica = database.replica().await;
    for malformed in [
        Entry::default(),
        refusal("p\0"),
        refusal(""),
        disclosure(&person(1).replace('-', "/"), 0),
    ] {
        assert_eq!(
            replica.log.append(malformed).await,
            Err(AppendError::Malformed)
        );
    }
    database.assert_whole(0).await;
}

/// Seen red: skipping entries whose answer nobody awaits.
async fn an_entry_is_written_although_its_caller_went_away(database: Database) {
    let replica = database.replica().await;
    {
        let append = replica.log.append(refusal(&person(1)));
        futures::pin_mut!(append);
        let polled = futures::poll!(append);
        assert!(polled.is_pending());
    }
    // Written in order, so the next one comes after it.
    replica.log.append(refusal(&person(2))).await.unwrap();
    database.assert_whole(2).await;
}

/// Seen red: keeping a connection after a failure (`Gate::drop` that does not
/// detach it).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_although_connections_are_killed() {
    let Some(database) = testing::postgres() else {
        return;
    };
    let replica = database.replica().await;
    let mut outsider = database.outsider().await;
    let kill = async {
        let mut killed = 0;
        while killed < 20 {
            let backends = sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .fetch_all(&mut outsider)
            .await
            .unwrap();
            killed += backends.len();
            recovered(&replica).await;
        }
    };
    let callers = (0..8).map(async |caller| {
        let mut acknowledged = Vec::new();
        for _ in 0..200 {
            if let Ok(receipt) = replica.log.append(refusal(&person(caller))).await {
                acknowledged.push((receipt.indeks, person(caller)));
            }
        }
        acknowledged
    });
    let ((), acknowledged) = tokio::join!(kill, join_all(callers));

    // A reader whose connections nobody has killed.
    let reader = database.beside(&replica).await;
    for (indeks, person) in acknowledged.into_iter().flatten() {
        let rows = reader.log.rows_of(&person, Some(indeks + 1), 1).await;
        assert_eq!(rows.unwrap()[0].content.indeks, indeks);
    }
    let rows = database.report().await.rows;
    database.assert_whole(rows).await;
}

/// Seen red: `run` that ends at `Message::Close` without what is queued.
#[tokio::test]
async fn closing_writes_what_is_queued_and_refuses_the_rest() {
    let database = testing::sqlite();
    let replica = database.replica().await;
    let appends = join_all((0..50).map(|n| replica.log.append(refusal(&person(n)))));
    let (answers, ()) = tokio::join!(appends, replica.log.close());
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(
        replica.log.append(refusal(&person(1))).await,
        Err(AppendError::Unavailable)
    );
    replica.log.close().await;
    database.assert_whole(50).await;
}
