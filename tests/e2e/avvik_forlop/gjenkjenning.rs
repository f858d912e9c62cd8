//! Who has every database after the day tries to find who reported: each join
//! finds the reporter of an avvik with a name, and of one without the unit alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_chassis::{
    domene::Dag,
    testing::{START, TestClock},
};
use samspor_proto::{
    bestillerkontor::{ListEnhetensOppdragRequest, ListEnhetensOppdragResponse},
    felles::{Faktum, Rolle},
    internt::Loggpost,
    tilgang::Formal,
};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{
    aksepter, anonymt,
    anonymt::{kjent, med_kode, melding, sier},
    desk, meldt_av,
};
use crate::{handovers::until, scene::*, traces};

/// Employees of the unit, all of them at work that day.
const ANSATTE: [&str; 5] = ["bo-aud", "bo-bjarne", "bo-cato", "bo-dina", "bo-even"];
/// Reports of each kind.
const ANTALL: usize = 20;
/// Microseconds within which two times are those of one call.
const SAMTIDIG: i64 = 1_000_000;
/// How long the answer to a request is kept: its row tells when it was given.
const SVAR_HOLDES: i64 = 7 * 24 * 3_600_000_000;

/// A row of a database, with everything in it as text.
struct Rad {
    tabell: String,
    /// Its place among the rows of the table.
    plass: i64,
    tekst: String,
    /// Times that it tells, in the words of the table and by ids of version 7.
    tider: Vec<i64>,
    /// The employee, method and trace of a row of the access log.
    logg: Option<Loggpost>,
}

/// Numbers of 16 digits, as microseconds since 1970 have now.
fn tidspunkter(tekst: &str) -> Vec<i64> {
    let numbers = tekst.split(|c: char| !c.is_ascii_digit());
    let long = numbers.filter(|digits| digits.len() == 16);
    long.map(|digits| digits.parse().unwrap()).collect()
}

/// Ids that stand in a text.
fn ider(tekst: &str) -> Vec<&str> {
    let words = tekst.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    let id = |word: &&str| word.len() == 36 && word.matches('-').count() == 4;
    words.filter(id).collect()
}

/// When an id of version 7 was made.
fn laget(id: &str) -> Option<i64> {
    let hex = id.replace('-', "");
    let millis = i64::from_str_radix(hex.get(..12)?, 16).ok()?;
    (hex.get(12..13) == Some("7")).then_some(millis * 1_000)
}

async fn rader(database: &mut AnyConnection, ut: &mut Vec<Rad>) {
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
    for table in sqlx::query(tables).fetch_all(&mut *database).await.unwrap() {
        let table: String = table.get(0);
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns = sqlx::query(AssertSqlSafe(columns));
        let columns = columns.fetch_all(&mut *database).await.unwrap();
        let columns: Vec<String> = columns
            .iter()
            .map(|row| row.get::<String, _>(0))
            .map(|c| {
                format!("CASE typeof({c}) WHEN 'blob' THEN hex({c}) ELSE COALESCE({c}, '') END")
            })
            .collect();
        let all = columns.join(" || ' ' || ");
        let all = format!("SELECT rowid, {all} FROM {table} ORDER BY rowid");
        let found = sqlx::query(AssertSqlSafe(all));
        for row in found.fetch_all(&mut *database).await.unwrap() {
            ut.push(rad(&table, row.get(0), row.get(1)));
        }
    }
}

