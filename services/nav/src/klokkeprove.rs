//! The clock of stays: past three months by an exception alone, and over the
//! stays of all units.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use futures::FutureExt as _;
use samspor_chassis::{
    error::Error,
    params,
    store::Store,
    testing::{Database, TestCall, request_id},
};
use samspor_proto::{
    felles::Rolle,
    nav::{ForlengOppholdRequest, HentOppholdRequest, InnvilgBotilbudRequest, Opphold},
};

use crate::{
    ENHET, botilbud,
    nattprove::{innvilg, kontanter},
    opphold,
    oppholdprove::{avslutt, far_seng, forleng, oppholdene, unntak},
    prove::{
        P, apne, avslag, behov, botilbudene, hendelser, hos, kall, klokka, meldt, oppgaver,
        plassen, tick,
    },
};

samspor_chassis::on_both_databases! {
    past_three_months_it_takes_an_exception,
    an_exception_goes_with_the_clock,
    another_units_stay_does_not_break_the_clock,
    three_months_of_two_stays_at_once_are_told_once,
    three_months_told_of_one_unit_are_not_told_of_another_later,
}

/// The day by which three months have passed needs none; the day after does,
/// however it is granted, and the reason given with it suffices.
///
/// Seen red: with `unnta` that asks for no reason and keeps none; with the clock
/// of three months set anew when the stay is prolonged; with three months asked
/// about under an exception.
async fn past_three_months_it_takes_an_exception(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let place = plassen(&store, "A").await;
    let name = meldt(&store, P, "n1").await;
    for request in [
        innvilg(&name, &place, "2027-02-03"),
        kontanter(&name, "2027-02-03"),
    ] {
        let refusal = avslag!(store, hos(ENHET, "n2"), botilbud::rpc::innvilg, request);
        assert_eq!(refusal.felt[0].felt, "unntak_begrunnelse");
    }
    // A reason that is not needed is no exception.
    let request = InnvilgBotilbudRequest {
        unntak_begrunnelse: "For sikkerhets skyld".into(),
        ..innvilg(&name, &place, "2027-02-02")
    };
    kall!(store, hos(ENHET, "n2"), botilbud::rpc::innvilg, request).unwrap();
    let stay = oppholdene(&store).await.remove(0);
    assert_eq!((&*stay.innvilget_til, stay.unntak.len()), ("2027-02-02", 0));

    klokka(&database, "2027-01-20T09:00:00Z");
    tick(&store).await;
    assert!(
        oppgaver(&store, "nav")
            .await
            .contains(&"TRE_MANEDER".to_owned())
    );
    let longer = || forleng(&stay.name, "2027-02-03");
    let refusal = avslag!(store, hos(ENHET, "n2"), opphold::rpc::forleng, longer());
    assert_eq!(refusal.felt[0].felt, "unntak_begrunnelse");
    assert_eq!(oppholdene(&store).await[0].etag, stay.etag);
    let request = ForlengOppholdRequest {
        unntak_begrunnelse: "Boligen er forsinket".into(),
        ..longer()
    };
    kall!(store, hos(ENHET, "n2"), opphold::rpc::forleng, request).unwrap();
    let found = oppholdene(&store).await.remove(0);
    let [given] = &found.unntak[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (&*given.begrunnelse, &*given.til),
        ("Boligen er forsinket", "2027-02-03")
    );
    assert!(given.gitt.is_some() && given.hjemmel.is_some() && given.gitt_av.is_some());
    assert_eq!(found.forlengelser[0].begrunnelse, "Venter på bolig");
    let told = hendelser(&store, "nav").await;
    assert!(told.contains(&"UnntakInnvilget".to_owned()), "{told:?}");
    // Nor is it warned of a second time.
    tick(&store).await;
    let tasks = oppgaver(&store, "nav").await;
    assert!(!tasks.contains(&"TRE_MANEDER".to_owned()), "{tasks:?}");
    // What an exception covers is prolonged without another.
    let request = unntak(&stay.name, "2027-02-20");
    kall!(store, hos(ENHET, "n2"), opphold::rpc::unntak, request).unwrap();
    let request = forleng(&stay.name, "2027-02-20");
    kall!(store, hos(ENHET, "n2"), opphold::rpc::forleng, request).unwrap();
    // Three months pass under an exception: told, and nothing is asked anew.
    klokka(&database, "2027-02-05T09:00:00Z");
    tick(&store).await;
    let told = hendelser(&store, "nav").await;
    assert!(
        told.contains(&"OppholdOverTreManeder".to_owned()),
        "{told:?}"
    );
    let tasks = oppgaver(&store, "nav").await;
    assert!(!tasks.contains(&"TRE_MANEDER".to_owned()), "{tasks:?}");
    klokka(&database, "2027-02-21T09:00:00Z");
    tick(&store).await;
    let tasks = oppgaver(&store, "nav").await;
    assert!(tasks.contains(&"UNNTAK_UTLOPER".to_owned()), "{tasks:?}");

    // Tonight, with the clock of a stay that has ended: the reason, and a bed.
    let end = avslutt(&stay.name);
    kall!(store, hos(ENHET, "n1"), opphold::rpc::avslutt, end).unwrap();
    klokka(&database, "2027-02-23T20:00:00Z");
    let name = meldt(&store, P, "n1").await;
    let mut tonight = innvilg(&name, &place, "2027-02-23");
    let refusal = avslag!(
        store,
        hos(ENHET, "n2"),
        botilbud::rpc::innvilg,
        tonight.clone()
    );
    assert_eq!(refusal.felt[0].felt, "unntak_begrunnelse");
    "Ingen bolig i natt".clone_into(&mut tonight.unntak_begrunnelse);
    kall!(store, hos(ENHET, "n2"), botilbud::rpc::innvilg, tonight).unwrap();
    let newest = oppholdene(&store).await.remove(0);
    assert_eq!(
        (&*newest.klokke_fra, &*newest.unntak[0].til),
        ("2026-11-02", "2027-02-23")
    );
}

