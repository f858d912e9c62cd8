//! Spans, where a trace store has them, over Jaeger's query API
//! (`jaeger.api_v3.QueryService`): of the site's own store, or of the buffer that
//! `samspor up` keeps. They say how long a call took and where; a store that is
//! dead, slow or has forgotten takes nothing from the timeline but that.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, stream};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status as Outcome, TracesData, status::StatusCode,
    },
};
use samspor_chassis::{
    telemetry::{FinishedSpan, SpanBuffer, attributes},
    tid::Tid,
};
use samspor_proto::jaeger::{
    GetTraceRequest,
    query_service_client::QueryServiceClient,
    query_service_server::{QueryService, QueryServiceServer},
};
use tokio::{net::TcpListener, time::Instant};
use tonic::{
    Code, Request, Response, Status,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};

use super::grunnlag::Hull;
use crate::mesh::SERVICES;

/// Spans of the mesh that are named by what is done, and not by a method.
const ARBEID: [&str; 4] = ["transaction", "sql", "consume", "deadline"];
/// The trace store, in a gap.
pub const SPORLAGER: &str = "sporlager";
/// Spans of one trace that are read, and that are shown.
const LEST: usize = 10_000;
const VIST: usize = 40;
/// Bytes of one message of a store.
const MELDING: usize = 16 * 1024 * 1024;
/// Traces that are asked for at once.
const SAMTIDIG: usize = 8;

/// How long a store may take.
#[derive(Debug, Clone, Copy)]
pub struct Talmod {
    /// For one trace, and for the connection.
    pub hvert: Duration,
    /// For all of them.
    pub alle: Duration,
}

impl Default for Talmod {
    fn default() -> Self {
        Self {
            hvert: Duration::from_secs(2),
            alle: Duration::from_secs(20),
        }
    }
}

/// A span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spenn {
    /// When it began.
    pub start: Tid,
    /// How long it took, in microseconds.
    pub varighet_us: i64,
    /// Service that it ran in.
    pub tjeneste: String,
    /// Method, or what was done.
    pub navn: String,
    /// It failed.
    pub feilet: bool,
}

/// The spans of one trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spor {
    /// When the first began.
    pub start: Tid,
    /// From then until the last ended, in microseconds.
    pub varighet_us: i64,
    /// How many there are; more than are shown, perhaps.
    pub antall: usize,
    /// The first of them, by start.
    pub spenn: Vec<Spenn>,
}

impl Spor {
    /// Of a trace's spans; none: there are none.
    #[must_use]
    pub fn av(mut spans: Vec<Spenn>) -> Option<Self> {
        spans.sort();
        let start = spans.first()?.start;
        let ends = spans
            .iter()
            .map(|span| span.start.0.saturating_add(span.varighet_us));
        let end = ends.max().unwrap_or(start.0);
        let antall = spans.len();
        spans.truncate(VIST);
        Some(Self {
            start,
            varighet_us: end.saturating_sub(start.0),
            antall,
            spenn: spans,
        })
    }
}

