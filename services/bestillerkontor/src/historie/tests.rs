//! A history through the import and the store.

use samspor_chassis::{
    historie::{Framdrift, Ut, importer},
    params,
    store::Store,
    testing::{Clock as _, Database},
};
use serde_json::json;

use super::*;
use crate::{
    MIGRATIONS,
    eierprove::{P, hos},
};

samspor_chassis::on_both_databases! {
    a_history_of_vedtak_leaves_what_still_holds,
    what_is_taken_in_is_held_to_what_a_decision_is_held_to,
}

fn line(referanse: &str, person: &str, til: &str) -> Value {
    json!({
        "ref": referanse,
        "person": person,
        "sokt": "2019-01-02",
        "eget_onske": "Ro til å sove",
        "fattet": "2019-02-01",
        "fattet_av": "b1",
        "underrettet": "2019-02-05",
        "hovedansvarlig": "rop",
        "begrunnelse": "Trenger hjelp til å holde på boligen",
        "hjemmel": { "lov": "helse- og omsorgstjenesteloven", "paragraf": "§ 3-2" },
        "personens_syn": "ENIG",
        "linjer": [
            {
                "type": "ROP_OPPFOLGING", "min_timer": 1.0, "maks_timer": 3.0,
                "enheter": ["rop"], "fra": "2019-02-10", "til": til,
            },
            {
                "type": "BOVEILEDNING", "min_timer": 0.5, "maks_timer": 2.0,
                "enheter": ["bom"], "fra": "2019-02-10", "til": "2020-02-09",
            },
        ],
    })
}

async fn take(store: &Store, lines: &[Value]) -> (Framdrift, Vec<Value>) {
    let units = ["rop", "bom"].map(str::to_owned).into();
    let allocates = ("omsorgsbolig".to_owned(), vec!["boligkontor".to_owned()]);
    let history = Vedtakshistorie::new(units, [allocates].into());
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let (mut aside, mut told) = (Vec::new(), Vec::new());
    let ut = Ut {
        avvist: &mut aside,
        svar: &mut told,
    };
    let done = importer(store, &history, text.join("\n").as_bytes(), ut, 2, |_| {}).await;
    let aside = String::from_utf8(aside).unwrap();
    let aside = aside
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (done.unwrap(), aside.collect())
}

/// The same service twice, in one chunk and in two; a unit that takes no
/// orders, and one that allocates other dwellings. A right to a dwelling is
/// taken in with its clock.
///
/// Seen red: without `i_kraft`, and without what the chunk has.
async fn what_is_taken_in_is_held_to_what_a_decision_is_held_to(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let one = P.strip_prefix("personer/").unwrap();
    let two = "4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    let home = |enhet: &str| json!({ "rett": "OMSORGSBOLIG", "enhet": enhet, "fra": "2019-03-01", "krav": [] });
    let mut first = line("1", one, "");
    first["bolig"] = home("boligkontor");
    let mut police = line("4", two, "");
    police["linjer"][1]["enheter"] = json!(["politi"]);
    let mut elsewhere = line("5", two, "");
    elsewhere["bolig"] = home("nav");
    let lines = [
        first,
        line("2", one, ""),
        line("3", one, ""),
        police,
        elsewhere,
    ];
    let (done, aside) = take(&store, &lines).await;
    assert_eq!((done.nye, done.avvist), (1, 4));
    let field = |line: &Value| line["feil"][0]["felt"].as_str().unwrap().to_owned();
    let told: Vec<_> = aside.iter().map(field).collect();
    let twice = "vedtak.linjer[0].enheter[0]";
    let expected = [
        "vedtak.linjer[1].enheter[0]",
        "vedtak.bolig.enhet",
        twice,
        twice,
    ];
    let sorted = |mut fields: Vec<String>| {
        fields.sort_unstable();
        fields
    };
    assert_eq!(sorted(told), sorted(expected.map(str::to_owned).into()));
    let waits = column(&store, "SELECT DISTINCT enhet FROM ventepost").await;
    assert!(waits.contains(&"boligkontor".to_owned()), "{waits:?}");
    let (again, _) = take(&store, &lines).await;
    assert_eq!((again.nye, again.fantes, again.avvist), (0, 1, 4));
}

