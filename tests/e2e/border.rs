//! What a caller may bring, and what is refused at the border.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes_of::Raw;
use samspor_chassis::{
    testing::{START, TestClock},
    tid::{Clock as _, SystemClock},
};
use samspor_proto::{
    bestillerkontor::{HentVedtakRequest, HentVedtakResponse},
    felles::{Faktum, Faktumtype, Feilgrunn, Part, Rolle, part},
    hendelse::FolgResponse,
    koordinering::{
        ForeslaVernRequest, ForeslaVernResponse, SikrePersonRequest, SikrePersonResponse, Verntype,
    },
    rop::{TildelBehandlerRequest, TildelBehandlerResponse},
    tilgang::Formal,
};
use sqlx::Executor as _;
use tonic::{Code, Request, client::Grpc, metadata::MetadataValue};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};

use crate::{
    scene::{NUMBERS, Scene, basis, framed, ok, reason, refused, request_id},
    streams::{FOLG, ended, follow},
};

mod bytes_of {
    //! A message given as its bytes, to send what no generated type would.

    /// One field of raw bytes: encodes as exactly those bytes.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Raw(pub Vec<u8>);

    impl prost::Message for Raw {
        fn encode_raw(&self, buf: &mut impl prost::bytes::BufMut) {
            buf.put_slice(&self.0);
        }
        fn merge_field(
            &mut self,
            _: u32,
            _: prost::encoding::WireType,
            _: &mut impl prost::bytes::Buf,
            _: prost::encoding::DecodeContext,
        ) -> Result<(), prost::DecodeError> {
            Ok(())
        }
        fn encoded_len(&self) -> usize {
            self.0.len()
        }
        fn clear(&mut self) {
            self.0.clear();
        }
    }
}

const SIKRE: &str = "koordinering.v1.PersonService/SikrePerson";

fn sikre() -> SikrePersonRequest {
    SikrePersonRequest {
        request_id: request_id(),
        fodselsnummer: NUMBERS[0].to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn purpose_role_and_unit_must_be_known() {
    let scene = Scene::start().await;
    let desk = scene
        .desk("bestillerkontor", Rolle::Saksbehandler, Formal::Unspecified)
        .await;
    let status = refused::<_, SikrePersonResponse>(&desk, SIKRE, sikre()).await;
    assert_eq!(reason(&status), Some(Feilgrunn::FormalMangler));
    assert!(
        status.message().contains("SAKSBEHANDLING"),
        "names what is valid: {}",
        status.message()
    );
    let desk = desk.with_purpose(Formal::Statistikk);
    let status = refused::<_, SikrePersonResponse>(&desk, SIKRE, sikre()).await;
    assert_eq!(reason(&status), Some(Feilgrunn::FormalIkkeTillatt));
    let unknown = scene
        .desk("skatteetaten", Rolle::Saksbehandler, Formal::Saksbehandling)
        .await;
    let status = refused::<_, SikrePersonResponse>(&unknown, SIKRE, sikre()).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UkjentAktor));
}

/// A unit that the municipality does not have is refused wherever it stands,
/// and so is a case reference that is none.
///
/// Seen red: with units taken as they came.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_unit_is_named_and_what_is_known_is_told() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let leader = scene
        .desk("koordinering", Rolle::Leder, Formal::Samordning)
        .await;
    let request = ForeslaVernRequest {
        parent: person,
        request_id: request_id(),
        r#type: Verntype::Sperring.into(),
        gjelder_enheter: vec!["enheter/rop".to_owned(), "enheter/navv".to_owned()],
        hjemmel: Some(samspor_proto::felles::Hjemmel {
            lov: "pasientjournalloven".to_owned(),
            paragraf: "§ 17".to_owned(),
        }),
        begrunnelse: "Personens eget ønske om sperring.".to_owned(),
        ..Default::default()
    };
    let method = "koordinering.v1.VernService/ForeslaVern";
    let status = refused::<_, ForeslaVernResponse>(&leader, method, request).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("gjelder_enheter[1]") && status.message().contains("boligkontor"),
        "{}",
        status.message()
    );
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await
        .with_case("01819010001");
    let rows = scene.log().await.len();
    let status = refused::<_, SikrePersonResponse>(&desk, SIKRE, sikre()).await;
    assert!(status.message().contains("x-samspor-sak"), "{status:?}");
    let log = scene.log().await;
    assert!(log[rows..].iter().all(|row| row.sak.is_empty()));
}

