//! What passes the border of a service, and what does not (I2).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderValue, Request};
use prost::Message as _;
use samspor_chassis::{attest, rpc::FAKTA_NR, tid::Clock as _};
use samspor_proto::{
    felles::Feilgrunn,
    gateway::{
        ListNodtilgangerResponse, StartNodtilgangResponse,
        nodtilgang_service_server::NodtilgangService as _,
    },
    internt::Attestasjon,
};
use tonic::{Code, body::Body};

use crate::world::{
    CANARY, Demo, LIST, START, World, framed, key, list_request, observed, plain, start_request,
};

/// Calls that no gateway makes, each wrong in one way.
fn forged(world: &World, used: &Attestasjon) -> Vec<(&'static str, Request<Body>)> {
    let message = list_request("").encode_to_vec();
    let frame = framed(0, &message);
    let now = world.clock.now().0;
    let permit = |change: &dyn Fn(&mut Attestasjon)| {
        let mut permit = world.permit(LIST, &message);
        change(&mut permit);
        permit
    };
    let changed = |change: &dyn Fn(&mut Attestasjon)| world.signed(&permit(change), LIST, &frame);
    let framed_as = |frame: &[u8]| world.signed(&permit(&|_| {}), LIST, frame);
    let with_header = |value: HeaderValue| {
        let mut request = plain(LIST, &frame);
        request.headers_mut().insert(attest::HEADER, value);
        request
    };
    let tampered = {
        let mut signed = attest::sign(&world.key, &permit(&|_| {})).to_vec();
        signed[40] ^= 1;
        HeaderValue::try_from(BASE64_STANDARD.encode(signed)).unwrap()
    };
    let foreign = attest::header_value(&key(2), &permit(&|_| {}));
    let mut wrong_trace = framed_as(&frame);
    wrong_trace.headers_mut().insert(
        "traceparent",
        HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    );
    vec![
        ("without attestation", plain(LIST, &frame)),
        ("an empty header", with_header(HeaderValue::from_static(""))),
        ("not base64", with_header(HeaderValue::from_static("%%%"))),
        ("used before", world.signed(used, LIST, &frame)),
        ("for another method", changed(&|p| p.metode = START.into())),
        (
            "for another service",
            changed(&|p| p.mottaker = "nav".into()),
        ),
        (
            "for another body",
            framed_as(&framed(0, &list_request("x").encode_to_vec())),
        ),
        ("expired", changed(&|p| p.utloper = now)),
        (
            "valid for too long",
            changed(&|p| p.utloper = now + 30_000_001),
        ),
        ("without an id", changed(&|p| p.jti.clear())),
        ("tampered with", with_header(tampered)),
        ("under another key", with_header(foreign)),
        ("compressed", framed_as(&framed(1, &message))),
        (
            "two messages",
            framed_as(&[frame.as_ref(), frame.as_ref()].concat()),
        ),
        ("no message", framed_as(b"")),
        ("half a message", framed_as(&frame[..frame.len() - 1])),
        ("of another trace", wrong_trace),
    ]
}

/// Seen red: with each check of `Verifier::open` and `Verifier::admit` taken
/// out by itself, and with the causes told apart in the answer.
#[tokio::test]
async fn only_what_the_gateway_attested_is_answered() {
    let world = World::new().await;
    let message = list_request("").encode_to_vec();
    let used = world.permit(LIST, &message);
    let answer = world
        .send(world.signed(&used, LIST, &framed(0, &message)))
        .await;
    assert_eq!(answer.status.code(), Code::Ok);

    let mut told = None;
    for (what, request) in forged(&world, &used) {
        let answer = world.send(request).await;
        assert_eq!(answer.status.code(), Code::Unauthenticated, "{what}");
        let reason = Some(Feilgrunn::ManglerAttestasjon);
        assert_eq!(answer.grunn(), reason, "{what}");
        // Which check failed cannot be told from the answer.
        let mut headers = answer.headers;
        headers.remove("date");
        let now = (headers, answer.body);
        assert_eq!(&now, told.get_or_insert_with(|| now.clone()), "{what}");
    }
    assert_eq!(world.hold.ran(), 1, "no handler ran");
}

/// What the log is told and the caller is not.
#[tokio::test]
async fn the_cause_goes_to_the_log() {
    let world = World::new().await;
    let request = list_request("").encode_to_vec();
    let mut permit = world.permit(LIST, &request);
    permit.mottaker = "nav".into();
    world
        .send(world.signed(&permit, LIST, &framed(0, &request)))
        .await;
    let log = observed().log.text();
    assert!(
        log.lines()
            .any(|line| line.contains("call without a valid attestation")
                && line.contains("\"samspor.avvist\":\"audience\"")),
        "{log}"
    );
}

