//! The person's own view, and what deleting a key takes away.

use samspor_chassis::testing::Database;
use samspor_gateway::log::{Entry, Limits, Log, LoggedRow, Sequencer};

use crate::harness::{Gateway as _, person, refusal, row};

samspor_chassis::on_both_databases! {
    a_person_sees_the_own_rows_newest_first,
    no_row_holds_the_person,
    deleting_the_key_unlinks_the_rows,
}

fn indices(rows: &[LoggedRow]) -> Vec<i64> {
    rows.iter().map(|row| row.content.indeks).collect()
}

/// Seen red: the person code left out of the WHERE; `<=` for `before`.
async fn a_person_sees_the_own_rows_newest_first(database: Database) {
    let log = database.replica().await.log;
    let [mine, other] = [person(1), person(2)];
    for n in 0..10 {
        let person = if n % 2 == 0 { &mine } else { &other };
        log.append(refusal(person)).await.unwrap();
    }
    let nobody = samspor_gateway::log::Row {
        person: None,
        ..row(&mine)
    };
    let entry = Entry {
        rows: vec![nobody, row(&other), row(&mine)],
        ..Entry::default()
    };
    assert_eq!(log.append(entry).await.unwrap().indeks, 10);

    let page = log.rows_of(&mine, None, 4).await.unwrap();
    assert_eq!(indices(&page), [12, 8, 6, 4]);
    let page = log.rows_of(&mine, Some(4), 4).await.unwrap();
    assert_eq!(indices(&page), [2, 0]);
    assert_eq!(log.rows_of(&person(3), None, 4).await.unwrap(), []);
    assert_eq!(indices(&log.rows_from(9, 3).await.unwrap()), [9, 10, 11]);
}

/// Seen red: `prepare` that leaves `sak` as it came.
async fn no_row_holds_the_person(database: Database) {
    let log = database.replica().await.log;
    let mine = person(1);
    log.append(refusal(&mine)).await.unwrap();
    let rows = log.rows_of(&mine, None, 1).await.unwrap();
    let [LoggedRow { bytes, content }] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!(content.sak, "saker/s1");
    assert_eq!(content.poster[0].post, "notater/n1");
    assert_eq!(content.personkode.len(), 16);
    let found = bytes.windows(mine.len()).any(|w| w == mine.as_bytes());
    assert!(!found, "the row names the person");
}

/// Seen red: a writer that keeps its codes when a key was removed.
async fn deleting_the_key_unlinks_the_rows(database: Database) {
    let replica = database.replica().await;
    let mine = person(1);
    replica.log.append(refusal(&mine)).await.unwrap();
    // Another writer that has the code in memory, as another replica would.
    let other = Log::start(Sequencer::new(replica.store.clone()), Limits::default());
    other.append(refusal(&mine)).await.unwrap();
    let before = replica.log.rows_of(&mine, None, 10).await.unwrap();
    assert_eq!(indices(&before), [1, 0]);

    assert!(replica.log.forget(&mine).await.unwrap());
    assert!(!replica.log.forget(&mine).await.unwrap());
    assert_eq!(replica.log.rows_of(&mine, None, 10).await.unwrap(), []);

    other.append(refusal(&mine)).await.unwrap();
    replica.log.append(refusal(&mine)).await.unwrap();
    let after = replica.log.rows_of(&mine, None, 10).await.unwrap();
    assert_eq!(indices(&after), [3, 2]);
    assert_ne!(after[0].content.personkode, before[0].content.personkode);
    database.assert_whole(4).await;
}
