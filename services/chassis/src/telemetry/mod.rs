//! Traces and logs without personal data.
//!
//! [`init`] installs, once per process: spans to a collector (OTLP) and to an
//! optional [`SpanBuffer`], the log on standard error, and a panic hook that
//! tells the place and never the message. Everything passes the register in
//! [`attributes`]. Telemetry may be lost; what an incident review needs stands
//! in the access log, the events and the records.
//!
//! A trace crosses the mesh in the W3C header `traceparent`. Baggage and trace
//! state, which hold text that somebody else chose, do not.

pub mod attributes;
mod buffer;
mod log;
mod scrub;

use std::{io::IsTerminal as _, time::Duration};

use http::HeaderMap;
use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, TextMapPropagator as _},
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, SimpleSpanProcessor},
};
use samspor_proto::klassifisering::kontrakter;
use tonic::metadata::{MetadataMap, MetadataValue};
use tracing::{Dispatch, Span, field::Empty, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, Targets, filter_fn},
    fmt::writer::BoxMakeWriter,
    layer::SubscriberExt as _,
};

pub use buffer::{FinishedSpan, SpanBuffer};
pub use log::LogFormat;

/// Header that carries the trace.
pub const TRACEPARENT: &str = "traceparent";

/// What a process does with its telemetry.
pub struct TelemetryConfig {
    /// Name of the process: `rop`, or `samspor` for the whole mesh.
    pub service: String,
    /// Collector, as `http://host:4317`; none: spans are not exported.
    pub otlp_endpoint: Option<String>,
    /// Share of new traces that are recorded, 0 to 1. A caller of the mesh that
    /// records its trace has it recorded here too.
    pub sampled: f64,
    /// Which log lines are written, in the syntax of `EnvFilter`: `info`.
    pub log_filter: String,
    /// How they look; none: text at a terminal, else JSON.
    pub log_format: Option<LogFormat>,
    /// Keeps the last spans in memory.
    pub buffer: Option<SpanBuffer>,
    /// Where log lines go; none: standard error.
    pub log_writer: Option<BoxMakeWriter>,
}

impl TelemetryConfig {
    /// Everything recorded, nothing exported, `info` to standard error.
    #[must_use]
    pub fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            otlp_endpoint: None,
            sampled: 1.0,
            log_filter: "info".to_owned(),
            log_format: None,
            buffer: None,
            log_writer: None,
        }
    }
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter is not one.
    #[error("the log filter is not valid")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// The collector's address is not one.
    #[error("the OTLP endpoint is not valid")]
    Endpoint(#[source] opentelemetry_otlp::ExporterBuildError),
    /// The process has a subscriber already.
    #[error("telemetry is already set up in this process")]
    Twice,
}

/// Keeps telemetry alive. Dropping it flushes what is not yet exported, so it
/// belongs in `main`, above everything that can fail.
#[must_use = "dropping the guard ends the export"]
pub struct Guard {
    provider: SdkTracerProvider,
}

/// How long a flush may hold up the end of the process.
const LONGEST_FLUSH: Duration = Duration::from_secs(5);

impl Guard {
    /// Hands every ended span to the exporters, and waits.
    pub fn flush(&self) {
        // A collector that is gone is no reason to fail.
        let _ = self.provider.force_flush();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.provider.shutdown_with_timeout(LONGEST_FLUSH);
    }
}

/// Installs telemetry for the process. With a collector it must be called
/// within a Tokio runtime of several threads.
///
/// # Errors
/// When the filter or the endpoint is not valid, or telemetry is set up already.
pub fn init(config: TelemetryConfig) -> Result<Guard, TelemetryError> {
    let (dispatch, guard) = build(config)?;
    tracing::dispatcher::set_global_default(dispatch).map_err(|_| TelemetryError::Twice)?;
    install_panic_hook();
    Ok(guard)
}