/// Everything that a row says, also in what it holds encoded.
fn rad(tabell: &str, plass: i64, mut tekst: String) -> Rad {
    let mut logg = None;
    let mut tider = tidspunkter(&tekst);
    for word in tekst.clone().split(' ').filter(|word| word.len() > 16) {
        let Ok(bytes) = BASE64_STANDARD.decode(word) else {
            continue;
        };
        let row = Loggpost::decode(bytes.as_slice()).ok();
        if let Some(row) = row.filter(|row| tabell == "gw_logg" && !row.metode.is_empty()) {
            tider.push(row.tid);
            logg = Some(row);
        }
        if ["chassis_faktum", "gw_faktum"].contains(&tabell) {
            let fact = Faktum::decode(bytes.as_slice()).unwrap();
            let since = fact.periode.unwrap().fra.unwrap();
            tider.push(since.seconds * 1_000_000 + i64::from(since.nanos) / 1_000);
        }
        tekst.push(' ');
        tekst.push_str(&String::from_utf8_lossy(&bytes));
    }
    tider.extend(ider(&tekst).into_iter().filter_map(laget));
    if tabell == "chassis_brukt" {
        tider = tider.iter().map(|at| at - SVAR_HOLDES).collect();
    }
    Rad {
        tabell: tabell.to_owned(),
        plass,
        tekst,
        tider,
        logg,
    }
}

/// What the attacker has.
struct Angrep {
    rader: Vec<Rad>,
    /// First instant of the day, and of the next.
    dag: (i64, i64),
}

type Mulige = BTreeSet<&'static str>;

impl Angrep {
    /// Rows about an avvik, and about what those name.
    fn om(&self, avvik: &str) -> Vec<&Rad> {
        let about = |ids: &BTreeSet<&str>| -> Vec<&Rad> {
            let named = |row: &&Rad| ids.iter().any(|id| row.tekst.contains(id));
            self.rader.iter().filter(named).collect()
        };
        let first = about(&BTreeSet::from([avvik]));
        let ids = first.iter().flat_map(|row| ider(&row.tekst)).collect();
        about(&ids)
    }

    /// Employees with a call in the log that fits.
    fn som_kalte(&self, passer: impl Fn(&Loggpost) -> bool) -> Mulige {
        let calls = self.rader.iter().filter_map(|row| row.logg.as_ref());
        let fits = calls.filter(|call| passer(call));
        let who: BTreeSet<_> = fits
            .filter_map(|call| call.aktor.as_ref().map(|who| who.ansatt.as_str()))
            .collect();
        ANSATTE
            .into_iter()
            .filter(|one| who.contains(one))
            .collect()
    }

    /// Whom each join leaves; all of the unit where it finds nothing.
    fn spor(&self, avvik: &str) -> BTreeMap<&'static str, Mulige> {
        let rows = self.om(avvik);
        let all = || ANSATTE.into_iter().collect::<Mulige>();
        let or_all = |found: Mulige| if found.is_empty() { all() } else { found };
        let named = |one: &&str| rows.iter().any(|row| row.tekst.contains(*one));
        let near =
            |at: i64| move |call: &Loggpost| (call.tid - at).abs() < SAMTIDIG && at != self.dag.0;
        let times = rows.iter().flat_map(|row| &row.tider);
        let traces = rows.iter().flat_map(|row| row.tekst.split([' ', '-', '"']));
        let traces: BTreeSet<_> = traces.filter(|word| word.len() == 32).collect();
        let mut order = all();
        for row in &rows {
            if let Some((after, before)) = self.vindu(row) {
                let between = self.som_kalte(|call| after <= call.tid && call.tid <= before);
                order = order.intersection(&between).copied().collect();
            }
        }
        BTreeMap::from([
            (
                "names",
                or_all(ANSATTE.into_iter().filter(|one| named(one)).collect()),
            ),
            (
                "times",
                or_all(times.flat_map(|at| self.som_kalte(near(*at))).collect()),
            ),
            (
                "traces",
                or_all(self.som_kalte(|call| {
                    !call.sporings_id.is_empty() && traces.contains(call.sporings_id.as_str())
                })),
            ),
            ("order", order),
        ])
    }

    /// Between which times of the day a row was written, by its neighbours in the
    /// table that tell theirs; none where it stands behind the day.
    fn vindu(&self, row: &Rad) -> Option<(i64, i64)> {
        let (from, to) = self.dag;
        let mut others: Vec<(i64, i64)> = self
            .rader
            .iter()
            .filter(|other| other.tabell == row.tabell && other.plass != row.plass)
            .filter_map(|other| {
                let of_the_day = |at: &&i64| from < **at && **at < to;
                let told = other.tider.iter().filter(of_the_day).min()?;
                Some((other.plass, *told))
            })
            .collect();
        others.sort_unstable();
        let before = others.iter().rev().find(|(place, _)| *place < row.plass);
        let after = others.iter().find(|(place, _)| *place > row.plass)?;
        Some((before.map_or(from, |(_, at)| *at), after.1))
    }
}

