use samspor_chassis::{
    domene::Dag,
    historie::{Framdrift, Ut, importer},
    store::Store,
    testing::{Database, request_id},
};
use samspor_proto::{
    felles::Faktumtype,
    nav::{
        AvsluttPlassRequest, HentNattilbudRequest, HentPlassRequest, Kvalitetssvar,
        ListOppholdRequest, Nattsvar, Opphold, OppholdTilstand, RegistrerPlassRequest,
    },
};
use serde_json::json;

use super::*;
use crate::{
    nattprove::{person, tall},
    plass,
    prove::{apne, hos, kall, klokka, les, ny_plass, oppgaver, relasjoner, tick},
};

samspor_chassis::on_both_databases! {
    a_history_of_nights_leaves_what_still_holds,
    what_is_taken_in_is_held_to_the_rules_by_field,
    the_clock_of_a_person_goes_on_over_lines,
}

/// Refused on the day.
fn asked(referanse: &str, who: &str, mottatt: &str) -> Value {
    json!({
        "ref": referanse, "person": who.strip_prefix("personer/").unwrap(), "mottatt": mottatt,
        "arsak": "BRUDD", "eget_onske": "Et rolig sted",
        "avgjort": {
            "dag": mottatt, "utfall": "AVSLATT", "av": "n2", "begrunnelse": "Kan bo hjemme",
            "hjemmel": { "lov": "sosialtjenesteloven", "paragraf": "§ 27" },
        },
    })
}

/// Granted on the day, at a place.
fn given(referanse: &str, who: &str, mottatt: &str, plass: &str, til: &str) -> Value {
    let mut line = asked(referanse, who, mottatt);
    line["avgjort"]["utfall"] = json!("INNVILGET");
    line["opphold"] = json!({ "til": til, "plasser": [{ "plass": plass, "fra": mottatt }] });
    line
}

fn ended(mut line: Value, dag: &str) -> Value {
    line["opphold"]["avsluttet"] = json!({ "dag": dag, "grunn": "Flyttet", "videre": "FAMILIE" });
    line
}

async fn take(store: &Store, lines: &[Value]) -> (Framdrift, Vec<String>) {
    let history = Navhistorie::new(BTreeSet::from(["rop".to_owned()]));
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let (mut aside, mut told) = (Vec::new(), Vec::new());
    let ut = Ut {
        avvist: &mut aside,
        svar: &mut told,
    };
    let done = importer(store, &history, text.join("\n").as_bytes(), ut, 3, |_| {}).await;
    let mut refused = Vec::new();
    for line in String::from_utf8(aside).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let faults = line["feil"].as_array().unwrap().iter();
        let fields: Vec<&str> = faults.map(|one| one["felt"].as_str().unwrap()).collect();
        refused.push(format!(
            "{} {}",
            line["innhold"]["ref"].as_str().unwrap(),
            fields.join(" ")
        ));
    }
    refused.sort_unstable();
    (done.unwrap(), refused)
}

/// The name of a place that is called so.
async fn kalt(store: &Store, navn: &str, leverandor: &str, senger: i32) -> String {
    let request = RegistrerPlassRequest {
        navn: navn.into(),
        senger,
        ..ny_plass(leverandor, Kvalitetssvar::Ja)
    };
    let made = kall!(store, hos(ENHET, "n1"), plass::registrer, request);
    made.unwrap().plass.unwrap().name
}

async fn ute_av_bruk(store: &Store, name: &str) {
    let request = AvsluttPlassRequest {
        name: name.into(),
        request_id: request_id(),
    };
    kall!(store, hos(ENHET, "n1"), plass::avslutt, request).unwrap();
}

async fn opphold(store: &Store, who: &str) -> Vec<Opphold> {
    let request = ListOppholdRequest {
        parent: who.into(),
        ..Default::default()
    };
    les!(store, crate::opphold::rpc::list, request).opphold
}

/// What boligkontor was told, of which stay, and when it is said to have happened.
async fn fortalt(store: &Store) -> Vec<(String, String, Tid)> {
    let sql = "SELECT h.type, h.post, h.tid FROM chassis_hendelse_mottaker m \
               JOIN chassis_hendelse h ON h.nr = m.hendelse WHERE m.mottaker = 'boligkontor' \
               ORDER BY m.hendelse";
    let mut tx = store.begin_read(hos(ENHET, "n9")).await.unwrap();
    tx.all(sql, params![]).await.unwrap()
}