async fn column(store: &Store, sql: &'static str) -> Vec<String> {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let rows: Vec<(String,)> = tx.all(sql, params![]).await.unwrap();
    let mut found: Vec<String> = rows.into_iter().map(|(text,)| text).collect();
    found.sort_unstable();
    found
}

/// Seen red: with the facts of what has ended; with clocks as they were set
/// then, which all break at once; with the events of the steps; with no
/// event of the order that goes on.
async fn a_history_of_vedtak_leaves_what_still_holds(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let one = P.strip_prefix("personer/").unwrap();
    let two = "4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    let mut ended = line("3", two, "");
    ended["opphort"] = json!({
        "dag": "2021-03-01", "begrunnelse": "Flyttet", "alternativ": "Ny kommune tar over",
    });
    let mut elsewhere = line("4", one, "");
    elsewhere["hovedansvarlig"] = json!("bom");
    elsewhere["linjer"][1]["til"] = json!("");
    let mut wrong = line("5", two, "2018-01-01");
    wrong["linjer"][1]["enheter"] = json!(["ukjent"]);
    let lines = [
        line("1", one, ""),
        line("2", two, "2020-02-09"),
        ended,
        elsewhere,
        wrong,
    ];
    let (done, aside) = take(&store, &lines).await;
    assert_eq!(
        (done.lest, done.nye, done.avvist, done.bunker),
        (5, 3, 2, 2)
    );
    let faults = |line: &Value| {
        let faults = line["feil"].as_array().unwrap().iter();
        let fields = faults.map(|fault| fault["felt"].as_str().unwrap().to_owned());
        (
            line["linje"].as_u64().unwrap(),
            fields.collect::<Vec<_>>().join(" "),
        )
    };
    let told: Vec<_> = aside.iter().map(faults).collect();
    let expected = [
        (4, "hovedansvarlig".to_owned()),
        (
            5,
            "vedtak.linjer[0].til vedtak.linjer[1].enheter[0]".to_owned(),
        ),
    ];
    assert_eq!(told, expected);

    let states = column(&store, "SELECT tilstand FROM vedtak").await;
    assert_eq!(states, ["IVERKSATT", "OPPHORT", "UTLOPT"]);
    let orders = column(&store, "SELECT enhet || ' ' || tilstand FROM oppdrag").await;
    let expected = [
        "bom AVSLUTTET",
        "bom AVSLUTTET",
        "bom AVSLUTTET",
        "rop AVSLUTTET",
        "rop AVSLUTTET",
        "rop STARTET",
    ];
    assert_eq!(orders, expected);
    assert_eq!(
        column(&store, "SELECT enhet FROM hovedansvar").await,
        ["rop"]
    );
    let told = "SELECT h.type || ' ' || h.eier || ' ' || m.mottaker FROM chassis_hendelse h \
                JOIN chassis_hendelse_mottaker m ON m.hendelse = h.nr";
    let taken_in = ["OppdragInntatt rop koordinering", "OppdragInntatt rop rop"];
    assert_eq!(column(&store, told).await, taken_in);

    // What the gateway reads is what it would have read of a vedtak that was
    // decided here.
    let facts = column(&store, "SELECT faktum FROM chassis_faktum").await;
    // The case and its record, both parties and both who deliver, one with
    // the main responsibility, and the order that goes on: its offer and case.
    assert_eq!(facts.len(), 9, "{facts:?}");
    let due = column(&store, "SELECT CAST(forfall AS TEXT) FROM chassis_frist").await;
    assert!(!due.is_empty());
    let now = database.clock().now().0;
    assert!(due.iter().all(|at| at.parse::<i64>().unwrap() > now));
    let waits = column(&store, "SELECT DISTINCT enhet FROM ventepost").await;
    assert!(waits.contains(&"rop".to_owned()), "{waits:?}");

    let (again, _) = take(&store, &lines).await;
    assert_eq!((again.nye, again.fantes, again.avvist), (0, 3, 2));
    assert_eq!(column(&store, told).await, taken_in);
    assert_eq!(
        column(&store, "SELECT faktum FROM chassis_faktum").await,
        facts
    );
    assert_eq!(
        column(&store, "SELECT enhet FROM hovedansvar").await,
        ["rop"]
    );
}
