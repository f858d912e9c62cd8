//! What was acknowledged survives kill -9.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use samspor_chassis::testing::Database;
use samspor_gateway::log::Receipt;
use samspor_proto::felles::Faktumtype;

use crate::harness::{Gateway as _, Replica, fact, person, refusal, unit};

samspor_chassis::on_both_databases! {
    acknowledged_rows_survive_kill_9,
}

/// Where the child finds its database.
const URL: &str = "SAMSPOR_TEST_LOG_URL";

/// Answers that the parent waits for before it kills.
const ANSWERS: usize = 300;

/// Not a test: the process that is killed. Writes a line per answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is started by the test below"]
#[expect(clippy::disallowed_methods, reason = "how the parent says where")]
async fn child() {
    let url = std::env::var(URL).unwrap();
    let replica = Replica::open(&url).await;
    let answered = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    };
    let log = (0..16).map(async |caller| {
        loop {
            let person = person(caller);
            let Receipt { indeks } = replica.log.append(refusal(&person)).await.unwrap();
            answered(format!("answered row {indeks} {caller}"));
        }
    });
    let facts = async {
        loop {
            let stated = fact("f", &person(1), unit("rop"), Faktumtype::Sak);
            let applied = replica.state(vec![stated]).await;
            answered(format!("answered fact {} 0", applied.position));
        }
    };
    tokio::join!(futures::future::join_all(log), facts);
}

/// Seen red: answering before `commit`.
async fn acknowledged_rows_survive_kill_9(database: Database) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(URL, database.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| {
            line.split_once("answered ")
                .map(|(_, said)| said.to_owned())
        });
    let mut answers: Vec<String> = lines.by_ref().take(ANSWERS).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // Also what was answered between the last line and the kill.
    answers.extend(lines);
    assert!(answers.len() >= ANSWERS, "the child ended early");

    let replica = database.replica().await;
    let report = database.report().await;
    assert_eq!(report.faults, []);
    for answer in answers {
        let mut words = answer.split(' ');
        let kind = words.next().unwrap();
        let number: i64 = words.next().unwrap().parse().unwrap();
        let caller: usize = words.next().unwrap().parse().unwrap();
        match kind {
            "row" => {
                let person = person(caller);
                let row = replica.log.rows_of(&person, Some(number + 1), 1);
                assert_eq!(row.await.unwrap()[0].content.indeks, number);
            }
            _ => assert!(replica.facts.position("rop") >= number),
        }
    }
    // And it goes on where it ended.
    let next = replica.log.append(refusal(&person(0))).await.unwrap();
    assert!(next.indeks >= report.rows);
    let rows = next.indeks + 1;
    database.assert_whole(rows).await;
}
