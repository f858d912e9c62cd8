//! What every contract must say, so that the gateway can decide by it: a
//! contract that breaks a rule fails here, before anything runs.
//!
//! Each check gives its faults as text. `each_check_can_fail` breaks
//! `data/prove.proto` (or a shared contract) in one place per rule.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{collections::BTreeSet, fs, path::Path};

use prost_reflect::{
    EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};
use samspor_proto::{
    klassifisering::{Klasser, Kontrakter, Metode, Ressurstype, kontrakter},
    tilgang::{Dataklasse, Handling, Subjekt, Synlighet},
};

type Faults = Vec<String>;
type Check = fn(&Kontrakter) -> Faults;

const CHECKS: &[(&str, Check)] = &[
    ("classes", classes),
    ("kinds", kinds),
    ("oneofs", oneofs),
    ("enums", enums),
    ("ceilings", ceilings),
    ("records", records),
    ("record fields", record_fields),
    ("parts", parts),
    ("nesting", nesting),
    ("declared methods", declared_methods),
    ("method options", method_options),
    ("request fields", request_fields),
    ("mutations", mutations),
    ("reads", reads),
    ("lists", lists),
    ("reasons", reasons),
];

#[test]
fn the_contracts_keep_every_rule() {
    let mut faults = Vec::new();
    for (name, check) in CHECKS {
        faults.extend(
            check(kontrakter())
                .into_iter()
                .map(|f| format!("{name}: {f}")),
        );
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

// ---- The rules ----------------------------------------------------------

/// Every field has a class; only the options themselves have none.
fn classes(contracts: &Kontrakter) -> Faults {
    fields(contracts)
        .filter(|field| field.parent_message().package_name() != "samspor.tilgang.v1")
        .filter(|field| class(contracts, field) == Dataklasse::Unspecified)
        .map(|field| format!("{} has no class", field.full_name()))
        .collect()
}

/// No type that can hold anything, no groups, no client streams.
fn kinds(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for field in fields(contracts) {
        let kind = field.kind();
        let anything = kind.as_message().is_some_and(|message| {
            message.package_name() == "google.protobuf"
                && matches!(message.name(), "Any" | "Struct" | "Value" | "ListValue")
        });
        if anything {
            faults.push(format!("{} can hold anything", field.full_name()));
        }
        if field.is_group() {
            faults.push(format!("{} is a group", field.full_name()));
        }
    }
    for method in methods(contracts) {
        if method.is_client_streaming() {
            faults.push(format!("{} takes a stream", method.full_name()));
        }
    }
    faults
}

/// Members of a oneof share one class: which of them is set would tell.
fn oneofs(contracts: &Kontrakter) -> Faults {
    messages(contracts)
        .flat_map(|message| message.oneofs().collect::<Vec<_>>())
        .filter(|oneof| {
            let classes: BTreeSet<_> = oneof.fields().map(|f| class(contracts, &f)).collect();
            classes.len() > 1
        })
        .map(|oneof| format!("members of {} differ in class", oneof.full_name()))
        .collect()
}

/// Every enum begins with the value that says nothing.
fn enums(contracts: &Kontrakter) -> Faults {
    contracts
        .pool
        .all_enums()
        .filter(|e| is_ours(e.package_name()))
        .filter(|e| !begins_unspecified(e))
        .map(|e| format!("{} has no value _UNSPECIFIED = 0", e.full_name()))
        .collect()
}

fn begins_unspecified(e: &EnumDescriptor) -> bool {
    e.get_value(0)
        .is_some_and(|value| value.name().ends_with("_UNSPECIFIED"))
}

/// The class of a message field is a ceiling: with one that is neither TEKNISK
/// nor found inside, nobody sees the content by its own class. A record in an
/// answer is held by TEKNISK or by its existence class.
fn ceilings(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for field in fields(contracts) {
        let kind = field.kind();
        let Some(message) = kind.as_message().filter(|m| is_ours(m.package_name())) else {
            continue;
        };
        if field.is_map() {
            continue;
        }
        let ceiling = class(contracts, &field);
        let inside = classes_inside(contracts, message).uten(teknisk());
        let fits = match contracts.utvidelser.ressurs_av(message) {
            Some(record) => ceiling == record.eksistensklasse(),
            None => inside.er_tom() || inside.har(ceiling),
        };
        if ceiling != Dataklasse::Teknisk && !fits {
            faults.push(format!(
                "{}: its class is a ceiling that closes what is inside ({inside})",
                field.full_name()
            ));
        }
    }
    faults
}

/// A record has its name, its `skjerming` and a whole option.
fn records(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for Ressurstype {
        ressurs, melding, ..
    } in contracts.ressurser.values()
    {
        let mut fault = |text: &str| faults.push(format!("{}: {text}", melding.full_name()));
        for (field, number) in [("name", 1), ("etag", 2)] {
            let found = melding.get_field_by_name(field);
            if field == "etag" && found.is_none() {
                continue;
            }
            let fits = found.is_some_and(|f| {
                is_single(&f, &Kind::String)
                    && f.number() == number
                    && class(contracts, &f) == Dataklasse::Teknisk
            });
            if !fits {
                fault(&format!(
                    "needs `string {field} = {number}` of class TEKNISK"
                ));
            }
        }
        let skjerming = melding.get_field_by_name("skjerming");
        if !skjerming.is_some_and(|f| {
            f.number() == 15 && !f.is_list() && type_name(&f) == "samspor.felles.v1.Skjerming"
        }) {
            fault("needs `samspor.felles.v1.Skjerming skjerming = 15`");
        }
        if !is_type_name(&ressurs.r#type) {
            fault("its type is not a name in lower case");
        }
        let head = match ressurs.subjekt() {
            Subjekt::Unspecified => None,
            Subjekt::Person => Some("personer/{person}"),
            Subjekt::Enhet => Some("enheter/{enhet}"),
            Subjekt::Ingen => Some(""),
            Subjekt::Sak => {
                let head = ressurs.monster.find("/{sak}").map(|at| at + "/{sak}".len());
                head.and_then(|end| ressurs.monster.get(..end))
            }
        };
        match head {
            None => fault("has no subject"),
            Some(head) if !is_pattern(&ressurs.monster, head) => {
                fault("its name pattern does not fit its subject");
            }
            Some(_) => {}
        }
        // Whose facts decide is one id.
        let ids = ["{person}", "{sak}"].map(|id| ressurs.monster.matches(id).count());
        if ids.iter().sum::<usize>() > 1 {
            fault("its name pattern names two subjects");
        }
        let about_nobody = &ressurs.monster_uten_subjekt;
        if !about_nobody.is_empty() && !is_pattern(about_nobody, "enheter/{enhet}") {
            fault("its name pattern without a subject is not one of a unit");
        }
        if ressurs.eksistensklasse() == Dataklasse::Unspecified {
            fault("has no existence class");
        }
        if ressurs.bevaring_ar <= 0 {
            fault("has no retention");
        }
    }
    faults
}

/// The fields that an option names exist and are of the right kind.
fn record_fields(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for Ressurstype {
        ressurs, melding, ..
    } in contracts.ressurser.values()
    {
        let mut check = |option: &str, field: &str, fits: &dyn Fn(&FieldDescriptor) -> bool| {
            if !field.is_empty() && !melding.get_field_by_name(field).is_some_and(|f| fits(&f)) {
                let name = melding.full_name();
                faults.push(format!("{name}: no field {field} that can be {option}"));
            }
        };
        let text = |f: &FieldDescriptor| is_single(f, &Kind::String);
        check("eier_felt", &ressurs.eier_felt, &text);
        check("unntatt_innsyn_felt", &ressurs.unntatt_innsyn_felt, &|f| {
            is_single(f, &Kind::Bool)
        });
        check("utlop_felt", &ressurs.utlop_felt, &|f| {
            !f.is_list() && type_name(f) == "google.protobuf.Timestamp"
        });
        for (option, fields) in [
            ("personreferanse_felt", &ressurs.personreferanse_felt),
            ("personomtale_felt", &ressurs.personomtale_felt),
        ] {
            for field in fields {
                check(option, field, &|f| f.kind() == Kind::String);
            }
            if fields.iter().any(String::is_empty) {
                check(option, "(empty)", &text);
            }
        }
    }
    faults
}

/// A part names its units.
fn parts(contracts: &Kontrakter) -> Faults {
    messages(contracts)
        .filter_map(|m| Some((contracts.utvidelser.delpost_av(&m)?, m)))
        .filter(|(part, m)| {
            m.get_field_by_name(&part.enhet_felt)
                .is_none_or(|f| f.kind() != Kind::String)
        })
        .map(|(_, m)| format!("{}: no field that names its units", m.full_name()))
        .collect()
}

/// Records stand at the top of an answer and nowhere deeper; never in records.
fn nesting(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for record in contracts.ressurser.values() {
        for inner in reachable(&record.melding) {
            if contracts.utvidelser.ressurs_av(&inner).is_some() {
                let (inner, outer) = (inner.full_name(), record.melding.full_name());
                faults.push(format!("the record {inner} stands in the record {outer}"));
            }
        }
    }
    for method in contracts.metoder.values() {
        if contracts.utvidelser.ressurs_av(&method.ut).is_some() {
            faults.push(format!("{}: the answer itself is a record", method.sti));
        }
        for field in method.ut.fields() {
            let kind = field.kind();
            let Some(message) = kind.as_message() else {
                continue;
            };
            if contracts.utvidelser.ressurs_av(message).is_some() {
                continue;
            }
            for inner in reachable(message) {
                if contracts.utvidelser.ressurs_av(&inner).is_some() {
                    let (field, record) = (field.full_name(), inner.full_name());
                    faults.push(format!("the record {record} stands below {field}"));
                }
            }
        }
    }
    faults
}

/// Every method says what it does.
fn declared_methods(contracts: &Kontrakter) -> Faults {
    methods(contracts)
        .filter(|method| !contracts.metoder.contains_key(&path_of(method)))
        .map(|method| format!("{} has no tilgang", method.full_name()))
        .collect()
}

/// The option of a method is whole, and its record is known.
fn method_options(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for Metode { sti, tilgang, .. } in contracts.metoder.values() {
        let mut fault = |text: &str| faults.push(format!("{sti}: {text}"));
        // Facts are for the gateway alone and are no record.
        if tilgang.ressurs != "faktum" && !contracts.ressurser.contains_key(&tilgang.ressurs) {
            fault(&format!("no record type {:?}", tilgang.ressurs));
        }
        if tilgang.ressurs == "faktum" && tilgang.synlighet() != Synlighet::Intern {
            fault("facts are for the gateway alone");
        }
        if tilgang.handling() == Handling::Unspecified {
            fault("does not say what it does");
        }
        if tilgang.synlighet() == Synlighet::Unspecified {
            fault("does not say who can reach it");
        }
        if tilgang.formal.is_empty() || tilgang.formal().any(|purpose| purpose as i32 == 0) {
            fault("has no purpose");
        }
    }
    faults
}

/// The request has the fields that the option names.
fn request_fields(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for Metode {
        sti, tilgang, inn, ..
    } in contracts.metoder.values()
    {
        for (option, field) in [
            ("navn_felt", &tilgang.navn_felt),
            ("rute_felt", &tilgang.rute_felt),
        ] {
            if !field.is_empty() && !has(contracts, inn, field, &Kind::String) {
                faults.push(format!("{sti}: no field {field:?} that can be {option}"));
            }
        }
        // An intake can be about somebody who has no id yet.
        let names_nothing = tilgang.navn_felt.is_empty();
        if names_nothing
            && tilgang.handling() != Handling::Inntak
            && tilgang.synlighet() == Synlighet::Ekstern
        {
            faults.push(format!("{sti}: names no resource"));
        }
    }
    faults
}

/// A mutation can be repeated, has a row that permits it, and is never open to
/// break-glass; the answer of an intake shows no record.
fn mutations(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for Metode {
        sti,
        tilgang,
        inn,
        ut,
        ..
    } in contracts.metoder.values()
    {
        let mut fault = |text: &str| faults.push(format!("{sti}: {text}"));
        let mutates = matches!(tilgang.handling(), Handling::Skriv | Handling::Inntak);
        if mutates != has(contracts, inn, "request_id", &Kind::String) {
            fault("mutations have `string request_id`, others do not");
        }
        let is_row = |row: &String| {
            row.strip_prefix(['W', 'P'])
                .is_some_and(|number| number.parse::<u8>().is_ok())
        };
        if mutates == tilgang.rad.is_empty() || !tilgang.rad.iter().all(is_row) {
            fault("mutations have rows of the doing table, others do not");
        }
        if mutates && tilgang.nodtilgang {
            fault("break-glass reads only");
        }
        let about = contracts.ressurser.get(&tilgang.ressurs);
        let unknown = match (about.map(|it| it.ressurs.subjekt()), tilgang.handling()) {
            (Some(subject), Handling::Inntak) => subject != Subjekt::Person,
            // Nobody's facts decide, so the log need not check any.
            (Some(Subjekt::Ingen), Handling::Les | Handling::List) => true,
            _ => false,
        };
        if tilgang.anonym && !unknown {
            fault("who must not be recognised is known by the person or by the change");
        }
        if tilgang.handling() == Handling::Inntak && answers(contracts, ut).next().is_some() {
            fault("the answer of an intake is a receipt only");
        }
    }
    faults
}

/// What a method answers is of the type that it declares, and what a read
/// takes beside technical fields is a filter: its class is a right to read.
fn reads(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for Metode {
        sti,
        tilgang,
        inn,
        ut,
        ..
    } in contracts.metoder.values()
    {
        let mut fault = |text: String| faults.push(format!("{sti}: {text}"));
        let reads = matches!(tilgang.handling(), Handling::Les | Handling::List);
        for (field, record) in answers(contracts, ut) {
            if record != tilgang.ressurs {
                fault(format!("{} is a {record}", field.full_name()));
            }
        }
        let is_facts = tilgang.ressurs == "faktum";
        if reads && !is_facts && answers(contracts, ut).next().is_none() {
            fault("reads no record".to_owned());
        }
        for field in inn.fields() {
            let filter = contracts.utvidelser.er_filter(&field);
            if filter && !reads {
                fault(format!("{} is a filter of no read", field.full_name()));
            }
            if reads && !filter && class(contracts, &field) != Dataklasse::Teknisk {
                fault(format!("{} must be a filter", field.full_name()));
            }
        }
    }
    faults
}

/// A list has pages, and its answer nothing beside records and the token: a
/// count would tell what was withheld.
fn lists(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    for Metode {
        sti,
        tilgang,
        inn,
        ut,
        ..
    } in contracts.metoder.values()
    {
        if tilgang.handling() != Handling::List {
            continue;
        }
        for (message, field, kind) in [
            (inn, "page_size", Kind::Int32),
            (inn, "page_token", Kind::String),
            (ut, "next_page_token", Kind::String),
        ] {
            if !has(contracts, message, field, &kind) {
                faults.push(format!("{sti}: no {field}"));
            }
        }
        let records = answers(contracts, ut).filter(|(field, _)| field.is_list());
        if records.count() != 1 || ut.fields().len() != 2 {
            faults.push(format!(
                "{sti}: answers more or less than records and a token"
            ));
        }
    }
    faults
}

/// Every error reason has a text that uses declared keys. That the texts are
/// whole is the concern of `error_reasons.rs`.
fn reasons(contracts: &Kontrakter) -> Faults {
    let mut faults = Vec::new();
    let reasons = contracts
        .pool
        .get_enum_by_name("samspor.felles.v1.Feilgrunn");
    for value in reasons.expect("the enum of reasons").values() {
        if value.number() == 0 {
            continue;
        }
        let Some(text) = contracts.grunntekst(value.number()) else {
            faults.push(format!("{} has no text", value.name()));
            continue;
        };
        for template in [&text.nb, &text.en] {
            for key in template
                .split('{')
                .skip(1)
                .filter_map(|t| t.split_once('}'))
            {
                if !text.nokler.iter().any(|declared| declared.navn == key.0) {
                    faults.push(format!("{} does not declare {:?}", value.name(), key.0));
                }
            }
        }
    }
    faults
}

// ---- Reading the descriptors ---------------------------------------------

fn is_ours(package: &str) -> bool {
    package.starts_with("samspor.")
}

/// Our messages, without the entries of maps.
fn messages(contracts: &Kontrakter) -> impl Iterator<Item = MessageDescriptor> {
    contracts
        .pool
        .all_messages()
        .filter(|message| is_ours(message.package_name()) && !message.is_map_entry())
}

fn fields(contracts: &Kontrakter) -> impl Iterator<Item = FieldDescriptor> {
    messages(contracts).flat_map(|message| message.fields().collect::<Vec<_>>())
}

fn methods(contracts: &Kontrakter) -> impl Iterator<Item = MethodDescriptor> {
    let services: Vec<ServiceDescriptor> = contracts.pool.services().collect();
    services
        .into_iter()
        .filter(|service| is_ours(service.package_name()))
        .flat_map(|service| service.methods().collect::<Vec<_>>())
}

fn path_of(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

fn class(contracts: &Kontrakter, field: &FieldDescriptor) -> Dataklasse {
    contracts.utvidelser.klasse_av(field)
}

fn teknisk() -> Klasser {
    Klasser::av(&[Dataklasse::Teknisk])
}

fn type_name(field: &FieldDescriptor) -> String {
    let kind = field.kind();
    kind.as_message()
        .map_or_else(String::new, |message| message.full_name().to_owned())
}

fn is_single(field: &FieldDescriptor, kind: &Kind) -> bool {
    !field.is_list() && !field.is_map() && field.kind() == *kind
}

/// Whether a message has a technical field of its own with this kind.
fn has(contracts: &Kontrakter, message: &MessageDescriptor, name: &str, kind: &Kind) -> bool {
    message.get_field_by_name(name).is_some_and(|field| {
        is_single(&field, kind) && class(contracts, &field) == Dataklasse::Teknisk
    })
}

/// The records of an answer with their types.
fn answers<'c>(
    contracts: &'c Kontrakter,
    answer: &MessageDescriptor,
) -> impl Iterator<Item = (FieldDescriptor, String)> + use<'c> {
    let fields: Vec<_> = answer.fields().collect();
    fields.into_iter().filter_map(|field| {
        let kind = field.kind();
        let record = contracts.utvidelser.ressurs_av(kind.as_message()?)?;
        Some((field, record.r#type))
    })
}

/// Messages inside a message, at any depth, without itself unless it recurs.
fn reachable(message: &MessageDescriptor) -> Vec<MessageDescriptor> {
    let mut found: Vec<MessageDescriptor> = Vec::new();
    let mut open = vec![message.clone()];
    while let Some(next) = open.pop() {
        for field in next.fields() {
            let kind = field.kind();
            if let Some(inner) = kind.as_message()
                && !found.contains(inner)
            {
                found.push(inner.clone());
                open.push(inner.clone());
            }
        }
    }
    found
}

fn classes_inside(contracts: &Kontrakter, message: &MessageDescriptor) -> Klasser {
    reachable(message)
        .into_iter()
        .chain([message.clone()])
        .filter(|m| is_ours(m.package_name()))
        .flat_map(|m| m.fields().collect::<Vec<_>>())
        .map(|field| class(contracts, &field))
        .collect()
}

fn is_type_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// Whether a pattern is `word/{variable}` pairs that begin with `head`.
fn is_pattern(pattern: &str, head: &str) -> bool {
    let segments: Vec<&str> = pattern.split('/').collect();
    let pairs = segments.chunks(2).all(|pair| match pair {
        [word, variable] => {
            !word.is_empty()
                && word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
                && variable
                    .strip_prefix('{')
                    .and_then(|v| v.strip_suffix('}'))
                    .is_some_and(is_type_name)
        }
        _ => false,
    });
    let rest = pattern.strip_prefix(head);
    pairs && rest.is_some_and(|rest| head.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

// ---- Each rule, broken ----------------------------------------------------

const PROVE: &str = "samspor/prove/v1/prove.proto";
const PROVE_TEXT: &str = include_str!("data/prove.proto");
const BREAKS: &str = include_str!("data/brudd.txt");

/// Only proto2 has groups; nothing but an import can bring one in.
const GRUPPE: &str = "samspor/gruppe/v1/gruppe.proto";
const GRUPPE_TEXT: &str = r#"
    syntax = "proto2";
    package samspor.gruppe.v1;
    message Gruppe { optional group G = 1 { optional string a = 1; } }
"#;

/// The contracts on disk, with some files in other words.
struct Sources(Vec<(String, String)>);

impl protox::file::FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
        if let Some((_, text)) = self.0.iter().find(|(known, _)| known == name) {
            return protox::file::File::from_source(name, text);
        }
        let mut on_disk = protox::file::ChainFileResolver::new();
        on_disk.add(protox::file::IncludeFileResolver::new(root().into()));
        on_disk.add(protox::file::GoogleFileResolver::new());
        on_disk.open_file(name)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compile(sources: Vec<(String, String)>) -> Kontrakter {
    let mut compiler = protox::Compiler::with_file_resolver(Sources(sources));
    compiler.include_imports(true);
    compiler
        .open_file(PROVE)
        .unwrap_or_else(|e| panic!("{e:?}"));
    Kontrakter::les(&compiler.encode_file_descriptor_set()).unwrap()
}

fn standing() -> Vec<(String, String)> {
    vec![
        (PROVE.to_owned(), PROVE_TEXT.to_owned()),
        (GRUPPE.to_owned(), GRUPPE_TEXT.to_owned()),
    ]
}

#[test]
fn a_contract_without_a_fault_passes() {
    let contracts = compile(standing());
    for (name, check) in CHECKS {
        assert_eq!(check(&contracts), [""; 0], "{name}");
    }
}

#[test]
fn each_check_can_fail() {
    let mut not_seen_red: BTreeSet<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    for text in BREAKS.split("\n\n").filter(|block| block.starts_with('>')) {
        let lines = |mark: &str| {
            let lines = text.lines().filter_map(|line| line.strip_prefix(mark));
            lines.map(str::trim).collect::<Vec<_>>().join("\n")
        };
        let expected = lines(">");
        let (name, fault) = expected.split_once(": ").expect("a check and its fault");
        let mut sources = standing();
        let file = match lines("@") {
            none if none.is_empty() => PROVE.to_owned(),
            other => {
                let on_disk = fs::read_to_string(root().join(&other)).unwrap();
                sources.push((other.clone(), on_disk));
                other
            }
        };
        let (_, source) = sources
            .iter_mut()
            .find(|(known, _)| *known == file)
            .unwrap();
        let (from, to) = (lines("-"), lines("+"));
        assert!(source.contains(&from), "{file} has no {from}");
        *source = source.replacen(&from, &to, 1);

        let (_, check) = CHECKS.iter().find(|(known, _)| *known == name).unwrap();
        let faults = check(&compile(sources));
        assert!(
            faults.iter().any(|found| found.contains(fault)),
            "{text}\ngave {faults:?}"
        );
        not_seen_red.remove(name);
    }
    assert!(not_seen_red.is_empty(), "no break for {not_seen_red:?}");
}
