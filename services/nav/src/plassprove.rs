//! What is known of places, and what may be granted there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{
    felles::Feilgrunn,
    nav::{
        AvsluttPlassRequest, InnvilgBotilbudRequest, KontrollerPlassRequest, Kvalitetssvar,
        ListPlasserRequest,
    },
};

use crate::{
    ENHET,
    botilbud::rpc,
    nattprove::{innvilg, kontanter},
    plass,
    prove::{P, apne, avslag, hos, kall, klokka, les, meldt, ny_plass, sjekkliste},
};

samspor_chassis::on_both_databases! {
    a_place_is_asked_about,
}

/// Which checklist is refused, and what is wrong with it.
async fn a_place_is_asked_about(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-23T09:00:00Z");
    let mut short = ny_plass("Hospitset", Kvalitetssvar::Ja);
    short.kvalitet.pop();
    let mut twice = ny_plass("Hospitset", Kvalitetssvar::Ja);
    twice.kvalitet.push(twice.kvalitet[0].clone());
    let mut ahead = ny_plass("Hospitset", Kvalitetssvar::Ja);
    ahead.kontrollert = "2026-11-24".into();
    let mut dear = ny_plass("Hospitset", Kvalitetssvar::Ja);
    dear.pris_ore = -1;
    for (request, field) in [
        (short, "kvalitet"),
        (twice, "kvalitet[6].punkt"),
        (ahead, "kontrollert"),
        (dear, "pris_ore"),
    ] {
        let refusal = avslag!(store, hos(ENHET, "n1"), plass::registrer, request);
        assert_eq!(refusal.felt[0].felt, field);
    }
    let other = ny_plass("Hospitset", Kvalitetssvar::Ja);
    let refusal = avslag!(store, hos("rop", "r1"), plass::registrer, other);
    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);

    let unknown = ny_plass("Campingen", Kvalitetssvar::Ukjent);
    let made = kall!(store, hos(ENHET, "n1"), plass::registrer, unknown).unwrap();
    let place = made.plass.unwrap().name;
    let name = meldt(&store, P, "n1").await;
    let grant = || innvilg(&name, &place, "2026-11-30");
    let refusal = avslag!(store, hos(ENHET, "n2"), rpc::innvilg, grant());
    assert_eq!(refusal.felt[0].felt, "kvalitet_begrunnelse");
    let look = KontrollerPlassRequest {
        name: place.clone(),
        request_id: request_id(),
        kvalitet: sjekkliste(Kvalitetssvar::Ja),
        kontrollert: "2026-11-23".into(),
        pris_ore: 50_000,
    };
    kall!(store, hos(ENHET, "n1"), plass::kontroller, look).unwrap();
    let end = AvsluttPlassRequest {
        name: place.clone(),
        request_id: request_id(),
    };
    kall!(store, hos(ENHET, "n1"), plass::avslutt, end).unwrap();
    for wrong in [place.as_str(), "enheter/nav/plasser/x", "plasser/x"] {
        let refusal = avslag!(
            store,
            hos(ENHET, "n2"),
            rpc::innvilg,
            innvilg(&name, wrong, "2026-11-30")
        );
        assert_eq!(refusal.felt[0].felt, "plass", "{wrong}");
    }
    let listed = ListPlasserRequest {
        parent: "enheter/nav".into(),
        ..Default::default()
    };
    assert_eq!(les!(store, plass::list, listed).plasser, []);
    for (change, field) in [
        (kontanter(&name, "2026-11-22"), "til"),
        (
            InnvilgBotilbudRequest {
                belop_ore: 0,
                ..kontanter(&name, "2026-11-24")
            },
            "belop_ore",
        ),
        (innvilg(&name, "", "2026-11-24"), "plass"),
    ] {
        let refusal = avslag!(store, hos(ENHET, "n2"), rpc::innvilg, change);
        assert_eq!(refusal.felt[0].felt, field);
    }
}
