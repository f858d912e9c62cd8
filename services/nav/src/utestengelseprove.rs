//! Bars: reviewed, complained of and ended, and told of where every provider bars
//! the person.

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
};
use samspor_proto::{
    felles::Feilgrunn,
    nav::{
        AvgjorUtestengelsesklageRequest, AvsluttPlassRequest, GjennomgaUtestengelseRequest,
        KlagUtestengelseRequest, Klageutfall, ListUtestengelserRequest,
        RegistrerUtestengelseRequest, Utestengelse, UtestengelseTilstand, Utestengelsessted,
    },
};

use crate::{
    ENHET, botilbud,
    nattprove::innvilg,
    plass,
    prove::{
        P, apne, avslag, hendelser, hjemmel, hos, kall, klokka, les, meldt, oppgaver, plassen, tick,
    },
    utestengelse,
};

samspor_chassis::on_both_databases! {
    barred_everywhere_is_told_until_it_is_not,
    a_bar_is_reviewed_complained_of_and_ends,
}

pub(crate) fn steng(leverandor: &str, til: &str) -> RegistrerUtestengelseRequest {
    RegistrerUtestengelseRequest {
        parent: P.into(),
        request_id: request_id(),
        sted: Utestengelsessted::Leverandor.into(),
        leverandor: leverandor.into(),
        arsak: "Truet en vakt".into(),
        fra: "2026-11-01".into(),
        til: til.into(),
        gjennomgang: "2026-11-20".into(),
        kontaktperson: "Kari i mottaket".into(),
        vakttelefon: "55 55 33 33".into(),
    }
}

pub(crate) async fn stengt(store: &Store, request: RegistrerUtestengelseRequest) -> Utestengelse {
    let made = kall!(store, hos(ENHET, "n1"), utestengelse::registrer, request);
    made.unwrap().utestengelse.unwrap()
}

pub(crate) async fn utestengelsene(store: &Store) -> Vec<Utestengelse> {
    let request = ListUtestengelserRequest {
        parent: P.into(),
        ..Default::default()
    };
    les!(store, utestengelse::list, request).utestengelser
}

/// Seen red: without the look when a place goes out of use.
async fn barred_everywhere_is_told_until_it_is_not(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let a = plassen(&store, "Hospits A").await;
    let b = plassen(&store, "Hospits B").await;
    let c = plassen(&store, "Camping C").await;
    let everywhere = async || {
        let tasks = oppgaver(&store, "nav").await;
        tasks.contains(&"STENGT_OVERALT".to_owned())
    };
    stengt(&store, steng("hospits a ", "2026-12-01")).await;
    let second = stengt(&store, steng("Hospits B", "2026-12-10")).await;
    assert!(!everywhere().await);
    let name = meldt(&store, P, "n1").await;
    for place in [&a, &b] {
        let request = innvilg(&name, place, "2026-11-30");
        let refusal = avslag!(store, hos(ENHET, "n2"), botilbud::rpc::innvilg, request);
        assert_eq!(refusal.felt[0].felt, "plass");
    }
    let end = AvsluttPlassRequest {
        name: c,
        request_id: request_id(),
    };
    kall!(store, hos(ENHET, "n1"), plass::avslutt, end).unwrap();
    assert!(everywhere().await, "the last that took the person is gone");
    let told = hendelser(&store, "nav").await;
    assert_eq!(
        told.iter()
            .filter(|kind| *kind == "StengtUteOveralt")
            .count(),
        1
    );
    klokka(&database, "2026-11-02T20:00:00Z");
    tick(&store).await;
    assert!(
        hendelser(&store, "nav")
            .await
            .contains(&"FristBrutt".to_owned())
    );
    // The first runs out by itself, and there is a bed.
    klokka(&database, "2026-12-02T09:00:00Z");
    tick(&store).await;
    assert!(!everywhere().await);
    let states: Vec<UtestengelseTilstand> = utestengelsene(&store)
        .await
        .iter()
        .map(Utestengelse::tilstand)
        .collect();
    assert_eq!(
        states,
        [UtestengelseTilstand::Gjelder, UtestengelseTilstand::Utlopt]
    );
    let request = innvilg(&name, &a, "2026-12-30");
    kall!(store, hos(ENHET, "n2"), botilbud::rpc::innvilg, request).unwrap();
    assert_eq!(second.tilstand(), UtestengelseTilstand::Gjelder);
}

