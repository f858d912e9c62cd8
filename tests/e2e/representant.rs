//! Who acts for the person, through the gateway.

use samspor_proto::{
    felles::{Hjemmel, Rolle},
    gateway::*,
    koordinering::*,
    tilgang::Formal,
};
use tonic::Code;

use crate::scene::{NUMBERS, Scene, ok, refused, request_id};

/// A representative objects for the person, and the log tells the person that
/// it was not the person, without telling who.
///
/// Seen red: with `representant` never set in the row.
#[tokio::test(flavor = "multi_thread")]
async fn a_representative_acts_and_the_log_says_so() {
    let scene = Scene::start().await;
    let person = scene.case(NUMBERS[0]).await.person;
    let verge = scene.person(NUMBERS[1]).await;
    let representative = scene.person_desk(&verge).await;
    let object = || RegistrerReservasjonRequest {
        parent: person.clone(),
        request_id: request_id(),
        mot: Some(registrer_reservasjon_request::Mot::Enhet(
            "enheter/nav".to_owned(),
        )),
        ..Default::default()
    };
    let method = "koordinering.v1.ReservasjonMotDelingService/RegistrerReservasjon";
    let before =
        refused::<_, RegistrerReservasjonResponse>(&representative, method, object()).await;
    assert_eq!(before.code(), Code::NotFound);

    let leader = scene
        .desk("koordinering", Rolle::Leder, Formal::Samordning)
        .await;
    ok::<_, RegistrerRepresentasjonResponse>(
        &leader,
        "koordinering.v1.RepresentasjonService/RegistrerRepresentasjon",
        RegistrerRepresentasjonRequest {
            parent: person.clone(),
            request_id: request_id(),
            representant: verge.clone(),
            grunnlag: Representasjonsgrunnlag::Vergemal.into(),
            hjemmel: Some(Hjemmel {
                lov: "vergemålsloven".to_owned(),
                paragraf: "§ 31".to_owned(),
            }),
            periode: None,
        },
    )
    .await;
    ok::<_, RegistrerReservasjonResponse>(&representative, method, object()).await;

    let herself = scene.person_desk(&person).await;
    let log = ok::<_, ListInnsynResponse>(
        &herself,
        "gateway.v1.InnsynsloggService/ListInnsyn",
        ListInnsynRequest {
            parent: person.clone(),
            page_size: 50,
            ..Default::default()
        },
    )
    .await
    .innsyn;
    let acted = |row: &&Innsyn| row.metode.ends_with("/RegistrerReservasjon") && !row.avslatt;
    let rows: Vec<&Innsyn> = log.iter().filter(acted).collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.representant));
    assert!(log.iter().any(|row| !row.representant));
    let id = verge.trim_start_matches("personer/");
    assert!(!format!("{:?}", scene.log().await).contains(id));
}
