//! Stays: one clock over all places, told of once, and never lapsed in silence.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use samspor_chassis::{
    store::Store,
    testing::{Database, request_id},
    tid::{Clock as _, Tid},
};
use samspor_proto::{
    felles::{Faktumtype, Feilgrunn},
    hendelse::Hendelse,
    nav::{
        AvsluttOppholdRequest, FlyttOppholdRequest, ForlengOppholdRequest, HentNattilbudRequest,
        InnvilgBotilbudRequest, InnvilgUnntakRequest, ListLopendeOppholdRequest,
        ListOppgaverRequest, ListOppholdRequest, Nattsvar, Oppgavetype, Opphold, OppholdTilstand,
        Videre,
    },
};

use crate::{
    ENHET, botilbud, natt,
    nattprove::innvilg,
    opphold,
    prove::{
        P, apne, avslag, hendelser, hjemmel, hos, kall, klokka, les, meldt, oppgaver, plassen,
        relasjoner, tick,
    },
};

samspor_chassis::on_both_databases! {
    the_clock_runs_over_places_providers_and_short_breaks,
    three_months_are_told_once_also_after_downtime,
    what_was_granted_does_not_run_out_in_silence,
    a_dwelling_asks_for_the_end_of_the_stay_that_runs,
}

/// A bed is granted on request, until that day.
pub(crate) async fn far_seng(store: &Store, plass: &str, til: &str) {
    let name = meldt(store, P, "n1").await;
    let request = innvilg(&name, plass, til);
    kall!(store, hos(ENHET, "n2"), botilbud::rpc::innvilg, request).unwrap();
}

pub(crate) async fn oppholdene(store: &Store) -> Vec<Opphold> {
    let request = ListOppholdRequest {
        parent: P.into(),
        ..Default::default()
    };
    les!(store, opphold::rpc::list, request).opphold
}

pub(crate) fn flytt(name: &str, plass: &str) -> FlyttOppholdRequest {
    FlyttOppholdRequest {
        name: name.into(),
        request_id: request_id(),
        plass: plass.into(),
        grunn: "Hospitset stenger".into(),
        ..Default::default()
    }
}

pub(crate) fn forleng(name: &str, til: &str) -> ForlengOppholdRequest {
    ForlengOppholdRequest {
        name: name.into(),
        request_id: request_id(),
        til: til.into(),
        begrunnelse: "Venter på bolig".into(),
        hjemmel: Some(hjemmel("§ 27")),
        ..Default::default()
    }
}

pub(crate) fn unntak(name: &str, til: &str) -> InnvilgUnntakRequest {
    InnvilgUnntakRequest {
        name: name.into(),
        request_id: request_id(),
        begrunnelse: "Boligen er klar i mars".into(),
        hjemmel: Some(hjemmel("§ 27")),
        til: til.into(),
    }
}

pub(crate) fn avslutt(name: &str) -> AvsluttOppholdRequest {
    AvsluttOppholdRequest {
        name: name.into(),
        request_id: request_id(),
        grunn: "Reiste".into(),
        videre: Videre::Familie.into(),
        videre_merknad: "Søsteren".into(),
    }
}