/// Who comes back within the break needs no new exception where one holds.
///
/// Seen red: with an exception that ends with its stay.
async fn an_exception_goes_with_the_clock(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let place = plassen(&store, "A").await;
    far_seng(&store, &place, "2027-02-02").await;
    let first = oppholdene(&store).await.remove(0);
    klokka(&database, "2027-01-25T09:00:00Z");
    for til in ["2027-02-04", "2027-03-10"] {
        let request = unntak(&first.name, til);
        kall!(store, hos(ENHET, "n2"), opphold::rpc::unntak, request).unwrap();
    }
    klokka(&database, "2027-02-05T09:00:00Z");
    let end = avslutt(&first.name);
    kall!(store, hos(ENHET, "n1"), opphold::rpc::avslutt, end).unwrap();
    klokka(&database, "2027-02-07T20:00:00Z");
    far_seng(&store, &place, "2027-03-10").await;
    let next = oppholdene(&store).await.remove(0);
    let [held] = &next.unntak[..] else {
        panic!("{next:?}")
    };
    assert_eq!(held.til, "2027-03-10");
    // And its end is warned of in the stay that it covers now.
    klokka(&database, "2027-03-09T09:00:00Z");
    tick(&store).await;
    let tasks = oppgaver(&store, "nav").await;
    assert!(tasks.contains(&"UNNTAK_UTLOPER".to_owned()), "{tasks:?}");
}

/// A stay of another unit begins now, of a person who is hidden from nav.
pub(crate) async fn hos_rop(store: &Store, plass: &str, til: &str) -> Opphold {
    let call = TestCall::new("legevakt")
        .rolle(Rolle::Inntak)
        .with(|permit| permit.mandaterte = vec!["rop".into()])
        .build();
    kall!(store, call, botilbud::rpc::meld, behov(P)).unwrap();
    let name = botilbudene(store, P).await[0].name.clone();
    let request = innvilg(&name, plass, til);
    kall!(store, hos("rop", "r2"), botilbud::rpc::innvilg, request).unwrap();
    oppholdene(store).await.remove(0)
}

/// The clock is the person's, whichever unit has the stay.
///
/// Seen red: with the latest stay alone; with those of nav alone; with the name
/// of another unit's stay.
async fn another_units_stay_does_not_break_the_clock(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let place = plassen(&store, "A").await;
    far_seng(&store, &place, "2026-12-20").await;
    let first = oppholdene(&store).await.remove(0);
    klokka(&database, "2026-11-10T09:00:00Z");
    let end = avslutt(&first.name);
    kall!(store, hos(ENHET, "n1"), opphold::rpc::avslutt, end).unwrap();
    klokka(&database, "2026-11-12T09:00:00Z");
    let second = hos_rop(&store, &place, "2026-12-20").await;
    assert_eq!(second.ansvarlig_enhet, "enheter/rop");
    klokka(&database, "2026-11-25T09:00:00Z");
    let end = avslutt(&second.name);
    kall!(store, hos("rop", "r1"), opphold::rpc::avslutt, end).unwrap();
    klokka(&database, "2026-11-28T09:00:00Z");
    far_seng(&store, &place, "2026-12-20").await;
    let third = oppholdene(&store).await.remove(0);
    // Begun beside one that goes on.
    let fourth = hos_rop(&store, &place, "2026-12-20").await;
    // The clock is the person's; the name of what another unit has is not told.
    for stay in [&second, &third, &fourth] {
        assert_eq!((&*stay.klokke_fra, &*stay.fortsetter), ("2026-11-02", ""));
    }
    // The one that began last ended long ago; the one beside it did not.
    let end = avslutt(&fourth.name);
    kall!(store, hos("rop", "r1"), opphold::rpc::avslutt, end).unwrap();
    klokka(&database, "2026-12-09T09:00:00Z");
    let end = avslutt(&third.name);
    kall!(store, hos(ENHET, "n1"), opphold::rpc::avslutt, end).unwrap();
    klokka(&database, "2026-12-10T09:00:00Z");
    far_seng(&store, &place, "2026-12-20").await;
    let fifth = oppholdene(&store).await.remove(0);
    assert_eq!(
        (&*fifth.klokke_fra, &fifth.fortsetter),
        ("2026-11-02", &third.name)
    );
    let told = hendelser(&store, "boligkontor").await;
    let begun = told.iter().filter(|kind| *kind == "OppholdStartet").count();
    assert_eq!(begun, 1, "{told:?}");
}

