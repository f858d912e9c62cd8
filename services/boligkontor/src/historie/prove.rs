use std::collections::BTreeMap;

use samspor_chassis::{
    domene::Dag,
    historie::{Framdrift, Ut, importer},
    params,
    store::Store,
    testing::{Clock as _, Database},
};
use samspor_proto::boligkontor::*;
use serde_json::json;

use super::*;
use crate::{Regler, prove::*};

samspor_chassis::on_both_databases! {
    a_history_of_cases_leaves_what_still_holds,
    what_is_taken_in_is_held_to_what_holds_here,
    the_queue_of_a_past_day_is_that_of_the_history,
    a_line_names_who_answers_for_a_hidden_person,
    groups_are_those_of_the_day_of_the_decision,
}

const UTLEIE: Tildelingstype = Tildelingstype::KommunalUtleie;

fn id(person: &str) -> &str {
    person.strip_prefix("personer/").unwrap()
}

fn waiting(referanse: &str, person: &str, mottatt: &str) -> Value {
    json!({
        "ref": referanse, "person": id(person), "type": "KOMMUNAL_UTLEIE", "mottatt": mottatt,
        "soknad": {
            "eget_onske": "En hybel", "voksne": 1, "boligsituasjon": "BOSTEDSLOS",
            "behov": { "omrader": ["Kopervik"] },
        },
        "avgjort": {
            "dag": "2021-03-20", "utfall": "GODKJENT", "av": "g1",
            "begrunnelse": "Vilkårene er oppfylt",
            "hjemmel": { "lov": "boligsosialloven", "paragraf": "§ 6" },
        },
    })
}

fn lets(mut line: Value, bolig: &str, fra: &str, ended: Option<&str>) -> Value {
    line["leieforhold"] = json!({
        "bolig": bolig, "fra": fra, "til": "2029-05-31", "oppfolgere": ["bom"],
    });
    if let Some(day) = ended {
        line["leieforhold"]["avsluttet"] = json!({ "dag": day, "begrunnelse": "Flyttet" });
    }
    line
}

async fn take(store: &Store, lines: &[Value]) -> (Framdrift, Vec<Value>) {
    take_by(store, lines, Regler::innebygd("karmoy").unwrap()).await
}

async fn take_by(store: &Store, lines: &[Value], rules: Regler) -> (Framdrift, Vec<Value>) {
    let allocate: BTreeMap<String, Vec<String>> = tildelere()
        .into_iter()
        .map(|one| (one.boligtype, one.enheter))
        .collect();
    let history = Bolighistorie::new(allocate, rules);
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let (mut aside, mut told) = (Vec::new(), Vec::new());
    let ut = Ut {
        avvist: &mut aside,
        svar: &mut told,
    };
    let done = importer(store, &history, text.join("\n").as_bytes(), ut, 3, |_| {}).await;
    let aside = String::from_utf8(aside).unwrap();
    let aside = aside
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (done.unwrap(), aside.collect())
}

async fn column(store: &Store, sql: &'static str) -> Vec<String> {
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    let rows: Vec<(String,)> = tx.all(sql, params![]).await.unwrap();
    let mut found: Vec<String> = rows.into_iter().map(|(text,)| text).collect();
    found.sort_unstable();
    found
}

