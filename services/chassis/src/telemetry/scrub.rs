//! What leaves towards a collector: only what `attributes` registers.

use opentelemetry::{
    KeyValue, Value,
    trace::{SpanContext, Status, TraceState},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use std::{borrow::Cow, time::Duration};

use super::attributes;

/// An exporter that receives scrubbed spans only.
#[derive(Debug)]
pub(super) struct Scrubbed<E>(pub(super) E);

impl<E: SpanExporter> SpanExporter for Scrubbed<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.export(batch.into_iter().map(scrub).collect()).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// The span without whatever is not registered. Every field is named, so that
/// a new one breaks the build here.
pub(super) fn scrub(span: SpanData) -> SpanData {
    let SpanData {
        span_context,
        parent_span_id,
        parent_span_is_remote,
        span_kind,
        name,
        start_time,
        end_time,
        mut attributes,
        dropped_attributes_count,
        mut events,
        mut links,
        status,
        instrumentation_scope,
    } = span;
    attributes.retain(registered);
    events
        .events
        .retain(|event| attributes::EVENTS.contains(&event.name.as_ref()));
    for event in &mut events.events {
        event.attributes.retain(registered);
    }
    for link in &mut links.links {
        link.attributes.retain(registered);
        link.span_context = without_state(&link.span_context);
    }
    SpanData {
        span_context: without_state(&span_context),
        parent_span_id,
        parent_span_is_remote,
        span_kind,
        name: match name {
            // A literal of the source.
            Cow::Borrowed(name) => Cow::Borrowed(name),
            Cow::Owned(name) if attributes::is_method(&name) => Cow::Owned(name),
            Cow::Owned(_) => Cow::Borrowed("unregistered"),
        },
        start_time,
        end_time,
        attributes,
        dropped_attributes_count,
        events,
        links,
        status: match status {
            // A description is free text.
            Status::Error { description: _ } => Status::error(""),
            other @ (Status::Unset | Status::Ok) => other,
        },
        instrumentation_scope,
    }
}

/// The trace state is text that a caller chose.
fn without_state(context: &SpanContext) -> SpanContext {
    SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags(),
        context.is_remote(),
        TraceState::default(),
    )
}

fn registered(attribute: &KeyValue) -> bool {
    let key = attribute.key.as_str();
    match &attribute.value {
        Value::Bool(_) | Value::I64(_) | Value::F64(_) => attributes::may_count(key),
        Value::String(text) => attributes::may_carry(key, text.as_str()),
        // No attribute is a list, and a kind of value unknown here is refused.
        _ => false,
    }
}