/// A handler that is reached in another way than through the border refuses.
#[tokio::test]
async fn no_handler_runs_without_a_verified_call() {
    let world = World::new().await;
    let demo = Demo::over(world.running.chassis().clone());
    let read = demo.list_nodtilganger(tonic::Request::new(list_request("")));
    let write = demo.start_nodtilgang(tonic::Request::new(start_request()));
    for status in [read.await.unwrap_err(), write.await.unwrap_err()] {
        assert_eq!(
            samspor_chassis::status::grunn(&status),
            Some(Feilgrunn::ManglerAttestasjon)
        );
    }
    assert_eq!(world.hold.ran(), 0);
}

/// Seen red: with the metadata left out of `rpc::write`.
#[tokio::test]
async fn a_write_happens_once_per_request_id() {
    let world = World::new().await;
    let request = start_request();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = world.send(world.attested(START, &request)).await;
        assert_eq!(answer.headers[FAKTA_NR], "0");
        let answer: StartNodtilgangResponse = answer.decode().unwrap();
        answers.push(answer.nodtilgang.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].enhet, "enheter/rop");
    assert_eq!(answers[0].ansatt, "a-17");
    assert_eq!(world.hold.ran(), 1);
    let list: ListNodtilgangerResponse = world.call(LIST, &list_request("")).await.unwrap();
    assert_eq!(list.nodtilganger.len(), 1);
}

#[tokio::test]
async fn refusals_and_defects_are_statuses_of_the_contract() {
    let world = World::new().await;
    let of = |token: &'static str| {
        let request = world.attested(LIST, &list_request(token));
        world.send(request)
    };
    let missing = of("finnes ikke").await;
    assert_eq!(missing.status.code(), Code::NotFound);
    assert_eq!(missing.grunn(), Some(Feilgrunn::IkkeFunnet));
    let defect = of("feil").await;
    assert_eq!(
        (
            defect.status.code(),
            defect.status.message(),
            defect.status.details()
        ),
        (Code::Internal, "", &[][..])
    );
    // The log tells where, and in which call.
    let log = observed().log.text();
    let line = log
        .lines()
        .find(|line| line.contains("internal failure"))
        .unwrap();
    for part in ["server_suite/world.rs", "ListNodtilganger", "sporings_id"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains(CANARY));
}

/// Whether the length is told beforehand or not. Seen red: with the chunks not
/// counted.
#[tokio::test]
async fn a_message_has_a_largest_size() {
    let world = World::with(|config| config.limits.largest_message = 1000).await;
    let overhead = list_request(&"x".repeat(900)).encoded_len() - 900;
    for (length, code) in [(1000, Code::Ok), (1001, Code::InvalidArgument)] {
        let request = list_request(&"x".repeat(length - overhead));
        assert_eq!(request.encoded_len(), length);
        let whole = world.attested(LIST, &request);
        let in_chunks = world.attested(LIST, &request).map(|_| {
            let frame = framed(0, &request.encode_to_vec());
            let chunks = [frame.slice(..3), frame.slice(3..700), frame.slice(700..)]
                .map(|chunk| Ok::<_, tonic::Status>(http_body::Frame::data(chunk)));
            Body::new(http_body_util::StreamBody::new(futures::stream::iter(
                chunks,
            )))
        });
        for request in [whole, in_chunks] {
            let answer = world.send(request).await;
            assert_eq!(answer.status.code(), code, "{length}");
            if code != Code::Ok {
                assert_eq!(answer.grunn(), Some(Feilgrunn::UgyldigMelding));
            }
        }
    }
}

/// Without a permit not even the size of the body is looked at, so nobody can
/// make the service hold one. Seen red: with the body collected first.
#[tokio::test]
async fn without_a_permit_the_body_is_not_waited_for() {
    let world = World::new().await;
    let mut request = plain(LIST, b"");
    let (sender, receiver) =
        tokio::sync::mpsc::channel::<Result<http_body::Frame<bytes::Bytes>, tonic::Status>>(1);
    *request.body_mut() = tonic::body::Body::new(http_body_util::StreamBody::new(
        tokio_stream::wrappers::ReceiverStream::new(receiver),
    ));
    let answer = world.send(request).await;
    assert_eq!(answer.status.code(), Code::Unauthenticated);
    drop(sender);
}
