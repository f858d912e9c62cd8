//! Answers: which records they hold, and what of them may leave.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use prost::Message as _;
use samspor_proto::{
    felles::Skjerming,
    klassifisering::{Klasser, Metode},
};

use super::{
    name::{parse_name, person_of, unit_id},
    plan::{Compiler, Kind, Mark, NEVER, PlanError, Slot, Table, Tables},
    wire::{Cursor, MAX_DEPTH, Wire, WireError, check_packed, put_len, put_varint, varint_len},
};
use crate::model::{Happened, RecordHead};

/// A record that stands in an answer. Borrows from the body and from the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord<'a> {
    /// Record type: `vedtak`.
    pub ressurs: &'a str,
    /// Number of the response field that holds it.
    pub field: u32,
    /// Its encoding.
    pub bytes: &'a [u8],
    /// What the rules read of it. The name follows the pattern of the type.
    pub head: RecordHead<'a>,
    /// Person id of the name; none when the type's names carry no person.
    pub person: Option<&'a str>,
    /// Person ids of others to whom it refers, each once.
    pub personrefs: Vec<&'a str>,
    /// Person ids of whom it tells, each once.
    pub omtalte: Vec<&'a str>,
    /// Records of the type have parts with units of their own.
    pub has_parts: bool,
    /// Unit ids that its parts name, each once.
    pub part_units: Vec<&'a str>,
}

/// What becomes of one record.
#[derive(Debug, Clone, Copy)]
pub enum Verdict<'a> {
    /// It does not appear.
    Drop,
    /// It appears, as far as the classes go.
    Keep(Keep<'a>),
}

/// What may leave of a record.
#[derive(Debug, Clone, Copy)]
pub struct Keep<'a> {
    /// Classes of the record.
    pub head: Klasser,
    /// Classes of parts that name `unit`.
    pub own: Klasser,
    /// Classes of other parts.
    pub other: Klasser,
    /// Unit id of the caller; empty: no part is its own.
    pub unit: &'a str,
    /// Show `etag`, which those see who may do something that takes it.
    pub show_etag: bool,
    /// What is said about the classes withheld.
    pub skjerming: &'a EncodedSkjerming,
}

/// What may leave of an answer beside its records.
#[derive(Debug, Clone, Copy)]
pub struct Outer<'a> {
    /// Classes of fields such as a receipt.
    pub klasser: Klasser,
    /// Stands in for the owner's `next_page_token`, which never leaves.
    pub next_page_token: Option<&'a str>,
}

/// A `Skjerming`, encoded once per decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedSkjerming(Vec<u8>);

impl EncodedSkjerming {
    /// Nothing was withheld: no field is appended.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// Encodes it.
    #[must_use]
    pub fn new(skjerming: &Skjerming) -> Self {
        Self(skjerming.encode_to_vec())
    }
}

/// A type of record that a response can hold.
#[derive(Debug)]
struct RecordPlan {
    field: u32,
    ressurs: String,
    /// Of a record about its subject, and of one about nobody; empty: none.
    patterns: [String; 2],
    table: u32,
    has_parts: bool,
    /// It has an end (`slutt_felt`): without one it goes on.
    goes_on: bool,
    skjerming_field: u32,
}

/// How to read and cut the answers of one method.
#[derive(Debug)]
pub struct ResponsePlan {
    tables: Arc<Tables>,
    table: u32,
    records: Vec<RecordPlan>,
    token_field: Option<u32>,
}

/// A plan whose tables are still being compiled.
pub(super) struct Draft {
    table: u32,
    records: Vec<RecordPlan>,
}

impl Draft {
    pub(super) fn compile(compiler: &mut Compiler<'_>, method: &Metode) -> Result<Self, PlanError> {
        let table = compiler.response(&method.ut)?;
        let mut records = Vec::new();
        for field in method.ut.fields() {
            let kind = field.kind();
            let (Some(ressurs), Some(message)) = (compiler.record_of(&field), kind.as_message())
            else {
                continue;
            };
            let skjerming_field = message
                .get_field_by_name("skjerming")
                .map(|field| field.number())
                .ok_or_else(|| PlanError::Field {
                    message: message.full_name().to_owned(),
                    field: "skjerming".to_owned(),
                    role: "skjerming",
                })?;
            records.push(RecordPlan {
                field: field.number(),
                table: compiler.record(message, &ressurs)?,
                has_parts: compiler.has_parts(message),
                goes_on: !ressurs.slutt_felt.is_empty(),
                ressurs: ressurs.r#type,
                patterns: [ressurs.monster, ressurs.monster_uten_subjekt],
                skjerming_field,
            });
        }
        Ok(Self { table, records })
    }

