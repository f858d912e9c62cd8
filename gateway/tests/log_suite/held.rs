//! Rows of callers who must not be recognised: durable at once, in the log when
//! their day has passed, and in no order that tells theirs.

use samspor_chassis::testing::Database;
use samspor_gateway::log::Row;

use crate::harness::{Gateway as _, Replica, person, refusal, row};

samspor_chassis::on_both_databases! {
    a_held_row_joins_the_log_when_its_day_has_passed,
}

const DAY: i64 = 86_400_000_000;
const TODAY: i64 = 1_700_000_000_000_000 / DAY * DAY;
const HELD: usize = 24;

/// The row of the `n`-th of them, which says so to the test alone.
fn held(n: usize) -> Row {
    let mut row = row(&person(n));
    row.content.tid = TODAY;
    row.content.regler = vec![n.to_string()];
    row
}

/// Which of them stand in the log, in its order.
async fn listed(replica: &Replica) -> Vec<usize> {
    let rows = replica.log.rows_from(0, 100).await.unwrap();
    let numbers = rows.iter().filter(|row| row.content.tid == TODAY);
    let numbers = numbers.map(|row| {
        assert!(row.content.personkode.is_empty());
        assert!(!row.content.poster[0].post.contains("personer"));
        row.content.regler[0].parse().unwrap()
    });
    numbers.collect()
}

/// A row that stood in its place among the others would tell when it was
/// written; so would the order of several.
///
/// Seen red: with `release` in the order of writing,
/// and with the person left in the names of the row.
async fn a_held_row_joins_the_log_when_its_day_has_passed(database: Database) {
    let replica = database.replica().await;
    for n in 0..HELD {
        replica.log.append(refusal(&person(n))).await.unwrap();
        replica.log.hold(vec![held(n)]).await.unwrap();
    }
    // Also when the process ends in between.
    replica.close().await;
    let replica = database.replica().await;
    assert_eq!(replica.log.release(TODAY).await.unwrap(), 0);
    assert!(listed(&replica).await.is_empty());
    assert_eq!(replica.log.release(TODAY + DAY).await.unwrap(), HELD);
    assert_eq!(replica.log.release(TODAY + DAY).await.unwrap(), 0);
    let mut found = listed(&replica).await;
    let written: Vec<usize> = (0..HELD).collect();
    assert_ne!(found, written, "one chance in 24!");
    found.sort_unstable();
    assert_eq!(found, written);
    replica.log.append(refusal(&person(0))).await.unwrap();
    database.assert_whole(49).await;
    assert_eq!(database.number("SELECT COUNT(*) FROM gw_holdt").await, 0);
}
