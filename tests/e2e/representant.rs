//! Who acts for the person, through the gateway.

use samspor_proto::{
    felles::{Hjemmel, Rolle},
    gateway::*,
    koordinering::*,
    tilgang::Formal,
};
use tonic::Code;

use crate::{
    sammenslaing::merge,
    scene::{NUMBERS, Scene, ok, refused, request_id},
};

/// A representative whom two registered objects for the person, also under the
/// id that remains; the log tells the person that it was not the person,
/// without telling who. The person sees who represents, and ends it.
///
/// Seen red: with `representant` never set in the row; with the mandates of one
/// id alone; with a person who may not know whom the own mandate names.
#[tokio::test(flavor = "multi_thread")]
async fn a_representative_acts_and_the_log_says_so() {
    let scene = Scene::start().await;
    let person = scene.case(NUMBERS[0]).await.person;
    let verge = scene.person(NUMBERS[1]).await;
    let representative = scene.person_desk(&verge).await;
    let object = |parent: &str| RegistrerReservasjonRequest {
        parent: parent.to_owned(),
        request_id: request_id(),
        mot: Some(registrer_reservasjon_request::Mot::Enhet(
            "enheter/nav".to_owned(),
        )),
        ..Default::default()
    };
    let method = "koordinering.v1.ReservasjonMotDelingService/RegistrerReservasjon";
    let before =
        refused::<_, RegistrerReservasjonResponse>(&representative, method, object(&person)).await;
    assert_eq!(before.code(), Code::NotFound);

    let index = async |rolle| scene.desk("koordinering", rolle, Formal::Samordning).await;
    let waits = ok::<_, RegistrerRepresentasjonResponse>(
        &index(Rolle::Leder).await,
        "koordinering.v1.RepresentasjonService/RegistrerRepresentasjon",
        RegistrerRepresentasjonRequest {
            parent: person.clone(),
            request_id: request_id(),
            representant: verge.clone(),
            grunnlag: Representasjonsgrunnlag::Fullmakt.into(),
            hjemmel: Some(Hjemmel {
                lov: "pasient- og brukerrettighetsloven".to_owned(),
                paragraf: "§ 3-1".to_owned(),
            }),
            periode: None,
        },
    )
    .await
    .representasjon
    .unwrap();
    let alone =
        refused::<_, RegistrerReservasjonResponse>(&representative, method, object(&person)).await;
    assert_eq!(alone.code(), Code::NotFound);
    ok::<_, BekreftRepresentasjonResponse>(
        &index(Rolle::Saksbehandler).await,
        "koordinering.v1.RepresentasjonService/BekreftRepresentasjon",
        BekreftRepresentasjonRequest {
            name: waits.name,
            request_id: request_id(),
            etag: waits.etag,
        },
    )
    .await;
    ok::<_, RegistrerReservasjonResponse>(&representative, method, object(&person)).await;

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

    let remains = scene.person(NUMBERS[2]).await;
    merge(&scene, &remains, &person).await;
    ok::<_, RegistrerReservasjonResponse>(&representative, method, object(&remains)).await;

    let mandates = ok::<_, ListRepresentasjonerResponse>(
        &herself,
        "koordinering.v1.RepresentasjonService/ListRepresentasjoner",
        ListRepresentasjonerRequest {
            parent: person.clone(),
            ..Default::default()
        },
    )
    .await
    .representasjoner;
    assert_eq!(mandates.len(), 1);
    assert_eq!(mandates[0].representant, verge);
    ok::<_, AvsluttRepresentasjonResponse>(
        &herself,
        "koordinering.v1.RepresentasjonService/AvsluttRepresentasjon",
        AvsluttRepresentasjonRequest {
            name: mandates[0].name.clone(),
            request_id: request_id(),
            etag: mandates[0].etag.clone(),
        },
    )
    .await;
    for id in [&person, &remains] {
        let after =
            refused::<_, RegistrerReservasjonResponse>(&representative, method, object(id)).await;
        assert_eq!(after.code(), Code::NotFound);
    }
    let id = verge.trim_start_matches("personer/");
    assert!(!format!("{:?}", scene.log().await).contains(id));
}
