//! The last spans of this process, for a waterfall without a collector.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

/// A span that has ended, scrubbed like one that is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedSpan {
    /// Trace id, 32 hex digits.
    pub trace_id: String,
    /// Span id, 16 hex digits.
    pub span_id: String,
    /// Id of the span that it is part of; none for a root.
    pub parent_span_id: Option<String>,
    /// Trace ids of linked spans.
    pub links: Vec<String>,
    /// Name: the method, or what is done.
    pub name: String,
    /// `server`, `client`, `producer`, `consumer` or `internal`.
    pub kind: &'static str,
    /// Start, microseconds since 1970.
    pub start: i64,
    /// Duration in microseconds.
    pub duration: i64,
    /// Attributes in the order in which they were set.
    pub attributes: Vec<(String, String)>,
    /// Names of its events in order.
    pub events: Vec<String>,
    /// It failed.
    pub failed: bool,
}

impl FinishedSpan {
    /// Value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find_map(|(name, value)| (name == key).then_some(value.as_str()))
    }
}

impl From<SpanData> for FinishedSpan {
    fn from(span: SpanData) -> Self {
        let start = micros(span.start_time);
        Self {
            trace_id: span.span_context.trace_id().to_string(),
            span_id: span.span_context.span_id().to_string(),
            parent_span_id: (span.parent_span_id != opentelemetry::trace::SpanId::INVALID)
                .then(|| span.parent_span_id.to_string()),
            links: span
                .links
                .links
                .iter()
                .map(|link| link.span_context.trace_id().to_string())
                .collect(),
            name: span.name.into_owned(),
            kind: match span.span_kind {
                SpanKind::Server => "server",
                SpanKind::Client => "client",
                SpanKind::Producer => "producer",
                SpanKind::Consumer => "consumer",
                SpanKind::Internal => "internal",
            },
            start,
            duration: micros(span.end_time).saturating_sub(start),
            attributes: span
                .attributes
                .iter()
                .map(|attribute| {
                    (
                        attribute.key.to_string(),
                        attribute.value.as_str().into_owned(),
                    )
                })
                .collect(),
            events: span
                .events
                .events
                .iter()
                .map(|event| event.name.to_string())
                .collect(),
            failed: matches!(span.status, Status::Error { .. }),
        }
    }
}

fn micros(instant: SystemTime) -> i64 {
    let since = instant
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_micros();
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// A bounded store of ended spans; the oldest give way. Clones share it.
#[derive(Debug, Clone)]
pub struct SpanBuffer {
    spans: Arc<Mutex<VecDeque<FinishedSpan>>>,
    most: usize,
}

impl SpanBuffer {
    /// A buffer of at most `most` spans.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            spans: Arc::default(),
            most,
        }
    }

    /// All spans in the order in which they ended.
    #[must_use]
    pub fn all(&self) -> Vec<FinishedSpan> {
        self.locked().iter().cloned().collect()
    }

    /// Spans of one trace, by start.
    #[must_use]
    pub fn trace(&self, trace_id: &str) -> Vec<FinishedSpan> {
        let mut spans: Vec<_> = self
            .locked()
            .iter()
            .filter(|span| span.trace_id == trace_id)
            .cloned()
            .collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// Forgets every span.
    pub fn clear(&self) {
        self.locked().clear();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, VecDeque<FinishedSpan>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanExporter for SpanBuffer {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut spans = self.locked();
        for span in batch {
            if spans.len() >= self.most {
                spans.pop_front();
            }
            spans.push_back(span.into());
        }
        Ok(())
    }
}
