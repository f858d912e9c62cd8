//! The stock: every state and verb, days of standing empty, and the register as
//! CSV.

use std::time::Duration;

use samspor_chassis::{
    params,
    store::Store,
    testing::{Database, START, request_id},
    tid::Tid,
};
use samspor_proto::{boligkontor::*, felles::Feilgrunn};

use super::{Egenskaper, Tilstand, rules};
use crate::{ENHET, MIGRATIONS, bolig, prove::*};

samspor_chassis::on_both_databases! {
    empty_days_have_a_cause_and_a_cost,
    a_register_is_taken_in_whole_or_not_at_all,
    what_is_exported_is_taken_in_unchanged,
    a_list_is_by_type_state_and_area,
}

/// Every cell of state and verb is as the table says.
#[test]
fn every_state_and_verb() {
    let table = include_str!("../../tests/data/bolig.csv");
    let mut rows = table.lines().map(|row| row.split(';').collect::<Vec<_>>());
    let verbs = rows.next().unwrap();
    let mut faults = samspor_chassis::error::FieldFaults::new();
    let given = leilighet(Tildelingstype::Hardfor);
    let like = Egenskaper::les(given, "", &mut faults);
    assert!(faults.is_empty());
    let moment = || ("t".to_owned(), START);
    let mut seen = 0;
    for row in rows {
        let state = Tilstand::fra_kode(row[0]).unwrap();
        for (verb, cell) in verbs.iter().zip(&row).skip(1) {
            let mut dwelling = rules::ny("b".into(), "A-1".into(), like.clone(), state, moment());
            dwelling.tilstand = state;
            let to = Tilstand::fra_kode(cell);
            let moved = rules::flytt(dwelling, verb, to.unwrap_or(state), None, moment());
            match moved {
                Ok((moved, _)) => assert_eq!(moved.tilstand.kode(), *cell, "{row:?} {verb}"),
                Err(refusal) => {
                    assert_eq!((refusal.grunn, *cell), (Feilgrunn::UgyldigOvergang, "-"));
                }
            }
            seen += 1;
        }
    }
    assert_eq!(seen, Tilstand::ALLE.len() * (verbs.len() - 1));
}

async fn tomgang(store: &Store) -> Vec<(String, i64, Option<i64>)> {
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    let sql = "SELECT arsak, fra, til FROM tomgang ORDER BY fra, id";
    tx.all(sql, params![]).await.unwrap()
}

/// From the first day in the stock each day has one cause, and what it costs is
/// counted by midnights.
///
/// Seen red: with `flytt` that leaves the period before open.
async fn empty_days_have_a_cause_and_a_cost(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let who = || hos(ENHET, "b1");
    let request = RegistrerBoligRequest {
        parent: KONTORET.into(),
        request_id: request_id(),
        nokkel: "A-1".into(),
        egenskaper: Some(leilighet(Tildelingstype::Hardfor)),
    };
    let again = RegistrerBoligRequest {
        request_id: request_id(),
        ..request.clone()
    };
    let made = kall!(&store, who(), bolig::rpc::registrer, request).unwrap();
    let name = made.bolig.unwrap().name;
    let refused = kall!(&store, who(), bolig::rpc::registrer, again);
    assert_eq!(feil(refused), ["FEILGRUNN_KONFLIKT"]);
    database.clock().advance(Duration::from_hours(24 * 10));
    let ready = MeldKlargjortRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    kall!(&store, who(), bolig::rpc::meld_klargjort, ready).unwrap();
    database.clock().advance(Duration::from_hours(24 * 5));
    let out = |arsak: Tomgangsarsak, kostnad_per_dag| TaUtAvDriftRequest {
        name: name.clone(),
        request_id: request_id(),
        arsak: arsak.into(),
        merknad: String::new(),
        kostnad_per_dag,
    };
    let unexplained = out(Tomgangsarsak::Annet, -1);
    let refused = kall!(&store, who(), bolig::rpc::ta_ut_av_drift, unexplained);
    assert_eq!(
        feil(refused),
        ["merknad FELT_MANGLER", "kostnad_per_dag FELT_OMRADE"]
    );
    let damaged = out(Tomgangsarsak::Skade, 900);
    kall!(&store, who(), bolig::rpc::ta_ut_av_drift, damaged).unwrap();
    database.clock().advance(Duration::from_hours(24 * 3 + 1));
    let mut tx = store.begin_read(who()).await.unwrap();
    let request = HentBoligRequest { name: name.clone() };
    let read = bolig::rpc::hent(&mut tx, request).await.unwrap();
    drop(tx);
    let empty = read.bolig.unwrap().tomgang.unwrap();
    assert_eq!((empty.dager, empty.kostnad), (3, 2700));
    let back = SettIDriftRequest {
        name,
        request_id: request_id(),
    };
    kall!(&store, who(), bolig::rpc::sett_i_drift, back).unwrap();

    let periods = tomgang(&store).await;
    let causes: Vec<&str> = periods.iter().map(|(cause, ..)| cause.as_str()).collect();
    assert_eq!(
        causes,
        ["KLARGJORING", "VENTER_TILDELING", "SKADE", "KLARGJORING"]
    );
    for pair in periods.windows(2) {
        assert_eq!(pair[0].2, Some(pair[1].1), "no gap and no overlap");
    }
    assert_eq!(Tid(periods[0].1), START);
    assert_eq!(periods[3].2, None);
}

