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
    kept: Arc<Mutex<Kept>>,
    most: usize,
}

#[derive(Debug, Default)]
struct Kept {
    spans: VecDeque<FinishedSpan>,
    /// What they take together.
    bytes: usize,
}

impl FinishedSpan {
    /// About how many bytes it takes.
    fn size(&self) -> usize {
        let attributes = self.attributes.iter();
        let texts = [&self.trace_id, &self.span_id, &self.name].map(String::len);
        size_of::<Self>()
            + texts.into_iter().sum::<usize>()
            + self.parent_span_id.as_ref().map_or(0, String::len)
            + attributes
                .map(|(key, value)| size_of::<(String, String)>() + key.len() + value.len())
                .sum::<usize>()
            + self
                .links
                .iter()
                .chain(&self.events)
                .map(|text| size_of::<String>() + text.len())
                .sum::<usize>()
    }
}

impl Kept {
    fn push(&mut self, span: FinishedSpan, most: usize) {
        self.bytes += span.size();
        self.spans.push_back(span);
        while self.spans.len() > most || self.bytes > most.saturating_mul(SpanBuffer::EACH) {
            let Some(oldest) = self.spans.pop_front() else {
                return;
            };
            self.bytes -= oldest.size();
        }
    }
}

impl SpanBuffer {
    /// Bytes that a span may take on average: the statement of one is long, and
    /// most have none.
    pub const EACH: usize = 1024;

    /// A buffer of at most `most` spans, which take at most `most` times
    /// [`EACH`](Self::EACH) bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            kept: Arc::default(),
            most,
        }
    }

    /// All spans in the order in which they ended.
    #[must_use]
    pub fn all(&self) -> Vec<FinishedSpan> {
        self.locked().spans.iter().cloned().collect()
    }

    /// Spans of one trace, by start.
    #[must_use]
    pub fn trace(&self, trace_id: &str) -> Vec<FinishedSpan> {
        let mut spans: Vec<_> = self
            .locked()
            .spans
            .iter()
            .filter(|span| span.trace_id == trace_id)
            .cloned()
            .collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// Forgets every span.
    pub fn clear(&self) {
        *self.locked() = Kept::default();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanExporter for SpanBuffer {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut kept = self.locked();
        for span in batch {
            kept.push(span.into(), self.most);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(number: usize, text: usize) -> FinishedSpan {
        FinishedSpan {
            trace_id: "1".repeat(32),
            span_id: format!("{number:016x}"),
            parent_span_id: None,
            links: Vec::new(),
            name: "sql".to_owned(),
            kind: "client",
            start: 0,
            duration: 1,
            attributes: vec![("db.query.text".to_owned(), "x".repeat(text))],
            events: Vec::new(),
            failed: false,
        }
    }

    fn kept_of(most: usize, text: usize) -> SpanBuffer {
        let buffer = SpanBuffer::new(most);
        for number in 0..10 * most {
            buffer.locked().push(span(number, text), most);
        }
        buffer
    }

    /// Seen red: without the first and without the second half of the bound.
    #[test]
    fn it_is_bounded_in_spans_and_in_bytes() {
        let small = kept_of(50, 10);
        assert_eq!(small.all().len(), 50);
        let newest = small.all().pop().map(|span| span.span_id);
        assert_eq!(newest, Some(format!("{:016x}", 499)));

        let large = kept_of(50, 8_000);
        let (count, bytes) = (large.all().len(), large.locked().bytes);
        assert!(bytes <= 50 * SpanBuffer::EACH, "{bytes}");
        assert_eq!(count, 6);
        assert_eq!(
            bytes,
            large.all().iter().map(FinishedSpan::size).sum::<usize>()
        );
        large.clear();
        assert_eq!(large.locked().bytes, 0);
    }

    #[test]
    fn one_that_is_larger_than_all_is_not_kept() {
        let buffer = SpanBuffer::new(2);
        buffer.locked().push(span(1, 10_000), 2);
        assert!(buffer.all().is_empty());
        assert_eq!(buffer.locked().bytes, 0);
    }
}