/// What [`init`] installs, for a test that gives it to one thread.
///
/// # Errors
/// When the filter or the endpoint is not valid.
pub fn build(config: TelemetryConfig) -> Result<(Dispatch, Guard), TelemetryError> {
    let TelemetryConfig {
        service,
        otlp_endpoint,
        sampled,
        log_filter,
        log_format,
        buffer,
        log_writer,
    } = config;
    let filter = EnvFilter::try_new(log_filter).map_err(TelemetryError::Filter)?;
    let format = log_format.unwrap_or(if std::io::stderr().is_terminal() {
        LogFormat::Text
    } else {
        LogFormat::Json
    });

    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", service),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build();
    let mut provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            sampled,
        ))));
    if let Some(endpoint) = otlp_endpoint {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(LONGEST_FLUSH)
            .build()
            .map_err(TelemetryError::Endpoint)?;
        provider = provider
            .with_span_processor(BatchSpanProcessor::builder(scrub::Scrubbed(exporter)).build());
    }
    if let Some(buffer) = buffer {
        provider = provider.with_span_processor(SimpleSpanProcessor::new(scrub::Scrubbed(buffer)));
    }
    let provider = provider.build();

    // Spans of other crates carry what those crates think fit.
    let own_spans = Targets::new().with_target("samspor", LevelFilter::DEBUG);
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("samspor"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        // Nothing here asks for the current OpenTelemetry context; spans carry it.
        .with_context_activation(false)
        .with_error_events_to_status(false)
        .with_error_events_to_exceptions(false)
        .with_error_records_to_exceptions(false)
        .with_error_fields_to_exceptions(false)
        .with_filter(own_spans);
    // Whatever lines are written, they say in which call.
    let context = filter_fn(|metadata| metadata.is_span() && is_own(metadata.target()))
        .with_max_level_hint(LevelFilter::DEBUG);
    let lines = log::LogLayer {
        writer: log_writer.unwrap_or_else(|| BoxMakeWriter::new(std::io::stderr)),
        format,
    }
    .with_filter(filter.or(context));
    let subscriber = tracing_subscriber::registry().with(spans).with(lines);
    Ok((Dispatch::new(subscriber), Guard { provider }))
}

/// Whether a span or event comes from a crate of this tree.
fn is_own(target: &str) -> bool {
    target.starts_with("samspor")
}

/// Makes a panic tell where it happened, and never what it said: the message
/// may quote the value that was being worked on.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        if reader_left(panic.payload()) {
            return;
        }
        let (file, line) = panic
            .location()
            .map_or(("unknown", 0), |place| (place.file(), place.line()));
        tracing::error!(code.file.path = file, code.line.number = line, "panicked");
    }));
}

/// Whether a panic only says that nobody reads the output any more, as in
/// `samspor innboks | head`: the macros that print have no other word for it.
#[must_use]
pub fn reader_left(payload: &(dyn std::any::Any + Send)) -> bool {
    let said = payload.downcast_ref::<String>();
    said.is_some_and(|text| {
        text.starts_with("failed printing to stdout") && text.contains("Broken pipe")
    })
}

/// The name of a fault's variant, as a word for `samspor.feil`: nothing of what
/// the fault carries.
#[must_use]
pub fn variant(fault: &impl std::fmt::Debug) -> String {
    let mut text = format!("{fault:?}");
    let end = text.find(|c: char| !c.is_ascii_alphanumeric());
    text.truncate(end.unwrap_or(text.len()));
    text
}

/// The trace id of a well-formed `traceparent`.
#[must_use]
pub fn trace_id_of(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let well_formed = version == "00"
        && parts.next().is_none()
        && is_id(trace, 32)
        && is_id(span, 16)
        && is_hex(flags, 2);
    well_formed.then_some(trace)
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|digit| digit != b'0')
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The remote parent that a `traceparent` names. Trace state is left behind.
#[must_use]
pub fn parent_of(traceparent: &str) -> Option<Context> {
    struct One<'a>(&'a str);
    impl Extractor for One<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            (key == TRACEPARENT).then_some(self.0)
        }
        fn keys(&self) -> Vec<&str> {
            vec![TRACEPARENT]
        }
    }
    trace_id_of(traceparent)?;
    let context =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &One(traceparent));
    context.span().span_context().is_valid().then_some(context)
}