    pub(super) fn finish(self, tables: &Arc<Tables>) -> ResponsePlan {
        ResponsePlan {
            token_field: tables.get(self.table).marked(Mark::NextPageToken),
            tables: Arc::clone(tables),
            table: self.table,
            records: self.records,
        }
    }
}

impl ResponsePlan {
    /// Types of records that an answer can hold.
    pub fn record_types(&self) -> impl Iterator<Item = &str> {
        self.records.iter().map(|record| record.ressurs.as_str())
    }

    /// The records of an answer, in order.
    ///
    /// # Errors
    /// When the body is no answer of the method, or a record's name, owner or
    /// reference is not one: a fault of the service.
    pub fn records<'a>(&'a self, body: &'a [u8]) -> Result<Vec<FoundRecord<'a>>, WireError> {
        let table = self.tables.get(self.table);
        let mut found: Vec<FoundRecord<'a>> = Vec::new();
        let mut cursor = Cursor::new(body);
        while !cursor.at_end() {
            let (number, wire) = cursor.tag()?;
            let slot = table.slot(number);
            if slot.mark != Mark::Record {
                cursor.skip(number, wire)?;
                continue;
            }
            slot.check(number, wire)?;
            let (from, to) = cursor.payload()?;
            if !slot.repeated && found.iter().any(|record| record.field == number) {
                return Err(WireError::Duplicate(number));
            }
            let plan = self.record_plan(number)?;
            found.push(self.record(plan, cursor.inside(from, to)?, cursor.slice(from, to))?);
        }
        Ok(found)
    }

