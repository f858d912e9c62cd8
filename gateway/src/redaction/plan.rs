//! Tables that say, per message of the contracts, what to do with each field
//! number. Built once from the descriptors; no descriptor is read afterwards.

use std::collections::{HashMap, HashSet};

use prost_reflect::{FieldDescriptor, Kind as FieldKind, MessageDescriptor};
use samspor_proto::{
    klassifisering::{Klasser, Metode, Utvidelser},
    tilgang::{Dataklasse, Ressurs},
};

use super::wire::{Wire, WireError};

/// Contracts from which no plan can be made: a fault of the build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An option names a field that the message does not have.
    #[error("{message} has no field {field} that could serve as {role}")]
    Field {
        /// Message.
        message: String,
        /// Field or path that the option names.
        field: String,
        /// Option.
        role: &'static str,
    },
}

/// Bit that no set of classes has: nobody is shown the field.
pub(super) const NEVER: u32 = 1;

/// The message in which the gateway says what it withheld.
const SKJERMING: &str = "samspor.felles.v1.Skjerming";

/// Field numbers up to this are looked up directly.
const DENSE: u32 = 1024;

/// What a field is to the gateway, beside its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Mark {
    None,
    /// Name of the record, or the name that a request asks for.
    Name,
    /// Unit that owns the record.
    Eier,
    /// The record is exempt from the person's own access.
    Unntatt,
    /// From when the record is no longer valid.
    Utlop,
    /// When it happened, or began.
    Tid,
    /// When it ended.
    Slutt,
    /// Names another person.
    Personref,
    /// Names a person of whom the record tells, or a record of one.
    Personomtale,
    /// Names the units of a part.
    Units,
    /// Shown to those who may write.
    Etag,
    /// Written by the gateway alone.
    Skjerming,
    /// A record of a response.
    Record,
    NextPageToken,
    PageSize,
    PageToken,
    RequestId,
    /// Names the service that answers.
    Rute,
}

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// No field of the contract has this number.
    Unknown,
    Number,
    Bytes,
    Text,
    Message,
}

/// A field, as small as it can be: one is read per field of a body.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent properties of a field"
)]
pub(super) struct Slot {
    /// Bit of the class; [`NEVER`] when withheld from all; 0 when the
    /// enclosing field's class governs.
    pub(super) need: u32,
    /// Table of the message inside.
    pub(super) child: u32,
    pub(super) wire: Wire,
    pub(super) kind: Kind,
    pub(super) mark: Mark,
    pub(super) repeated: bool,
    /// A list of numbers may also stand packed.
    pub(super) packable: bool,
    /// A reader of record heads must look inside.
    pub(super) look_inside: bool,
    /// A filter of a list: its class is the right to read.
    pub(super) filter: bool,
}

impl Slot {
    const UNKNOWN: Self = Self {
        need: NEVER,
        child: 0,
        wire: Wire::GroupEnd,
        kind: Kind::Unknown,
        mark: Mark::None,
        repeated: true,
        packable: false,
        look_inside: false,
        filter: false,
    };

    /// Whether it may stand with this wire type; the second: as a packed list.
    #[inline]
    pub(super) fn check(&self, number: u32, wire: Wire) -> Result<bool, WireError> {
        if wire == self.wire {
            Ok(false)
        } else if self.packable && wire == Wire::Len {
            Ok(true)
        } else {
            Err(WireError::WireType(number))
        }
    }
}

/// A field's name and class, for messages to people.
#[derive(Debug)]
pub(super) struct FieldInfo {
    number: u32,
    pub(super) navn: String,
    pub(super) klasse: Dataklasse,
    pub(super) repeated: bool,
}

/// The fields of one message.
#[derive(Debug)]
pub(super) struct Table {
    dense: Box<[Slot]>,
    sparse: Box<[(u32, Slot)]>,
    info: Box<[FieldInfo]>,
    /// The message is a part of a record, with units of its own.
    pub(super) part: bool,
}

impl Table {
    fn of(slots: Vec<(u32, Slot)>, info: Vec<FieldInfo>, part: bool) -> Self {
        let (near, far): (Vec<_>, Vec<_>) =
            slots.into_iter().partition(|(number, _)| *number < DENSE);
        let size = near.iter().map(|(number, _)| number + 1).max();
        let mut dense = vec![Slot::UNKNOWN; size.unwrap_or(0) as usize];
        for (number, slot) in near {
            if let Some(place) = dense.get_mut(number as usize) {
                *place = slot;
            }
        }
        Self {
            dense: dense.into_boxed_slice(),
            sparse: far.into_boxed_slice(),
            info: info.into_boxed_slice(),
            part,
        }
    }

