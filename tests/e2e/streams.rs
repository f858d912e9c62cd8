//! Streams: what opening one leaves behind, and what ends it.

use std::{sync::Arc, time::Duration};

use samspor::{desk::Desk, mesh::citizen};
use samspor_chassis::testing::{START, TestClock};
use samspor_proto::{
    felles::{Feilgrunn, Periode, Rolle},
    gateway::*,
    hendelse::{FolgRequest, FolgResponse},
    internt::Loggtype,
    koordinering::*,
    rop::*,
    tilgang::{Dataklasse, Formal},
};
use sqlx::Executor as _;
use tonic::{Code, Streaming};

use crate::scene::{NUMBERS, Scene, framed, ok, reason, refused, request_id};

pub const FOLG: &str = "hendelse.v1.HendelseService/Folg";

pub fn follow(person: &str) -> FolgRequest {
    FolgRequest {
        parent: person.to_owned(),
        tjeneste: "koordinering".to_owned(),
        fra: None,
    }
}

/// Why a stream ended.
pub async fn ended(stream: &mut Streaming<FolgResponse>) -> tonic::Status {
    let end = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without saying why"),
                Err(status) => return status,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), end)
        .await
        .expect("the stream is still open")
}

/// That somebody follows a person is told to the person, also when nothing
/// happens meanwhile; and what cannot be logged is not opened.
///
/// Seen red: with rows for batches of messages alone.
#[tokio::test(flavor = "multi_thread")]
async fn to_follow_is_a_disclosure() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let herself = scene.person_desk(&person).await;
    let mut database = scene.database("gateway").await;
    database.execute("BEGIN IMMEDIATE").await.unwrap();
    let closed = herself.stream::<_, FolgResponse>(FOLG, follow(&person));
    let status = closed.await.unwrap_err();
    assert_eq!(reason(&status), Some(Feilgrunn::Utilgjengelig));
    database.execute("ROLLBACK").await.unwrap();

    let stream = herself.stream::<_, FolgResponse>(FOLG, follow(&person));
    let stream = stream.await.unwrap();
    let log = scene.log().await;
    let row = log.last().unwrap();
    assert!(row.metode.ends_with(FOLG), "{row:?}");
    assert_eq!(row.r#type(), Loggtype::Innsyn);
    assert!(!row.personkode.is_empty());
    drop(stream);
}

/// A consent that ends by itself ends what it opened: by the clock, or by what
/// koordinering tells of it, whichever comes first.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_consent_that_opened_it() {
    let clock = Arc::new(TestClock::new(START));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let person = scene.person(NUMBERS[0]).await;
    let herself = scene.person_desk(&person).await;
    ok::<_, GiSamtykkeResponse>(
        &herself,
        "koordinering.v1.SamtykkeService/GiSamtykke",
        consent(&scene, &person, Duration::from_mins(10)),
    )
    .await;
    let follower = follower(&scene).await;
    let stream = follower.stream::<_, FolgResponse>(FOLG, follow(&person));
    let mut stream = stream.await.unwrap();
    clock.advance(Duration::from_mins(10));
    let status = ended(&mut stream).await;
    assert_eq!(reason(&status), Some(Feilgrunn::RettOpphort));
    let again = follower.stream::<_, FolgResponse>(FOLG, follow(&person));
    assert_eq!(again.await.unwrap_err().code(), Code::NotFound);
}

/// The same by the gateway's clock alone, when koordinering can tell nothing.
///
/// Seen red: without looking at when the first fact ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_by_the_clock_when_nobody_tells_of_it() {
    let clock = Arc::new(TestClock::new(START));
    let mut scene = Scene::on(clock.clone(), |_| {}).await;
    let person = scene.person(NUMBERS[0]).await;
    let herself = scene.person_desk(&person).await;
    ok::<_, GiSamtykkeResponse>(
        &herself,
        "koordinering.v1.SamtykkeService/GiSamtykke",
        consent(&scene, &person, Duration::from_mins(10)),
    )
    .await;
    let of_rop = FolgRequest {
        tjeneste: "rop".to_owned(),
        ..follow(&person)
    };
    let follower = follower(&scene).await;
    let stream = follower.stream::<_, FolgResponse>(FOLG, of_rop);
    let mut stream = stream.await.unwrap();
    scene.mesh.stop_service("koordinering").await;
    clock.advance(Duration::from_mins(10));
    let status = ended(&mut stream).await;
    assert_eq!(reason(&status), Some(Feilgrunn::RettOpphort));
}

