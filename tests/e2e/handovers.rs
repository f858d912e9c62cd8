//! What one agency learns of another's work through its feed: nothing that is
//! hidden from it, and nothing less because something is.

use std::time::Duration;

use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    koordinering::*,
    rop::{ListOppgaverRequest, ListOppgaverResponse},
    tilgang::Formal,
};
use sqlx::Row as _;

use crate::scene::{NUMBERS, Scene, ok, reason, refused, request_id, seen, strict};

const HENT_VEDTAK: &str = "bestillerkontor.v1.VedtakService/HentVedtak";
const FORESLA: &str = "koordinering.v1.VernService/ForeslaVern";

/// Waits for what a consumer does in its own time.
pub async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(found) = look().await {
            return found;
        }
        let pause = tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>());
        pause.await.unwrap_err();
    }
    panic!("it did not happen");
}

/// An order about a person who is hidden from ROP comes between two others:
/// ROP's inbox holds the others.
///
/// Seen red: with a consumer that stops at a hole in the numbers.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_from_a_unit_does_not_hold_up_its_feed() {
    let scene = Scene::start().await;
    let hidden = scene.person(NUMBERS[1]).await;
    scene
        .protect(
            "koordinering",
            strict(&hidden, &["koordinering", "bestillerkontor"]),
        )
        .await;
    scene.decided(&hidden, &["rop", "bom"]).await;
    let open = scene.person(NUMBERS[0]).await;
    scene.decided(&open, &["rop", "bom"]).await;

    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let tasks = until(async || {
        let request = ListOppgaverRequest {
            parent: "enheter/rop".to_owned(),
            ..Default::default()
        };
        let listed =
            ok::<_, ListOppgaverResponse>(&rop, "rop.v1.InnboksService/ListOppgaver", request)
                .await;
        Some(listed.oppgaver).filter(|tasks| tasks.iter().any(|task| task.post.starts_with(&open)))
    })
    .await;
    assert!(!tasks.iter().any(|task| task.post.starts_with(&hidden)));
}

/// Koordinering knows which unit answers for each open need, from the
/// application on: a protection that would take the person from one of them is
/// refused.
///
/// Seen red: with the orderer as the owner of every event, and with
/// applications told to bestillerkontor alone.
#[tokio::test(flavor = "multi_thread")]
async fn no_protection_takes_a_person_from_who_answers_for_a_need() {
    let scene = Scene::start().await;
    let responsible = async |expected: &[&str]| {
        until(async || {
            let mut database = scene.database("koordinering").await;
            let rows = sqlx::query("SELECT DISTINCT enhet FROM ansvar ORDER BY enhet")
                .fetch_all(&mut database)
                .await
                .unwrap();
            let units: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            (units == expected).then_some(())
        })
        .await;
    };
    let person = scene.person(NUMBERS[0]).await;
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    ok::<_, MottaSoknadResponse>(
        &inntak,
        "bestillerkontor.v1.SoknadService/MottaSoknad",
        MottaSoknadRequest {
            parent: person.clone(),
            request_id: request_id(),
            eget_onske: "Faste folk.".to_owned(),
            gjelder: vec![Tjenestetype::RopOppfolging.into()],
            kanal: Kanal::Oppmote.into(),
            ..Default::default()
        },
    )
    .await;
    responsible(&["bestillerkontor"]).await;
    let mut database = scene.database("koordinering").await;
    let kept: i64 = sqlx::query("SELECT i_bruk FROM person")
        .fetch_one(&mut database)
        .await
        .unwrap()
        .get(0);
    assert_eq!(kept, 1, "the id is not purged while a case is open");

    let case = scene.case(NUMBERS[1]).await;
    responsible(&["bestillerkontor", "bom", "rop"]).await;
    let leader = scene
        .desk("bestillerkontor", Rolle::Leder, Formal::Sikkerhet)
        .await;
    let status = refused::<_, ForeslaVernResponse>(
        &leader,
        FORESLA,
        strict(&case.person, &["bestillerkontor", "bom"]),
    )
    .await;
    assert_eq!(reason(&status), Some(Feilgrunn::BehovUtenAnsvarlig));
    ok::<_, ForeslaVernResponse>(
        &leader,
        FORESLA,
        strict(&case.person, &["bestillerkontor", "bom", "rop"]),
    )
    .await;
}

