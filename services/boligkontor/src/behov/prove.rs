//! The overview through the handlers and the store, against a count that is as
//! plain as can be.

use futures::FutureExt as _;
use samspor_chassis::{
    domene::Dag,
    error::Error,
    store::Store,
    testing::{Database, angrep::Tilfelle, request_id},
    tid::{Clock as _, Tid},
};
use samspor_proto::{boligkontor::*, felles::Hjemmel, hendelse::Hendelse};

use self::modell::hvem;
use super::{opphold, rpc};
use crate::{ENHET, bolig, boligsak, leieforhold, prove::*, reservasjon};

mod modell;
pub(crate) mod vandring;

samspor_chassis::on_both_databases! {
    stays_are_heard_in_any_order_and_as_often_as_they_come,
    a_case_shows_navs_clock_and_no_place_changes,
    a_month_is_published_once_and_stays_as_it_was,
    what_cannot_be_asked_for_is_said,
}

const UTLEIE: Tildelingstype = Tildelingstype::KommunalUtleie;

async fn oversikt(store: &Store, dag: &str) -> Behovsoversikt {
    let request = HentBehovsoversiktRequest {
        parent: KONTORET.into(),
        dag: dag.into(),
    };
    let read = store.read(hos("rop", "r1"), move |tx| rpc::hent(tx, request).boxed());
    read.await.unwrap().behovsoversikt.unwrap()
}

fn hendelse(type_: &str, person: &str, opphold: &str, tid: Tid) -> Hendelse {
    Hendelse {
        r#type: type_.into(),
        post: format!("{person}/opphold/{opphold}"),
        tid: Some(tid.into()),
        eier: "nav".into(),
        ..Default::default()
    }
}

async fn hor(store: &Store, event: Hendelse) {
    let heard: Result<_, Error> = store
        .write(hos(ENHET, "system"), &request_id(), move |tx| {
            async move { opphold::hor(tx, event).await }.boxed()
        })
        .await;
    heard.unwrap();
}

/// A stay id that the name of a record may end with.
fn opphold_id(number: usize) -> String {
    format!("0192f0a1-7b2c-7d3e-8f40-{number:012}")
}

fn person(number: usize) -> String {
    format!("personer/3f2c8a54-6c1e-4f7a-9b0d-{number:012}")
}

/// Two stays with a break that the clock goes over, and one after a longer break:
/// however the events come, the same is known.
///
/// Seen red: with a clock that begins anew in each stay, and with an end that a
/// later event takes away.
async fn stays_are_heard_in_any_order_and_as_often_as_they_come(database: Database) {
    let store = lager(&database).await;
    let day = |days: i32| {
        let start = Dag::av(database.clock().now());
        start.pluss_dager(days).start()
    };
    let told = [
        ("OppholdStartet", 1, 0),
        ("OppholdFlyttet", 1, 10),
        ("OppholdOverTreManeder", 1, 92),
        ("OppholdAvsluttet", 1, 100),
        ("OppholdFortsatt", 2, 103),
        ("OppholdAvsluttet", 2, 120),
        ("OppholdStartet", 3, 200),
    ];
    let mut chance = Tilfelle(7);
    for number in 0..12 {
        let who = person(number);
        let mut events: Vec<_> = told.iter().chain(&told[..number % 7]).collect();
        for place in (1..events.len()).rev() {
            events.swap(place, chance.av(place + 1));
        }
        for (type_, stay, days) in events {
            let id = opphold_id(number * 10 + stay);
            hor(&store, hendelse(type_, &who, &id, day(*days))).await;
        }
        for (days, since, over) in [
            (-1, None, false),
            (0, Some(0), false),
            (91, Some(0), false),
            (92, Some(0), true),
            (101, None, false),
            (103, Some(0), true),
            (120, None, false),
            (300, Some(200), false),
        ] {
            let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
            let all = opphold::alle(&mut tx, day(days)).await.unwrap();
            let id = who.trim_start_matches("personer/");
            let known = all.get(id).map(|stay| (stay.siden, stay.over_tre_maneder));
            let expected = since.map(|since| (day(since), over));
            assert_eq!(known, expected, "person {number} day {days}");
        }
    }
    // What is about nothing that is known is left alone.
    let mut other = hendelse("OppholdStartet", P, "x", day(0));
    other.post = "enheter/nav".into();
    hor(&store, other).await;
}

