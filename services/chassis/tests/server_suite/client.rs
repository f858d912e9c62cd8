//! How a service calls others.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use samspor_chassis::{
    client::{MeshClient, MeshClientConfig, TokenSource},
    error::Refusal,
    feeds::Source as _,
    id::SeededIds,
    tid::{TestClock, Tid},
};
use samspor_proto::{
    felles::Feilgrunn,
    gateway::{
        ListNodtilgangerRequest, StartNodtilgangRequest,
        nodtilgang_service_client::NodtilgangServiceClient,
    },
    tilgang::Formal,
};
use tonic::{Code, Status, body::Body};
use tower::{Service as _, ServiceExt as _};

use crate::world::{World, list_request, ok, serve, start_request};

/// What a gateway was asked.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Asked {
    async fn note(&self, request: Request<Body>) -> usize {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut asked = self.0.lock().unwrap();
        asked.push((parts.headers, body));
        asked.len()
    }

    fn all(&self) -> Vec<(HeaderMap, Bytes)> {
        self.0.lock().unwrap().clone()
    }
}

fn unavailable() -> Response<Body> {
    Status::from(Refusal::new(Feilgrunn::Utilgjengelig).with("del", "rop")).into_http()
}

fn client(endpoint: &str, token: TokenSource) -> MeshClient {
    let clock = Arc::new(TestClock::new(Tid(0)));
    let config = MeshClientConfig::new(endpoint, token);
    MeshClient::new(config, Arc::new(SeededIds::new(1, clock))).unwrap()
}

fn static_token() -> TokenSource {
    TokenSource::Static("hemmelig".into())
}

fn nodtilgang(
    client: &MeshClient,
) -> NodtilgangServiceClient<samspor_chassis::client::MeshChannel> {
    NodtilgangServiceClient::new(client.channel(Formal::Samordning))
}

/// A gateway that fails `failures` times with `answer` and then answers.
async fn failing(failures: usize, answer: fn() -> Response<Body>) -> (String, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let endpoint = serve(move |request| {
        let noted = noted.clone();
        async move {
            if noted.note(request).await <= failures {
                answer()
            } else {
                ok()
            }
        }
    })
    .await;
    (endpoint, asked)
}

#[tokio::test]
async fn a_call_carries_who_what_for_how_long_and_the_trace() {
    crate::world::observed();
    let (endpoint, asked) = failing(0, unavailable).await;
    nodtilgang(&client(&endpoint, static_token()))
        .list_nodtilganger(list_request(""))
        .await
        .unwrap();
    let (headers, _) = asked.all().remove(0);
    assert_eq!(headers["authorization"], "Bearer hemmelig");
    assert_eq!(headers["x-samspor-formaal"], "SAMORDNING");
    let timeout = headers["grpc-timeout"].to_str().unwrap();
    let millis: u64 = timeout.strip_suffix('m').unwrap().parse().unwrap();
    assert!((1..=10_000).contains(&millis), "{timeout}");
    let traceparent = headers["traceparent"].to_str().unwrap();
    assert!(samspor_chassis::telemetry::trace_id_of(traceparent).is_some());
}

/// Seen red: with `repeatable` always false, and always true.
#[tokio::test]
async fn what_may_be_repeated_is_repeated_byte_for_byte() {
    type Call = fn(MeshClient) -> futures::future::BoxFuture<'static, Result<(), Status>>;
    let read: Call = |client| {
        Box::pin(async move {
            let request = ListNodtilgangerRequest::default();
            nodtilgang(&client)
                .list_nodtilganger(request)
                .await
                .map(|_| ())
        })
    };
    let write: Call = |client| {
        Box::pin(async move {
            let request = StartNodtilgangRequest {
                request_id: "0198c5a4-9a3e-7d52-b55d-5c9c3a5f0001".into(),
                ..StartNodtilgangRequest::default()
            };
            nodtilgang(&client)
                .start_nodtilgang(request)
                .await
                .map(|_| ())
        })
    };
    let blind: Call = |client| {
        Box::pin(async move {
            let request = StartNodtilgangRequest::default();
            nodtilgang(&client)
                .start_nodtilgang(request)
                .await
                .map(|_| ())
        })
    };
    let missing = || Status::from(Refusal::not_found()).into_http();
    for (what, call, answer, expected) in [
        ("a read", read, unavailable as fn() -> Response<Body>, 3),
        ("a write with request_id", write, unavailable, 3),
        ("a write without", blind, unavailable, 1),
        ("a read of what is not there", read, missing, 1),
    ] {
        let (endpoint, asked) = failing(2, answer).await;
        let result = call(client(&endpoint, static_token())).await;
        assert_eq!(result.is_ok(), expected == 3, "{what}");
        let asked = asked.all();
        assert_eq!(asked.len(), expected, "{what}");
        assert!(asked.iter().all(|(_, body)| *body == asked[0].1), "{what}");
    }
}

