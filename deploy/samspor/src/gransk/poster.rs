//! The records that events name, as they are now and as far as the mandate
//! reaches. Read by their descriptors: a service that gives a record a time, and
//! lets a review read it, needs nothing here.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use samspor_chassis::domene::kalender::veggklokke;
use samspor_chassis::tid::Tid;
use samspor_proto::{
    klassifisering::{Metode, kontrakter},
    tilgang::{Formal, Handling},
};
use tonic::Code;

use super::{
    grunnlag::{Hull, Post},
    hent::grunn,
    ord, synlig,
};
use crate::desk::Desk;

/// Calls under way at once, and how long one may take.
const SAMTIDIG: usize = 4;
const LENGST: Duration = Duration::from_secs(30);
/// Fields of one record that are shown.
const FELT: usize = 80;

/// How a record is read.
struct Leser {
    metode: &'static Metode,
    /// Field of the answer that holds it.
    felt: FieldDescriptor,
}

/// Reads records by name. Those that a review cannot read are left out: their
/// events have told of them.
pub(super) async fn hent(desk: &Desk, names: &BTreeSet<&str>) -> (Vec<Post>, Vec<Hull>) {
    let asked = names.iter().filter_map(|name| Some((*name, leser(name)?)));
    let mut answers = stream::iter(asked)
        .map(|(name, reader)| async move {
            (
                reader.metode.tjeneste.clone(),
                ett(desk, name, &reader).await,
            )
        })
        .buffer_unordered(SAMTIDIG);
    let (mut records, mut gaps) = (Vec::new(), BTreeSet::new());
    while let Some((service, answer)) = answers.next().await {
        match answer {
            Ok(record) => records.extend(record),
            Err(why) => {
                gaps.insert(Hull {
                    kilde: service,
                    hva: "poster".to_owned(),
                    grunn: why.to_owned(),
                });
            }
        }
    }
    (records, gaps.into_iter().collect())
}

/// The method that reads a record for a review, where there is one: of a type
/// that says when its records happened.
fn leser(name: &str) -> Option<Leser> {
    let contracts = kontrakter();
    let (type_, _) = contracts
        .ressurser
        .iter()
        .find(|(_, record)| !record.ressurs.tid_felt.is_empty() && record.har_navn(name))?;
    contracts.metoder.values().find_map(|metode| {
        let tilgang = &metode.tilgang;
        let reads = tilgang.handling() == Handling::Les
            && !metode.strom
            && tilgang.ressurs == *type_
            && tilgang.navn_felt == "name"
            && tilgang.formal().any(|formal| formal == Formal::Gransking);
        let felt = metode.ut.fields().find(|field| {
            let holds = |kind: Kind| kind.as_message().cloned();
            holds(field.kind()).is_some_and(|message| {
                contracts
                    .ressurser
                    .get(type_)
                    .is_some_and(|record| record.melding == message)
            })
        })?;
        reads.then_some(Leser { metode, felt })
    })
}

/// A record; none where it is not the reviewer's to read.
async fn ett(desk: &Desk, name: &str, reader: &Leser) -> Result<Option<Post>, &'static str> {
    let broken = "svarte med en feil";
    let mut request = DynamicMessage::new(reader.metode.inn.clone());
    request
        .try_set_field_by_name("name", Value::String(name.to_owned()))
        .map_err(|_| broken)?;
    let call = desk.call_encoded(&reader.metode.sti, Bytes::from(request.encode_to_vec()));
    let answer = tokio::time::timeout(LENGST, call)
        .await
        .map_err(|_| "svarte ikke i tide")?;
    let body = match answer.result {
        Ok(body) => body,
        // It happened outside the period, or is withheld.
        Err(refused) if matches!(refused.code(), Code::NotFound | Code::PermissionDenied) => {
            return Ok(None);
        }
        Err(refused) => return Err(grunn(&refused)),
    };
    let answer = DynamicMessage::decode(reader.metode.ut.clone(), body).map_err(|_| broken)?;
    let record = answer.get_field(&reader.felt);
    let mut felt = Vec::new();
    if let Some(record) = record.as_message() {
        vis(record, "", &mut felt);
    }
    if felt.len() > FELT {
        felt.truncate(FELT);
        felt.push(("…".to_owned(), "resten av posten er ikke vist".to_owned()));
    }
    Ok(Some(Post {
        navn: name.to_owned(),
        felt,
    }))
}

/// Fields that say nothing about what happened.
const UTEN: [&str; 3] = ["name", "etag", "skjerming"];

/// The fields that are set, one line each, parts after what they are part of.
fn vis(message: &DynamicMessage, before: &str, out: &mut Vec<(String, String)>) {
    if out.len() > FELT {
        return;
    }
    for (field, value) in message.fields() {
        if before.is_empty() && UTEN.contains(&field.name()) {
            continue;
        }
        let label = match before.is_empty() {
            true => ord::norsk(field.name()),
            false => format!("{before} · {}", ord::norsk(field.name()).to_lowercase()),
        };
        felt(&field, value, &label, out);
    }
}

fn felt(field: &FieldDescriptor, value: &Value, label: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::Message(inner) => match instant(inner) {
            Some(at) => out.push((label.to_owned(), veggklokke(at))),
            None => vis(inner, label, out),
        },
        Value::List(all) => {
            for (number, one) in (1..).zip(all) {
                felt(field, one, &format!("{label} {number}"), out);
            }
        }
        Value::EnumNumber(number) => out.push((label.to_owned(), enumnavn(field, *number))),
        Value::String(text) => out.push((label.to_owned(), synlig(text))),
        Value::Bool(true) => out.push((label.to_owned(), "ja".to_owned())),
        Value::Bool(false) => out.push((label.to_owned(), "nei".to_owned())),
        Value::I32(number) => out.push((label.to_owned(), number.to_string())),
        Value::I64(number) => out.push((label.to_owned(), number.to_string())),
        Value::U32(number) => out.push((label.to_owned(), number.to_string())),
        Value::U64(number) => out.push((label.to_owned(), number.to_string())),
        Value::F32(number) => out.push((label.to_owned(), number.to_string())),
        Value::F64(number) => out.push((label.to_owned(), number.to_string())),
        // A file is not read here, and the contracts have no maps in records.
        Value::Bytes(_) | Value::Map(_) => {}
    }
}

fn instant(message: &DynamicMessage) -> Option<Tid> {
    (message.descriptor().full_name() == "google.protobuf.Timestamp")
        .then(|| message.transcode_to::<prost_types::Timestamp>().ok())?
        .and_then(|at| Tid::try_from(at).ok())
}

/// `VEDTAK_TILSTAND_FATTET` of `VedtakTilstand` → `FATTET`.
fn enumnavn(field: &FieldDescriptor, number: i32) -> String {
    let kind = field.kind();
    let value = kind
        .as_enum()
        .and_then(|kind| Some((kind, kind.get_value(number)?)));
    let Some((kind, value)) = value else {
        return number.to_string();
    };
    let mut prefix = String::new();
    for letter in kind.name().chars() {
        if letter.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.extend(letter.to_uppercase());
    }
    prefix.push('_');
    let name = value.name();
    name.strip_prefix(&prefix).unwrap_or(name).to_owned()
}
