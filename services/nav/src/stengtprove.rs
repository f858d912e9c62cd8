//! Who is barred from the bed that they have: no offer, told each night, and
//! counted with those who have none.

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
    testing::{Database, request_id},
};
use samspor_proto::nav::{
    AvslaBotilbudRequest, GjennomgaUtestengelseRequest, HentNattilbudRequest, IkkeKlartGrunn, Natt,
    Nattsvar, PubliserNattallRequest, RegistrerUtestengelseRequest, UtestengelseTilstand,
};

use crate::{
    ENHET, botilbud,
    klokkeprove::hos_rop,
    natt,
    nattprove::tall,
    opphold,
    oppholdprove::{avslutt, far_seng, flytt, forleng, oppholdene},
    prove::{P, apne, hendelser, hjemmel, hos, kall, klokka, les, meldt, oppgaver, plassen, tick},
    utestengelse,
    utestengelseprove::{steng, stengt, utestengelsene},
};

samspor_chassis::on_both_databases! {
    who_is_barred_from_where_they_stay_has_no_offer_there,
    nights_barred_are_those_between_the_bar_and_what_ends_it,
    nights_barred_are_counted_once_and_told_until_they_end,
    a_bar_from_another_units_stay_is_counted_there,
}

/// Seen red: with a stay that is an offer whoever bars the person; with a task
/// that outlives the move.
async fn who_is_barred_from_where_they_stay_has_no_offer_there(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let (a, b) = (plassen(&store, "A").await, plassen(&store, "B").await);
    far_seng(&store, &a, "2026-12-20").await;
    let stay = oppholdene(&store).await.remove(0);
    let state = async || {
        let request = HentNattilbudRequest { parent: P.into() };
        let found = les!(store, natt::hent_tilbud, request).nattilbud.unwrap();
        let asked = oppgaver(&store, "nav").await;
        (found.svar(), asked.contains(&"FOR_NATTEN".to_owned()))
    };
    assert_eq!(state().await, (Nattsvar::Tilbud, false));
    let bar = stengt(&store, steng("a ", "2026-12-01")).await;
    assert_eq!(state().await, (Nattsvar::Utestengt, true));
    // The same day; and it waits on.
    klokka(&database, "2026-11-02T20:00:00Z");
    tick(&store).await;
    let told = hendelser(&store, "nav").await;
    assert!(told.contains(&"FristBrutt".to_owned()), "{told:?}");
    assert_eq!(state().await, (Nattsvar::Utestengt, true));
    let move_on = flytt(&stay.name, &b);
    kall!(
        store,
        hos(ENHET, "n1"),
        opphold::rpc::flytt_navngitt,
        move_on
    )
    .unwrap();
    assert_eq!(state().await, (Nattsvar::Tilbud, false));
    // Barred there too, and lifted again.
    stengt(&store, steng("B", "2026-11-20")).await;
    assert_eq!(state().await, (Nattsvar::Utestengt, true));
    klokka(&database, "2026-11-21T09:00:00Z");
    tick(&store).await;
    assert_eq!(state().await, (Nattsvar::Tilbud, false));
    assert_eq!(bar.leverandor, "a");
    let end = avslutt(&stay.name);
    kall!(store, hos(ENHET, "n1"), opphold::rpc::avslutt, end).unwrap();
    assert_eq!(state().await, (Nattsvar::IngenForesporsel, false));
}

/// The nights of a unit, with those whose request had no outcome, for whose
/// request there was no bed, and who were barred from theirs.
async fn netter(store: &Store, enhet: &str, til: &str) -> Vec<(String, [i32; 3])> {
    let found = tall(store, enhet, "2026-10-20", til).await;
    let nights = found.netter.into_iter();
    let counted = |night: Natt| [night.uten_utfall, night.ikke_klart, night.utestengt];
    nights
        .map(|night| (night.natt.clone(), counted(night)))
        .collect()
}

fn barred(nights: &[&str]) -> Vec<(String, [i32; 3])> {
    let one = |night: &&str| ((*night).to_owned(), [0, 0, 1]);
    nights.iter().map(one).collect()
}