/// Nav's clock is shown at the case and at the place, and the place is the same.
///
/// Seen red: with a list of cases that does not ask for the clock.
async fn a_case_shows_navs_clock_and_no_place_changes(database: Database) {
    let store = lager(&database).await;
    let first = boligsak::prove::godkjent(&store, P, UTLEIE, &[]).await;
    database
        .clock()
        .advance(std::time::Duration::from_hours(48));
    let second = boligsak::prove::godkjent(&store, Q, UTLEIE, &[]).await;
    let ranked = async || {
        let request = RangerKoRequest {
            parent: "enheter/rop".into(),
            tildelingstype: UTLEIE.into(),
            ..Default::default()
        };
        let read = store.read(hos("rop", "r1"), move |tx| {
            boligsak::rangering::ranger_ko(tx, request).boxed()
        });
        read.await.unwrap().koplasser
    };
    let before = ranked().await;
    let now = database.clock().now();
    hor(&store, hendelse("OppholdStartet", Q, &opphold_id(1), now)).await;
    let later = Dag::av(now).pluss_dager(100);
    database.clock().set(later.start());
    let passed = hendelse("OppholdOverTreManeder", Q, &opphold_id(1), later.start());
    hor(&store, passed).await;
    let after = ranked().await;
    let order = |places: &[Koplass]| -> Vec<(String, i32, String)> {
        let told = |one: &Koplass| (one.name.clone(), one.plass, one.foran_neste.clone());
        places.iter().map(told).collect()
    };
    assert_eq!(order(&before), order(&after));
    let clock = |one: &Koplass| (one.midlertidig_siden, one.over_tre_maneder);
    assert_eq!(clock(&after[0]), (None, false));
    assert_eq!(clock(&after[1]), (Some(now.into()), true));
    for (sak, expected) in [(first, (None, false)), (second, (Some(now.into()), true))] {
        let request = HentBoligsakRequest {
            name: sak.name.clone(),
            versjon: 0,
        };
        let read = store.read(hos("rop", "r1"), move |tx| {
            boligsak::rpc::hent(tx, request).boxed()
        });
        let read = read.await.unwrap().boligsak.unwrap();
        assert_eq!((read.midlertidig_siden, read.over_tre_maneder), expected);
        let request = ListBoligsakerRequest {
            parent: hvem(&sak),
            ..Default::default()
        };
        let listed = store.read(hos("rop", "r1"), move |tx| {
            boligsak::rpc::list(tx, request).boxed()
        });
        let listed = listed.await.unwrap().boligsaker.remove(0);
        assert_eq!(
            (listed.midlertidig_siden, listed.over_tre_maneder),
            expected
        );
        let name = HentKoplassRequest {
            name: sak.name.replace("boligsaker", "koplasser"),
        };
        let place = store.read(hos("rop", "r1"), move |tx| {
            boligsak::rangering::hent_koplass(tx, name).boxed()
        });
        assert_eq!(clock(&place.await.unwrap().koplass.unwrap()), expected);
    }
}

fn publisering(maned: &str) -> PubliserBehovRequest {
    PubliserBehovRequest {
        parent: KONTORET.into(),
        request_id: request_id(),
        maned: maned.into(),
    }
}

async fn publisert(store: &Store, maned: &str) -> Result<HentPublisertBehovResponse, Error> {
    let request = HentPublisertBehovRequest {
        parent: KONTORET.into(),
        maned: maned.into(),
    };
    let read = store.read(hos("bom", "m1"), move |tx| {
        rpc::hent_publisert(tx, request).boxed()
    });
    read.await
}

/// What a published month says of a type.
fn sier(month: &PublisertBehov, type_: Tildelingstype, mal: Behovsmal) -> i32 {
    let of = |cell: &&Publisertcelle| cell.tildelingstype() == type_ && cell.mal() == mal;
    month.celler.iter().find(of).unwrap().antall
}