/// Two units have a stay each when the clock passes three months: each hears of
/// its own, and who counts and who raises an avvik of the first, whichever is
/// looked at before the other.
///
/// Seen red: with each stay told of to all; with the stay told of that is looked
/// at first; with a stay told of when another is looked at, and by itself.
async fn three_months_of_two_stays_at_once_are_told_once(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let place = plassen(&store, "A").await;
    let first = hos_rop(&store, &place, "2027-02-02").await;
    klokka(&database, "2026-11-20T09:00:00Z");
    far_seng(&store, &place, "2027-02-02").await;
    let second = oppholdene(&store).await.remove(0);
    assert_eq!(second.klokke_fra, first.klokke_fra);
    klokka(&database, "2027-02-03T09:00:00Z");
    let name = second.name.clone();
    let id = request_id();
    let looked = store.write(hos(ENHET, "n1"), &id, move |tx| {
        async move {
            opphold::over_tre_maneder(tx, &name).await?;
            Ok::<_, Error>(HentOppholdRequest::default())
        }
        .boxed()
    });
    looked.await.unwrap();
    tick(&store).await;
    for unit in ["nav", "rop", "boligkontor", "avvik"] {
        let about = if unit == "nav" { &second } else { &first };
        let told = om(&store, unit, "OppholdOverTreManeder").await;
        assert_eq!(told, [about.name.as_str()], "{unit}");
    }
    for stay in oppholdene(&store).await {
        assert!(stay.over_tre_maneder, "{}", stay.name);
    }
    // Each asks of its own unit what is to be done.
    for unit in ["nav", "rop"] {
        let tasks = oppgaver(&store, unit).await;
        assert!(
            tasks.contains(&"TRE_MANEDER".to_owned()),
            "{unit} {tasks:?}"
        );
    }
}

/// A stay that ended before the clock passed three months goes on after it has
/// passed in another unit's: its own unit hears of it then, and nobody else anew.
///
/// Seen red: with who counts told of each.
async fn three_months_told_of_one_unit_are_not_told_of_another_later(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let place = plassen(&store, "A").await;
    let first = hos_rop(&store, &place, "2027-02-02").await;
    klokka(&database, "2026-11-20T09:00:00Z");
    far_seng(&store, &place, "2027-02-02").await;
    let second = oppholdene(&store).await.remove(0);
    klokka(&database, "2027-01-31T09:00:00Z");
    let end = avslutt(&second.name);
    kall!(store, hos(ENHET, "n1"), opphold::rpc::avslutt, end).unwrap();
    klokka(&database, "2027-02-03T09:00:00Z");
    tick(&store).await;
    let asked = meldt(&store, P, "n1").await;
    let request = InnvilgBotilbudRequest {
        unntak_begrunnelse: "Boligen er forsinket".into(),
        ..innvilg(&asked, &place, "2027-02-20")
    };
    kall!(store, hos(ENHET, "n2"), botilbud::rpc::innvilg, request).unwrap();
    let third = oppholdene(&store).await.remove(0);
    assert_eq!(third.fortsetter, second.name);
    tick(&store).await;
    for unit in ["nav", "rop", "boligkontor", "avvik"] {
        let about = if unit == "nav" { &third } else { &first };
        let told = om(&store, unit, "OppholdOverTreManeder").await;
        assert_eq!(told, [about.name.as_str()], "{unit}");
    }
}

/// What the events of a type that a unit hears are about.
async fn om(store: &Store, enhet: &str, type_: &str) -> Vec<String> {
    let sql = "SELECT h.post FROM chassis_hendelse_mottaker m \
               JOIN chassis_hendelse h ON h.nr = m.hendelse WHERE m.mottaker = $1 \
               AND h.type = $2 ORDER BY m.hendelse";
    let mut tx = store.begin_read(hos(ENHET, "n9")).await.unwrap();
    let rows: Vec<(String,)> = tx.all(sql, params![enhet, type_]).await.unwrap();
    rows.into_iter().map(|(post,)| post).collect()
}