/// One day of a unit: everybody reports with a name and without, and reads and
/// says something before and after.
///
/// Seen red: with each of these in the service or the gateway: an id of version 7
/// for an anonymous report; the time of the call as that of its transaction; a
/// report that is let go at once; a request that is kept as others are; the
/// employee in the attestation; rows of the log that are not held; what is held
/// let go as it came; a span of the transaction.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_everything_finds_the_unit_and_nobody_in_it() {
    let telemetry = traces::watch();
    // Telemetry's hook would keep what fails here out of sight.
    drop(std::panic::take_hook());
    let clock = Arc::new(TestClock::new(START));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let today = Dag::av(START);
    let mut desks = Vec::new();
    for one in ANSATTE {
        let report = scene.desk_of("bom", one, Rolle::Inntak, Formal::Avviksbehandling);
        let read = scene.desk_of("bom", one, Rolle::Saksbehandler, Formal::Ytelse);
        desks.push((report.await, read.await));
    }
    let work = async |n: usize| {
        clock.advance(Duration::from_secs(61));
        let request = ListEnhetensOppdragRequest {
            parent: "enheter/bom".to_owned(),
            ..Default::default()
        };
        let method = "bestillerkontor.v1.OppdragService/ListEnhetensOppdrag";
        ok::<_, ListEnhetensOppdragResponse>(&desks[n].1, method, request).await;
        clock.advance(Duration::from_secs(61));
    };
    let (mut with_name, mut without) = (Vec::new(), Vec::new());
    for n in 0..ANTALL {
        // In another order than the list's, so that a place in it tells nothing.
        let (who, other) = (n * 7 % ANSATTE.len(), (n * 3 + 1) % ANSATTE.len());
        let kode = format!("{:032x}", 0xa5a5_u128 << 100 | n as u128);
        work(who).await;
        let id = anonymt::meldt(&desks[who].0, melding(&kode, "Uten seng")).await;
        work(who).await;
        let id_with_name = meldt_av(&scene, &desks[other].0, &["nav"]).await;
        with_name.push((id_with_name, ANSATTE[other]));
        work(other).await;
        if n % 3 == 0 {
            med_kode(&desks[who].0, "bom", &kode).await;
            work(who).await;
            sier(&desks[who].0, &kode, "Det hendte igjen").await;
            work(who).await;
        }
        without.push((id, kode));
    }
    assert!(Dag::av(scene.mesh.now()) == today, "one day");
    clock.set(today.pluss_dager(1).klokken(9));
    until(async || {
        let held = async |part: &str, table: &str| {
            let mut database = scene.database(part).await;
            let count = format!("SELECT count(*) FROM {table}");
            let count = sqlx::query(AssertSqlSafe(count));
            count
                .fetch_one(&mut database)
                .await
                .unwrap()
                .get::<i64, _>(0)
        };
        let left = held("avvik", "avvikholdt").await + held("gateway", "gw_holdt").await;
        (left == 0).then_some(())
    })
    .await;
    // Handled the day after, and read by the code.
    let nav = desk(&scene, "nav", Rolle::Saksbehandler).await;
    for (n, (id, kode)) in without.iter().enumerate() {
        clock.advance(Duration::from_secs(61));
        let name = format!("avvik/{id}");
        kjent(&nav, &name).await;
        aksepter(&nav, &name).await;
        med_kode(&desks[n % ANSATTE.len()].0, "bom", kode).await;
    }

    let mut rows = Vec::new();
    for part in ["gateway", "avvik"] {
        rader(&mut scene.database(part).await, &mut rows).await;
    }
    let attack = Angrep {
        rader: rows,
        dag: (today.start().0, today.pluss_dager(1).start().0),
    };
    for (id, _) in &without {
        for (join, found) in attack.spor(id) {
            assert_eq!(
                found.len(),
                ANSATTE.len(),
                "{join} of {id} leaves {found:?}"
            );
        }
    }
    // What the joins are worth: they find who reported with a name.
    let mut narrowed = 0;
    for (id, reporter) in &with_name {
        let found = attack.spor(id.trim_start_matches("avvik/"));
        for join in ["names", "times", "traces"] {
            assert_eq!(found[join], BTreeSet::from([*reporter]), "{join}");
        }
        let order = &found["order"];
        assert!(order.contains(reporter), "{order:?}");
        narrowed += usize::from(order.len() < ANSATTE.len());
    }
    assert!(narrowed > ANTALL / 2, "{narrowed}");
    // The order in which they were let go is not that in which they came.
    let place = |id: &str| {
        let own = |row: &&Rad| row.tabell == "avvik" && row.tekst.starts_with(id);
        attack.rader.iter().find(own).unwrap().plass
    };
    let places: Vec<_> = without.iter().map(|(id, _)| place(id)).collect();
    assert!(!places.is_sorted(), "one chance in 20!");

    log_tells_the_unit_and_the_day(&attack, &without);
    telemetry_tells_nothing(telemetry);
}

