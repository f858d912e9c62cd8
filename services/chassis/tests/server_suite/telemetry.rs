//! What telemetry tells, and what it must not.

use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use samspor_chassis::telemetry::{self, TelemetryConfig};
use tonic::Code;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{
    life::server_spans,
    world::{
        CANARY, LIST, PERSON, START, World, framed, list_request, observed, ok, serve,
        start_request,
    },
};

/// Seen red: with the parent set after the span was first entered (it is a
/// root then).
#[tokio::test]
async fn a_call_continues_the_trace_of_the_gateway_down_to_the_sql() {
    let world = World::new().await;
    let message = start_request().encode_to_vec();
    let permit = world.permit(START, &message);
    let trace_id = permit.sporings_id.clone();
    let mut request = world.signed(&permit, START, &framed(0, &message));
    request.headers_mut().insert(
        "traceparent",
        format!("00-{trace_id}-00f067aa0ba902b7-01")
            .parse()
            .unwrap(),
    );
    assert_eq!(world.send(request).await.status.code(), Code::Ok);
    world.running.shutdown().await;

    let spans = observed().spans.trace(&trace_id);
    let call = &server_spans(&trace_id)[0];
    assert_eq!(call.parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
    assert_eq!(call.name, &START[1..]);
    for (key, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", &START[1..]),
        ("rpc.response.status_code", "OK"),
        ("samspor.tjeneste", "rop"),
        ("samspor.enhet", "rop"),
        ("samspor.rolle", "ROLLE_BEHANDLER"),
        ("samspor.formal", "FORMAL_YTELSE"),
        ("samspor.regel", "P2"),
        ("samspor.sporings_id", &trace_id),
    ] {
        assert_eq!(call.attribute(key), Some(value), "{key}");
    }
    assert!(!call.failed);
    let sql = spans
        .iter()
        .find(|span| {
            span.attribute("db.query.text")
                .is_some_and(|text| text.starts_with("INSERT INTO prove"))
        })
        .unwrap();
    let mut above = sql.clone();
    while let Some(parent) = above.parent_span_id.clone()
        && above.span_id != call.span_id
    {
        above = spans
            .iter()
            .find(|span| span.span_id == parent)
            .unwrap()
            .clone();
    }
    assert_eq!(above.span_id, call.span_id);
}

/// Without a `traceparent` the trace of the permit is continued all the same.
#[tokio::test]
async fn the_permit_names_the_trace() {
    let world = World::new().await;
    let message = list_request("finnes ikke").encode_to_vec();
    let permit = world.permit(LIST, &message);
    let answer = world
        .send(world.signed(&permit, LIST, &framed(0, &message)))
        .await;
    assert_eq!(answer.status.code(), Code::NotFound);
    world.running.shutdown().await;
    let span = &server_spans(&permit.sporings_id)[0];
    assert_eq!(
        span.attribute("rpc.response.status_code"),
        Some("NOT_FOUND")
    );
    assert_eq!(
        span.attribute("samspor.grunn"),
        Some("FEILGRUNN_IKKE_FUNNET")
    );
    // An answer, not a failure.
    assert!(!span.failed);
}

#[tokio::test]
async fn a_defect_is_a_failure() {
    let world = World::new().await;
    let message = list_request("feil").encode_to_vec();
    let permit = world.permit(LIST, &message);
    world
        .send(world.signed(&permit, LIST, &framed(0, &message)))
        .await;
    world.running.shutdown().await;
    assert!(server_spans(&permit.sporings_id)[0].failed);
}

/// I10. Seen red: with `Fields::text` putting every value, and with `scrub`
/// keeping every attribute.
#[tokio::test]
async fn no_output_holds_what_calls_are_about() {
    let world = World::new().await;
    world.send(world.attested(START, &start_request())).await;
    for token in ["", "feil", CANARY] {
        world.send(world.attested(LIST, &list_request(token))).await;
    }
    world.running.shutdown().await;
    let outputs = format!("{}{:?}", observed().log.text(), observed().spans.all());
    assert!(outputs.contains("NodtilgangService/StartNodtilgang"));
    let person = PERSON.strip_prefix("personer/").unwrap();
    for forbidden in [CANARY, PERSON, person, "a-17"] {
        assert!(!outputs.contains(forbidden), "{forbidden}");
    }
}

/// I10, at the collector's end of the wire. Seen red: with the exporter not
/// wrapped in `Scrubbed`, and with each of `scrub`'s rules taken out by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_registered_never_reaches_a_collector() {
    let received: Arc<Mutex<Vec<u8>>> = Arc::default();
    let kept = received.clone();
    let endpoint = serve(move |request| {
        let kept = kept.clone();
        async move {
            assert!(request.uri().path().ends_with("TraceService/Export"));
            let body = request.into_body().collect().await.unwrap().to_bytes();
            kept.lock().unwrap().extend_from_slice(&body[5..]);
            ok()
        }
    })
    .await;
    let mut config = TelemetryConfig::new("rop");
    config.otlp_endpoint = Some(endpoint);
    "off".clone_into(&mut config.log_filter);
    let (dispatch, guard) = telemetry::build(config).unwrap();
    tracing::dispatcher::with_default(&dispatch, || {
        // Spans of other crates are not looked at, and this is one.
        let span = tracing::info_span!(
            target: "samspor",
            "work",
            otel.status_description = CANARY,
            samspor.ressurs = "vedtak",
            samspor.antall = 3,
            samspor.enhet = CANARY,
            samspor.feil = PERSON,
            navn = CANARY,
            fnr = 12_908_012_345_i64,
        );
        span.record("otel.status_code", "ERROR");
        span.add_link_with_attributes(
            opentelemetry::trace::SpanContext::new(
                opentelemetry::TraceId::from(1),
                opentelemetry::SpanId::from(1),
                opentelemetry::TraceFlags::SAMPLED,
                true,
                opentelemetry::trace::TraceState::from_key_value([("kari", "canary")]).unwrap(),
            ),
            vec![opentelemetry::KeyValue::new("navn", CANARY)],
        );
        span.in_scope(|| {
            tracing::info!(target: "samspor", navn = CANARY, "retried");
            tracing::info!(target: "samspor", "{CANARY} came by");
            tracing::info_span!(target: "samspor", "named", otel.name = CANARY).in_scope(|| {});
            tracing::error_span!(target: "other", "of another crate", hva = CANARY).in_scope(|| {});
        });
    });
    // Ends the export; it blocks, so not on a thread of the runtime.
    tokio::task::spawn_blocking(move || drop((dispatch, guard)))
        .await
        .unwrap();

    let bytes = received.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    for forbidden in ["canary", "kari", "navn", "fnr", PERSON, "of another crate"] {
        assert!(!text.contains(&forbidden.to_lowercase()), "{forbidden}");
    }
    let export = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
    let spans = &export.resource_spans[0].scope_spans[0].spans;
    let work = spans.iter().find(|span| span.name == "work").unwrap();
    let mut keys: Vec<_> = work.attributes.iter().map(|a| a.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["samspor.antall", "samspor.ressurs"]);
    let events: Vec<_> = work.events.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(events, ["retried"]);
    assert_eq!(work.links.len(), 1);
    assert!(spans.iter().any(|span| span.name == "unregistered"));
}

/// Operations go on without the collector.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_collector_holds_nobody_up() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = TelemetryConfig::new("rop");
    config.otlp_endpoint = Some(format!("http://{}", free.local_addr().unwrap()));
    "off".clone_into(&mut config.log_filter);
    drop(free);
    let (dispatch, guard) = telemetry::build(config).unwrap();
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::info_span!(target: "samspor", "work").in_scope(|| {});
    });
    let ended = tokio::task::spawn_blocking(move || drop((dispatch, guard)));
    tokio::time::timeout(std::time::Duration::from_secs(8), ended)
        .await
        .unwrap()
        .unwrap();
}