/// Whoever may not know of the person does not receive the application: a unit
/// with mandate answers for it from its first instant, and works on it. The
/// receipt tells nothing.
///
/// Seen red: with an attestation that names no mandated units; with
/// bestillerkontor as the unit that receives everything.
#[tokio::test(flavor = "multi_thread")]
async fn intake_for_a_hidden_person_is_routed_to_who_sees_the_person() {
    const LIST: &str = "bestillerkontor.v1.SoknadService/ListEnhetensSoknader";
    let scene = Scene::start().await;
    let hidden = scene.person(NUMBERS[0]).await;
    scene
        .protect("koordinering", strict(&hidden, &["koordinering", "rop"]))
        .await;
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    let apply = |person: &str| MottaSoknadRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        eget_onske: "Et trygt sted i natt.".to_owned(),
        gjelder: vec![Tjenestetype::RopOppfolging.into()],
        kanal: Kanal::Telefon.into(),
        ..Default::default()
    };
    let motta = "bestillerkontor.v1.SoknadService/MottaSoknad";
    let open = scene.person(NUMBERS[1]).await;
    for person in [&hidden, &open] {
        let received = ok::<_, MottaSoknadResponse>(&inntak, motta, apply(person)).await;
        let receipt = received.kvittering.unwrap();
        assert_eq!(receipt.referanse.len(), "S-0123456789AB".len());
        assert!(receipt.mottatt.is_some());
    }

    let listed = async |unit: &str| {
        let desk = scene
            .desk(unit, Rolle::Saksbehandler, Formal::Saksbehandling)
            .await;
        let request = ListEnhetensSoknaderRequest {
            parent: format!("enheter/{unit}"),
            ..Default::default()
        };
        let listed = ok::<_, ListEnhetensSoknaderResponse>(&desk, LIST, request).await;
        (desk, listed.soknader)
    };
    let (_, ordinary) = listed("bestillerkontor").await;
    assert_eq!(ordinary.len(), 1);
    assert!(ordinary[0].name.starts_with(&open));
    let (rop, routed) = listed("rop").await;
    assert_eq!(routed.len(), 1);
    assert_eq!(routed[0].ansvarlig_enhet, "enheter/rop");
    assert_eq!(routed[0].eget_onske, "Et trygt sted i natt.");
    let begun = ok::<_, StartKartleggingResponse>(
        &rop,
        "bestillerkontor.v1.SoknadService/StartKartlegging",
        StartKartleggingRequest {
            name: routed[0].name.clone(),
            request_id: request_id(),
            ..Default::default()
        },
    )
    .await;
    assert!(begun.soknad.is_some());
    until(async || {
        let mut database = scene.database("koordinering").await;
        let rows = sqlx::query("SELECT enhet FROM ansvar ORDER BY enhet")
            .fetch_all(&mut database)
            .await
            .unwrap();
        let units: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        (units == ["bestillerkontor", "rop"]).then_some(())
    })
    .await;
}

/// To deliver on one vedtak opens that one.
///
/// Seen red: with delivery as a relation to all of the person's records.
#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_delivers_reads_no_other_vedtak() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let other = scene.decided(&case.person, &["hjemmetjeneste"]).await;
    let read = |name: &str| HentVedtakRequest {
        name: name.to_owned(),
        versjon: 0,
    };
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    ok::<_, HentVedtakResponse>(&bom, HENT_VEDTAK, read(&case.vedtak)).await;
    let hidden = refused::<_, HentVedtakResponse>(&bom, HENT_VEDTAK, read(&other)).await;
    let missing = format!(
        "{}/vedtak/00000000-0000-7000-8000-00000000dead",
        case.person
    );
    let missing = refused::<_, HentVedtakResponse>(&bom, HENT_VEDTAK, read(&missing)).await;
    assert_eq!(seen(&hidden), seen(&missing));
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    ok::<_, HentVedtakResponse>(&rop, HENT_VEDTAK, read(&other)).await;
}