const HODE: &str = "nokkel;navn;adresse;omrade;boligform;tildelingstype;eierform;bemanning;bomiljo;\
standard;soverom;kvadratmeter;etasje;meter_butikk;meter_buss;meter_tjenester;husleie;\
kostnad_per_dag;kun_kvinner";

fn rad(nokkel: &str, change: &[(&str, &str)]) -> String {
    let usual = format!(
        "{nokkel};Øvre vei 1;Øvre vei 1;Åkra;ORDINAER;KOMMUNAL_UTLEIE;KOMMUNAL;INGEN;ORDINAERT;\
         GOD;1;40;1;100;200;300;8000;270;nei"
    );
    let changed = |(name, text): (&str, String)| {
        let found = change.iter().find(|(column, _)| *column == name);
        found.map_or(text, |(_, text)| (*text).to_owned())
    };
    let cells = HODE.split(';').zip(usual.split(';').map(str::to_owned));
    cells.map(changed).collect::<Vec<_>>().join(";")
}

fn fil(rows: &[String]) -> Vec<u8> {
    format!("{HODE}\n{}\n", rows.join("\n")).into_bytes()
}

fn inn(csv: Vec<u8>, prove: bool) -> ImporterBoligerRequest {
    ImporterBoligerRequest {
        parent: KONTORET.into(),
        request_id: request_id(),
        csv: csv.into(),
        prove,
    }
}

async fn antall(store: &Store) -> i64 {
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM bolig";
    let row: Option<(i64,)> = tx.one(sql, params![]).await.unwrap();
    row.unwrap().0
}

/// Every fault of every row is told with its line and column; then nothing is
/// stored, and a dry run stores nothing either.
///
/// Seen red: with `ta_inn` that stores what has no fault.
async fn a_register_is_taken_in_whole_or_not_at_all(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let who = || hos(ENHET, "b1");
    for (csv, field) in [
        (b"nokkel;navn\n\xe5".to_vec(), "csv FELT_FORM"),
        (
            format!("{HODE};farge\n").into_bytes(),
            "csv FELT_UKJENT_VERDI",
        ),
        (format!("{HODE};nokkel\n").into_bytes(), "csv FELT_FORM"),
        (HODE.replace(";husleie", "").into_bytes(), "csv FELT_FORM"),
        (fil(&[]), "csv FELT_FORM"),
    ] {
        let told = feil(kall!(&store, who(), bolig::rpc::importer, inn(csv, false)));
        assert_eq!(told, [field]);
    }
    let many: Vec<String> = (0..20_001).map(|row| row.to_string()).collect();
    let refused = kall!(&store, who(), bolig::rpc::importer, inn(fil(&many), true));
    assert_eq!(feil(refused), ["csv FELT_OMRADE"]);

    let bad = fil(&[
        rad("A-1", &[]),
        rad("A-2", &[("kvadratmeter", "tre"), ("boligform", "SLOTT")]),
        rad("A-1", &[]),
        rad("A-3", &[("kvadratmeter", "4"), ("kun_kvinner", "kanskje")]),
        "A-4;bare dette".to_owned(),
    ]);
    let report = kall!(&store, who(), bolig::rpc::importer, inn(bad, false)).unwrap();
    assert_eq!((report.lagret, report.feil, report.nye), (false, 4, 1));
    let told: Vec<(i32, Vec<&str>)> = report
        .rader
        .iter()
        .map(|row| {
            (
                row.linje,
                row.feil.iter().map(|one| one.kolonne.as_str()).collect(),
            )
        })
        .collect();
    assert_eq!(told[0], (3, vec!["boligform", "kvadratmeter"]));
    assert_eq!(told[1], (4, vec!["nokkel"]));
    assert_eq!(told[2], (5, vec!["kun_kvinner", "kvadratmeter"]));
    assert_eq!(told[3].0, 6);
    assert_eq!(report.rader[2].feil[1].rettes_til, "8–500");
    assert_eq!(antall(&store).await, 0);

    let good = || fil(&[rad("A-1", &[]), rad("A-2", &[("kun_kvinner", "ja")])]);
    let tried = kall!(&store, who(), bolig::rpc::importer, inn(good(), true)).unwrap();
    assert_eq!(
        (tried.lagret, tried.nye, antall(&store).await),
        (false, 2, 0)
    );
    let stored = kall!(&store, who(), bolig::rpc::importer, inn(good(), false)).unwrap();
    assert_eq!(
        (stored.lagret, stored.nye, antall(&store).await),
        (true, 2, 2)
    );
    let more = fil(&[
        rad("A-1", &[]),
        rad("A-2", &[("kun_kvinner", "ja"), ("husleie", "9000")]),
        rad("A-3", &[]),
    ]);
    let more = kall!(&store, who(), bolig::rpc::importer, inn(more, false)).unwrap();
    assert_eq!((more.nye, more.endret, more.uendret), (1, 1, 1));
}

