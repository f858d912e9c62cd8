//! The log: one line per event on standard error, with registered fields only.
//!
//! A key that is not registered is printed without its value, and a value
//! without the form of its key is withheld, so that a forgotten registration is
//! seen and nothing else is. Of a message only a literal is printed: values
//! belong in fields. Events of other crates are named by their place in the
//! source, because nobody here has read their texts.

use std::{
    fmt::{self, Write as _},
    io::Write as _,
};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    layer::Context,
    registry::LookupSpan,
};

use super::attributes;

const WITHHELD: &str = "(withheld)";
const UNREGISTERED: &str = "(unregistered)";

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    Text,
    /// One JSON object per line.
    Json,
}

pub(super) struct LogLayer<W> {
    pub(super) writer: W,
    pub(super) format: LogFormat,
}

/// Registered fields of one event or span.
#[derive(Default)]
struct Fields {
    message: Option<&'static str>,
    literal: String,
    values: Vec<(&'static str, Value)>,
}

impl Fields {
    fn put(&mut self, key: &'static str, value: Value) {
        match self.values.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => self.values.push((key, value)),
        }
    }

    fn text(&mut self, field: &Field, value: &str) {
        let key = field.name();
        if key == "message" {
            self.take_message(value, true);
        } else if attributes::may_carry(key, value) {
            self.put(key, value.into());
        } else {
            self.refuse(key);
        }
    }

    fn number(&mut self, field: &Field, value: Value) {
        if attributes::may_count(field.name()) {
            self.put(field.name(), value);
        } else {
            self.refuse(field.name());
        }
    }

    fn refuse(&mut self, key: &'static str) {
        // What the bridges to other tools read is not for people.
        if key.starts_with("otel.") || key.starts_with("log.") {
            return;
        }
        let why = match attributes::form_of(key) {
            Some(_) => WITHHELD,
            None => UNREGISTERED,
        };
        self.put(key, why.into());
    }

    fn take_message(&mut self, text: &str, literal: bool) {
        if literal && text.len() <= 200 && !attributes::names_somebody(text) {
            text.clone_into(&mut self.literal);
        } else {
            self.message = Some(WITHHELD);
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Pieces::default();
        let _ = write!(text, "{value:?}");
        if field.name() == "message" {
            self.take_message(&text.text, text.pieces <= 1);
        } else {
            self.text(field, &text.text);
        }
    }
}

/// Counts how a text was put together: a literal comes in one piece, a text
/// with values between its words in several.
#[derive(Default)]
struct Pieces {
    text: String,
    pieces: usize,
}

impl fmt::Write for Pieces {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.pieces += 1;
        self.text.push_str(piece);
        Ok(())
    }
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        if metadata.target().starts_with("samspor") {
            event.record(&mut fields);
        } else {
            // `event src/place.rs:12`: a constant of the other crate's source.
            metadata.name().clone_into(&mut fields.literal);
        }
        // What the event does not say, the spans around it may.
        if let Some(scope) = context.event_scope(event) {
            for span in scope {
                if let Some(outer) = span.extensions().get::<Fields>() {
                    for (key, value) in &outer.values {
                        if !fields.values.iter().any(|(name, _)| name == key) {
                            fields.values.push((key, value.clone()));
                        }
                    }
                }
            }
        }
        let message = fields.message.unwrap_or(&fields.literal);
        let mut line = String::new();
        let written = match self.format {
            LogFormat::Text => text_line(&mut line, event, message, &fields.values),
            LogFormat::Json => json_line(&mut line, event, message, &fields.values),
        };
        if written.is_ok() {
            line.push('\n');
            // Nowhere is left to say that the log itself cannot be written.
            let _ = self
                .writer
                .make_writer_for(metadata)
                .write_all(line.as_bytes());
        }
    }
}

fn text_line(
    line: &mut String,
    event: &Event<'_>,
    message: &str,
    values: &[(&'static str, Value)],
) -> fmt::Result {
    SystemTime.format_time(&mut Writer::new(line))?;
    let metadata = event.metadata();
    write!(
        line,
        " {:>5} {}: {message}",
        metadata.level(),
        metadata.target()
    )?;
    for (key, value) in values {
        match value {
            Value::String(text) => write!(line, " {key}={text}")?,
            other => write!(line, " {key}={other}")?,
        }
    }
    Ok(())
}

fn json_line(
    line: &mut String,
    event: &Event<'_>,
    message: &str,
    values: &[(&'static str, Value)],
) -> fmt::Result {
    let mut time = String::new();
    SystemTime.format_time(&mut Writer::new(&mut time))?;
    let metadata = event.metadata();
    let mut object = Map::new();
    object.insert("time".to_owned(), time.into());
    object.insert("level".to_owned(), metadata.level().as_str().into());
    object.insert("target".to_owned(), metadata.target().into());
    object.insert("message".to_owned(), message.into());
    for (key, value) in values {
        object.insert((*key).to_owned(), value.clone());
    }
    write!(line, "{}", Value::Object(object))
}