    #[inline]
    pub(super) fn slot(&self, number: u32) -> Slot {
        match self.dense.get(number as usize) {
            Some(slot) => *slot,
            None => self.far_slot(number),
        }
    }

    fn far_slot(&self, number: u32) -> Slot {
        self.sparse
            .iter()
            .find(|(known, _)| *known == number)
            .map_or(Slot::UNKNOWN, |(_, slot)| *slot)
    }

    pub(super) fn info(&self, number: u32) -> Option<&FieldInfo> {
        self.info.iter().find(|info| info.number == number)
    }

    /// The number of the first field with a mark.
    pub(super) fn marked(&self, mark: Mark) -> Option<u32> {
        self.info
            .iter()
            .map(|info| info.number)
            .find(|number| self.slot(*number).mark == mark)
    }
}

/// All tables.
#[derive(Debug)]
pub(super) struct Tables {
    tables: Vec<Table>,
    /// Knows no field: all is dropped, nothing leaks.
    empty: Table,
}

impl Tables {
    /// The table with a number that the compiler gave out.
    #[inline]
    pub(super) fn get(&self, table: u32) -> &Table {
        self.tables.get(table as usize).unwrap_or(&self.empty)
    }
}

/// A path to a field that gets a mark: `["vedtak", "name"]`.
type Marking = (Vec<String>, Mark);

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    /// In a request, where records may stand anywhere; else in an answer.
    request: bool,
    /// Inside a filter of a list.
    filter: bool,
    /// The class of the field that holds the message governs what is inside
    /// (map entries, well-known types); else the options of its fields do.
    governed: bool,
}

const REQUEST: Place = Place {
    request: true,
    filter: false,
    governed: false,
};
const ANSWER: Place = Place {
    request: false,
    filter: false,
    governed: false,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    message: String,
    place: Place,
    marks: Vec<Marking>,
}

/// Builds tables; equal needs share one.
pub(super) struct Compiler<'k> {
    options: &'k Utvidelser,
    known: HashMap<Key, u32>,
    tables: Vec<Option<Table>>,
}