/// What became of one trace.
enum Svar {
    Funnet(Spor),
    /// There are more spans than are read.
    Avkortet(Spor),
    /// The store answered, and has none.
    Ingen,
    /// It did not answer, or not in time.
    Taus(&'static str),
}

/// Asks a store for traces. What it does not give is named, and never an error.
///
/// # Errors
/// When the address is not one.
pub async fn hent(
    store: &str,
    ids: &[&str],
    talmod: Talmod,
) -> Result<(BTreeMap<String, Spor>, Vec<Hull>)> {
    let endpoint = Endpoint::from_shared(store.to_owned())
        .ok()
        .filter(|endpoint| endpoint.uri().host().is_some())
        .with_context(|| format!("--spor {store} is no address; give http://host:port"))?;
    let silent = |why: &str| Hull {
        kilde: SPORLAGER.to_owned(),
        hva: "spenn".to_owned(),
        grunn: why.to_owned(),
    };
    let mut found = BTreeMap::new();
    if ids.is_empty() {
        return Ok((found, Vec::new()));
    }
    let until = Instant::now() + talmod.alle;
    let Ok(Ok(channel)) = tokio::time::timeout(talmod.hvert, endpoint.connect()).await else {
        return Ok((found, vec![silent("svarer ikke")]));
    };
    let asked = stream::iter(ids.iter().map(|id| (*id).to_owned()))
        .map(|id| {
            let channel = channel.clone();
            async move {
                let wait = talmod
                    .hvert
                    .min(until.saturating_duration_since(Instant::now()));
                let answer = tokio::time::timeout(wait, ett(channel, &id)).await;
                (id, answer.unwrap_or(Svar::Taus("svarte ikke i tide")))
            }
        })
        .buffer_unordered(SAMTIDIG);
    let mut asked = std::pin::pin!(asked);
    let (mut missing, mut cut) = (0_usize, 0_usize);
    let mut gaps: BTreeMap<&str, usize> = BTreeMap::new();
    while let Some((id, answer)) = asked.next().await {
        match answer {
            Svar::Funnet(trace) => {
                found.insert(id, trace);
            }
            Svar::Avkortet(trace) => {
                found.insert(id, trace);
                cut += 1;
            }
            Svar::Ingen => missing += 1,
            Svar::Taus(why) => *gaps.entry(why).or_default() += 1,
        }
    }
    let all = ids.len();
    let mut gaps: Vec<Hull> = gaps
        .into_iter()
        .map(|(why, count)| silent(&format!("{why} for {count} av {all} spor")))
        .collect();
    if missing > 0 {
        gaps.push(silent(&format!("har ikke {missing} av {all} spor")));
    }
    if cut > 0 {
        gaps.push(silent(&format!(
            "har mer enn {LEST} for {cut} av {all} spor; resten er ikke lest"
        )));
    }
    Ok((found, gaps))
}

async fn ett(channel: Channel, id: &str) -> Svar {
    let mut client = QueryServiceClient::new(channel).max_decoding_message_size(MELDING);
    let request = GetTraceRequest {
        trace_id: id.to_owned(),
        raw_traces: true,
        ..GetTraceRequest::default()
    };
    let mut chunks = match client.get_trace(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return nektet(&status),
    };
    let mut spans = Vec::new();
    loop {
        match chunks.message().await {
            Ok(Some(chunk)) => spans.extend(spenn(chunk, id)),
            Ok(None) => break,
            Err(status) => return nektet(&status),
        }
        if spans.len() > LEST {
            spans.truncate(LEST);
            return Spor::av(spans).map_or(Svar::Ingen, Svar::Avkortet);
        }
    }
    Spor::av(spans).map_or(Svar::Ingen, Svar::Funnet)
}

fn nektet(status: &Status) -> Svar {
    match status.code() {
        Code::NotFound => Svar::Ingen,
        Code::DeadlineExceeded | Code::Cancelled => Svar::Taus("svarte ikke i tide"),
        Code::Unavailable => Svar::Taus("svarer ikke"),
        Code::PermissionDenied | Code::Unauthenticated => Svar::Taus("nektet"),
        _ => Svar::Taus("svarte med en feil"),
    }
}

/// The spans of a chunk that are of the trace. A store holds what other systems
/// wrote too, so a name is shown when the mesh could have written it, and no
/// attribute is.
fn spenn(chunk: TracesData, id: &str) -> Vec<Spenn> {
    let tjenester = [&SERVICES[..], &["gateway", "samspor"]].concat();
    let mut spans = Vec::new();
    for resource in chunk.resource_spans {
        let service = resource
            .resource
            .as_ref()
            .map(|of| said(&of.attributes, "service.name"));
        let service = service.flatten().unwrap_or_default().to_owned();
        for span in resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            if hex(&span.trace_id) != id {
                continue;
            }
            let within = said(&span.attributes, "samspor.tjeneste").unwrap_or(&service);
            spans.push(Spenn {
                start: micros(span.start_time_unix_nano),
                varighet_us: micros(span.end_time_unix_nano)
                    .0
                    .saturating_sub(micros(span.start_time_unix_nano).0)
                    .max(0),
                tjeneste: kjent(within, &tjenester).to_owned(),
                navn: match attributes::is_method(&span.name) {
                    true => span.name,
                    false => kjent(&span.name, &ARBEID).to_owned(),
                },
                feilet: span
                    .status
                    .is_some_and(|status| status.code() == StatusCode::Error),
            });
        }
    }
    spans
}