/// One who has stayed at a place since that day is barred from it: by bars of
/// (registered, first day, last day), lifted then; and the nights of it, before
/// the stay ends and after, before the clocks of the bars were seen to and after.
///
/// Seen red: with bars from when they were registered alone; from before the
/// person stayed there; as far back as anybody says; with a bar that counts until
/// somebody sees that it has ended; with nights that are forgotten with the stay.
async fn nights_barred_are_those_between_the_bar_and_what_ends_it(database: Database) {
    type Bar = (&'static str, &'static str, &'static str);
    let day: Bar = ("2026-11-03T09:00:00Z", "2026-11-03", "2026-12-01");
    let store = apne(&database).await;
    klokka(&database, "2026-10-20T09:00:00Z");
    let place = plassen(&store, "A").await;
    for (stays, bars, lifted, nights) in [
        (
            "2026-11-02",
            vec![day],
            "",
            vec!["2026-11-03", "2026-11-04", "2026-11-05"],
        ),
        // Registered the day after; and said to be older than the stay.
        (
            "2026-11-03",
            vec![("2026-11-04T09:00:00Z", "2026-11-03", "2026-11-04")],
            "",
            vec!["2026-11-03", "2026-11-04"],
        ),
        (
            "2026-11-04",
            vec![("2026-11-05T09:00:00Z", "2026-11-01", "2026-12-01")],
            "",
            vec!["2026-11-04", "2026-11-05"],
        ),
        // As late as a request for a bed may be registered, 144 hours.
        (
            "2026-10-20",
            vec![("2026-11-03T09:00:00Z", "2026-10-21", "2026-11-03")],
            "",
            vec![
                "2026-10-28",
                "2026-10-29",
                "2026-10-30",
                "2026-10-31",
                "2026-11-01",
                "2026-11-02",
                "2026-11-03",
            ],
        ),
        // Sent away at two in the night.
        (
            "2026-11-02",
            vec![("2026-11-04T01:00:00Z", "2026-11-04", "2026-11-04")],
            "",
            vec!["2026-11-03", "2026-11-04"],
        ),
        (
            "2026-11-02",
            vec![("2026-11-04T01:00:00Z", "2026-11-04", "2026-12-01")],
            "2026-11-04T01:30:00Z",
            vec![],
        ),
        (
            "2026-11-02",
            vec![day],
            "2026-11-04T21:00:00Z",
            vec!["2026-11-03"],
        ),
        // Of two bars a night is one.
        (
            "2026-11-02",
            vec![
                ("2026-11-03T09:00:00Z", "2026-11-03", "2026-11-03"),
                ("2026-11-03T10:00:00Z", "2026-11-02", "2026-11-05"),
            ],
            "",
            vec!["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05"],
        ),
    ] {
        klokka(&database, &format!("{stays}T09:00:00Z"));
        far_seng(&store, &place, "2026-12-20").await;
        let stay = oppholdene(&store).await.remove(0);
        let mut last = None;
        for (at, fra, til) in &bars {
            klokka(&database, at);
            let request = RegistrerUtestengelseRequest {
                fra: (*fra).into(),
                gjennomgang: (*til).into(),
                ..steng("A", til)
            };
            last = Some(stengt(&store, request).await);
        }
        if !lifted.is_empty() {
            klokka(&database, lifted);
            loft(&store, &last.unwrap().name).await;
        }
        klokka(&database, "2026-11-06T09:00:00Z");
        let expected = barred(&nights);
        let case = format!("{stays} {bars:?} {lifted}");
        assert_eq!(
            netter(&store, ENHET, "2026-11-05").await,
            expected,
            "{case}"
        );
        tick(&store).await;
        assert_eq!(
            netter(&store, ENHET, "2026-11-05").await,
            expected,
            "seen to: {case}"
        );
        let end = avslutt(&stay.name);
        kall!(store, hos(ENHET, "n1"), opphold::rpc::avslutt, end).unwrap();
        assert_eq!(
            netter(&store, ENHET, "2026-11-05").await,
            expected,
            "ended: {case}"
        );
        glem(&store).await;
    }
}

/// The next case begins with nobody barred and no night counted.
async fn glem(store: &Store) {
    for bar in utestengelsene(store).await {
        if bar.tilstand() == UtestengelseTilstand::Gjelder {
            loft(store, &bar.name).await;
        }
    }
    let id = request_id();
    let forget = store.write(hos(ENHET, "n1"), &id, move |tx| {
        async move {
            tx.execute("DELETE FROM natt_stengt WHERE enhet = $1", params![ENHET])
                .await?;
            Ok::<_, Error>(HentNattilbudRequest::default())
        }
        .boxed()
    });
    forget.await.unwrap();
}

async fn loft(store: &Store, name: &str) {
    let request = GjennomgaUtestengelseRequest {
        name: name.into(),
        request_id: request_id(),
        vurdering: "Rolig siden".into(),
        opphev: true,
        ..Default::default()
    };
    kall!(store, hos(ENHET, "n1"), utestengelse::gjennomga, request).unwrap();
}

/// A week of somebody who is barred from the own bed, also past what was granted:
/// told each night, one night each whatever else is asked for, and published as
/// any other. And a bar that ran out while nobody was there.
///
/// Seen red: without the clock of the next night; with a night of the bar beside
/// that of the request; with a stay whose nights end with what was granted; with
/// a refusal that hides the bar.
async fn nights_barred_are_counted_once_and_told_until_they_end(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let (a, b) = (plassen(&store, "A").await, plassen(&store, "B").await);
    far_seng(&store, &a, "2026-11-04").await;
    let stay = oppholdene(&store).await.remove(0);
    stengt(&store, steng("A", "2026-12-01")).await;
    let tonight = async || {
        let request = HentNattilbudRequest { parent: P.into() };
        les!(store, natt::hent_tilbud, request)
            .nattilbud
            .unwrap()
            .svar()
    };
    let broken = async || {
        let told = hendelser(&store, "avvik").await;
        told.iter().filter(|kind| *kind == "FristBrutt").count()
    };
    // The evening of the day, and then each night.
    for (at, told) in [
        ("2026-11-02T19:30:00Z", 1),
        ("2026-11-02T22:30:00Z", 2),
        ("2026-11-03T22:30:00Z", 3),
    ] {
        klokka(&database, at);
        tick(&store).await;
        assert_eq!(broken().await, told, "{at}");
        assert_eq!(tonight().await, Nattsvar::Utestengt, "{at}");
    }
    klokka(&database, "2026-11-05T12:00:00Z");
    assert_eq!(tonight().await, Nattsvar::Utestengt, "whatever was granted");
    let name = meldt(&store, P, "n1").await;
    assert_eq!(tonight().await, Nattsvar::Venter);
    klokka(&database, "2026-11-06T09:00:00Z");
    tick(&store).await;
    let mut expected = barred(&[
        "2026-11-01",
        "2026-11-02",
        "2026-11-03",
        "2026-11-04",
        "2026-11-05",
    ]);
    expected.remove(0);
    expected[3].1 = [1, 0, 0];
    assert_eq!(netter(&store, ENHET, "2026-11-05").await, expected);
    let refuse = AvslaBotilbudRequest {
        name,
        request_id: request_id(),
        begrunnelse: "Har en seng".into(),
        hjemmel: Some(hjemmel("§ 27")),
    };
    kall!(store, hos(ENHET, "n2"), botilbud::rpc::avsla, refuse).unwrap();
    assert_eq!(
        tonight().await,
        Nattsvar::Utestengt,
        "a refusal leaves it so"
    );
    klokka(&database, "2026-11-07T09:00:00Z");
    let move_on = flytt(&stay.name, &b);
    kall!(
        store,
        hos(ENHET, "n1"),
        opphold::rpc::flytt_navngitt,
        move_on
    )
    .unwrap();
    let longer = forleng(&stay.name, "2026-12-20");
    kall!(store, hos(ENHET, "n2"), opphold::rpc::forleng, longer).unwrap();
    let told = broken().await;
    klokka(&database, "2026-11-10T09:00:00Z");
    tick(&store).await;
    assert_eq!((tonight().await, broken().await), (Nattsvar::Tilbud, told));
    expected.extend(barred(&["2026-11-06"]));
    assert_eq!(netter(&store, ENHET, "2026-11-09").await, expected);
    // Barred there for three days, and nobody looks for ten.
    let short = RegistrerUtestengelseRequest {
        fra: "2026-11-10".into(),
        gjennomgang: "2026-11-12".into(),
        ..steng("B", "2026-11-12")
    };
    stengt(&store, short).await;
    klokka(&database, "2026-11-20T09:00:00Z");
    expected.extend(barred(&["2026-11-10", "2026-11-11", "2026-11-12"]));
    assert_eq!(tonight().await, Nattsvar::Tilbud);
    assert_eq!(netter(&store, ENHET, "2026-11-19").await, expected);
    tick(&store).await;
    assert_eq!(tonight().await, Nattsvar::Tilbud);
    assert_eq!(netter(&store, ENHET, "2026-11-19").await, expected);
    let found = tall(&store, ENHET, "2026-11-02", "2026-11-19").await;
    let of = |reason: IkkeKlartGrunn| {
        let line = found.grunner.iter().find(|line| line.grunn() == reason);
        line.unwrap().netter
    };
    assert_eq!((found.netter_uten, found.personer), (8, 1));
    assert_eq!(
        (
            of(IkkeKlartGrunn::Utestengt),
            of(IkkeKlartGrunn::Unspecified)
        ),
        (7, 1)
    );
    // A month that is over counts them too: eight nights, rounded to ten.
    klokka(&database, "2026-12-01T09:00:00Z");
    let publish = PubliserNattallRequest {
        parent: "enheter/nav".into(),
        request_id: request_id(),
        maned: "2026-11".into(),
    };
    let told = kall!(store, hos(ENHET, "n1"), natt::publiser, publish).unwrap();
    assert_eq!(told.publisert_nattall.unwrap().netter_uten, 10);
}

/// Seen red: with every unit's stays.
async fn a_bar_from_another_units_stay_is_counted_there(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let place = plassen(&store, "A").await;
    let stay = hos_rop(&store, &place, "2026-12-20").await;
    stengt(&store, steng("A", "2026-12-01")).await;
    for ended in [false, true] {
        klokka(&database, "2026-11-04T09:00:00Z");
        if ended {
            let end = avslutt(&stay.name);
            kall!(store, hos("rop", "r1"), opphold::rpc::avslutt, end).unwrap();
        }
        let nights = barred(&["2026-11-02", "2026-11-03"]);
        assert_eq!(netter(&store, "rop", "2026-11-03").await, nights);
        assert_eq!(netter(&store, ENHET, "2026-11-03").await, []);
    }
}