impl<'k> Compiler<'k> {
    pub(super) fn new(options: &'k Utvidelser) -> Self {
        Self {
            options,
            known: HashMap::new(),
            tables: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Tables {
        Tables {
            tables: self.tables.into_iter().flatten().collect(),
            empty: Table::of(Vec::new(), Vec::new(), false),
        }
    }

    /// Table of a request message.
    pub(super) fn request(&mut self, method: &Metode) -> Result<u32, PlanError> {
        let mut marks = Vec::new();
        for (path, role, as_mark) in [
            (&method.tilgang.navn_felt, "navn_felt", Mark::Name),
            (&method.tilgang.rute_felt, "rute_felt", Mark::Rute),
        ] {
            if !path.is_empty() {
                is_single(&method.inn, path, &FieldKind::String, role)?;
                marks.push(marking(path, as_mark));
            }
        }
        for (field, kind, as_mark) in [
            ("request_id", FieldKind::String, Mark::RequestId),
            ("page_size", FieldKind::Int32, Mark::PageSize),
            ("page_token", FieldKind::String, Mark::PageToken),
        ] {
            if method.inn.get_field_by_name(field).is_some() {
                is_single(&method.inn, field, &kind, field)?;
                marks.push(marking(field, as_mark));
            }
        }
        self.message(&method.inn, REQUEST, marks)
    }

    /// Table of a response message, without what its records hold.
    pub(super) fn response(&mut self, message: &MessageDescriptor) -> Result<u32, PlanError> {
        let mut marks = Vec::new();
        for field in message.fields() {
            if self.record_of(&field).is_some() {
                marks.push(marking(field.name(), Mark::Record));
            }
        }
        let token = "next_page_token";
        if message.get_field_by_name(token).is_some() {
            is_single(message, token, &FieldKind::String, token)?;
            marks.push(marking(token, Mark::NextPageToken));
        }
        self.message(message, ANSWER, marks)
    }

    /// Record type of a field of a response.
    pub(super) fn record_of(&self, field: &FieldDescriptor) -> Option<Ressurs> {
        let kind = field.kind();
        self.options.ressurs_av(kind.as_message()?)
    }

    /// Table of a record.
    pub(super) fn record(
        &mut self,
        message: &MessageDescriptor,
        ressurs: &Ressurs,
    ) -> Result<u32, PlanError> {
        is_single(message, "name", &FieldKind::String, "name")?;
        let mut marks = vec![marking("name", Mark::Name)];
        if message.get_field_by_name("etag").is_some() {
            marks.push(marking("etag", Mark::Etag));
        }
        let eier = &ressurs.eier_felt;
        if !eier.is_empty() {
            is_single(message, eier, &FieldKind::String, "eier_felt")?;
            marks.push(marking(eier, Mark::Eier));
        }
        let exempt = &ressurs.unntatt_innsyn_felt;
        if !exempt.is_empty() {
            is_single(message, exempt, &FieldKind::Bool, "unntatt_innsyn_felt")?;
            marks.push(marking(exempt, Mark::Unntatt));
        }
        for (field, option, mark) in [
            (&ressurs.utlop_felt, "utlop_felt", Mark::Utlop),
            (&ressurs.tid_felt, "tid_felt", Mark::Tid),
            (&ressurs.slutt_felt, "slutt_felt", Mark::Slutt),
        ] {
            if field.is_empty() {
                continue;
            }
            message
                .get_field_by_name(field)
                .filter(|field| !is_repeated(field))
                .and_then(|field| field.kind().as_message().cloned())
                .filter(|kind| kind.full_name() == "google.protobuf.Timestamp")
                .ok_or_else(|| no_field(message, field, option))?;
            marks.push(marking(field, mark));
        }
        for path in &ressurs.personreferanse_felt {
            field_at(message, path)
                .filter(|field| field.kind() == FieldKind::String)
                .ok_or_else(|| no_field(message, path, "personreferanse_felt"))?;
            marks.push(marking(path, Mark::Personref));
        }
        for path in &ressurs.personomtale_felt {
            field_at(message, path)
                .filter(|field| field.kind() == FieldKind::String)
                .ok_or_else(|| no_field(message, path, "personomtale_felt"))?;
            marks.push(marking(path, Mark::Personomtale));
        }
        self.message(message, ANSWER, marks)
    }

    fn message(
        &mut self,
        message: &MessageDescriptor,
        place: Place,
        mut marks: Vec<Marking>,
    ) -> Result<u32, PlanError> {
        let part = self.options.delpost_av(message);
        if let Some(part) = &part {
            message
                .get_field_by_name(&part.enhet_felt)
                .filter(|field| field.kind() == FieldKind::String)
                .ok_or_else(|| no_field(message, &part.enhet_felt, "enhet_felt"))?;
            marks.push(marking(&part.enhet_felt, Mark::Units));
        }
        marks.sort();
        let key = Key {
            message: message.full_name().to_owned(),
            place,
            marks: marks.clone(),
        };
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let number = u32::try_from(self.tables.len()).unwrap_or(u32::MAX);
        self.known.insert(key, number);
        // The place is kept, because a message can hold itself.
        self.tables.push(None);

        let mut slots = Vec::new();
        let mut info = Vec::new();
        for field in message.fields() {
            slots.push((field.number(), self.field(&field, place, &marks)?));
            info.push(FieldInfo {
                number: field.number(),
                navn: field.name().to_owned(),
                klasse: self.options.klasse_av(&field),
                repeated: is_repeated(&field),
            });
        }
        if let Some(kept) = self.tables.get_mut(number as usize) {
            *kept = Some(Table::of(slots, info, part.is_some()));
        }
        Ok(number)
    }

    fn field(
        &mut self,
        field: &FieldDescriptor,
        place: Place,
        marks: &[Marking],
    ) -> Result<Slot, PlanError> {
        let mut mark = Mark::None;
        let mut inner_marks = Vec::new();
        for (path, of_path) in marks {
            match path.split_first() {
                Some((name, [])) if name == field.name() => mark = *of_path,
                Some((name, rest)) if name == field.name() => {
                    inner_marks.push((rest.to_vec(), *of_path));
                }
                _ => {}
            }
        }
        let place = Place {
            filter: place.filter || self.options.er_filter(field),
            ..place
        };
        let repeated = is_repeated(field);
        let mut slot = Slot {
            need: self.need(field, place),
            child: 0,
            wire: Wire::Varint,
            kind: Kind::Number,
            mark,
            repeated,
            packable: false,
            look_inside: false,
            filter: place.filter,
        };
        match field.kind() {
            FieldKind::Message(inner) => {
                slot.wire = Wire::Len;
                slot.kind = Kind::Message;
                if inner.full_name() == SKJERMING {
                    slot.mark = Mark::Skjerming;
                } else if mark == Mark::Record {
                    // Its table belongs to the plan of the record.
                } else if self.is_refused(field, &inner, place) {
                    slot.need = NEVER;
                } else {
                    slot.look_inside = !inner_marks.is_empty() || self.has_parts(&inner);
                    let place = Place {
                        governed: inner.is_map_entry() || is_leaf(&inner),
                        ..place
                    };
                    slot.child = self.message(&inner, place, inner_marks)?;
                }
            }
            FieldKind::String => {
                slot.wire = Wire::Len;
                slot.kind = Kind::Text;
            }
            FieldKind::Bytes => {
                slot.wire = Wire::Len;
                slot.kind = Kind::Bytes;
            }
            FieldKind::Double | FieldKind::Fixed64 | FieldKind::Sfixed64 => {
                slot.wire = Wire::Fixed64;
                slot.packable = repeated;
            }
            FieldKind::Float | FieldKind::Fixed32 | FieldKind::Sfixed32 => {
                slot.wire = Wire::Fixed32;
                slot.packable = repeated;
            }
            FieldKind::Int32
            | FieldKind::Int64
            | FieldKind::Uint32
            | FieldKind::Uint64
            | FieldKind::Sint32
            | FieldKind::Sint64
            | FieldKind::Bool
            | FieldKind::Enum(_) => slot.packable = repeated,
        }
        Ok(slot)
    }

    fn need(&self, field: &FieldDescriptor, place: Place) -> u32 {
        if place.governed {
            return 0;
        }
        match Klasser::av(&[self.options.klasse_av(field)]).bits() {
            0 => NEVER,
            class => class,
        }
    }

    /// What nobody is shown: types that can hold anything, groups, and records
    /// anywhere but at the top of an answer, where they are decided one by one.
    fn is_refused(&self, field: &FieldDescriptor, inner: &MessageDescriptor, place: Place) -> bool {
        field.is_group()
            || is_well_known(inner) && !is_leaf(inner)
            || !place.request && self.options.ressurs_av(inner).is_some()
    }

    /// Whether a message is a part of a record or holds one, at any depth.
    pub(super) fn has_parts(&self, message: &MessageDescriptor) -> bool {
        fn walk(
            options: &Utvidelser,
            message: &MessageDescriptor,
            seen: &mut HashSet<String>,
        ) -> bool {
            seen.insert(message.full_name().to_owned())
                && (options.delpost_av(message).is_some()
                    || message.fields().any(|field| {
                        let kind = field.kind();
                        kind.as_message()
                            .is_some_and(|inner| walk(options, inner, seen))
                    }))
        }
        walk(self.options, message, &mut HashSet::new())
    }
}

fn marking(path: &str, mark: Mark) -> Marking {
    (path.split('.').map(str::to_owned).collect(), mark)
}

fn no_field(message: &MessageDescriptor, field: &str, role: &'static str) -> PlanError {
    PlanError::Field {
        message: message.full_name().to_owned(),
        field: field.to_owned(),
        role,
    }
}

fn is_repeated(field: &FieldDescriptor) -> bool {
    field.is_list() || field.is_map()
}

fn is_well_known(message: &MessageDescriptor) -> bool {
    message.package_name() == "google.protobuf"
}

/// Well-known types whose content is of one kind.
fn is_leaf(message: &MessageDescriptor) -> bool {
    is_well_known(message)
        && !matches!(
            message.name(),
            "Any" | "Struct" | "Value" | "ListValue" | "FieldsEntry"
        )
}

/// The field at a path such as `vedtak.name`.
fn field_at(message: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    match path.split_once('.') {
        None => message.get_field_by_name(path),
        Some((first, rest)) => {
            let kind = message.get_field_by_name(first)?.kind();
            field_at(kind.as_message()?, rest)
        }
    }
}

/// Checks that a path leads to one value of a kind, through no repeated field.
fn is_single(
    message: &MessageDescriptor,
    path: &str,
    kind: &FieldKind,
    role: &'static str,
) -> Result<(), PlanError> {
    let ends = path
        .char_indices()
        .filter_map(|(at, c)| (c == '.').then_some(at))
        .chain([path.len()]);
    for end in ends {
        let field = field_at(message, path.get(..end).unwrap_or_default());
        if field.is_none_or(|field| is_repeated(&field)) {
            return Err(no_field(message, path, role));
        }
    }
    field_at(message, path)
        .filter(|field| field.kind() == *kind)
        .map(drop)
        .ok_or_else(|| no_field(message, path, role))
}
