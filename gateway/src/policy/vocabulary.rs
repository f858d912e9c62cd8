//! The words that the Cedar files may use, as a schema: they come from the
//! contracts' enums and from `funksjoner.toml`, so that a misspelt role, class,
//! purpose, fact or function refuses to load.

use std::fmt::Write as _;

use cedar_policy::{EntityUid, Schema, ValidationMode, Validator};
use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::kortnavn,
    tilgang::{Dataklasse, Formal},
};

use super::{
    files::{File, LoadError, Toml},
    question::{formalnavn, rollenavn},
};

/// Rows of the doing table that a contract may name, P20 for its session.
pub(super) const ROWS: [&str; 10] = ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "P20"];

/// Action of reading.
pub(super) const READ: &str = "les";

/// Attributes of the context that are facts about the person. A forbid that
/// may be named must not read them.
pub(super) const FACT_ATTRIBUTES: [&str; 12] = [
    "enhet",
    "enhet_her",
    "ansatt",
    "ansatt_her",
    "alle_her",
    "person_her",
    "om",
    "relasjon",
    "bekreftet",
    "samtykke",
    "nodtilgang",
    "gransking",
];

const CONTEXT: &str = "{
    // Purpose.
    formal: Formal,
    // Type of the record, and whom it is about.
    type: String,
    subjekt: Subjekt,
    // Who owns it, as seen by the caller's unit; none also before it exists.
    eier: Eier,
    // Part of a record that has parts of several units.
    del: Del,
    // Whose queue or feed the request names.
    omfang: Omfang,
    // Functions of the caller's unit.
    funksjoner: Set<Funksjon>,
    // What the role may read, write, and be given by consent (roller.toml).
    rolle_leser: Set<Klasse>,
    rolle_skriver: Set<Klasse>,
    rolle_samtykke: Set<Klasse>,
    // Facts that hold now, by party; `_her`: that cover this record.
    enhet: Set<Faktum>,
    enhet_her: Set<Faktum>,
    alle_her: Set<Faktum>,
    ansatt: Set<Faktum>,
    ansatt_her: Set<Faktum>,
    person_her: Set<Faktum>,
    om: Set<Faktum>,
    // A relation of the unit or the employee (fakta.toml).
    relasjon: Bool,
    bekreftet: Bool,
    // Classes consented to for unit, role and purpose, and of the break-glass session.
    samtykke: Set<Klasse>,
    nodtilgang: Set<Klasse>,
    // Classes of the mandate that the call refers to, for what happened in its period.
    gransking: Set<Klasse>,
    // The caller is the subject; the caller is a named employee.
    selv: Bool,
    har_ansatt: Bool,
    // The record is exempt from the person's access; is no longer valid.
    unntatt_innsyn: Bool,
    utlopt: Bool,
    // The contract opens the method under break-glass; to SYSTEM.
    metode_nodtilgang: Bool,
    metode_system: Bool,
    // The case reference is in order.
    sak_ok: Bool,
}";

/// The functions of `funksjoner.toml`, in the order of the file.
#[derive(Debug)]
pub(super) struct Functions(Vec<String>);

impl Functions {
    pub(super) fn read(file: &File) -> Result<Self, LoadError> {
        let doc = Toml::parse(file)?;
        let root = doc.root();
        let mut names = Vec::new();
        for key in root.keys() {
            root.text(key.text)?;
            if names.len() == 64 {
                return Err(root.fault(key.line, "more than 64 functions"));
            }
            names.push(key.text.to_owned());
        }
        Ok(Self(names))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// The Cedar schema of the vocabulary.
pub(super) fn validator(functions: &Functions) -> Result<Validator, String> {
    let entity = |name: &str, members: &mut dyn Iterator<Item = &str>| {
        let members: Vec<String> = members.map(|member| format!("{member:?}")).collect();
        format!("entity {name} enum [{}];\n", members.join(", "))
    };
    let mut schema = String::new();
    schema += &entity("Rolle", &mut alle_roller().map(rollenavn));
    schema += &entity("Klasse", &mut alle_klasser().map(kortnavn));
    schema += &entity("Formal", &mut alle_formal().map(formalnavn));
    schema += &entity("Faktum", &mut alle_faktumtyper().map(faktumnavn));
    schema += &entity("Funksjon", &mut functions.names());
    schema += &entity("Eier", &mut ["egen", "annen", "ingen"].into_iter());
    schema += &entity("Del", &mut ["hode", "egen", "annen"].into_iter());
    schema += &entity(
        "Subjekt",
        &mut ["person", "enhet", "ingen", "sak"].into_iter(),
    );
    schema += &entity(
        "Omfang",
        &mut ["ingen", "egen_enhet", "annen_enhet"].into_iter(),
    );
    for action in ROWS.into_iter().chain([READ]) {
        // Writing to a string does not fail.
        let _ = writeln!(
            schema,
            "action {action} appliesTo {{ principal: [Rolle], resource: [Klasse], context: {CONTEXT} }};"
        );
    }
    let (schema, _) = Schema::from_cedarschema_str(&schema).map_err(|e| e.to_string())?;
    Ok(Validator::new(schema))
}

/// Strict: every attribute exists, every literal is a member, types agree.
pub(super) const VALIDATION: ValidationMode = ValidationMode::Strict;

pub(super) fn entity(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind = kind.parse().map_err(|e| format!("{kind}: {e}"))?;
    let id = cedar_policy::EntityId::new(id);
    Ok(EntityUid::from_type_name_and_id(kind, id))
}

pub(super) fn alle_roller() -> impl Iterator<Item = Rolle> {
    (1..64).filter_map(|n| Rolle::try_from(n).ok())
}

pub(super) fn alle_klasser() -> impl Iterator<Item = Dataklasse> {
    (1..32).filter_map(|n| Dataklasse::try_from(n).ok())
}

pub(super) fn alle_formal() -> impl Iterator<Item = Formal> {
    (1..64).filter_map(|n| Formal::try_from(n).ok())
}

pub(super) fn alle_faktumtyper() -> impl Iterator<Item = Faktumtype> {
    (1..32).filter_map(|n| Faktumtype::try_from(n).ok())
}

pub(super) fn faktumnavn(kind: Faktumtype) -> &'static str {
    kind.as_str_name()
        .strip_prefix("FAKTUMTYPE_")
        .unwrap_or_default()
}
