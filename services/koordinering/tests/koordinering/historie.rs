//! Persons of another system.

use samspor_chassis::{
    historie::{Framdrift, Ut, importer},
    params,
    server::Agency as _,
    store::Store,
    testing::{Database, TestCall},
};
use samspor_koordinering::{Koordinering, historie::Personhistorie};
use serde_json::{Value, json};

use crate::benk::{Benk, Hvem, nokkel, nummer, settings};

samspor_chassis::on_both_databases! {
    a_reference_is_answered_with_the_persons_id,
    who_is_there_is_taken_in_no_second_time,
}

fn line(referanse: &str, number: &str) -> Value {
    json!({ "ref": referanse, "fodselsnummer": number })
}

/// Takes in the lines under those keys: how far it came, what was written
/// aside, and what was answered.
async fn take(store: &Store, keys: &str, lines: &[Value]) -> (Framdrift, Vec<Value>, Vec<Value>) {
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let (mut aside, mut told) = (Vec::new(), Vec::new());
    let ut = Ut {
        avvist: &mut aside,
        svar: &mut told,
    };
    let history = Personhistorie::new(settings(keys));
    let done = importer(store, &history, text.join("\n").as_bytes(), ut, 100, |_| {}).await;
    let read = |text: Vec<u8>| {
        let text = String::from_utf8(text).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    (done.unwrap(), read(aside), read(told))
}

/// Guards against: with a person for each reference, whatever the number.
async fn a_reference_is_answered_with_the_persons_id(database: Database) {
    let store = database.open(Koordinering::migrations()).await;
    let lines = [
        line("klient 1", &nummer(1)),
        line("klient 2", &nummer(2)),
        line("klient 1b", &nummer(1)),
        line(&nummer(3), &nummer(4)),
        line("klient 5", "12345678901"),
    ];
    let mut ids = Vec::new();
    for round in 0..2 {
        let (done, aside, told) = take(&store, &nokkel("a", 1), &lines).await;
        assert_eq!((done.nye, done.avvist), (if round == 0 { 2 } else { 0 }, 2));
        assert_eq!(
            aside[0]["feil"][0]["felt"], "ref",
            "no number in a reference"
        );
        assert_eq!(aside[1]["feil"][0]["felt"], "fodselsnummer");
        assert_eq!(told[0]["ref"], "klient 1");
        assert_eq!(told[0]["person"], told[2]["person"]);
        assert_ne!(told[0]["person"], told[1]["person"]);
        ids.push(told);
    }
    assert_eq!(ids[0], ids[1]);
    store.close().await;
    drop(store);
    let benk = Benk::start_with(&database, settings(&nokkel("a", 1))).await;
    let known = benk.sikre(&Hvem::saksbehandler(), &nummer(2)).await;
    assert_eq!(
        known.unwrap().strip_prefix("personer/"),
        ids[0][1]["person"].as_str()
    );
}

/// Some that are there between some that are new, under the key of then and
/// under a new one: each keeps its id, and nobody is left without a number.
///
/// Seen red: without the deletion of who was made in vain, and without the look
/// for older keys.
async fn who_is_there_is_taken_in_no_second_time(database: Database) {
    let store = database.open(Koordinering::migrations()).await;
    let lines = |numbers: std::ops::Range<u32>| -> Vec<Value> {
        let lines = numbers.map(|n| line(&format!("klient {n}"), &nummer(n)));
        lines.collect()
    };
    let both = format!("{},{}", nokkel("b", 2), nokkel("a", 1));
    let (done, _, first) = take(&store, &nokkel("a", 1), &lines(10..70)).await;
    assert_eq!((done.nye, done.fantes), (60, 0));
    let (done, _, again) = take(&store, &nokkel("a", 1), &lines(0..80)).await;
    assert_eq!((done.nye, done.fantes), (20, 60));
    assert_eq!(again[10..70], first);
    let (done, _, rotated) = take(&store, &both, &lines(0..90)).await;
    assert_eq!((done.nye, done.fantes), (10, 80));
    assert_eq!(rotated[..80], again);
    let mut tx = store.begin_read(TestCall::new("k").build()).await.unwrap();
    for table in [
        "SELECT CAST(COUNT(*) AS BIGINT) FROM person",
        "SELECT CAST(COUNT(*) AS BIGINT) FROM identitet",
    ] {
        let count: Option<(i64,)> = tx.one(table, params![]).await.unwrap();
        assert_eq!(count, Some((90,)), "{table}");
    }
}