    /// The owner's token of the next page; empty at the end, and for methods
    /// that are no lists.
    ///
    /// # Errors
    /// When the body is no answer of the method.
    pub fn next_page_token<'a>(&self, body: &'a [u8]) -> Result<&'a str, WireError> {
        let mut token = "";
        let mut cursor = Cursor::new(body);
        while !cursor.at_end() {
            let (number, wire) = cursor.tag()?;
            if Some(number) == self.token_field && wire == Wire::Len {
                let payload = cursor.payload()?;
                token = cursor.text(number, payload)?;
            } else {
                cursor.skip(number, wire)?;
            }
        }
        Ok(token)
    }

    fn record_plan(&self, field: u32) -> Result<&RecordPlan, WireError> {
        self.records
            .iter()
            .find(|record| record.field == field)
            .ok_or(WireError::Tag)
    }

    fn record<'a>(
        &'a self,
        plan: &'a RecordPlan,
        cursor: Cursor<'a>,
        bytes: &'a [u8],
    ) -> Result<FoundRecord<'a>, WireError> {
        let mut seen = Seen::default();
        self.look(cursor, self.tables.get(plan.table), &mut seen, 1)?;
        let text = seen.name.ok_or(WireError::Name)?;
        let mut forms = plan.patterns.iter().filter(|form| !form.is_empty());
        let name = forms.find_map(|form| parse_name(form, text));
        let name = name.ok_or(WireError::Name)?;
        Ok(FoundRecord {
            ressurs: &plan.ressurs,
            field: plan.field,
            bytes,
            head: RecordHead {
                name: name.text,
                eier: seen.eier.unwrap_or_default(),
                unntatt_innsyn: seen.unntatt.unwrap_or_default(),
                utloper: seen.utloper.unwrap_or(i64::MAX),
                skjedde: seen.happened(plan.goes_on),
            },
            person: name.person,
            personrefs: seen.personrefs,
            omtalte: seen.omtalte,
            has_parts: plan.has_parts,
            part_units: seen.units,
        })
    }

    /// Reads the marked fields of a record, and steps over all others.
    fn look<'a>(
        &self,
        mut cursor: Cursor<'a>,
        table: &Table,
        seen: &mut Seen<'a>,
        depth: u32,
    ) -> Result<(), WireError> {
        if depth > MAX_DEPTH {
            return Err(WireError::Depth);
        }
        while !cursor.at_end() {
            let (number, wire) = cursor.tag()?;
            let slot = table.slot(number);
            match slot.mark {
                Mark::Name | Mark::Eier | Mark::Personref | Mark::Personomtale | Mark::Units => {
                    slot.check(number, wire)?;
                    let payload = cursor.payload()?;
                    seen.text(slot.mark, number, cursor.text(number, payload)?)?;
                }
                Mark::Unntatt => {
                    slot.check(number, wire)?;
                    let exempt = cursor.varint()? != 0;
                    if seen.unntatt.replace(exempt).is_some() {
                        return Err(WireError::Duplicate(number));
                    }
                }
                Mark::Utlop => {
                    slot.check(number, wire)?;
                    let (from, to) = cursor.payload()?;
                    let expiry = micros(cursor.inside(from, to)?)?;
                    if seen.utloper.replace(expiry).is_some() {
                        return Err(WireError::Duplicate(number));
                    }
                }
                Mark::Tid | Mark::Slutt => {
                    slot.check(number, wire)?;
                    let (from, to) = cursor.payload()?;
                    let instant = micros(cursor.inside(from, to)?)?;
                    let earlier = match slot.mark {
                        Mark::Tid => seen.tid.replace(instant),
                        _ => seen.slutt.replace(instant),
                    };
                    if earlier.is_some() {
                        return Err(WireError::Duplicate(number));
                    }
                }
                _ if slot.look_inside => {
                    slot.check(number, wire)?;
                    let (from, to) = cursor.payload()?;
                    let inside = cursor.inside(from, to)?;
                    self.look(inside, self.tables.get(slot.child), seen, depth + 1)?;
                }
                _ => cursor.skip(number, wire)?,
            }
        }
        Ok(())
    }

    /// The answer with what may leave. There is one verdict per record, in the
    /// order of [`Self::records`]. A field leaves when its class and that of
    /// every field around it is permitted; what the contract does not know,
    /// never does. Copies nothing when all may leave.
    ///
    /// A page that is filled from several answers is their rebuilt bytes one
    /// after another: give [`Klasser::INGEN`] as outer classes of all but the
    /// first, and the token to the last.
    ///
    /// # Errors
    /// When the body is no answer of the method, or the verdicts do not match.
    pub fn rebuild(
        &self,
        body: &Bytes,
        outer: Outer<'_>,
        verdicts: &[Verdict<'_>],
    ) -> Result<Bytes, WireError> {
        let outer_bits = outer.klasser.bits() & !NEVER;
        let mut cutter = Cutter {
            plan: self,
            verdicts: verdicts.iter(),
            found: 0,
            edits: Vec::new(),
        };
        let rights = Rights {
            own: outer_bits,
            other: outer_bits,
            unit: "",
            show_etag: false,
        };
        let table = self.tables.get(self.table);
        let length = cutter.message(Cursor::new(body), table, &rights, outer_bits, 1)?;
        if cutter.found != verdicts.len() {
            return Err(WireError::Verdicts);
        }
        let token = self.token_field.zip(outer.next_page_token);
        if cutter.edits.is_empty() && token.is_none() {
            return Ok(body.clone());
        }
        let token_room = token.map_or(0, |(_, token)| token.len() + 10);
        let mut out = Vec::with_capacity(length + token_room);
        apply(body, &cutter.edits, &mut out);
        if let Some((number, token)) = token {
            put_len(&mut out, number, token.as_bytes());
        }
        Ok(out.into())
    }
}

/// What [`ResponsePlan::look`] finds in a record.
#[derive(Debug, Default)]
struct Seen<'a> {
    name: Option<&'a str>,
    eier: Option<&'a str>,
    unntatt: Option<bool>,
    utloper: Option<i64>,
    tid: Option<i64>,
    slutt: Option<i64>,
    personrefs: Vec<&'a str>,
    omtalte: Vec<&'a str>,
    units: Vec<&'a str>,
}

impl<'a> Seen<'a> {
    /// When it happened. What has an end that is not set goes on; else it was
    /// over in the instant.
    fn happened(&self, goes_on: bool) -> Option<Happened> {
        self.tid.map(|fra| Happened {
            fra,
            til: self.slutt.unwrap_or(if goes_on { i64::MAX } else { fra }),
        })
    }

    fn text(&mut self, mark: Mark, number: u32, text: &'a str) -> Result<(), WireError> {
        let reference = WireError::Reference(number);
        let earlier = match mark {
            Mark::Name => self.name.replace(text),
            Mark::Eier if text.is_empty() => self.eier.replace(text),
            Mark::Eier => self.eier.replace(unit_id(text).ok_or(reference)?),
            Mark::Personref | Mark::Units if text.is_empty() => None,
            Mark::Personref => {
                let person = person_of(text).ok_or(reference)?;
                add(&mut self.personrefs, person);
                None
            }
            // A record of nobody may be named too, such as a dwelling.
            Mark::Personomtale => {
                if let Some(person) = person_of(text) {
                    add(&mut self.omtalte, person);
                }
                None
            }
            Mark::Units => {
                add(&mut self.units, unit_id(text).ok_or(reference)?);
                None
            }
            _ => None,
        };
        match earlier {
            Some(_) => Err(WireError::Duplicate(number)),
            None => Ok(()),
        }
    }
}