/// An export is a file that changes nothing.
async fn what_is_exported_is_taken_in_unchanged(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let who = || hos(ENHET, "b1");
    ledig(&store, "A-1", Tildelingstype::Hardfor).await;
    ledig(&store, "A-2", Tildelingstype::Midlertidig).await;
    ledig(&store, "B-1", Tildelingstype::Omsorgsbolig).await;
    let mut tx = store.begin_read(who()).await.unwrap();
    let all = super::store::kjente(&mut tx, "A-1", "B-1").await.unwrap();
    drop(tx);
    let all: Vec<_> = all.iter().map(|one| one.to_proto(START)).collect();
    let csv = super::innlesing::som_csv(&all).unwrap();
    assert_eq!(String::from_utf8(csv.clone()).unwrap().lines().count(), 4);
    let again = kall!(&store, who(), bolig::rpc::importer, inn(csv, false)).unwrap();
    assert_eq!((again.uendret, again.feil, again.rader.len()), (3, 0, 0));
}

/// A page is the same however the stock is cut.
async fn a_list_is_by_type_state_and_area(database: Database) {
    let store = database.open(MIGRATIONS).await;
    for number in 0..5 {
        let type_ = [Tildelingstype::Hardfor, Tildelingstype::Midlertidig][number % 2];
        ledig(&store, &format!("A-{number}"), type_).await;
    }
    let list = async |type_: Tildelingstype, state: Boligtilstand, omrade: &str| {
        let mut keys = Vec::new();
        let mut page_token = String::new();
        loop {
            let mut tx = store.begin_read(hos("rop", "r1")).await.unwrap();
            let request = ListBoligerRequest {
                parent: KONTORET.into(),
                page_size: 2,
                page_token,
                tildelingstype: type_.into(),
                tilstand: state.into(),
                omrade: omrade.into(),
            };
            let page = bolig::rpc::list(&mut tx, request).await.unwrap();
            keys.extend(page.boliger.into_iter().map(|dwelling| dwelling.nokkel));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return keys.join(" ");
            }
        }
    };
    let (any, anywhere) = (Tildelingstype::Unspecified, Boligtilstand::Unspecified);
    assert_eq!(list(any, anywhere, "").await, "A-0 A-1 A-2 A-3 A-4");
    assert_eq!(
        list(Tildelingstype::Hardfor, anywhere, "").await,
        "A-0 A-2 A-4"
    );
    assert_eq!(
        list(any, Boligtilstand::Ledig, "Kopervik").await,
        "A-0 A-1 A-2 A-3 A-4"
    );
    assert_eq!(list(any, Boligtilstand::Utleid, "").await, "");
    assert_eq!(list(any, anywhere, "Haugesund").await, "");
}