/// Headers that only the mesh sets change nothing when a caller sends them.
#[tokio::test(flavor = "multi_thread")]
async fn forged_internal_headers_open_nothing() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let token = scene
        .mesh
        .token(&samspor::mesh::employee(
            "hjemmetjeneste",
            "x",
            Rolle::Saksbehandler,
        ))
        .unwrap();
    let mut request = Request::new(HentVedtakRequest {
        name: case.vedtak.clone(),
        versjon: 0,
    });
    let metadata = request.metadata_mut();
    metadata.insert("authorization", format!("Bearer {token}").parse().unwrap());
    metadata.insert("x-samspor-formaal", "YTELSE".parse().unwrap());
    metadata.insert_bin("x-samspor-attest-bin", MetadataValue::from_bytes(&[7; 64]));
    metadata.insert_bin(
        "x-samspor-formaal-bin",
        MetadataValue::from_bytes(b"NODHJELP"),
    );
    metadata.insert("x-samspor-enhet", "rop".parse().unwrap());
    metadata.append("x-samspor-enhet", "bestillerkontor".parse().unwrap());
    let mut client = Grpc::new(scene.mesh.channel().await.unwrap());
    client.ready().await.unwrap();
    let path = "/samspor.bestillerkontor.v1.VedtakService/HentVedtak"
        .parse()
        .unwrap();
    let codec = ProstCodec::<HentVedtakRequest, HentVedtakResponse>::default();
    let status = client.unary(request, path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

/// A service answers nobody but the gateway, whatever the caller holds (I2).
#[tokio::test(flavor = "multi_thread")]
async fn a_direct_call_to_a_service_is_refused() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let addr = scene.mesh.service_addr("bestillerkontor").unwrap();
    let token = scene
        .mesh
        .token(&samspor::mesh::employee(
            "bestillerkontor",
            "x",
            Rolle::Saksbehandler,
        ))
        .unwrap();
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{addr}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut request = Request::new(HentVedtakRequest {
        name: case.vedtak.clone(),
        versjon: 0,
    });
    request
        .metadata_mut()
        .insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
        .metadata_mut()
        .insert("x-samspor-formaal", "SAKSBEHANDLING".parse().unwrap());
    let mut client = Grpc::new(channel);
    client.ready().await.unwrap();
    let path = "/samspor.bestillerkontor.v1.VedtakService/HentVedtak"
        .parse()
        .unwrap();
    let codec = ProstCodec::<HentVedtakRequest, HentVedtakResponse>::default();
    let status = client.unary(request, path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

/// What cannot be read is refused before anything else happens.
#[tokio::test(flavor = "multi_thread")]
async fn broken_messages_are_refused() {
    let scene = Scene::start().await;
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let opprett = "bestillerkontor.v1.VedtakService/OpprettVedtak";
    // 100 deep: no contract nests so far, so it is refused where it leaves it.
    let mut deep = vec![0x1a, 0x00];
    for _ in 0..100 {
        let mut outer = vec![0x1a];
        prost::encoding::encode_varint(deep.len() as u64, &mut outer);
        outer.append(&mut deep);
        deep = outer;
    }
    // A length of 2 GiB with nothing behind it.
    let huge = vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x41];
    let unknown = vec![0xfa, 0x3e, 0x01, 0x41];
    for (bytes, what) in [
        (deep, "100 deep"),
        (huge, "2 GiB"),
        (unknown, "unknown field"),
        (vec![0xff; 12], "noise"),
    ] {
        let status = refused::<_, Raw>(&desk, opprett, Raw(bytes)).await;
        assert_eq!(
            status.code(),
            Code::InvalidArgument,
            "{what}: {}",
            status.message()
        );
    }
    let large = refused::<_, Raw>(&desk, opprett, Raw(vec![0x0a; 5 * 1024 * 1024])).await;
    assert_eq!(reason(&large), Some(Feilgrunn::MeldingForStor), "{large:?}");
    let status = refused::<_, Raw>(
        &desk,
        "bestillerkontor.v1.VedtakService/Finnes",
        Raw(vec![]),
    )
    .await;
    assert_eq!(reason(&status), Some(Feilgrunn::UkjentMetode));
    let status = refused::<_, Raw>(&desk, "hendelse.v1.HendelseService/Fakta", Raw(vec![])).await;
    assert_eq!(
        status.code(),
        Code::Unimplemented,
        "the fact feed is not for callers"
    );
}

/// A deadline that has passed is said to have, and a service that is down is
/// named; the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_is_named_and_the_others_go_on() {
    let mut scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let hent = "bestillerkontor.v1.VedtakService/HentVedtak";
    let request = || HentVedtakRequest {
        name: case.vedtak.clone(),
        versjon: 0,
    };
    ok::<_, HentVedtakResponse>(&desk, hent, request()).await;
    scene.mesh.stop_service("bestillerkontor").await;
    let status = refused::<_, HentVedtakResponse>(&desk, hent, request()).await;
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::Unavailable, Some(Feilgrunn::Utilgjengelig))
    );
    assert!(
        status.message().contains("bestillerkontor"),
        "{}",
        status.message()
    );
    ok::<_, SikrePersonResponse>(&desk, SIKRE, sikre()).await;

    // Nor does a gateway that starts now wait for it.
    scene.mesh.restart_gateway().await.unwrap();
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    ok::<_, SikrePersonResponse>(&desk, SIKRE, sikre()).await;
    let status = refused::<_, HentVedtakResponse>(&desk, hent, request()).await;
    assert_eq!(status.code(), Code::Unavailable);
}

