//! Redaction as it is easiest to believe: on decoded messages, field by field.

use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};
use samspor_proto::{
    klassifisering::{Klasser, Kontrakter},
    tilgang::Dataklasse,
};

use crate::redaction::{Outer, Verdict};

#[derive(Clone, Copy)]
struct Rights<'a> {
    own: Klasser,
    other: Klasser,
    unit: &'a str,
}

pub(super) struct Oracle<'k>(pub(super) &'k Kontrakter);

impl Oracle<'_> {
    pub(super) fn answer(
        &self,
        answer: &DynamicMessage,
        outer: Outer<'_>,
        verdicts: &[(Verdict<'_>, DynamicMessage)],
    ) -> DynamicMessage {
        let kind = answer.descriptor();
        let mut out = DynamicMessage::new(kind.clone());
        let mut verdicts = verdicts.iter();
        for field in kind.fields().filter(|field| answer.has_field(field)) {
            if field.name() == "next_page_token" {
                continue;
            }
            let value = answer.get_field(&field);
            if !self.is_record(&field) {
                let rights = Rights {
                    own: outer.klasser,
                    other: outer.klasser,
                    unit: "",
                };
                if let Some(value) = self.field(&field, &value, outer.klasser, rights, false) {
                    out.set_field(&field, value);
                }
                continue;
            }
            let mut kept = Vec::new();
            for record in each(&value) {
                let (verdict, skjerming) = verdicts.next().unwrap();
                let Verdict::Keep(keep) = verdict else {
                    continue;
                };
                if !keep.head.har(self.0.utvidelser.klasse_av(&field)) {
                    continue;
                }
                let rights = Rights {
                    own: keep.own,
                    other: keep.other,
                    unit: keep.unit,
                };
                let mut record = self.message(record, keep.head, rights, false);
                if !keep.show_etag && record.descriptor().get_field_by_name("etag").is_some() {
                    record.clear_field_by_name("etag");
                }
                if skjerming.encoded_len() > 0 {
                    record.set_field_by_name("skjerming", Value::Message(skjerming.clone()));
                }
                kept.push(Value::Message(record));
            }
            if field.is_list() {
                out.set_field(&field, Value::List(kept));
            } else if let Some(record) = kept.pop() {
                out.set_field(&field, record);
            }
        }
        if let Some(token) = outer.next_page_token
            && kind.get_field_by_name("next_page_token").is_some()
        {
            out.set_field_by_name("next_page_token", Value::String(token.to_owned()));
        }
        out
    }

    pub(super) fn is_record(&self, field: &FieldDescriptor) -> bool {
        let kind = field.kind();
        kind.as_message()
            .is_some_and(|message| self.0.utvidelser.ressurs_av(message).is_some())
    }

    fn message(
        &self,
        message: &DynamicMessage,
        allowed: Klasser,
        rights: Rights<'_>,
        governed: bool,
    ) -> DynamicMessage {
        let mut out = DynamicMessage::new(message.descriptor());
        for field in message.descriptor().fields() {
            if message.has_field(&field) {
                let value = message.get_field(&field);
                if let Some(value) = self.field(&field, &value, allowed, rights, governed) {
                    out.set_field(&field, value);
                }
            }
        }
        out
    }

    /// What of a field is left; nothing when it goes.
    fn field(
        &self,
        field: &FieldDescriptor,
        value: &Value,
        allowed: Klasser,
        rights: Rights<'_>,
        governed: bool,
    ) -> Option<Value> {
        let class = self.0.utvidelser.klasse_av(field);
        let shown = |allowed: Klasser| governed || allowed.har(class);
        let Kind::Message(kind) = field.kind() else {
            return shown(allowed).then(|| value.clone());
        };
        if let Value::Map(entries) = value {
            let inner = kind.map_entry_value_field();
            let mut left = entries.clone();
            if let Kind::Message(inner) = inner.kind() {
                if self.is_refused(&inner) {
                    for value in left.values_mut() {
                        *value = Value::Message(DynamicMessage::new(inner.clone()));
                    }
                } else {
                    for value in left.values_mut() {
                        let message = value.as_message().unwrap();
                        *value = Value::Message(self.message(message, allowed, rights, false));
                    }
                }
            }
            return shown(allowed).then_some(Value::Map(left));
        }
        if self.is_refused(&kind) || kind.full_name() == "samspor.felles.v1.Skjerming" {
            return None;
        }
        let mut left = Vec::new();
        for message in each(value) {
            let allowed = match self.names_unit(message, rights.unit) {
                None => allowed,
                Some(true) => rights.own,
                Some(false) => rights.other,
            };
            if shown(allowed) {
                let governed = kind.package_name() == "google.protobuf";
                left.push(Value::Message(
                    self.message(message, allowed, rights, governed),
                ));
            }
        }
        if field.is_list() {
            Some(Value::List(left))
        } else {
            left.pop()
        }
    }

    fn is_refused(&self, kind: &MessageDescriptor) -> bool {
        self.0.utvidelser.ressurs_av(kind).is_some()
            || [
                "google.protobuf.Any",
                "google.protobuf.Struct",
                "google.protobuf.Value",
                "google.protobuf.ListValue",
            ]
            .contains(&kind.full_name())
    }

    /// Whether a part names the unit; nothing when the message is no part.
    fn names_unit(&self, message: &DynamicMessage, unit: &str) -> Option<bool> {
        let part = self.0.utvidelser.delpost_av(&message.descriptor())?;
        let value = message.get_field_by_name(&part.enhet_felt).unwrap();
        let texts: Vec<String> = match value.as_ref() {
            Value::List(list) => list
                .iter()
                .map(|v| v.as_str().unwrap().to_owned())
                .collect(),
            one => vec![one.as_str().unwrap().to_owned()],
        };
        let named = |text: &String| text.strip_prefix("enheter/").unwrap_or(text) == unit;
        Some(!unit.is_empty() && texts.iter().any(named))
    }

    /// Every filled field of a request with its class and whether it is a
    /// filter. Places in lists are `[]`; a packed list is one field.
    pub(super) fn filled(
        &self,
        message: &DynamicMessage,
        path: &str,
        filter: bool,
        found: &mut Vec<(String, Dataklasse, bool)>,
    ) {
        for (field, value) in message.fields() {
            let kind = field.kind();
            if kind.as_message().is_some_and(|m| m.name() == "Skjerming") {
                continue;
            }
            let filter = filter || self.0.utvidelser.er_filter(&field);
            let class = self.0.utvidelser.klasse_av(&field);
            let at = format!("{path}{}", field.name());
            let (at, inside, count) = match value {
                Value::List(list) => (format!("{at}[]"), list.clone(), list.len()),
                Value::Map(entries) => {
                    let values = entries.values().cloned().collect();
                    (format!("{at}[]"), values, entries.len())
                }
                one => (at, vec![one.clone()], 1),
            };
            let count = if field.is_packed() { 1 } else { count };
            for _ in 0..count {
                found.push((at.clone(), class, filter));
            }
            for value in inside {
                let well_known = kind
                    .as_message()
                    .is_some_and(|m| m.package_name() == "google.protobuf");
                if let (Value::Message(inner), false) = (value, well_known) {
                    let step = if field.is_map() { ".value." } else { "." };
                    self.filled(&inner, &format!("{at}{step}"), filter, found);
                }
            }
        }
    }
}

/// The messages of a field.
fn each(value: &Value) -> Vec<&DynamicMessage> {
    match value {
        Value::List(list) => list.iter().filter_map(Value::as_message).collect(),
        one => one.as_message().into_iter().collect(),
    }
}