/// The remote parent that the headers name, if they name one well.
#[must_use]
pub fn extract_parent(headers: &HeaderMap) -> Option<Context> {
    parent_of(headers.get(TRACEPARENT)?.to_str().ok()?)
}

/// The `traceparent` under which work inside a span runs; none when spans are
/// not recorded in this process.
#[must_use]
pub fn traceparent_of(span: &Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let ids = span.span_context();
    ids.is_valid().then(|| {
        format!(
            "00-{}-{}-{:02x}",
            ids.trace_id(),
            ids.span_id(),
            ids.trace_flags().to_u8()
        )
    })
}

/// [`traceparent_of`] the current span.
#[must_use]
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// Writes the current trace to the metadata of an outgoing call, if there is one.
pub fn inject(metadata: &mut MetadataMap) {
    let value = current_traceparent().and_then(|text| MetadataValue::try_from(text).ok());
    if let Some(mut value) = value {
        // New in every call: not for the connection's compression table.
        value.set_sensitive(true);
        metadata.insert(TRACEPARENT, value);
    }
}

/// Ties a span to a trace that it is not part of: what a caller from outside
/// says its own trace is.
pub fn link(span: &Span, traceparent: &str) {
    if let Some(context) = parent_of(traceparent) {
        span.add_link(context.span().span_context().clone());
    }
}

/// Whether a caller of the method on this path must not be recognised: then no
/// span may tell when it was called.
fn is_anonymous(path: &str) -> bool {
    let method = kontrakter().metoder.get(path);
    method.is_some_and(|method| method.tilgang.anonym)
}

/// The span of an incoming call; none of one whose caller must not be recognised.
/// `path` is the path on the wire; `parent` is a `traceparent` that may be
/// believed.
#[must_use]
pub fn server_span(service: &str, path: &str, parent: Option<&str>) -> Span {
    if is_anonymous(path) {
        return Span::none();
    }
    let method = path.strip_prefix('/').unwrap_or(path);
    let span = tracing::info_span!(
        "call",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
        samspor.tjeneste = service,
        samspor.enhet = Empty,
        samspor.rolle = Empty,
        samspor.formal = Empty,
        samspor.regel = Empty,
        samspor.grunn = Empty,
        samspor.sporings_id = Empty,
    );
    // Before the span is first entered: later it cannot be changed.
    if let Some(context) = parent.and_then(parent_of) {
        let _ = span.set_parent(context);
    }
    if let Some(traceparent) = traceparent_of(&span) {
        span.record("samspor.sporings_id", trace_id_of(&traceparent));
    }
    span
}

/// The span of an outgoing call; none of one whose caller must not be recognised.
#[must_use]
pub fn client_span(receiver: &str, path: &str) -> Span {
    if is_anonymous(path) {
        return Span::none();
    }
    let method = path.strip_prefix('/').unwrap_or(path);
    tracing::info_span!(
        "call out",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
        samspor.mottaker = receiver,
    )
}

/// Notes how a call ended. Being told that something does not exist, or that a
/// rule forbids it, is an answer: only what operations must look at is marked
/// as an error.
pub fn record_outcome(span: &Span, code: tonic::Code) {
    span.record("rpc.response.status_code", code_name(code));
    if matches!(
        code,
        tonic::Code::Unknown
            | tonic::Code::Internal
            | tonic::Code::DataLoss
            | tonic::Code::Unavailable
            | tonic::Code::DeadlineExceeded
    ) {
        span.record("otel.status_code", "ERROR");
    }
}

/// Name of a gRPC status code, as the conventions write it: `NOT_FOUND`.
#[must_use]
pub const fn code_name(code: tonic::Code) -> &'static str {
    use tonic::Code;
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The code of a name, for the contract's `Grunntekst.kode`.
#[must_use]
pub fn code_of(name: &str) -> Option<tonic::Code> {
    (0..=16)
        .map(tonic::Code::from_i32)
        .find(|code| code_name(*code) == name)
}