/// A word of the mesh's own, or that it is another's.
fn kjent<'a>(word: &'a str, known: &[&str]) -> &'a str {
    match known.contains(&word) {
        true => word,
        false => "annet",
    }
}

fn said<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    attributes.iter().find_map(
        |attribute| match attribute.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) if attribute.key == key => Some(text.as_str()),
            _ => None,
        },
    )
}

fn micros(nanos: u64) -> Tid {
    Tid(i64::try_from(nanos / 1_000).unwrap_or(i64::MAX))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect()
}

/// The buffer of this process, served as a trace store is: what a review reads
/// without a collector. It holds no personal data, as no telemetry does.
pub struct Buffer(SpanBuffer);

impl Buffer {
    /// The service over a buffer.
    #[must_use]
    pub fn tjeneste(spans: SpanBuffer) -> QueryServiceServer<Self> {
        QueryServiceServer::new(Self(spans))
    }
}

#[tonic::async_trait]
impl QueryService for Buffer {
    type GetTraceStream = stream::BoxStream<'static, Result<TracesData, Status>>;

    async fn get_trace(
        &self,
        request: Request<GetTraceRequest>,
    ) -> Result<Response<Self::GetTraceStream>, Status> {
        /// Spans of one message.
        const BUNKE: usize = 500;
        let id = request.into_inner().trace_id.to_ascii_lowercase();
        let spans = self.0.trace(&format!("{id:0>32}"));
        if spans.is_empty() {
            return Err(Status::not_found("no such trace in the buffer"));
        }
        let chunks: Vec<_> = spans.chunks(BUNKE).map(|chunk| Ok(otlp(chunk))).collect();
        Ok(Response::new(stream::iter(chunks).boxed()))
    }
}

/// A trace store over the buffer of this process, at a free port of this
/// machine.
pub struct Sporlager {
    /// `http://127.0.0.1:port`.
    pub url: String,
    serving: tokio::task::JoinHandle<()>,
}

impl Sporlager {
    /// Serves it until it is dropped or stopped.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(spans: SpanBuffer) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", port.local_addr()?);
        let server = Server::builder().add_service(Buffer::tjeneste(spans));
        let serving = tokio::spawn(async move {
            if server
                .serve_with_incoming(TcpIncoming::from(port))
                .await
                .is_err()
            {
                tracing::warn!("spans are no longer served");
            }
        });
        Ok(Self { url, serving })
    }

    /// Ends it.
    pub fn stopp(self) {
        self.serving.abort();
    }
}

/// Spans as OTLP carries them, by the service that each ran in.
fn otlp(spans: &[FinishedSpan]) -> TracesData {
    let text = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    };
    let nanos = |micros: i64| {
        u64::try_from(micros)
            .unwrap_or_default()
            .saturating_mul(1_000)
    };
    let mut by_service: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    for span in spans {
        let service = span.attribute("samspor.tjeneste").unwrap_or("samspor");
        by_service.entry(service).or_default().push(Span {
            trace_id: bytes(&span.trace_id),
            span_id: bytes(&span.span_id),
            parent_span_id: span
                .parent_span_id
                .as_deref()
                .map(bytes)
                .unwrap_or_default(),
            name: span.name.clone(),
            start_time_unix_nano: nanos(span.start),
            end_time_unix_nano: nanos(span.start.saturating_add(span.duration)),
            attributes: span
                .attributes
                .iter()
                .map(|(key, value)| text(key, value))
                .collect(),
            status: span.failed.then(|| Outcome {
                code: StatusCode::Error.into(),
                ..Outcome::default()
            }),
            ..Span::default()
        });
    }
    TracesData {
        resource_spans: by_service
            .into_iter()
            .map(|(service, spans)| ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![text("service.name", service)],
                    ..Resource::default()
                }),
                scope_spans: vec![ScopeSpans {
                    spans,
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            })
            .collect(),
    }
}