fn add<'a>(known: &mut Vec<&'a str>, new: &'a str) {
    if !known.contains(&new) {
        known.push(new);
    }
}

/// A change of the body; they stand in order and do not overlap.
#[derive(Debug)]
struct Edit<'a> {
    /// Bytes `from..to` go out.
    from: usize,
    to: usize,
    put: Put<'a>,
}

#[derive(Debug)]
enum Put<'a> {
    Nothing,
    /// New length of the message that follows.
    Length(usize),
    /// A length-delimited field.
    Field(u32, &'a [u8]),
}

fn apply(body: &[u8], edits: &[Edit<'_>], out: &mut Vec<u8>) {
    let mut kept = 0;
    for edit in edits {
        out.extend_from_slice(body.get(kept..edit.from).unwrap_or_default());
        match edit.put {
            Put::Nothing => {}
            Put::Length(length) => put_varint(out, length),
            Put::Field(number, payload) => put_len(out, number, payload),
        }
        kept = edit.to;
    }
    out.extend_from_slice(body.get(kept..).unwrap_or_default());
}

/// Rights inside one record.
struct Rights<'a> {
    own: u32,
    other: u32,
    unit: &'a str,
    show_etag: bool,
}

/// Walks a body and notes what must change.
struct Cutter<'a> {
    plan: &'a ResponsePlan,
    verdicts: std::slice::Iter<'a, Verdict<'a>>,
    found: usize,
    edits: Vec<Edit<'a>>,
}

impl<'a> Cutter<'a> {
    /// Notes the changes of one message; its length after them.
    fn message(
        &mut self,
        mut cursor: Cursor<'a>,
        table: &Table,
        rights: &Rights<'_>,
        allowed: u32,
        depth: u32,
    ) -> Result<usize, WireError> {
        if depth > MAX_DEPTH {
            return Err(WireError::Depth);
        }
        let whole = cursor;
        let mut length = 0;
        let mut last = 0;
        let mut ordered = true;
        while !cursor.at_end() {
            let from = cursor.pos;
            let (number, wire) = cursor.tag()?;
            let slot = table.slot(number);
            if number <= last && ordered && !(slot.repeated && number == last) {
                no_duplicates(whole, table)?;
                ordered = false;
            }
            last = number;

            let shown = match slot.mark {
                Mark::Record => {
                    slot.check(number, wire)?;
                    length += self.record(from, &mut cursor, number, slot.need)?;
                    continue;
                }
                Mark::Skjerming | Mark::NextPageToken => false,
                Mark::Etag => rights.show_etag && slot.need & !allowed == 0,
                // The class of a part's own field is judged by the part's set.
                _ if slot.look_inside => true,
                _ => slot.need & !allowed == 0,
            };
            if !shown {
                cursor.skip(number, wire)?;
                self.cut(from, cursor.pos);
                continue;
            }
            let packed = slot.check(number, wire)?;
            if slot.kind == Kind::Message {
                length += self.inner(from, &mut cursor, &slot, rights, allowed, depth)?;
                continue;
            }
            if packed {
                let (from, to) = cursor.payload()?;
                check_packed(number, slot.wire, cursor.slice(from, to))?;
            } else {
                cursor.skip(number, wire)?;
            }
            length += cursor.pos - from;
        }
        Ok(length)
    }

    /// Notes the changes of a message field; the field's length after them.
    fn inner(
        &mut self,
        from: usize,
        cursor: &mut Cursor<'a>,
        slot: &Slot,
        rights: &Rights<'_>,
        allowed: u32,
        depth: u32,
    ) -> Result<usize, WireError> {
        let length_at = cursor.pos;
        let (start, end) = cursor.payload()?;
        let inside = cursor.inside(start, end)?;
        let table = self.plan.tables.get(slot.child);
        let allowed = if table.part {
            if names_unit(inside, table, rights.unit)? {
                rights.own
            } else {
                rights.other
            }
        } else {
            allowed
        };
        if slot.need & !allowed != 0 {
            self.cut(from, end);
            return Ok(0);
        }
        let place = self.edits.len();
        self.edits.push(Edit {
            from: length_at,
            to: start,
            put: Put::Length(0),
        });
        let length = self.message(inside, table, rights, allowed, depth + 1)?;
        Ok(length_at - from + self.set_length(place, start, end, length))
    }

