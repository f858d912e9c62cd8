//! Contacts of another system, as a history.

use samspor_chassis::{
    historie::{Framdrift, Ut, importer},
    params,
    server::Agency as _,
    store::Store,
    testing::{Database, TestCall},
};
use samspor_proto::rop::{Kontaktutfall, ListKontakterRequest};
use samspor_rop::{Rop, historie::Kontakthistorie};
use serde_json::{Value, json};

use super::{
    P,
    benk::{Benk, navn},
    registrer,
};

samspor_chassis::on_both_databases! {
    a_history_of_contacts_is_taken_in_once_and_tells_nobody,
}

fn linje(referanse: &str, tidspunkt: &str, utfall: &str) -> Value {
    json!({
        "ref": referanse,
        "person": P.strip_prefix("personer/").unwrap(),
        "type": "BESOK",
        "utfall": utfall,
        "tidspunkt": tidspunkt,
        "ansatt": "r1",
        "minutter": 45,
        "notat": "Kaffe",
        "hjemmel": { "lov": "helse- og omsorgstjenesteloven", "paragraf": "§ 3-2" },
    })
}

async fn take(store: &Store, lines: &[Value]) -> (Framdrift, Vec<Value>) {
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let (mut aside, mut told) = (Vec::new(), Vec::new());
    let ut = Ut {
        avvist: &mut aside,
        svar: &mut told,
    };
    let done = importer(
        store,
        &Kontakthistorie,
        text.join("\n").as_bytes(),
        ut,
        3,
        |_| {},
    )
    .await;
    let aside = String::from_utf8(aside).unwrap();
    let aside = aside
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (done.unwrap(), aside.collect())
}

async fn count(store: &Store, sql: &'static str) -> i64 {
    let mut tx = store
        .begin_read(TestCall::new("rop").build())
        .await
        .unwrap();
    tx.one::<(i64,)>(sql, params![]).await.unwrap().unwrap().0
}

/// Guards against: with an event for each contact; with a clock for an offer whose
/// day has passed; with ids of the day of the import, which put the contact of
/// 2015 first.
async fn a_history_of_contacts_is_taken_in_once_and_tells_nobody(database: Database) {
    let store = database.open(Rop::migrations()).await;
    let mut offered = linje("3", "2026-09-28T10:00:00Z", "TAKKET_NEI");
    offered["nytt_tilbud"] = json!("2026-10-05");
    let mut over = linje("4", "2019-02-03T10:00:00Z", "TAKKET_NEI");
    over["nytt_tilbud"] = json!("2019-03-01");
    let mut other = linje("5", "2026-01-01T10:00:00Z", "MOTT");
    other["notat"] = json!("Snakket med 129080 99980");
    let mut unknown = linje("6", "2027-01-01T10:00:00Z", "BORTE");
    unknown["hjemmel"]["paragraf"] = json!("");
    let lines = [
        linje("1", "2026-08-01T10:00:00Z", "IKKE_MOTT"),
        linje("2", "2015-08-01T10:00:00Z", "MOTT"),
        offered,
        over,
        other,
        unknown,
        linje("7", "2026-08-02T10:00:00Z", "IKKE_MOTT"),
        linje("8", "2026-08-03T10:00:00Z", "IKKE_MOTT"),
    ];
    let (done, aside) = take(&store, &lines).await;
    assert_eq!(
        (done.lest, done.nye, done.avvist, done.bunker),
        (8, 6, 2, 3)
    );
    let faults = |line: &Value| {
        let faults = line["feil"].as_array().unwrap().iter();
        faults
            .map(|fault| fault["felt"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(aside[0]["linje"], 5);
    assert_eq!(faults(&aside[0]), ["notat"]);
    assert_eq!(aside[1]["linje"], 6);
    assert_eq!(
        faults(&aside[1]),
        ["utfall", "tidspunkt", "hjemmel.paragraf"]
    );
    assert_eq!(aside[1]["innhold"]["utfall"], "BORTE");
    for (sql, expected) in [
        ("SELECT CAST(COUNT(*) AS BIGINT) FROM chassis_hendelse", 0),
        ("SELECT CAST(COUNT(*) AS BIGINT) FROM chassis_faktum", 0),
        ("SELECT CAST(COUNT(*) AS BIGINT) FROM oppgave", 0),
        ("SELECT CAST(COUNT(*) AS BIGINT) FROM chassis_frist", 1),
        ("SELECT CAST(SUM(tilbud_apent) AS BIGINT) FROM kontakt", 1),
    ] {
        assert_eq!(count(&store, sql).await, expected, "{sql}");
    }
    let (again, _) = take(&store, &lines).await;
    assert_eq!((again.nye, again.fantes, again.avvist), (0, 6, 2));
    store.close().await;
    drop(store);

    // Read as any other, in the order of time; a new one stands before them.
    let benk = Benk::start(&database).await;
    let new = registrer(&benk, Kontaktutfall::Mott).await;
    let request = ListKontakterRequest {
        parent: P.into(),
        ..Default::default()
    };
    let all = benk.ok(request).await.kontakter;
    assert_eq!(navn(&all, |contact| &contact.name)[0], &new.name);
    let times: Vec<i64> = all
        .iter()
        .map(|contact| contact.tidspunkt.unwrap().seconds)
        .collect();
    assert!(
        times.is_sorted_by(|later, earlier| later > earlier),
        "{times:?}"
    );
    assert_eq!(all.len(), 7);
    let offers = "SELECT CAST(COUNT(*) AS BIGINT) FROM chassis_frist WHERE type = 'nytt_tilbud'";
    benk.stopp().await;
    let store = database.open(Rop::migrations()).await;
    assert_eq!(count(&store, offers).await, 0, "met: the offer is settled");
}