/// The snapshot is of the end of the month, and what happens later, or is heard
/// later, changes nothing of it.
///
/// Seen red: with what is so now instead of then, and with exact numbers.
async fn a_month_is_published_once_and_stays_as_it_was(database: Database) {
    let store = lager(&database).await;
    for number in 0..3 {
        boligsak::prove::godkjent(&store, &person(number), UTLEIE, &[]).await;
        let stay = hendelse(
            "OppholdStartet",
            &person(10 + number),
            &opphold_id(number),
            database.clock().now(),
        );
        hor(&store, stay).await;
        ledig(&store, &format!("A-{number}"), Tildelingstype::Midlertidig).await;
    }
    let refused = kall!(
        &store,
        hos(ENHET, "b1"),
        rpc::publiser,
        publisering("2026-10")
    );
    assert_eq!(feil(refused), ["maned FELT_FORM"]);
    database
        .clock()
        .set("2026-11-02".parse::<Dag>().unwrap().start());
    for number in 3..9 {
        boligsak::prove::godkjent(&store, &person(number), UTLEIE, &[]).await;
    }
    let refused = kall!(
        &store,
        hos("rop", "r1"),
        rpc::publiser,
        publisering("2026-10")
    );
    assert_eq!(feil(refused), ["FEILGRUNN_IKKE_TILLATT"]);
    let refused = publisert(&store, "2026-10").await;
    assert_eq!(feil(refused), ["maned FELT_FORM"]);
    let made = kall!(
        &store,
        hos(ENHET, "b1"),
        rpc::publiser,
        publisering("2026-10")
    )
    .unwrap();
    let made = made.publisert_behov.unwrap();
    assert_eq!((&*made.name, &*made.dag), ("behov/2026-10", "2026-10-31"));
    assert_eq!(sier(&made, UTLEIE, Behovsmal::Venter), 5);
    assert_eq!(sier(&made, UTLEIE, Behovsmal::Uavgjort), 0);
    assert_eq!(
        sier(&made, Tildelingstype::Midlertidig, Behovsmal::Ledige),
        5
    );
    assert_eq!((made.uten_boligsak, made.uten_boligsak_over_tre), (5, 0));
    // 3 dwellings, 30 days each, at 280 kroner: 90 days, 25 200 kroner.
    let waiting = Tomgangsarsak::VenterTildeling;
    let days = made.tomgang.iter().find(|sum| sum.arsak() == waiting);
    assert_eq!((days.unwrap().dager, made.tomgangskostnad_tusen), (90, 25));
    let refused = kall!(
        &store,
        hos(ENHET, "b1"),
        rpc::publiser,
        publisering("2026-10")
    );
    assert_eq!(feil(refused), ["FEILGRUNN_KONFLIKT"]);
    let ended = "2026-10-20".parse::<Dag>().unwrap().start();
    let late = hendelse("OppholdAvsluttet", &person(10), &opphold_id(0), ended);
    hor(&store, late).await;
    let read = publisert(&store, "2026-10").await.unwrap();
    assert_eq!(read.publisert_behov, Some(made));
}

async fn what_cannot_be_asked_for_is_said(database: Database) {
    let store = lager(&database).await;
    for (parent, dag, expected) in [
        ("", "", "parent FELT_MANGLER"),
        ("enheter/rop", "", "parent FELT_FORM"),
        (KONTORET, "i går", "dag FELT_FORM"),
        (KONTORET, "2026-10-01", "dag FELT_FORM"),
        (KONTORET, "2027-01-01", "dag FELT_FORM"),
    ] {
        let request = HentBehovsoversiktRequest {
            parent: parent.into(),
            dag: dag.into(),
        };
        let read = store.read(hos("rop", "r1"), move |tx| rpc::hent(tx, request).boxed());
        assert_eq!(feil(read.await), [expected], "{parent} {dag}");
    }
    for (maned, expected) in [("", "maned FELT_MANGLER"), ("2026", "maned FELT_FORM")] {
        let refused = kall!(&store, hos(ENHET, "b1"), rpc::publiser, publisering(maned));
        assert_eq!(feil(refused), [expected]);
        assert_eq!(feil(publisert(&store, maned).await), [expected]);
    }
    // Before there was anything: nothing, in every cell.
    let empty = oversikt(&store, "2020-01-31").await;
    assert_eq!((empty.celler.len(), empty.kommende.len()), (36, 12));
    assert!(empty.celler.iter().all(|cell| cell.antall == 0));
    assert!(empty.tomgang.is_empty() && empty.beholdning.len() == 4);
}