    /// Notes the changes of a record by its verdict; its length after them.
    fn record(
        &mut self,
        from: usize,
        cursor: &mut Cursor<'a>,
        number: u32,
        need: u32,
    ) -> Result<usize, WireError> {
        let length_at = cursor.pos;
        let (start, end) = cursor.payload()?;
        self.found += 1;
        let keep = match self.verdicts.next() {
            Some(Verdict::Keep(keep)) if need & !keep.head.bits() == 0 => keep,
            Some(_) => {
                self.cut(from, end);
                return Ok(0);
            }
            None => {
                return Err(WireError::Verdicts);
            }
        };
        let rights = Rights {
            own: keep.own.bits() & !NEVER,
            other: keep.other.bits() & !NEVER,
            unit: keep.unit,
            show_etag: keep.show_etag,
        };
        let plan = self.plan.record_plan(number)?;
        let table = self.plan.tables.get(plan.table);
        let place = self.edits.len();
        self.edits.push(Edit {
            from: length_at,
            to: start,
            put: Put::Length(0),
        });
        let inside = cursor.inside(start, end)?;
        let mut length = self.message(inside, table, &rights, keep.head.bits() & !NEVER, 2)?;
        let skjerming = &keep.skjerming.0;
        if !skjerming.is_empty() {
            let tag = (plan.skjerming_field as usize) << 3;
            length += varint_len(tag) + varint_len(skjerming.len()) + skjerming.len();
            self.edits.push(Edit {
                from: end,
                to: end,
                put: Put::Field(plan.skjerming_field, skjerming),
            });
        }
        Ok(length_at - from + self.set_length(place, start, end, length))
    }

    /// Sets the length of a message whose edits follow `place`, or takes the
    /// place back when there are none; bytes of the length and the message.
    fn set_length(&mut self, place: usize, start: usize, end: usize, length: usize) -> usize {
        if self.edits.len() == place + 1 {
            let prefix = self.edits.pop().map_or(0, |edit| edit.to - edit.from);
            return prefix + (end - start);
        }
        if let Some(edit) = self.edits.get_mut(place) {
            edit.put = Put::Length(length);
        }
        varint_len(length) + length
    }

    /// Notes that bytes go out.
    #[inline]
    fn cut(&mut self, from: usize, to: usize) {
        match self.edits.last_mut() {
            Some(Edit {
                to: last,
                put: Put::Nothing,
                ..
            }) if *last == from => *last = to,
            _ => self.edits.push(Edit {
                from,
                to,
                put: Put::Nothing,
            }),
        }
    }
}

/// Microseconds since 1970 of a `google.protobuf.Timestamp`, rounded down.
#[expect(
    clippy::cast_possible_wrap,
    reason = "the wire holds signed numbers as two's complement"
)]
fn micros(mut cursor: Cursor<'_>) -> Result<i64, WireError> {
    let (mut seconds, mut nanos) = (0, 0);
    while !cursor.at_end() {
        match cursor.tag()? {
            (1, Wire::Varint) => seconds = cursor.varint()? as i64,
            (2, Wire::Varint) => nanos = cursor.varint()? as i64,
            (number, wire) => cursor.skip(number, wire)?,
        }
    }
    Ok(seconds
        .saturating_mul(1_000_000)
        .saturating_add(nanos.div_euclid(1000)))
}

/// Checks that no field that is not repeated stands twice. Called for messages
/// whose fields are not in ascending order: in order, neighbours show it.
#[cold]
fn no_duplicates(mut cursor: Cursor<'_>, table: &Table) -> Result<(), WireError> {
    let mut seen = HashSet::new();
    while !cursor.at_end() {
        let (number, wire) = cursor.tag()?;
        cursor.skip(number, wire)?;
        if !table.slot(number).repeated && !seen.insert(number) {
            return Err(WireError::Duplicate(number));
        }
    }
    Ok(())
}

/// Whether a part names the unit.
fn names_unit(mut cursor: Cursor<'_>, table: &Table, unit: &str) -> Result<bool, WireError> {
    if unit.is_empty() {
        return Ok(false);
    }
    while !cursor.at_end() {
        let (number, wire) = cursor.tag()?;
        if table.slot(number).mark == Mark::Units && wire == Wire::Len {
            let payload = cursor.payload()?;
            if unit_id(cursor.text(number, payload)?) == Some(unit) {
                return Ok(true);
            }
        } else {
            cursor.skip(number, wire)?;
        }
    }
    Ok(false)
}
