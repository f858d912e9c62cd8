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
        if super::is_own(metadata.target()) {
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

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]

    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{fmt::writer::BoxMakeWriter, layer::SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let to = lines.clone();
        let layer = LogLayer {
            writer: BoxMakeWriter::new(move || to.clone()),
            format,
        };
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, work);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_tells_what_and_where_in_both_formats() {
        let work = || {
            let span = tracing::info_span!(
                "call",
                samspor.tjeneste = "rop",
                samspor.grunn = tracing::field::Empty,
            );
            span.record("samspor.grunn", "FEILGRUNN_KONFLIKT");
            let _entered = span.enter();
            tracing::warn!(samspor.antall = 3, samspor.bufret = true, "retried");
        };
        let text = logged(LogFormat::Text, work);
        let (_time, rest) = text.split_once(' ').unwrap();
        assert_eq!(
            rest,
            " WARN samspor_chassis::telemetry::log::tests: retried samspor.antall=3 \
             samspor.bufret=true samspor.tjeneste=rop samspor.grunn=FEILGRUNN_KONFLIKT\n"
        );
        let json: Value = serde_json::from_str(&logged(LogFormat::Json, work)).unwrap();
        assert_eq!(json["level"], "WARN");
        assert_eq!(json["message"], "retried");
        assert_eq!(json["samspor.antall"], 3);
        assert_eq!(json["samspor.tjeneste"], "rop");
    }

    /// Seen red: with `refuse` putting the value, with `take_message` taking
    /// every message, and with other crates' events recorded.
    #[test]
    fn what_is_not_registered_is_named_and_not_told() {
        let name = "Kari Canary";
        let line = logged(LogFormat::Text, || {
            let span = tracing::info_span!("call", navn = name, samspor.enhet = name);
            let _entered = span.enter();
            tracing::info!(fnr = 12_908_012_345_i64, samspor.antall = name, error = %name, "literal");
        });
        assert!(
            line.ends_with(
                ": literal fnr=(unregistered) samspor.antall=(withheld) error=(unregistered) \
                 navn=(unregistered) samspor.enhet=(withheld)\n"
            ),
            "{line}"
        );
        for line in [
            logged(LogFormat::Text, || tracing::info!("{name} called")),
            logged(LogFormat::Text, || tracing::info!("call of {}", name)),
            logged(LogFormat::Text, || tracing::info!("personer/1")),
            logged(LogFormat::Text, || tracing::info!("nr 12908012345")),
        ] {
            assert!(line.ends_with(": (withheld)\n"), "{line}");
        }
        let other = logged(LogFormat::Text, || {
            tracing::info!(target: "h2", frame = name, "received {name}");
        });
        assert!(other.contains(" INFO h2: event services/chassis/src/telemetry/log.rs:"));
        assert!(!other.contains("Kari"), "{other}");
    }
}
