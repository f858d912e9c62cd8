//! A concern about a tenant whom nobody follows up and who is hidden from nav.

use std::{sync::Arc, time::Duration};

use samspor_chassis::testing::TestClock;
use samspor_proto::{
    boligkontor::*,
    felles::Rolle,
    hendelse::{AbonnerRequest, AbonnerResponse},
    tilgang::Formal,
};

use crate::{
    bolig_forlop::{boligsak, taken_in},
    scene::{NUMBERS, Scene, ok, request_id, strict},
};

const HELD: &str = "boligkontor.v1.ReservasjonService/";

/// The office lets a dwelling that it allocated itself; the dwelling's name.
async fn leid_ut(scene: &Scene, person: &str) -> String {
    let office = scene
        .desk("boligkontor", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let keeper = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let sak = boligsak::approved(scene, person, "boligkontor", &boligsak::SARPSBORG).await;
    let home = taken_in(&keeper, &[("A-1", "KOMMUNAL_UTLEIE")])
        .await
        .remove(0);
    let request = ReserverBoligRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        bolig: home.name.clone(),
        grunnlag: sak.name,
        begrunnelse: "Først i køen.".to_owned(),
        ..Default::default()
    };
    let held: ReserverBoligResponse = ok(&office, &format!("{HELD}ReserverBolig"), request).await;
    let held = held.reservasjon.unwrap();
    let request = TilbyBoligRequest {
        name: held.name,
        request_id: request_id(),
        etag: held.etag,
        svarfrist: None,
    };
    let offered: TilbyBoligResponse = ok(&office, &format!("{HELD}TilbyBolig"), request).await;
    let request = SvarTilbudRequest {
        name: offered.reservasjon.unwrap().name,
        request_id: request_id(),
        aksepterer: true,
        onske: String::new(),
    };
    let own = scene.person_desk(person).await;
    let yes: SvarTilbudResponse = ok(&own, &format!("{HELD}SvarTilbud"), request).await;
    let request = InngaKontraktRequest {
        name: yes.reservasjon.unwrap().name,
        request_id: request_id(),
        ..Default::default()
    };
    let method = "boligkontor.v1.LeieforholdService/InngaKontrakt";
    ok::<_, InngaKontraktResponse>(&keeper, method, request).await;
    home.name
}

/// The next event that a unit hears of a concern; none if it hears of none.
async fn om_bekymring(scene: &Scene, unit: &str, type_: &str) -> Option<String> {
    let desk = scene.desk(unit, Rolle::System, Formal::Ytelse).await;
    let request = AbonnerRequest {
        parent: format!("enheter/{unit}"),
        tjeneste: "boligkontor".to_owned(),
        etter: 0,
    };
    let method = "hendelse.v1.HendelseService/Abonner";
    let mut feed = desk
        .stream::<_, AbonnerResponse>(method, request)
        .await
        .unwrap();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(1), feed.message());
        let event = next.await.ok()?.unwrap()?.hendelse.unwrap();
        if event.r#type == type_ && event.post.contains("/bekymringer/") {
            return Some(event.post);
        }
    }
}

/// Nav, which would find the tenant a bed, hears of nothing; the office, which
/// still sees the tenant, hears that nobody saw to it.
///
/// Seen red: with the deadline of the units alone that were told.
#[tokio::test(flavor = "multi_thread")]
async fn a_concern_hidden_from_nav_is_not_left_in_silence() {
    let clock = Arc::new(TestClock::new("2026-11-23T09:00:00Z".parse().unwrap()));
    let scene = Scene::on(clock.clone(), |options| {
        options.kommune = "sarpsborg".to_owned();
    })
    .await;
    let person = scene.person(NUMBERS[0]).await;
    let home = leid_ut(&scene, &person).await;
    scene
        .protect("boligkontor", strict(&person, &["boligkontor"]))
        .await;
    let caretaker = scene
        .desk("boligkontor", Rolle::Inntak, Formal::Oppfolging)
        .await;
    let request = MeldBekymringRequest {
        name: home,
        request_id: request_id(),
        innhold: "Døren har stått åpen i tre dager".to_owned(),
    };
    let method = "boligkontor.v1.BekymringService/MeldBekymring";
    ok::<_, MeldBekymringResponse>(&caretaker, method, request).await;
    clock.set("2026-12-07T09:00:00Z".parse().unwrap());
    let office = om_bekymring(&scene, "boligkontor", "FristBrutt").await;
    assert!(office.is_some_and(|post| post.starts_with(&person)));
    for type_ in ["BekymringMottatt", "FristBrutt"] {
        assert_eq!(om_bekymring(&scene, "nav", type_).await, None, "{type_}");
    }
}