/// Seen red: with `Budget::pay` always true.
#[tokio::test]
async fn what_fails_all_the_time_is_not_repeated_all_the_time() {
    let (endpoint, asked) = failing(usize::MAX, unavailable).await;
    let client = client(&endpoint, static_token());
    for _ in 0..20 {
        let error = nodtilgang(&client)
            .list_nodtilganger(list_request(""))
            .await
            .unwrap_err();
        // The gateway's own reason arrives.
        assert_eq!(
            samspor_chassis::status::grunn(&error),
            Some(Feilgrunn::Utilgjengelig)
        );
    }
    let asked = asked.all().len();
    assert!(asked < 20 + 6, "{asked} calls for 20");
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let error = nodtilgang(&client(&endpoint, static_token()))
        .list_nodtilganger(list_request(""))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(
        samspor_chassis::status::feil(&error).unwrap().nokler["del"],
        "gateway"
    );
}

/// Seen red: with the deadline of the call not looked at while waiting.
#[tokio::test]
async fn a_call_ends_with_its_deadline() {
    let endpoint = serve(|_| std::future::pending()).await;
    let mut config = MeshClientConfig::new(&endpoint, static_token());
    config.longest_call = Duration::from_millis(50);
    let clock = Arc::new(TestClock::new(Tid(0)));
    let client = MeshClient::new(config, Arc::new(SeededIds::new(1, clock))).unwrap();
    let error = nodtilgang(&client)
        .list_nodtilganger(list_request(""))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(
        samspor_chassis::status::grunn(&error),
        Some(Feilgrunn::FristUte)
    );
}

/// Seen red: with `Token::refused` doing nothing.
#[tokio::test]
async fn a_renewed_token_file_is_read_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "gammel\n").unwrap();
    let asked = Asked::default();
    let noted = asked.clone();
    let refusals = Arc::new(AtomicUsize::new(0));
    let counted = refusals.clone();
    let endpoint = serve(move |request| {
        let (noted, counted) = (noted.clone(), counted.clone());
        async move {
            let old = request.headers()["authorization"] == "Bearer gammel";
            noted.note(request).await;
            if old {
                counted.fetch_add(1, Ordering::SeqCst);
                Status::from(Refusal::new(Feilgrunn::UgyldigToken)).into_http()
            } else {
                ok()
            }
        }
    })
    .await;
    let client = client(&endpoint, TokenSource::File(file.path().to_owned()));
    let call = || async {
        nodtilgang(&client)
            .list_nodtilganger(list_request(""))
            .await
            .map(|_| ())
    };
    assert_eq!(call().await.unwrap_err().code(), Code::Unauthenticated);
    std::fs::write(file.path(), "ny\n").unwrap();
    call().await.unwrap();
    assert_eq!(refusals.load(Ordering::SeqCst), 1);
    assert!(!format!("{:?}", TokenSource::Static("hemmelig".into())).contains("hemmelig"));
}

/// The client as a source of events: through a gateway that attests.
#[tokio::test]
async fn events_of_others_arrive_through_the_gateway() {
    let world = Arc::new(World::new().await);
    let _: samspor_proto::gateway::StartNodtilgangResponse = world
        .call(crate::world::START, &start_request())
        .await
        .unwrap();
    let gateway = world.clone();
    let endpoint = serve(move |request| {
        let world = gateway.clone();
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let mut permit = world.permit(&path, &body[5..]);
            permit.aktor = Some(samspor_proto::felles::Aktor {
                enhet: "enheter/bom".into(),
                ansatt: String::new(),
                rolle: samspor_proto::felles::Rolle::System.into(),
            });
            permit.omfang = "enheter/bom".into();
            let mut request = world.signed(&permit, &path, &body);
            *request.uri_mut() = format!("http://rop{path}").parse().unwrap();
            let mut channel = world.channel.clone();
            channel.ready().await.unwrap().call(request).await.unwrap()
        }
    })
    .await;
    let client = client(&endpoint, static_token());
    let mut events = client.abonner("rop", "bom", 0).await.unwrap();
    let event = events.next().await.unwrap().unwrap();
    assert_eq!((event.nr, event.r#type.as_str()), (1, "NodtilgangStartet"));
    let trace = samspor_chassis::telemetry::trace_id_of(&event.traceparent);
    assert!(trace.is_some_and(|id| id.starts_with("abc00000000000000000000000000")));
}