/// A fact that a service may not state closes that service's writes and nothing
/// else, also for a gateway that starts on it.
///
/// Seen red: with a gateway that waits for the whole feed.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_fact_closes_the_service_that_states_it() {
    const TILDEL: &str = "rop.v1.BehandlingService/TildelBehandler";
    let mut scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let assign = |ansatt: &str| TildelBehandlerRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        ansatt: ansatt.to_owned(),
        hjemmel: Some(basis("§ 3-2")),
    };
    let leader = scene.desk("rop", Rolle::Leder, Formal::Ytelse).await;
    ok::<_, TildelBehandlerResponse>(&leader, TILDEL, assign("rop-a")).await;
    let fact = Faktum {
        id: "wrong".to_owned(),
        subjekt: case.person.trim_start_matches("personer/").to_owned(),
        part: Some(Part {
            hvem: Some(part::Hvem::Enhet("nav".to_owned())),
        }),
        r#type: Faktumtype::Samtykke.into(),
        ..Faktum::default()
    };
    let fact = BASE64_STANDARD.encode(prost::Message::encode_to_vec(&fact));
    let mut rop = scene.database("rop").await;
    rop.execute("UPDATE chassis_sekvens SET nr = nr + 1 WHERE navn = 'faktum'")
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO chassis_faktum (nr, faktum, traceparent) \
         SELECT nr, $1, '' FROM chassis_sekvens WHERE navn = 'faktum'",
    )
    .bind(fact)
    .execute(&mut rop)
    .await
    .unwrap();
    let restarted = tokio::time::timeout(Duration::from_secs(20), scene.mesh.restart_gateway());
    restarted.await.expect("it waits for the feed").unwrap();

    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    ok::<_, SikrePersonResponse>(&desk, SIKRE, sikre()).await;
    let leader = scene.desk("rop", Rolle::Leder, Formal::Ytelse).await;
    let status = refused::<_, TildelBehandlerResponse>(&leader, TILDEL, assign("rop-b")).await;
    assert_eq!(
        reason(&status),
        Some(Feilgrunn::Utilgjengelig),
        "{status:?}"
    );
    assert!(status.message().contains("rop"), "{status:?}");
}