/// Seen red: with the clock from the first day of the new stay.
async fn the_clock_runs_over_places_providers_and_short_breaks(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let (a, b) = (plassen(&store, "A").await, plassen(&store, "B").await);
    far_seng(&store, &a, "2026-11-30").await;
    let [first] = &oppholdene(&store).await[..] else {
        panic!("one stay")
    };
    assert_eq!(
        relasjoner(&store, P).await,
        [Faktumtype::Botilbud, Faktumtype::Sak]
    );
    let refusal = avslag!(
        store,
        hos(ENHET, "n1"),
        opphold::rpc::flytt_navngitt,
        flytt(&first.name, &a)
    );
    assert_eq!(refusal.felt[0].felt, "plass", "where the person is");
    klokka(&database, "2026-11-10T09:00:00Z");
    kall!(
        store,
        hos(ENHET, "n1"),
        opphold::rpc::flytt_navngitt,
        flytt(&first.name, &b)
    )
    .unwrap();
    // Asked again while it runs: the same stay, in another place, for longer.
    klokka(&database, "2026-11-12T09:00:00Z");
    far_seng(&store, &a, "2026-12-20").await;
    let [moved] = &oppholdene(&store).await[..] else {
        panic!("the same stay")
    };
    let days: Vec<(&str, &str)> = moved
        .plasser
        .iter()
        .map(|place| (&*place.fra, &*place.til))
        .collect();
    let expected = [
        ("2026-11-02", "2026-11-09"),
        ("2026-11-10", "2026-11-11"),
        ("2026-11-12", ""),
    ];
    assert_eq!(days, expected);
    assert_eq!(
        (&*moved.klokke_fra, &*moved.innvilget_til),
        ("2026-11-02", "2026-12-20")
    );
    kall!(
        store,
        hos(ENHET, "n1"),
        opphold::rpc::avslutt,
        avslutt(&first.name)
    )
    .unwrap();
    let refusal = avslag!(
        store,
        hos(ENHET, "n1"),
        opphold::rpc::avslutt,
        avslutt(&first.name)
    );
    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
    assert_eq!(relasjoner(&store, P).await, [Faktumtype::Sak]);
    let told: Vec<String> = hendelser(&store, "boligkontor").await;
    assert_eq!(
        told,
        [
            "OppholdStartet",
            "OppholdFlyttet",
            "OppholdFlyttet",
            "OppholdAvsluttet"
        ]
    );

    // Six days away is no move; seven are.
    for (back, clock) in [
        ("2026-11-18T09:00:00Z", "2026-11-02"),
        ("2026-11-25T09:00:00Z", "2026-11-25"),
    ] {
        klokka(&database, back);
        far_seng(&store, &b, "2026-12-20").await;
        let newest = oppholdene(&store).await.remove(0);
        assert_eq!(newest.klokke_fra, clock);
        assert_eq!(newest.fortsetter.is_empty(), clock == "2026-11-25");
        // Who counts is told whether the clock goes on.
        let told = hendelser(&store, "boligkontor").await;
        let begun = match newest.fortsetter.is_empty() {
            true => "OppholdStartet",
            false => "OppholdFortsatt",
        };
        assert_eq!(told.last().map(String::as_str), Some(begun));
        kall!(
            store,
            hos(ENHET, "n1"),
            opphold::rpc::avslutt,
            avslutt(&newest.name)
        )
        .unwrap();
        assert_eq!(
            oppholdene(&store).await[0].tilstand(),
            OppholdTilstand::Avsluttet
        );
    }
}

/// Seen red: with a stay that goes on with the clock and forgets what was told.
async fn three_months_are_told_once_also_after_downtime(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let place = plassen(&store, "A").await;
    far_seng(&store, &place, "2027-02-02").await;
    let name = oppholdene(&store).await[0].name.clone();
    klokka(&database, "2027-01-19T09:00:00Z");
    tick(&store).await;
    let tasks = oppgaver(&store, "nav").await;
    assert!(
        tasks.contains(&"TRE_MANEDER".to_owned()),
        "two weeks before: {tasks:?}"
    );
    let over = async || {
        let told = hendelser(&store, "boligkontor").await;
        told.iter()
            .filter(|kind| *kind == "OppholdOverTreManeder")
            .count()
    };
    assert_eq!(over().await, 0);
    let refusal = avslag!(
        store,
        hos(ENHET, "n2"),
        opphold::rpc::unntak,
        unntak(&name, "2027-02-01")
    );
    assert_eq!(refusal.felt[0].felt, "til", "within the three months");

    // Nobody was there for a month.
    klokka(&database, "2027-03-05T09:00:00Z");
    tick(&store).await;
    tick(&store).await;
    assert_eq!(over().await, 1);
    assert!(oppholdene(&store).await[0].over_tre_maneder);
    kall!(
        store,
        hos(ENHET, "n2"),
        opphold::rpc::unntak,
        unntak(&name, "2027-04-15")
    )
    .unwrap();
    let tasks = oppgaver(&store, "nav").await;
    assert!(!tasks.contains(&"TRE_MANEDER".to_owned()), "{tasks:?}");
    klokka(&database, "2027-04-16T09:00:00Z");
    tick(&store).await;
    let tasks = oppgaver(&store, "nav").await;
    assert!(tasks.contains(&"UNNTAK_UTLOPER".to_owned()), "{tasks:?}");

    // A new stay that goes on with the clock does not tell it again.
    kall!(
        store,
        hos(ENHET, "n1"),
        opphold::rpc::avslutt,
        avslutt(&name)
    )
    .unwrap();
    klokka(&database, "2027-04-18T09:00:00Z");
    let asked = meldt(&store, P, "n1").await;
    let request = InnvilgBotilbudRequest {
        unntak_begrunnelse: "Boligen er forsinket".into(),
        ..innvilg(&asked, &place, "2027-06-30")
    };
    kall!(store, hos(ENHET, "n2"), botilbud::rpc::innvilg, request).unwrap();
    tick(&store).await;
    assert_eq!(over().await, 1);
    let newest = oppholdene(&store).await.remove(0);
    assert!(newest.over_tre_maneder && newest.klokke_fra == "2026-11-02");
    let tasks = oppgaver(&store, "nav").await;
    assert!(!tasks.contains(&"TRE_MANEDER".to_owned()), "{tasks:?}");
    let running = ListLopendeOppholdRequest {
        parent: "enheter/nav".into(),
        ..Default::default()
    };
    assert_eq!(
        les!(store, opphold::rpc::list_lopende, running)
            .opphold
            .len(),
        1
    );
}