/// Somebody who follows and takes nothing is given up, and told so with the
/// last word. The reader's window has room for no message, until it is opened.
///
/// Seen red: without a patience.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stalls_is_given_up() {
    let clock = Arc::new(TestClock::new(START));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let person = scene.person(NUMBERS[0]).await;
    let herself = scene.person_desk(&person).await;
    for _ in 0..4 {
        ok::<_, GiSamtykkeResponse>(
            &herself,
            "koordinering.v1.SamtykkeService/GiSamtykke",
            consent(&scene, &person, Duration::from_hours(24)),
        )
        .await;
    }

    let tcp = tokio::net::TcpStream::connect(scene.mesh.addr).await;
    let mut client = h2::client::Builder::new();
    let client = client.initial_window_size(0).handshake(tcp.unwrap());
    let (mut client, mut connection) = client.await.unwrap();
    let (open, opened) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        tokio::select! {
            _ = &mut connection => return,
            _ = opened => connection.set_initial_window_size(65_535).unwrap(),
        }
        let _ = connection.await;
    });
    let claims = citizen(person.trim_start_matches("personer/"));
    let token = scene.mesh.token(&claims).unwrap();
    let request = http::Request::post(format!("http://gateway/samspor.{FOLG}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .header("x-samspor-formaal", "INNSYN")
        .body(())
        .unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    let since = FolgRequest {
        fra: Some(START.to_proto()),
        ..follow(&person)
    };
    body.send_data(framed(&since), true).unwrap();
    let mut messages = answer.await.unwrap().into_body();

    // Until the gateway has given up, which its log tells.
    let given_up = async {
        loop {
            let log = scene.log().await;
            if log.iter().any(|row| row.r#type() == Loggtype::Avslag) {
                break;
            }
            clock.advance(Duration::from_secs(10));
            let pause = Duration::from_millis(50);
            let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
        }
    };
    let given_up = tokio::time::timeout(Duration::from_mins(1), given_up);
    given_up.await.expect("it is waited for");
    open.send(()).unwrap();
    while let Some(chunk) = messages.data().await {
        let length = chunk.unwrap().len();
        messages.flow_control().release_capacity(length).unwrap();
    }
    let last = messages.trailers().await.unwrap().unwrap();
    assert_eq!(last.get("grpc-status").unwrap(), "4");
}

/// The unit that [`consent`] is for.
async fn follower(scene: &Scene) -> Desk {
    scene
        .desk("hjemmetjeneste", Rolle::Saksbehandler, Formal::Samordning)
        .await
}

pub fn consent(scene: &Scene, person: &str, lasts: Duration) -> GiSamtykkeRequest {
    GiSamtykkeRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        enhet: "enheter/hjemmetjeneste".to_owned(),
        rolle: Rolle::Saksbehandler.into(),
        klasser: vec![Dataklasse::Tjeneste.into(), Dataklasse::Funksjon.into()],
        formal: Formal::Samordning.into(),
        periode: Some(Periode {
            fra: None,
            til: Some(scene.mesh.now().plus(lasts).to_proto()),
        }),
        form: Samtykkeform::Digital.into(),
        innhentet: Some(scene.mesh.now().to_proto()),
        post: String::new(),
    }
}

/// A session of break-glass opens for its employee in the role in which it was
/// started and in no other; ended twice, it says in which state it is.
///
/// Seen red: with sessions bound to the employee alone.
#[tokio::test(flavor = "multi_thread")]
async fn break_glass_opens_in_its_own_role() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let plan = scene.journal(&case.person).await.plan;
    let read = "rop.v1.KriseplanService/HentKriseplan";
    let request = || HentKriseplanRequest { name: plan.clone() };
    let as_role = async |rolle| {
        let unit = "hjemmetjeneste";
        scene.desk_of(unit, "natt-1", rolle, Formal::Nodhjelp).await
    };
    let worker = as_role(Rolle::Miljo).await;
    let session = ok::<_, StartNodtilgangResponse>(
        &worker,
        "gateway.v1.NodtilgangService/StartNodtilgang",
        StartNodtilgangRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            begrunnelse: "Funnet bevisstløs på gata.".to_owned(),
            klasser: vec![
                Dataklasse::Tjeneste.into(),
                Dataklasse::Funksjon.into(),
                Dataklasse::Helse.into(),
            ],
            varighet_minutter: 30,
        },
    )
    .await
    .nodtilgang
    .unwrap();
    ok::<_, HentKriseplanResponse>(&worker, read, request()).await;
    let clinician = as_role(Rolle::Behandler).await;
    let status = refused::<_, HentKriseplanResponse>(&clinician, read, request()).await;
    assert_eq!(status.code(), Code::NotFound);

    let end = "gateway.v1.NodtilgangService/AvsluttNodtilgang";
    let request = || AvsluttNodtilgangRequest {
        name: session.name.clone(),
        request_id: request_id(),
    };
    ok::<_, AvsluttNodtilgangResponse>(&worker, end, request()).await;
    let status = refused::<_, AvsluttNodtilgangResponse>(&worker, end, request()).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigOvergang));
    assert!(status.message().contains("AVSLUTTET"), "{status:?}");
}