/// Undecided, refused, taken back, on the list, let and moved out: each stands
/// where it stood, with the relations and clocks of what goes on, and again is
/// nothing new.
///
/// Seen red: with the clocks as they were set then; with a dwelling that nobody
/// is said to have.
async fn a_history_of_cases_leaves_what_still_holds(database: Database) {
    let store = lager(&database).await;
    for key in ["A-1", "A-2"] {
        ledig(&store, key, UTLEIE).await;
    }
    let mut undecided = waiting("1", P, "2021-03-01");
    undecided["avgjort"] = Value::Null;
    let mut refused = waiting("2", P, "2021-03-01");
    refused["avgjort"]["utfall"] = json!("AVSLATT");
    refused["avgjort"]["klageinstans"] = json!("Klagenemnda, innen tre uker");
    let mut back = waiting("3", P, "2021-03-01");
    back["trukket"] = json!({ "dag": "2022-01-05", "onske": "Fant noe selv" });
    let lines = [
        undecided,
        refused,
        back,
        waiting("4", P, "2021-03-01"),
        lets(waiting("5", Q, "2021-03-01"), "A-1", "2021-06-01", None),
        lets(
            waiting("6", Q, "2021-03-01"),
            "A-2",
            "2021-06-01",
            Some("2023-02-01"),
        ),
    ];
    let (done, aside) = take(&store, &lines).await;
    assert_eq!((done.nye, done.avvist), (6, 0), "{aside:?}");
    let look = async || {
        (
            column(&store, "SELECT nokkel || ' ' || tilstand FROM bolig").await,
            column(
                &store,
                "SELECT b.nokkel FROM belegg k JOIN bolig b ON b.id = k.bolig",
            )
            .await,
            column(&store, "SELECT tilstand FROM leieforhold").await,
            column(&store, "SELECT faktum FROM chassis_faktum")
                .await
                .len(),
            hendelser(&store, "rop").await,
        )
    };
    let expected = (
        vec!["A-1 UTLEID".to_owned(), "A-2 LEDIG".to_owned()],
        vec!["A-1".to_owned()],
        vec!["APEN".to_owned(), "LUKKET".to_owned()],
        // Allocates to who waits, to who is undecided; of the tenancy that goes on
        // both the office's relations, who allocated it and who follows it. Who was
        // refused or has moved is nobody's any more.
        6,
        vec!["BoligsakMottatt".to_owned()],
    );
    assert_eq!(look().await, expected);
    let due = column(&store, "SELECT CAST(forfall AS TEXT) FROM chassis_frist").await;
    let now = database.clock().now().0;
    assert!(!due.is_empty() && due.iter().all(|at| at.parse::<i64>().unwrap() > now));
    // The overview counts who is undecided and who waits, and nobody else.
    let open = "SELECT status FROM boligbehov WHERE til = 9223372036854775807";
    assert_eq!(column(&store, open).await, ["PA_LISTEN", "UAVGJORT"]);
    let (again, _) = take(&store, &lines).await;
    assert_eq!((again.nye, again.fantes), (0, 6));
    assert_eq!(look().await, expected);
    // Who answers for what is open is known before a person is hidden.
    let open = ["BoligsakMottatt", "BoligsakInntatt"];
    assert_eq!(hendelser(&store, "koordinering").await, open);
}

/// Every fault of a line is told with its field, and the other lines go in.
///
/// Seen red: without `leid`; without what the chunk has let.
async fn what_is_taken_in_is_held_to_what_holds_here(database: Database) {
    let store = lager(&database).await;
    ledig(&store, "A-1", UTLEIE).await;
    let mut faulty = waiting("1", P, "2021-04-01");
    faulty["grunner"] = json!(["ukjent"]);
    faulty["avgjort"]["av"] = json!("");
    let mut tonight = waiting("2", P, "2021-03-01");
    tonight["type"] = json!("MIDLERTIDIG");
    let mut both = lets(waiting("3", P, "2021-03-01"), "A-1", "2021-06-01", None);
    both["avgjort"]["utfall"] = json!("AVSLATT");
    let to_come = waiting("4", P, "2031-03-01");
    let lines = [
        faulty,
        tonight,
        both,
        to_come,
        lets(waiting("5", P, "2021-03-01"), "B-9", "2021-06-01", None),
        // Half a year of the first is the second's too, in one chunk and in two.
        lets(
            waiting("6", Q, "2021-03-01"),
            "A-1",
            "2021-06-01",
            Some("2023-02-01"),
        ),
        lets(
            waiting("7", P, "2021-03-01"),
            "A-1",
            "2022-09-01",
            Some("2023-09-01"),
        ),
        lets(waiting("8", P, "2021-03-01"), "A-1", "2023-02-01", None),
        lets(waiting("9", Q, "2021-03-01"), "A-1", "2023-06-01", None),
        waiting("10", P, "2021-03-01"),
        waiting("11", P, "2021-03-02"),
    ];
    let (done, aside) = take(&store, &lines).await;
    assert_eq!((done.nye, done.avvist), (3, 8), "{aside:#?}");
    let told: Vec<String> = aside
        .iter()
        .map(|line| {
            let faults = line["feil"].as_array().unwrap().iter();
            let field = |fault: &Value| {
                let what = fault["felt"].as_str().or(fault["grunn"].as_str());
                what.unwrap().to_owned()
            };
            let fields: Vec<String> = faults.map(field).collect();
            format!("{} {}", line["linje"], fields.join(" "))
        })
        .collect();
    let mut told = told;
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "1 avgjort.dag grunner[0] avgjort.av",
            "11 FEILGRUNN_KONFLIKT",
            "2 type",
            "3 leieforhold avgjort.klageinstans",
            "4 mottatt avgjort.dag",
            "5 leieforhold.bolig",
            "7 leieforhold.fra",
            "9 leieforhold.fra",
        ]
    );
}