async fn what_was_granted_does_not_run_out_in_silence(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let place = plassen(&store, "A").await;
    far_seng(&store, &place, "2026-11-09").await;
    let name = oppholdene(&store).await[0].name.clone();
    klokka(&database, "2026-11-08T09:00:00Z");
    tick(&store).await;
    assert_eq!(oppgaver(&store, "nav").await, ["OPPHOLD_UTLOPER"]);
    let refusal = avslag!(
        store,
        hos(ENHET, "n2"),
        opphold::rpc::forleng,
        forleng(&name, "2026-11-09")
    );
    assert_eq!(refusal.felt[0].felt, "til");
    kall!(
        store,
        hos(ENHET, "n2"),
        opphold::rpc::forleng,
        forleng(&name, "2026-11-12")
    )
    .unwrap();
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
    let longer = &oppholdene(&store).await[0].forlengelser;
    assert_eq!(
        (longer.len(), &*longer[0].begrunnelse),
        (1, "Venter på bolig")
    );
    let tonight = async || {
        let request = HentNattilbudRequest { parent: P.into() };
        les!(store, natt::hent_tilbud, request)
            .nattilbud
            .unwrap()
            .svar()
    };
    klokka(&database, "2026-11-12T20:00:00Z");
    assert_eq!(tonight().await, Nattsvar::Tilbud, "the last night");
    klokka(&database, "2026-11-13T09:00:00Z");
    tick(&store).await;
    assert_eq!(tonight().await, Nattsvar::IngenForesporsel);
    assert!(
        hendelser(&store, "nav")
            .await
            .contains(&"FristBrutt".to_owned())
    );
    assert_eq!(oppgaver(&store, "nav").await, ["OPPHOLD_UTLOPER"]);
    let refusal = avslag!(
        store,
        hos("rop", "r1"),
        opphold::rpc::avslutt,
        avslutt(&name)
    );
    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
    // Ended early, there is no bed whatever had been granted.
    kall!(
        store,
        hos(ENHET, "n2"),
        opphold::rpc::forleng,
        forleng(&name, "2026-12-12")
    )
    .unwrap();
    assert_eq!(tonight().await, Nattsvar::Tilbud);
    kall!(
        store,
        hos(ENHET, "n1"),
        opphold::rpc::avslutt,
        avslutt(&name)
    )
    .unwrap();
    assert_eq!(tonight().await, Nattsvar::IngenForesporsel);
}

/// Boligkontor tells that the person got a dwelling then.
async fn fikk_bolig(store: &Store, at: Tid) {
    let event = Hendelse {
        r#type: "BoligsakTildelt".into(),
        post: format!("{P}/boligsaker/0192f0a1-7b2c-7d3e-8f40-516273849506"),
        tid: Some(at.into()),
        ..Default::default()
    };
    let done: Result<_, samspor_chassis::error::Error> = store
        .write(hos(ENHET, "system"), &request_id(), move |tx| {
            crate::bolig::bruk(tx, event)
        })
        .await;
    done.unwrap();
}

/// Once however often it comes, of the stay that ran then alone, until it ends.
///
/// Seen red: with a dwelling from before the stay that asks too.
async fn a_dwelling_asks_for_the_end_of_the_stay_that_runs(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let before = database.clock().now();
    let a = plassen(&store, "A").await;
    klokka(&database, "2026-11-03T09:00:00Z");
    far_seng(&store, &a, "2026-11-30").await;
    let name = oppholdene(&store).await[0].name.clone();
    let asked = async || {
        let request = ListOppgaverRequest {
            parent: format!("enheter/{ENHET}"),
            r#type: Oppgavetype::AvsluttOpphold.into(),
            ..Default::default()
        };
        let list = les!(store, crate::innboks::list, request);
        let posts = list.oppgaver.into_iter().map(|task| task.post);
        posts.collect::<Vec<_>>()
    };
    // A dwelling from before the stay is not why it should end.
    fikk_bolig(&store, before).await;
    assert!(asked().await.is_empty());
    let now = database.clock().now();
    for _ in 0..2 {
        fikk_bolig(&store, now).await;
        assert_eq!(asked().await, std::slice::from_ref(&name));
    }
    kall!(
        store,
        hos(ENHET, "n1"),
        opphold::rpc::avslutt,
        avslutt(&name)
    )
    .unwrap();
    assert!(asked().await.is_empty());
    fikk_bolig(&store, now).await;
    assert!(asked().await.is_empty());
}
