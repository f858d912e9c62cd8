//! Every attribute that telemetry may carry, and what its value may look like.
//!
//! A span attribute or log field whose key is not here is dropped, and so is a
//! value that does not have the form of its key: telemetry is read by people
//! and systems that have no right to know about anybody (design, § 6). Person
//! ids, names, record names, employee ids and free text are not attributes.
//! The record *type* is one, and what ties a span to a person is the access
//! log, by the trace id.
//!
//! To add an attribute: a line in [`REGISTERED`], in the order of the key. Use
//! the name of the OpenTelemetry semantic conventions where there is one, else
//! `samspor.…`.

use samspor_proto::klassifisering::kontrakter;

/// What a value may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A number or a truth value.
    Number,
    /// One word of a closed vocabulary: letters, digits, `_ . : | * -`; no
    /// person's id and no identity number has this form.
    Word,
    /// 16 or 32 hex digits: an id of a span or a trace.
    Hex,
    /// A word, or a digest in hex, in which digits may stand in a row.
    Version,
    /// A method of the contracts, without its leading slash.
    Method,
    /// Statement text with placeholders, as it stands in the source.
    Statement,
}

/// The keys, in order.
pub const REGISTERED: &[(&str, Form)] = &[
    ("db.collection.name", Form::Word),
    ("db.operation.name", Form::Statement),
    ("db.query.text", Form::Statement),
    ("db.response.returned_rows", Form::Number),
    ("db.response.status_code", Form::Word),
    ("db.system.name", Form::Word),
    ("error.type", Form::Word),
    // File and line of the source.
    ("code.file.path", Form::Word),
    ("code.line.number", Form::Number),
    ("messaging.batch.message_count", Form::Number),
    ("messaging.destination.name", Form::Word),
    ("messaging.operation.name", Form::Word),
    ("network.peer.address", Form::Word),
    ("network.peer.port", Form::Number),
    ("rpc.method", Form::Method),
    ("rpc.response.status_code", Form::Word),
    ("rpc.system.name", Form::Word),
    // How many records, rows or tries.
    ("samspor.antall", Form::Number),
    // Which check refused a call to a service.
    ("samspor.avvist", Form::Word),
    // How long something took, in microseconds.
    ("samspor.brukt_us", Form::Number),
    // Answered from memory.
    ("samspor.bufret", Form::Number),
    // Unit that acts.
    ("samspor.enhet", Form::Word),
    // Number in the fact feed.
    ("samspor.faktum_nr", Form::Number),
    // Kind of an internal failure, never its text.
    ("samspor.feil", Form::Word),
    // Purpose of the call.
    ("samspor.formal", Form::Word),
    // Number in an event feed.
    ("samspor.hendelse_nr", Form::Number),
    // Type of an event.
    ("samspor.hendelsestype", Form::Word),
    // Reason of a refusal.
    ("samspor.grunn", Form::Word),
    // Classes that were released.
    ("samspor.klasser", Form::Word),
    // Ready for calls.
    ("samspor.klar", Form::Number),
    // Unit or service that receives.
    ("samspor.mottaker", Form::Word),
    // Rule that decided.
    ("samspor.regel", Form::Word),
    // Version of the policy.
    ("samspor.regelversjon", Form::Version),
    // Type of the record; never its name.
    ("samspor.ressurs", Form::Word),
    // Role that acts.
    ("samspor.rolle", Form::Word),
    // Classes that were withheld.
    ("samspor.skjermet", Form::Word),
    // Trace id.
    ("samspor.sporings_id", Form::Hex),
    // Kind of a deadline.
    ("samspor.fristtype", Form::Word),
    // Service that works.
    ("samspor.tjeneste", Form::Word),
    ("server.address", Form::Word),
    ("server.port", Form::Number),
    ("service.name", Form::Word),
    ("service.version", Form::Word),
];

/// Names of span events that may be exported. An event's name is its message,
/// so it is registered like a key.
pub const EVENTS: &[&str] = &[
    "answered from the idempotency row",
    "call without a valid attestation",
    "deadline has passed",
    "decision from memory",
    "facts caught up",
    "log batch committed",
    "overloaded",
    "refused",
    "retried",
];

/// The form that the value of a key must have; none: the key is not registered.
#[must_use]
pub fn form_of(key: &str) -> Option<Form> {
    REGISTERED
        .iter()
        .find_map(|(name, form)| (*name == key).then_some(*form))
}