fn dag(text: &str) -> Tid {
    text.parse::<Dag>().unwrap().start()
}

/// Refused, needed no more, money in lieu, stays that have ended and that go on:
/// the nights of each month, who stays where, and the relations and clocks of
/// what goes on alone; again nothing is new.
///
/// Seen red: with nights that are not kept; with a stay that goes on without its
/// bed or its case; with what is told as of today; with a clock that has run out.
async fn a_history_of_nights_leaves_what_still_holds(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-23T09:00:00Z");
    let (p, q, r) = (person(1), person(2), person(3));
    let north = kalt(&store, "Nord", "Hospits AS", 3).await;
    let old = kalt(&store, "Gamle Nord", "Hospits AS", 3).await;
    ute_av_bruk(&store, &old).await;
    let mut found_late = ended(
        given("2", &p, "2021-03-01", "Gamle Nord", "2021-04-01"),
        "2021-04-10",
    );
    found_late["ikke_klart"] = json!([{ "dag": "2021-03-02", "grunn": "INGEN_LEDIG" }]);
    found_late["avgjort"]["dag"] = json!("2021-03-04");
    found_late["opphold"]["plasser"] = json!([
        { "plass": "Gamle Nord", "fra": "2021-03-04" },
        { "plass": "Nord", "fra": "2021-03-20", "grunn": "Gamle Nord stengte" },
    ]);
    let mut cash = ended(given("3", &q, "2022-05-05", "", "2022-05-10"), "2022-05-10");
    cash["opphold"]["belop_ore"] = json!(400_000);
    let mut gone = asked("4", &q, "2022-06-01");
    gone["avgjort"] =
        json!({ "dag": "2022-06-03", "utfall": "BORTFALT", "begrunnelse": "Hos en venn" });
    let mut long = given("6", &r, "2026-03-01", "Nord", "2026-12-20");
    long["opphold"]["unntak"] = json!([{ "dag": "2026-05-20", "til": "2026-12-31", "begrunnelse": "Boligen er forsinket" }]);
    let lines = [
        asked("1", &p, "2021-02-01"),
        found_late,
        cash,
        gone,
        given("5", &q, "2026-11-01", "Nord", "2026-11-20"),
        long,
    ];
    let (done, refused) = take(&store, &lines).await;
    assert_eq!((done.nye, done.avvist), (6, 0), "{refused:?}");

    let nights = async |fra: &str, til: &str| -> Vec<(String, [i32; 2])> {
        let found = tall(&store, ENHET, fra, til).await.netter.into_iter();
        found
            .map(|night| (night.natt.clone(), [night.uten_utfall, night.ikke_klart]))
            .collect()
    };
    let night = |day: &str, found| (day.to_owned(), found);
    assert_eq!(
        nights("2021-01-01", "2021-12-31").await,
        [
            night("2021-03-01", [1, 0]),
            night("2021-03-02", [0, 1]),
            night("2021-03-03", [0, 1])
        ]
    );
    assert_eq!(
        nights("2022-01-01", "2022-12-31").await,
        [night("2022-06-01", [1, 0]), night("2022-06-02", [1, 0])]
    );
    assert_eq!(
        tall(&store, ENHET, "2022-01-01", "2022-12-31")
            .await
            .kontanter,
        1
    );

    let stay = opphold(&store, &p).await.remove(0);
    assert_eq!(stay.tilstand(), OppholdTilstand::Avsluttet);
    let lived: Vec<(&str, &str, &str)> = stay
        .plasser
        .iter()
        .map(|place| (&*place.plass, &*place.fra, &*place.til))
        .collect();
    assert_eq!(
        lived,
        [
            (&*old, "2021-03-04", "2021-03-19"),
            (&*north, "2021-03-20", "2021-04-10")
        ]
    );
    let request = HentPlassRequest {
        name: north.clone(),
    };
    assert_eq!(les!(store, plass::hent, request).plass.unwrap().ledige, 1);
    let tonight = async |who: &str| {
        let request = HentNattilbudRequest { parent: who.into() };
        les!(store, natt::hent_tilbud, request)
            .nattilbud
            .unwrap()
            .svar()
    };
    // What was granted to the second has run out.
    assert_eq!(tonight(&q).await, Nattsvar::IngenForesporsel);
    assert_eq!(tonight(&r).await, Nattsvar::Tilbud);
    assert_eq!(relasjoner(&store, &p).await, []);
    for who in [&q, &r] {
        assert_eq!(
            relasjoner(&store, who).await,
            [Faktumtype::Botilbud, Faktumtype::Sak]
        );
    }
    let (short, long) = (
        opphold(&store, &q).await.remove(0),
        opphold(&store, &r).await.remove(0),
    );
    assert!(long.over_tre_maneder && !short.over_tre_maneder);
    assert_eq!(
        fortalt(&store).await,
        [
            (
                "OppholdStartet".to_owned(),
                short.name.clone(),
                dag("2026-11-01")
            ),
            (
                "OppholdStartet".to_owned(),
                long.name.clone(),
                dag("2026-03-01")
            ),
            (
                "OppholdOverTreManeder".to_owned(),
                long.name.clone(),
                dag("2026-06-02")
            ),
        ]
    );
    // No clock of long ago rings, and that of what goes on does.
    tick(&store).await;
    assert_eq!(oppgaver(&store, ENHET).await, Vec::<String>::new());
    let (again, _) = take(&store, &lines).await;
    assert_eq!((again.nye, again.fantes), (0, 6));
    assert_eq!(fortalt(&store).await.len(), 3);
    database.clock().set(dag("2027-01-02"));
    tick(&store).await;
    let tasks = oppgaver(&store, ENHET).await;
    for kind in ["OPPHOLD_UTLOPER", "UNNTAK_UTLOPER"] {
        assert!(tasks.contains(&kind.to_owned()), "{tasks:?}");
    }
}

