//! What a caller saw of a record, read from the answer and the contract alone.

use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage as _};
use samspor_proto::{
    felles::{Skjerming, Skjermingsgrunn},
    klassifisering::{Klasser, kontrakter, kortnavn},
    tilgang::Dataklasse,
};
use serde::Serialize;

/// A record as it reached a caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Fields that came, by class: `FUNKSJON: funksjonsvurdering`.
    pub sett: Vec<(String, Vec<String>)>,
    /// Classes withheld, and why as far as it is told.
    pub skjermet: Vec<String>,
}

/// Looks at a record.
pub(super) fn seen<M: Message>(full_name: &str, record: &M) -> Seen {
    let contracts = kontrakter();
    let Some(descriptor) = contracts.pool.get_message_by_name(full_name) else {
        return Seen::default();
    };
    let Ok(message) = DynamicMessage::decode(descriptor, record.encode_to_vec().as_slice()) else {
        return Seen::default();
    };
    let mut fields: Vec<(Dataklasse, String)> = Vec::new();
    collect(&message, "", &mut fields);
    let mut sett: Vec<(String, Vec<String>)> = Vec::new();
    for class in Klasser::alle()
        .iter()
        .filter(|class| *class != Dataklasse::Teknisk)
    {
        let names: Vec<String> = fields
            .iter()
            .filter(|(of, _)| *of == class)
            .map(|(_, name)| name.clone())
            .collect();
        if !names.is_empty() {
            sett.push((kortnavn(class).to_owned(), names));
        }
    }
    let withheld = message
        .get_field_by_name("skjerming")
        .and_then(|value| value.as_message()?.transcode_to::<Skjerming>().ok())
        .unwrap_or_default();
    let skjermet = withheld
        .klasser
        .iter()
        .map(|withheld| {
            let why = match withheld.grunn() {
                Skjermingsgrunn::SamtykkeMangler => "samtykke mangler",
                Skjermingsgrunn::Rolle => "ikke for rollen",
                Skjermingsgrunn::Formal => "ikke for formålet",
                Skjermingsgrunn::Aldri => "aldri for denne enheten",
                Skjermingsgrunn::Unspecified => "grunnen sies ikke",
            };
            let rule = if withheld.regel.is_empty() {
                String::new()
            } else {
                format!(", {}", withheld.regel)
            };
            format!("{} ({why}{rule})", kortnavn(withheld.klasse()))
        })
        .collect();
    Seen { sett, skjermet }
}

fn collect(message: &DynamicMessage, prefix: &str, fields: &mut Vec<(Dataklasse, String)>) {
    for (field, value) in message.fields() {
        if matches!(field.name(), "name" | "etag" | "skjerming") {
            continue;
        }
        let class = kontrakter().utvidelser.klasse_av(&field);
        let path = if prefix.is_empty() {
            field.name().to_owned()
        } else {
            format!("{prefix}.{}", field.name())
        };
        let inner = value
            .as_message()
            .or_else(|| value.as_list()?.first()?.as_message());
        match inner {
            Some(inner)
                if inner.descriptor().full_name().starts_with("samspor.") && has_classes(inner) =>
            {
                collect(inner, &path, fields);
            }
            _ => fields.push((class, path)),
        }
    }
}

/// A message whose fields say more than the field that holds it.
fn has_classes(message: &DynamicMessage) -> bool {
    message
        .descriptor()
        .fields()
        .any(|field| kontrakter().utvidelser.klasse_av(&field) != Dataklasse::Teknisk)
}