async fn a_bar_is_reviewed_complained_of_and_ends(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    for (change, field) in [
        (
            RegistrerUtestengelseRequest {
                leverandor: String::new(),
                ..steng("", "2026-12-01")
            },
            "leverandor",
        ),
        (
            RegistrerUtestengelseRequest {
                fra: "2026-11-03".into(),
                ..steng("A", "2026-12-01")
            },
            "fra",
        ),
        (steng("A", "2026-11-01"), "til"),
        (
            RegistrerUtestengelseRequest {
                gjennomgang: "2026-12-02".into(),
                ..steng("A", "2026-12-01")
            },
            "gjennomgang",
        ),
        (
            RegistrerUtestengelseRequest {
                kontaktperson: " ".into(),
                ..steng("A", "2026-12-01")
            },
            "kontaktperson",
        ),
        (
            RegistrerUtestengelseRequest {
                vakttelefon: String::new(),
                ..steng("A", "2026-12-01")
            },
            "vakttelefon",
        ),
    ] {
        let refusal = avslag!(store, hos(ENHET, "n1"), utestengelse::registrer, change);
        assert_eq!(refusal.felt[0].felt, field);
    }
    let office = RegistrerUtestengelseRequest {
        sted: Utestengelsessted::Kontoret.into(),
        ..steng("", "2026-12-01")
    };
    let bar = stengt(&store, office).await;
    klokka(&database, "2026-11-21T09:00:00Z");
    tick(&store).await;
    assert_eq!(
        oppgaver(&store, "nav").await,
        ["UTESTENGELSE"],
        "nobody looked"
    );
    let look = |opphev, gjennomgang: &str| GjennomgaUtestengelseRequest {
        name: bar.name.clone(),
        request_id: request_id(),
        vurdering: "Rolig siden".into(),
        opphev,
        gjennomgang: gjennomgang.into(),
    };
    for wrong in ["2026-11-21", "2026-12-02"] {
        let refusal = avslag!(
            store,
            hos(ENHET, "n1"),
            utestengelse::gjennomga,
            look(false, wrong)
        );
        assert_eq!(refusal.felt[0].felt, "gjennomgang");
    }
    let request = look(false, "2026-11-28");
    kall!(store, hos(ENHET, "n1"), utestengelse::gjennomga, request).unwrap();
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());

    let complain = || KlagUtestengelseRequest {
        name: bar.name.clone(),
        request_id: request_id(),
        klage: "Det var ikke meg".into(),
    };
    let own = samspor_chassis::testing::TestCall::new("nav")
        .innbygger(&P[9..])
        .build();
    kall!(store, own, utestengelse::klag, complain()).unwrap();
    assert_eq!(oppgaver(&store, "nav").await, ["UTESTENGELSE_KLAGE"]);
    let refusal = avslag!(store, hos(ENHET, "n1"), utestengelse::klag, complain());
    assert_eq!(refusal.grunn, Feilgrunn::Konflikt);
    let decide = || AvgjorUtestengelsesklageRequest {
        name: bar.name.clone(),
        request_id: request_id(),
        utfall: Klageutfall::Medhold.into(),
        svar: "Det var en annen".into(),
        hjemmel: Some(hjemmel("§ 27")),
    };
    let refusal = avslag!(
        store,
        hos(ENHET, "n1"),
        utestengelse::avgjor_klage,
        decide()
    );
    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt, "who registered it");
    kall!(
        store,
        hos(ENHET, "n2"),
        utestengelse::avgjor_klage,
        decide()
    )
    .unwrap();
    assert_eq!(
        utestengelsene(&store).await[0].tilstand(),
        UtestengelseTilstand::Opphevet
    );
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
    let refusal = avslag!(
        store,
        hos(ENHET, "n1"),
        utestengelse::gjennomga,
        look(true, "")
    );
    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
}
