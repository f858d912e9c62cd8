//! The span of a call, its trace id, and what is passed on.

use http::HeaderMap;
use samspor_chassis::telemetry;
use tracing::Span;

/// Opens the span of a call. A caller with mesh credentials continues its own
/// trace; anyone else gets a new root that is linked to what it sent, so that
/// no outsider can write into, or guess at, a trace of ours.
pub(super) fn server_span(path: &str, headers: &HeaderMap, mesh: bool) -> Span {
    let sent = headers
        .get(telemetry::TRACEPARENT)
        .and_then(|value| value.to_str().ok());
    let span = telemetry::server_span("gateway", path, sent.filter(|_| mesh));
    if let Some(sent) = sent.filter(|_| !mesh) {
        telemetry::link(&span, sent);
    }
    span
}

/// Trace id of a span, 32 hex digits; random where no tracer runs, so that a
/// log row can always be joined to its call.
pub(super) fn trace_id(span: &Span) -> String {
    telemetry::traceparent_of(span)
        .as_deref()
        .and_then(telemetry::trace_id_of)
        .map_or_else(super::random_id, ToOwned::to_owned)
}