/// A gateway that stops takes no new call, ends streams with its own word, and
/// lets what was begun come to its end.
///
/// Seen red: with streams that do not hear of it, and without a drain.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_loses_nothing() {
    let mut scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let herself = scene.person_desk(&person).await;
    let stream = herself.stream::<_, FolgResponse>(FOLG, follow(&person));
    let mut stream = stream.await.unwrap();
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let mut database = scene.database("koordinering").await;
    database.execute("BEGIN IMMEDIATE").await.unwrap();
    let begun = tokio::spawn(async move {
        let request = SikrePersonRequest {
            fodselsnummer: NUMBERS[1].to_owned(),
            ..sikre()
        };
        desk.call::<_, SikrePersonResponse>(SIKRE, request).await
    });
    let pause = || tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>());
    let _ = pause().await;
    let freed = async {
        let _ = pause().await;
        database.execute("ROLLBACK").await.unwrap();
    };
    let (restarted, ()) = tokio::join!(scene.mesh.restart_gateway(), freed);
    restarted.unwrap();
    begun.await.unwrap().result.unwrap();
    let status = ended(&mut stream).await;
    assert_eq!(reason(&status), Some(Feilgrunn::Utilgjengelig));
    assert!(status.message().contains("gateway"), "{status:?}");
}

/// The contracts are told to anybody where configuration says so, and else to
/// nobody.
///
/// Seen red: with reflection always on.
#[tokio::test(flavor = "multi_thread")]
async fn reflection_is_a_choice_of_configuration() {
    for chosen in [true, false] {
        let scene = Scene::on(Arc::new(SystemClock), |options| {
            options.reflection = chosen;
        })
        .await;
        let channel = scene.mesh.channel().await.unwrap();
        let mut client = ServerReflectionClient::new(channel);
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let answered = client.server_reflection_info(tokio_stream::once(request));
        let answered = match answered.await {
            Ok(answers) => answers.into_inner().message().await,
            Err(status) => Err(status),
        };
        if chosen {
            let listed = format!("{:?}", answered.unwrap());
            assert!(listed.contains("samspor.rop.v1.JournalService"), "{listed}");
        } else {
            assert_eq!(answered.unwrap_err().code(), Code::Unimplemented);
        }
    }
}

/// A request of a caseworker of bestillerkontor, with its token and purpose.
fn signed<Q>(scene: &Scene, message: Q) -> Request<Q> {
    let claims = samspor::mesh::employee("bestillerkontor", "x", Rolle::Saksbehandler);
    let token = scene.mesh.token(&claims).unwrap();
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert("authorization", format!("Bearer {token}").parse().unwrap());
    metadata.insert("x-samspor-formaal", "SAKSBEHANDLING".parse().unwrap());
    request
}

