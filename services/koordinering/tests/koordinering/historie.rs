//! Persons of another system.

use samspor_chassis::{
    historie::{Ut, importer},
    server::Agency as _,
    testing::Database,
};
use samspor_koordinering::{Koordinering, historie::Personhistorie};
use serde_json::{Value, json};

use crate::benk::{Benk, Hvem, nokkel, nummer, settings};

samspor_chassis::on_both_databases! {
    a_reference_is_answered_with_the_persons_id,
}

/// Guards against: with a person for each reference, whatever the number.
async fn a_reference_is_answered_with_the_persons_id(database: Database) {
    let store = database.open(Koordinering::migrations()).await;
    let line = |referanse: &str, number: &str| json!({ "ref": referanse, "fodselsnummer": number });
    let lines = [
        line("klient 1", &nummer(1)),
        line("klient 2", &nummer(2)),
        line("klient 1b", &nummer(1)),
        line(&nummer(3), &nummer(4)),
        line("klient 5", "12345678901"),
    ];
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let mut ids = Vec::new();
    for round in 0..2 {
        let (mut aside, mut told) = (Vec::new(), Vec::new());
        let ut = Ut {
            avvist: &mut aside,
            svar: &mut told,
        };
        let history = Personhistorie::new(settings(&nokkel("a", 1)));
        let done = importer(&store, &history, text.join("\n").as_bytes(), ut, 10, |_| {})
            .await
            .unwrap();
        assert_eq!((done.nye, done.avvist), (if round == 0 { 2 } else { 0 }, 2));
        let read = |text: Vec<u8>| {
            let text = String::from_utf8(text).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
            lines.collect::<Vec<Value>>()
        };
        let aside = read(aside);
        assert_eq!(
            aside[0]["feil"][0]["felt"], "ref",
            "no number in a reference"
        );
        assert_eq!(aside[1]["feil"][0]["felt"], "fodselsnummer");
        let told = read(told);
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
