//! Two gateways on one PostgreSQL database: what one has answered, the other
//! honours.

use std::{sync::Arc, time::Duration};

use samspor::{
    desk::Desk,
    mesh::{citizen, employee},
};
use samspor_chassis::{testing, tid::SystemClock};
use samspor_proto::{
    felles::Rolle, hendelse::FolgResponse, koordinering::*, rop::*, tilgang::Formal,
};
use tonic::Code;

use crate::{
    scene::{NUMBERS, Scene, ok, refused, request_id},
    streams::{FOLG, consent, follow},
};

const READ: &str = "rop.v1.KriseplanService/HentKriseplan";

async fn desk_at(scene: &Scene, gateway: usize, rolle: Rolle) -> Desk {
    let claims = employee("hjemmetjeneste", "hjemme-1", rolle);
    let desk = scene.mesh.desk_at(gateway, claims).await.unwrap();
    desk.with_purpose(Formal::Samordning)
}

/// A withdrawal that one gateway has answered holds at the other on the very
/// next call, a read or a stream: no poll lies between (I9).
///
/// Seen red: with the versions of the facts not checked by the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_answered_by_one_gateway_holds_at_the_other() {
    let Some(database) = testing::postgres() else {
        return;
    };
    let url = database.url().to_owned();
    let scene = Scene::on(Arc::new(SystemClock), |options| {
        options.databases.insert("gateway".to_owned(), url);
        options.gateways = 2;
    })
    .await;
    let case = scene.case(NUMBERS[0]).await;
    let plan = scene.journal(&case.person).await.plan;
    let request = || HentKriseplanRequest { name: plan.clone() };
    let id = case.person.trim_start_matches("personer/");
    let herself = scene.mesh.desk_at(0, citizen(id)).await.unwrap();
    let herself = herself.with_purpose(Formal::Innsyn);
    let near = desk_at(&scene, 0, Rolle::Saksbehandler).await;
    let far = desk_at(&scene, 1, Rolle::Saksbehandler).await;
    let mut stale = 0;
    for n in 0..20 {
        let consent = ok::<_, GiSamtykkeResponse>(
            &herself,
            "koordinering.v1.SamtykkeService/GiSamtykke",
            consent(&scene, &case.person, Duration::from_hours(24)),
        )
        .await
        .samtykke
        .unwrap();
        ok::<_, HentKriseplanResponse>(&near, READ, request()).await;
        // Permits may be late at the other, restrictions may not: wait for it.
        while far
            .call::<_, HentKriseplanResponse>(READ, request())
            .await
            .result
            .is_err()
        {
            tokio::task::yield_now().await;
        }
        ok::<_, TrekkSamtykkeResponse>(
            &herself,
            "koordinering.v1.SamtykkeService/TrekkSamtykke",
            TrekkSamtykkeRequest {
                name: consent.name,
                request_id: request_id(),
            },
        )
        .await;
        // What is asked first meets facts that the other has not yet forgotten.
        let follows = far.stream::<_, FolgResponse>(FOLG, follow(&case.person));
        if n % 2 == 0 {
            stale += usize::from(follows.await.is_ok());
        } else {
            let answer = far.call::<_, HentKriseplanResponse>(READ, request()).await;
            stale += usize::from(answer.result.is_ok());
        }
        let status = refused::<_, HentKriseplanResponse>(&near, READ, request()).await;
        assert_eq!(status.code(), Code::NotFound);
    }
    assert_eq!(stale, 0, "stale answers of 20");
}