/// Every row of such a call, whatever it is about.
fn log_tells_the_unit_and_the_day(attack: &Angrep, without: &[(String, String)]) {
    let methods = ["MeldAvvikAnonymt", "SvarMedKode", "HentAvvikMedKode"];
    let calls = attack.rader.iter().filter_map(|row| row.logg.as_ref());
    let (mut anonymous, mut reports) = (0, 0);
    for call in calls.filter(|call| methods.iter().any(|name| call.metode.ends_with(name))) {
        let who = call.aktor.clone().unwrap();
        assert_eq!(
            (who.enhet.as_str(), who.ansatt.as_str()),
            ("enheter/bom", "")
        );
        assert_eq!(who.rolle(), Rolle::Unspecified);
        assert_eq!(call.tid, attack.dag.0);
        assert!(call.sporings_id.is_empty() && call.system.is_empty() && call.sak.is_empty());
        anonymous += 1;
        reports += usize::from(call.metode.ends_with(methods[0]));
    }
    // An intent and an outcome of each change, in the log for good.
    assert_eq!(reports, 2 * ANTALL);
    assert!(anonymous > reports);
    // The code is nowhere, and its digest where it is looked up.
    for (_, kode) in without {
        assert!(!attack.rader.iter().any(|row| row.tekst.contains(kode)));
        let sum = anonymt::kodesum(kode);
        let holding = attack.rader.iter().filter(|row| row.tekst.contains(&sum));
        let tables: BTreeSet<_> = holding.map(|row| row.tabell.as_str()).collect();
        assert_eq!(tables, BTreeSet::from(["avvikskode"]));
    }
}

/// No span of such a call, and none of what its transaction does.
fn telemetry_tells_nothing(watch: &traces::Watch) {
    let spans = watch.spans();
    let says = |what: &str| spans.iter().any(|span| format!("{span:?}").contains(what));
    assert!(says("MeldAvvik\""), "the scan has something to scan");
    for never in [
        "MeldAvvikAnonymt",
        "SvarMedKode",
        "HentAvvikMedKode",
        "INSERT INTO avvikholdt",
    ] {
        assert!(!says(never), "{never}");
    }
}