/// Every fault of a line is told with its field, and the other lines go in.
///
/// Seen red: with each of the rules left out.
async fn what_is_taken_in_is_held_to_the_rules_by_field(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-23T09:00:00Z");
    let p = person(1);
    kalt(&store, "Nord", "Hospits AS", 1).await;
    for provider in ["A", "B"] {
        kalt(&store, "Sør", provider, 3).await;
    }
    let closed = kalt(&store, "Stengt", "A", 3).await;
    ute_av_bruk(&store, &closed).await;
    let of_place = |n: u32, plass: &str| {
        given(
            &n.to_string(),
            &person(n),
            "2026-11-01",
            plass,
            "2026-11-30",
        )
    };
    let changed = |referanse: &str, change: fn(&mut Value)| {
        let mut line = given(referanse, &p, "2021-03-01", "Nord", "2021-03-10");
        change(&mut line);
        line
    };
    let mut with_provider = ended(of_place(17, "Sør"), "2026-11-05");
    with_provider["opphold"]["plasser"][0]["leverandor"] = json!("B");
    let mut hidden = asked("18", &p, "2021-01-01");
    hidden["ansvarlig"] = json!("rop");
    let lines = [
        changed("01", |line| line["arsak"] = json!("UKJENT")),
        changed("02", |line| line["mottatt"] = json!("2031-03-01")),
        changed("03", |line| line["avgjort"]["dag"] = json!("2021-02-28")),
        changed("04", |line| line["avgjort"]["utfall"] = json!("AVSLATT")),
        changed("05", |line| line["opphold"] = Value::Null),
        changed("06", |line| line["avgjort"]["hjemmel"] = Value::Null),
        changed("07", |line| line["avgjort"]["av"] = json!(" ")),
        changed("08", |line| line["opphold"]["til"] = json!("2021-02-01")),
        changed("09", |line| {
            line["opphold"]["plasser"][0]["fra"] = json!("2021-03-05");
        }),
        changed("10", |line| {
            line["opphold"]["plasser"][0]["plass"] = json!("");
        }),
        changed("11", |line| line["opphold"]["belop_ore"] = json!(100)),
        changed("12", |line| {
            line["opphold"]["avsluttet"] =
                json!({ "dag": "2021-02-01", "grunn": "", "videre": "X" });
        }),
        changed("13", |line| line["ansvarlig"] = json!("bom")),
        changed("14", |line| line["opphold"]["plasser"] = json!([])),
        // What the store knows: no such place, two, out of use, without an exception.
        of_place(15, "Ukjent"),
        of_place(16, "Sør"),
        with_provider,
        hidden,
        of_place(19, "Stengt"),
        given("20", &p, "2026-01-01", "Nord", "2026-12-31"),
        changed("21", |line| {
            *line = ended(line.take(), "2021-03-10");
            line["opphold"]["unntak"] =
                json!([{ "dag": "2021-03-05", "til": "2021-03-08", "begrunnelse": "x" }]);
        }),
        // Another stay at the time, and a bed that somebody has.
        ended(
            given("22", &p, "2021-03-01", "Nord", "2021-03-10"),
            "2021-03-10",
        ),
        ended(
            given("23", &p, "2021-03-05", "Nord", "2021-03-10"),
            "2021-03-20",
        ),
        given("24", &person(91), "2026-11-01", "Nord", "2026-11-30"),
        given("25", &person(92), "2026-11-02", "Nord", "2026-11-30"),
    ];
    let (done, refused) = take(&store, &lines).await;
    assert_eq!(
        refused,
        [
            "01 arsak",
            "02 mottatt avgjort.dag",
            "03 avgjort.dag opphold.plasser[0].fra",
            "04 opphold",
            "05 opphold",
            "06 avgjort.hjemmel",
            "07 avgjort.av",
            "08 opphold.til",
            "09 opphold.plasser[0].fra",
            "10 opphold.belop_ore",
            "11 opphold.belop_ore",
            "12 opphold.avsluttet.videre opphold.avsluttet.grunn opphold.avsluttet.dag",
            "13 ansvarlig",
            "14 opphold.plasser",
            "15 opphold.plasser[0].plass",
            "16 opphold.plasser[0].plass",
            "19 opphold.plasser[0].plass",
            "20 opphold.unntak",
            "21 opphold.unntak[0].til",
            "23 opphold",
            "25 opphold.plasser[0].plass",
        ]
    );
    assert_eq!((done.nye, done.avvist), (4, 21));
    assert_eq!(
        opphold(&store, &person(92)).await,
        [],
        "and has changed nothing"
    );
    assert_eq!(relasjoner(&store, &person(92)).await, []);
}