/// The head of a [`sikre`] over bare HTTP/2, so that no client's own clock
/// answers first: the answer that is waited for, and where the body goes.
async fn bare(
    scene: &Scene,
    timeout: &str,
) -> (
    h2::client::ResponseFuture,
    h2::SendStream<prost::bytes::Bytes>,
) {
    let tcp = tokio::net::TcpStream::connect(scene.mesh.addr).await;
    let (mut client, connection) = h2::client::handshake(tcp.unwrap()).await.unwrap();
    tokio::spawn(connection);
    let mut request = http::Request::post(format!("http://gateway/samspor.{SIKRE}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(())
        .unwrap();
    let headers = signed(scene, ()).metadata().clone().into_headers();
    request.headers_mut().extend(headers);
    client.send_request(request, false).unwrap()
}

/// A caller that is let in and then sends nothing is not waited for.
///
/// Seen red: without a patience.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_comes_is_given_up() {
    let clock = Arc::new(TestClock::new(START));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let (answer, _body) = bare(&scene, "30S").await;
    let mut answer = std::pin::pin!(answer);
    let answer = loop {
        let pause = tokio::time::timeout(Duration::from_millis(50), &mut answer);
        if let Ok(answer) = pause.await {
            break answer.unwrap();
        }
        // Its head may not have come yet when the clock goes on.
        assert!(
            clock.now().since(START) < Duration::from_mins(10),
            "it is waited for"
        );
        clock.advance(Duration::from_secs(10));
    };
    assert_eq!(answer.headers().get("grpc-status").unwrap(), "4");
}

/// A message that is announced with 2 GiB is refused before any of it came.
///
/// Seen red: with a limit of 4 GiB.
#[tokio::test(flavor = "multi_thread")]
async fn two_gibibytes_are_not_waited_for() {
    let scene = Scene::start().await;
    let (answer, mut body) = bare(&scene, "30S").await;
    let head = [0, 0x80, 0, 0, 0];
    body.send_data(head.to_vec().into(), false).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(5), answer).await;
    let answer = answer.expect("it is waited for").unwrap();
    assert_eq!(answer.headers().get("grpc-status").unwrap(), "3");
}

/// The gateway says itself that the deadline has passed, at once or while it
/// works.
///
/// Guards against a deadline that the server meets before the gateway does.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_has_passed_is_told() {
    let scene = Scene::start().await;
    let mut database = scene.database("koordinering").await;
    database.execute("BEGIN IMMEDIATE").await.unwrap();
    for left in ["0m", "1S"] {
        let (answer, mut body) = bare(&scene, left).await;
        // It may be answered already.
        let _ = body.send_data(framed(&sikre()), true);
        let answer = answer.await.unwrap();
        let code = answer.headers().get("grpc-status").unwrap();
        assert_eq!(code, "4", "{left}");
        let told = answer.headers().get("grpc-message").unwrap();
        assert!(told.to_str().unwrap().contains("request_id"), "{told:?}");
    }
    database.execute("ROLLBACK").await.unwrap();
}

/// Whoever is turned away is told so before anything of the request is read,
/// with the trace id of the answer.
///
/// Seen red: with answers of the border without their id.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_body_is_not_waited_for() {
    let scene = Scene::start().await;
    for (token, path) in [
        (None, SIKRE),
        (Some("Bearer x.y.z"), SIKRE),
        (None, "koordinering.v1.PersonService/Finnes"),
    ] {
        // A request whose body never comes.
        let mut request = Request::new(tokio_stream::pending::<Raw>());
        if let Some(token) = token {
            let token = token.parse().unwrap();
            request.metadata_mut().insert("authorization", token);
        }
        let mut client = Grpc::new(scene.mesh.channel().await.unwrap());
        client.ready().await.unwrap();
        let path = format!("/samspor.{path}").parse().unwrap();
        let codec = ProstCodec::<Raw, Raw>::default();
        let answer = client.client_streaming(request, path, codec);
        let answer = tokio::time::timeout(Duration::from_secs(5), answer).await;
        let status = answer.expect("the body is waited for").unwrap_err();
        assert!(
            matches!(status.code(), Code::Unauthenticated | Code::Unimplemented),
            "{status:?}"
        );
        let id = status.metadata().get("x-samspor-trace-id").unwrap();
        assert_eq!(id.len(), 32);
    }
    // So are answers that are made before the gateway's own.
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let large = refused::<_, Raw>(&desk, SIKRE, Raw(vec![0x0a; 5 * 1024 * 1024])).await;
    assert!(large.metadata().get("x-samspor-trace-id").is_some());
}