/// Whether a text may stand under a key.
#[must_use]
pub fn may_carry(key: &str, value: &str) -> bool {
    match form_of(key) {
        None | Some(Form::Number) => false,
        Some(Form::Word) => is_word(value),
        Some(Form::Version) => is_word(value) || is_digest(value),
        Some(Form::Hex) => is_trace_or_span_id(value),
        Some(Form::Method) => is_method(value),
        Some(Form::Statement) => value.len() <= 8192 && !names_somebody(value),
    }
}

/// Whether a number may stand under a key.
#[must_use]
pub fn may_count(key: &str) -> bool {
    form_of(key) == Some(Form::Number)
}

/// `samspor.rop.v1.JournalService/HentAapentNotat`, when it is in a contract.
#[must_use]
pub fn is_method(name: &str) -> bool {
    name.len() <= 200 && kontrakter().metoder.contains_key(&format!("/{name}"))
}

fn is_trace_or_span_id(value: &str) -> bool {
    matches!(value.len(), 16 | 32) && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_digest(value: &str) -> bool {
    matches!(value.len(), 16..=64)
        && value.bytes().all(|byte| byte.is_ascii_hexdigit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn is_word(value: &str) -> bool {
    value.len() <= 200
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.:|*-/".contains(&byte))
        && !names_somebody(value)
}

/// Whether a text looks as if it named a person: the name of a person's
/// record, a UUID, or digits enough for an identity or telephone number.
#[must_use]
pub fn names_somebody(text: &str) -> bool {
    text.contains("personer/") || has_digits(text) || has_uuid(text)
}

/// Eight digits in a row, or eleven that a space or a hyphen divides.
fn has_digits(text: &str) -> bool {
    let (mut row, mut divided) = (0, 0);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                row += 1;
                divided += 1;
            }
            b' ' | b'-' => row = 0,
            _ => (row, divided) = (0, 0),
        }
        if row >= 8 || divided >= 11 {
            return true;
        }
    }
    false
}

fn has_uuid(text: &str) -> bool {
    text.as_bytes().windows(36).any(|window| {
        window.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
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

    use super::*;

    #[test]
    fn a_key_is_registered_once() {
        for (place, (key, _)) in REGISTERED.iter().enumerate() {
            let first = REGISTERED.iter().position(|(name, _)| name == key);
            assert_eq!(first, Some(place), "{key}");
        }
    }

    /// Seen red: without `has_uuid`, and without `has_digits`.
    #[test]
    fn what_names_a_person_has_no_form() {
        for (key, value) in [
            // Synthetic: month + 80.
            ("samspor.ressurs", "12908012345"),
            ("samspor.ressurs", "129080-12345"),
            ("samspor.ressurs", "personer/x/vedtak/y"),
            ("samspor.regelversjon", "12908012345"),
            ("samspor.enhet", "0b0a1e52-54a8-4a08-8b3d-8d3a8a4f0e10"),
            ("samspor.feil", "no such person: Kari"),
            ("samspor.feil", "Øystein"),
            ("db.query.text", "SELECT 1 WHERE fnr = '12908012345'"),
            ("rpc.method", "samspor.rop.v1.JournalService/Kari"),
            ("samspor.sporings_id", "kari"),
            ("samspor.antall", "Kari"),
            ("fnr", "1"),
        ] {
            assert!(!may_carry(key, value), "{key} = {value}");
        }
    }

    #[test]
    fn what_telemetry_needs_has_a_form() {
        for (key, value) in [
            ("samspor.ressurs", "individuell_plan"),
            ("samspor.enhet", "bestillerkontor"),
            ("samspor.klasser", "HELSE|FUNKSJON"),
            ("samspor.regelversjon", "2026-10-01.1"),
            ("samspor.regelversjon", "8d969eef6ecad3c29a3a629280e686cf"),
            ("samspor.grunn", "FEILGRUNN_UTDATERT_ETAG"),
            ("db.query.text", "SELECT id FROM vedtak WHERE person = $1"),
            ("rpc.method", "samspor.hendelse.v1.HendelseService/Folg"),
            ("samspor.sporings_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("code.file.path", "services/chassis/src/attest.rs"),
        ] {
            assert!(may_carry(key, value), "{key} = {value}");
        }
        assert!(may_count("samspor.antall"));
        assert!(!may_count("samspor.enhet"));
    }
}