/// Who waited on a day in the old system's time, and how long those waited who
/// got a dwelling.
///
/// Seen red: with a place that begins today.
async fn the_queue_of_a_past_day_is_that_of_the_history(database: Database) {
    let store = lager(&database).await;
    ledig(&store, "A-1", UTLEIE).await;
    let lines = [
        lets(waiting("1", Q, "2021-03-01"), "A-1", "2026-03-01", None),
        waiting("2", P, "2021-03-10"),
    ];
    let (done, aside) = take(&store, &lines).await;
    assert_eq!(done.nye, 2, "{aside:?}");
    let places = async |dag: &str| {
        let request = RangerKoRequest {
            parent: "enheter/rop".into(),
            tildelingstype: UTLEIE.into(),
            dag: dag.into(),
            ..Default::default()
        };
        let ranked = store.read(hos("rop", "r1"), move |tx| {
            boligsak::rangering::ranger_ko(tx, request).boxed()
        });
        ranked.await.unwrap().koplasser
    };
    assert_eq!(places("2021-03-19").await.len(), 0, "nobody was decided on");
    let then = places("2022-01-01").await;
    let who: Vec<bool> = then.iter().map(|one| one.name.starts_with(Q)).collect();
    assert_eq!(who, [true, false]);
    let now = places("").await;
    assert_eq!((now.len(), now[0].plass), (1, 1));
    let waited = "2021-03-01".parse::<Dag>().unwrap();
    let days = waited.dager_til("2026-03-01".parse().unwrap());
    assert_eq!(now[0].ventetid_dager, days);
}

/// The first that allocates the type cannot see every person. A unit that
/// allocates nothing here is refused.
///
/// Seen red: with the usual unit whatever the line says.
async fn a_line_names_who_answers_for_a_hidden_person(database: Database) {
    let store = lager(&database).await;
    let (mut hidden, mut nobody) = (waiting("1", P, "2021-03-01"), waiting("2", Q, "2021-03-01"));
    hidden["ansvarlig"] = json!("nav");
    nobody["ansvarlig"] = json!("bom");
    let (done, aside) = take(&store, &[hidden, nobody]).await;
    assert_eq!((done.nye, done.avvist), (1, 1), "{aside:?}");
    assert_eq!(aside[0]["feil"][0]["felt"], "ansvarlig");
    let owners = column(&store, "SELECT ansvarlig_enhet FROM boligsak").await;
    assert_eq!(owners, ["nav"]);
}

/// What was adopted later was nobody's ground then, and what was given up since
/// was.
///
/// Seen red: with the edition of today.
async fn groups_are_those_of_the_day_of_the_decision(database: Database) {
    let store = lager(&database).await;
    let edition = |versjon, day, group| {
        format!(
            "[[regelsett]]\nversjon = \"{versjon}\"\ngjelder_fra = \"{day}\"\n\
             [[regelsett.prioritet]]\nnokkel = \"{group}\"\ntekst = \"{group}\"\n\
             typer = [\"kommunal_utleie\"]\nkilde = \"vedtak\"\n"
        )
    };
    let file = format!(
        "kommune = \"karmoy\"\n{}{}",
        edition("k-1", "2018-01-01", "barn"),
        edition("k-2", "2024-01-01", "bostedslos")
    );
    let rules = Regler::les("karmoy", "k.toml", &file).unwrap();
    let (mut then, mut later) = (waiting("1", P, "2021-03-01"), waiting("2", Q, "2021-03-01"));
    then["grunner"] = json!(["barn"]);
    later["grunner"] = json!(["bostedslos"]);
    let (done, aside) = take_by(&store, &[then, later], rules).await;
    assert_eq!((done.nye, done.avvist), (1, 1), "{aside:?}");
    assert_eq!(aside[0]["feil"][0]["felt"], "grunner[0]");
    assert_eq!(aside[0]["linje"], 2);
}
