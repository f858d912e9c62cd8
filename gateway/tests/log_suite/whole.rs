//! `verify` sees what was done to the log behind its back.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use samspor_chassis::testing::Database;
use samspor_gateway::log::{Fault, FaultKind, leaf_hash};

use crate::harness::{Gateway as _, person, refusal};

samspor_chassis::on_both_databases! {
    a_changed_byte_is_found,
    a_deleted_row_is_found,
    swapped_rows_are_found,
    a_row_given_to_another_person_is_found,
    other_bytes_for_the_same_content_are_found,
}

/// More than a page of `verify`, less than two.
const ROWS: i64 = 1100;

/// A database with [`ROWS`] whole rows and nobody on it.
async fn written(database: &Database) {
    let replica = database.replica().await;
    let appends = (0..ROWS).map(|n| {
        let person = person(usize::try_from(n % 7).unwrap());
        replica.log.append(refusal(&person))
    });
    for answer in futures::future::join_all(appends.collect::<Vec<_>>()).await {
        answer.unwrap();
    }
    replica.close().await;
    database.assert_whole(ROWS).await;
}

async fn faults(database: &Database) -> Vec<(i64, FaultKind)> {
    let report = database.report().await;
    assert_eq!(report.rows, ROWS);
    let faults = report.faults.into_iter();
    faults
        .map(|Fault { indeks, kind }| (indeks, kind))
        .collect()
}

/// Seen red: no comparison of hashes.
async fn a_changed_byte_is_found(database: Database) {
    written(&database).await;
    database
        .tamper("UPDATE gw_logg SET bytes = 'Q' || substr(bytes, 2) WHERE indeks = 17")
        .await;
    assert_eq!(faults(&database).await, [(17, FaultKind::Hash)]);
}

/// Seen red: no look at the sequencer (the last row), at gaps (the others).
async fn a_deleted_row_is_found(database: Database) {
    written(&database).await;
    database
        .tamper("DELETE FROM gw_logg WHERE indeks IN (0, 999, 1000, 1099)")
        .await;
    let missing = [0, 999, 1000, 1099].map(|indeks| (indeks, FaultKind::Missing));
    assert_eq!(faults(&database).await, missing);
}

/// Seen red: no comparison of the index in the content.
async fn swapped_rows_are_found(database: Database) {
    written(&database).await;
    database
        .tamper("UPDATE gw_logg SET indeks = -1 WHERE indeks = 3")
        .await;
    database
        .tamper("UPDATE gw_logg SET indeks = 3 WHERE indeks = 8")
        .await;
    database
        .tamper("UPDATE gw_logg SET indeks = 8 WHERE indeks = -1")
        .await;
    let misplaced = [3, 8].map(|indeks| (indeks, FaultKind::Misplaced));
    assert_eq!(faults(&database).await, misplaced);
}

/// Seen red: no comparison of columns.
async fn a_row_given_to_another_person_is_found(database: Database) {
    written(&database).await;
    database
        .tamper(
            "UPDATE gw_logg SET personkode = (SELECT o.personkode FROM gw_logg o \
             WHERE o.indeks = 1) WHERE indeks = 2",
        )
        .await;
    database
        .tamper("UPDATE gw_logg SET personkode = NULL WHERE indeks = 4")
        .await;
    database
        .tamper("UPDATE gw_logg SET tid = tid + 1 WHERE indeks = 6")
        .await;
    let columns = [2, 4, 6].map(|indeks| (indeks, FaultKind::Column));
    assert_eq!(faults(&database).await, columns);
}

/// Seen red: no comparison with the re-encoded content. The forger here also
/// recomputes the hash.
async fn other_bytes_for_the_same_content_are_found(database: Database) {
    written(&database).await;
    let mut outsider = database.outsider().await;
    let text: String = sqlx::Row::try_get(
        &sqlx::query("SELECT bytes FROM gw_logg WHERE indeks = 5")
            .fetch_one(&mut outsider)
            .await
            .unwrap(),
        0,
    )
    .unwrap();
    let mut bytes = BASE64_STANDARD.decode(text).unwrap();
    // Field 99, a varint: nobody reads it, so it would carry anything.
    bytes.extend([0x98, 0x06, 0x2a]);
    sqlx::query("UPDATE gw_logg SET bytes = $1, bladsum = $2 WHERE indeks = 5")
        .bind(BASE64_STANDARD.encode(&bytes))
        .bind(BASE64_STANDARD.encode(leaf_hash(&bytes)))
        .execute(&mut outsider)
        .await
        .unwrap();
    drop(outsider);
    assert_eq!(faults(&database).await, [(5, FaultKind::NotCanonical)]);
}