/// A short break does not stop it, another unit's stay neither, and a line that
/// comes too late to be gone on with is refused.
///
/// Seen red: with a clock that begins anew in each line; with lines in any order.
async fn the_clock_of_a_person_goes_on_over_lines(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-23T09:00:00Z");
    let p = person(1);
    kalt(&store, "Nord", "Hospits AS", 3).await;
    let stay =
        |referanse: &str, fra: &str, til: &str| ended(given(referanse, &p, fra, "Nord", til), til);
    let mut other_unit = stay("2", "2025-02-01", "2025-03-01");
    other_unit["ansvarlig"] = json!("rop");
    let lines = [
        stay("1", "2025-01-01", "2025-02-15"),
        other_unit,
        stay("3", "2025-03-05", "2025-05-20"),
        stay("4", "2025-08-01", "2025-08-10"),
        stay("5", "2025-07-01", "2025-07-29"),
        stay("6", "2024-07-01", "2024-07-29"),
    ];
    let (done, refused) = take(&store, &lines).await;
    assert_eq!((done.nye, refused), (5, vec!["5 opphold".to_owned()]));
    let mut clocks: Vec<(String, bool)> = Vec::new();
    for stay in opphold(&store, &p).await.iter().rev() {
        clocks.push((stay.klokke_fra.clone(), stay.over_tre_maneder));
    }
    let clock = |day: &str, over| (day.to_owned(), over);
    assert_eq!(
        clocks,
        [
            clock("2024-07-01", false),
            clock("2025-01-01", false),
            clock("2025-01-01", false),
            clock("2025-01-01", true),
            clock("2025-08-01", false),
        ]
    );
}
