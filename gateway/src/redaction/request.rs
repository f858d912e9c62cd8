//! Requests: what they ask for, and which classes they write or filter on.

use std::{collections::HashMap, fmt::Write as _, ops::Range, sync::Arc};

use bytes::Bytes;
use ring::digest;
use samspor_proto::{
    klassifisering::{Klasser, Kontrakter, Metode},
    tilgang::Dataklasse,
};

use super::{
    name::{Name, parse_name},
    plan::{Compiler, Kind, Mark, NEVER, PlanError, Slot, Table, Tables},
    wire::{Cursor, MAX_DEPTH, Wire, WireError, check_packed, put_len, put_number},
};

/// A request that is refused before anybody reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not an encoding of the request: `UGYLDIG_MELDING`.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A field that the contract does not have. It is refused, because it
    /// would be lost in silence.
    #[error("unknown field number {number} in {place}")]
    UnknownField {
        /// Path of the message that holds it: `vedtak.linjer[2]`; or
        /// `the request`.
        place: String,
        /// Its number.
        number: u32,
    },
    /// A field that must hold a resource name does not: `FELT_FORM`.
    #[error("{path} is not a resource name of the form {form}")]
    Name {
        /// Path of the field.
        path: String,
        /// Pattern that it must follow.
        form: String,
    },
}

/// What a request says to the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestInfo<'a> {
    /// The resource that it names; none when the field is empty, or the method
    /// names no resource (see [`RequestPlan::name_path`]).
    pub name: Option<Name<'a>>,
    /// The service that it names; none when the package names the service.
    pub rute: Option<&'a str>,
    /// Its `request_id`; empty when absent.
    pub request_id: &'a str,
    /// Its `page_size`; 0 when absent. Negative values are kept.
    pub page_size: i32,
    /// Its `page_token`; empty when absent.
    pub page_token: &'a str,
    /// Classes of the fields that it fills, filters apart: rights to write.
    pub skriver: Klasser,
    /// Classes of the filters that it sets: rights to read.
    pub filtrerer: Klasser,
}

/// A filled field, for a message to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledField {
    /// Its path: `vedtak.linjer[2].min_timer`.
    pub path: String,
    /// Its class.
    pub klasse: Dataklasse,
    /// It is a filter of a list.
    pub filter: bool,
}

/// How to read the requests of one method.
#[derive(Debug)]
pub struct RequestPlan {
    tables: Arc<Tables>,
    table: u32,
    name_path: String,
    patterns: Vec<String>,
    page_size_field: Option<u32>,
    page_token_field: Option<u32>,
}

/// A plan whose tables are still being compiled.
pub(super) struct Draft {
    table: u32,
    name_path: String,
    patterns: Vec<String>,
}

impl Draft {
    pub(super) fn compile(
        compiler: &mut Compiler<'_>,
        contracts: &Kontrakter,
        method: &Metode,
    ) -> Result<Self, PlanError> {
        Ok(Self {
            table: compiler.request(method)?,
            name_path: method.tilgang.navn_felt.clone(),
            patterns: patterns(contracts, method),
        })
    }

    pub(super) fn finish(self, tables: &Arc<Tables>) -> RequestPlan {
        let top = tables.get(self.table);
        RequestPlan {
            page_size_field: top.marked(Mark::PageSize),
            page_token_field: top.marked(Mark::PageToken),
            tables: Arc::clone(tables),
            table: self.table,
            name_path: self.name_path,
            patterns: self.patterns,
        }
    }
}

/// Patterns that the name field of a method may follow. A `parent` is what
/// stands before the last two segments of the record's names, a person or a
/// unit; any other field holds the name of a record.
fn patterns(contracts: &Kontrakter, method: &Metode) -> Vec<String> {
    let own = contracts.ressurser.get(&method.tilgang.ressurs);
    let own = own.map(|record| record.ressurs.monster.as_str());
    let mut patterns = Vec::new();
    if method.tilgang.navn_felt.ends_with("parent") {
        let mut rest = own.unwrap_or_default();
        while let Some((before, _)) = rest
            .rsplit_once('/')
            .and_then(|(rest, _)| rest.rsplit_once('/'))
        {
            patterns.push(before.to_owned());
            rest = before;
        }
        patterns.extend(["personer/{person}".to_owned(), "enheter/{enhet}".to_owned()]);
    } else {
        patterns.extend(own.map(str::to_owned));
        patterns.extend(
            contracts
                .ressurser
                .values()
                .map(|record| record.ressurs.monster.clone()),
        );
    }
    let mut known = Vec::new();
    patterns.retain(|pattern| {
        let fresh = !known.contains(pattern);
        known.push(pattern.clone());
        fresh
    });
    patterns
}

impl RequestPlan {
    /// Path of the field that names the resource; empty when there is none.
    #[must_use]
    pub fn name_path(&self) -> &str {
        &self.name_path
    }

    /// Pattern that the name is expected to follow, for messages.
    #[must_use]
    pub fn name_form(&self) -> &str {
        self.patterns.first().map_or("", String::as_str)
    }

    /// Reads a request. A `Skjerming` that it carries is not looked at.
    ///
    /// # Errors
    /// When it is malformed, nested too deep, has fields that the contract
    /// does not, or a name that is not one.
    pub fn inspect<'a>(&self, body: &'a [u8]) -> Result<RequestInfo<'a>, RequestError> {
        let mut reader = Reader {
            tables: &self.tables,
            info: RequestInfo {
                name: None,
                rute: None,
                request_id: "",
                page_size: 0,
                page_token: "",
                skriver: Klasser::INGEN,
                filtrerer: Klasser::INGEN,
            },
            name: "",
            writes: 0,
            filters: 0,
        };
        if let Err(fault) = reader.message(Cursor::new(body), self.tables.get(self.table), 1) {
            return Err(match fault {
                Fault::Wire(fault) => fault.into(),
                Fault::Unknown { at, number } => RequestError::UnknownField {
                    place: self.place(body, at),
                    number,
                },
            });
        }
        let mut info = reader.info;
        info.skriver = Klasser::fra_bits(reader.writes);
        info.filtrerer = Klasser::fra_bits(reader.filters);
        if !reader.name.is_empty() {
            let name = self
                .patterns
                .iter()
                .find_map(|pattern| parse_name(pattern, reader.name));
            info.name = Some(name.ok_or_else(|| RequestError::Name {
                path: self.name_path.clone(),
                form: self.name_form().to_owned(),
            })?);
        }
        Ok(info)
    }

    /// The filled fields whose class is one of these, in the order in which
    /// they stand. For a request that [`Self::inspect`] has read.
    #[must_use]
    pub fn filled(&self, body: &[u8], classes: Klasser) -> Vec<FilledField> {
        let mut found = Vec::new();
        self.walk(body, &mut |_, path, slot, klasse| {
            if slot.need & classes.bits() != 0 {
                found.push(FilledField {
                    path: path.to_owned(),
                    klasse,
                    filter: slot.filter,
                });
            }
        });
        found
    }

    /// Fields that hold the name of a unit, `enheter/{id}`, and nothing else:
    /// path and id. For a request that [`Self::inspect`] has read.
    #[must_use]
    pub fn units<'a>(&self, body: &'a [u8]) -> Vec<(String, &'a str)> {
        let mut found = Vec::new();
        self.walk(body, &mut |range, path, slot, _| {
            if slot.kind != Kind::Text {
                return;
            }
            let mut value = Cursor::new(body);
            value.pos = range.start;
            let text = value
                .payload()
                .ok()
                .and_then(|(from, to)| body.get(from..to));
            let id = text
                .and_then(|text| std::str::from_utf8(text).ok())
                .and_then(|text| text.strip_prefix("enheter/"));
            if let Some(id) = id.filter(|id| !id.contains('/')) {
                found.push((path.to_owned(), id));
            }
        });
        found
    }

    /// Path of the message whose field stands at a position.
    fn place(&self, body: &[u8], at: usize) -> String {
        let mut place = String::new();
        self.walk(body, &mut |range, path, _, _| {
            if range.contains(&at) {
                path.clone_into(&mut place);
            }
        });
        if place.is_empty() {
            place.push_str("the request");
        }
        place
    }

    /// Visits the known fields of a request as far as it can be read.
    fn walk(&self, body: &[u8], visit: &mut Visit<'_>) {
        let mut path = String::new();
        let top = self.tables.get(self.table);
        // It ends where reading ended, which the caller knows already.
        let _ = self.walk_message(Cursor::new(body), top, &mut path, visit, 1);
    }

    fn walk_message(
        &self,
        mut cursor: Cursor<'_>,
        table: &Table,
        path: &mut String,
        visit: &mut Visit<'_>,
        depth: u32,
    ) -> Result<(), WireError> {
        if depth > MAX_DEPTH {
            return Err(WireError::Depth);
        }
        let mut counts = HashMap::new();
        while !cursor.at_end() {
            let (number, wire) = cursor.tag()?;
            let start = cursor.pos;
            let slot = table.slot(number);
            let mut value = cursor;
            cursor.skip(number, wire)?;
            let Some(info) = table.info(number) else {
                continue;
            };
            if slot.mark == Mark::Skjerming {
                continue;
            }
            let outer = path.len();
            if outer > 0 {
                path.push('.');
            }
            path.push_str(&info.navn);
            if info.repeated {
                let count = counts.entry(number).or_insert(0_usize);
                let _ = write!(path, "[{count}]");
                *count += 1;
            }
            visit(start..cursor.pos, path, &slot, info.klasse);
            if slot.kind == Kind::Message && wire == Wire::Len {
                let (from, to) = value.payload()?;
                let inside = value.inside(from, to)?;
                self.walk_message(inside, self.tables.get(slot.child), path, visit, depth + 1)?;
            }
            path.truncate(outer);
        }
        Ok(())
    }

    /// The request without any `Skjerming`; the same bytes when it has none.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn clean(&self, body: &Bytes) -> Result<Bytes, WireError> {
        let top = self.tables.get(self.table);
        let cleaned = self.without(body, Cursor::new(body), top, &[Mark::Skjerming], 1)?;
        Ok(cleaned.map_or_else(|| body.clone(), Bytes::from))
    }

    /// The request, cleaned, for another page of the same list.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn with_page(
        &self,
        body: &Bytes,
        page_size: i32,
        page_token: &str,
    ) -> Result<Bytes, WireError> {
        let mut out = self.arguments(body, &[Mark::Skjerming, Mark::PageSize, Mark::PageToken])?;
        if let (Some(number), Ok(size @ 1..)) = (self.page_size_field, usize::try_from(page_size)) {
            put_number(&mut out, number, size);
        }
        if let (Some(number), false) = (self.page_token_field, page_token.is_empty()) {
            put_len(&mut out, number, page_token.as_bytes());
        }
        Ok(out.into())
    }

    /// SHA-256 of the request without `page_size`, `page_token` and
    /// `Skjerming`: what a page token is bound to.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn arguments_digest(&self, body: &[u8]) -> Result<[u8; 32], WireError> {
        let rest = self.arguments(body, &[Mark::Skjerming, Mark::PageSize, Mark::PageToken])?;
        let mut sum = [0; 32];
        sum.copy_from_slice(digest::digest(&digest::SHA256, &rest).as_ref());
        Ok(sum)
    }

    fn arguments(&self, body: &[u8], drop: &[Mark]) -> Result<Vec<u8>, WireError> {
        let top = self.tables.get(self.table);
        let rest = self.without(body, Cursor::new(body), top, drop, 1)?;
        Ok(rest.unwrap_or_else(|| body.to_vec()))
    }

    /// A message without the fields that have one of the marks, at any depth;
    /// nothing when it has none of them.
    fn without(
        &self,
        body: &[u8],
        mut cursor: Cursor<'_>,
        table: &Table,
        drop: &[Mark],
        depth: u32,
    ) -> Result<Option<Vec<u8>>, WireError> {
        if depth > MAX_DEPTH {
            return Err(WireError::Depth);
        }
        let mut kept = cursor.pos;
        let mut out: Option<Vec<u8>> = None;
        while !cursor.at_end() {
            let from = cursor.pos;
            let (number, wire) = cursor.tag()?;
            let slot = table.slot(number);
            let mut value = cursor;
            cursor.skip(number, wire)?;
            let replacement = if drop.contains(&slot.mark) {
                Some(None)
            } else if slot.kind == Kind::Message && wire == Wire::Len {
                let (start, end) = value.payload()?;
                let inside = value.inside(start, end)?;
                self.without(body, inside, self.tables.get(slot.child), drop, depth + 1)?
                    .map(Some)
            } else {
                None
            };
            if let Some(replacement) = replacement {
                let out = out.get_or_insert_with(Vec::new);
                out.extend_from_slice(body.get(kept..from).unwrap_or_default());
                if let Some(inside) = replacement {
                    put_len(out, number, &inside);
                }
                kept = cursor.pos;
            }
        }
        if let Some(out) = &mut out {
            out.extend_from_slice(body.get(kept..cursor.pos).unwrap_or_default());
        }
        Ok(out)
    }
}

/// Takes where a field's value stands, its path, slot and class.
type Visit<'v> = dyn FnMut(Range<usize>, &str, &Slot, Dataklasse) + 'v;

enum Fault {
    Wire(WireError),
    /// A field that the contract does not have, and where its value stands.
    Unknown {
        at: usize,
        number: u32,
    },
}

impl From<WireError> for Fault {
    fn from(fault: WireError) -> Self {
        Self::Wire(fault)
    }
}

struct Reader<'p, 'a> {
    tables: &'p Tables,
    info: RequestInfo<'a>,
    name: &'a str,
    writes: u32,
    filters: u32,
}

impl<'a> Reader<'_, 'a> {
    fn message(&mut self, mut cursor: Cursor<'a>, table: &Table, depth: u32) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(WireError::Depth.into());
        }
        let mut seen = Seen::default();
        while !cursor.at_end() {
            let (number, wire) = cursor.tag()?;
            let slot = table.slot(number);
            if slot.kind == Kind::Unknown || slot.need == NEVER {
                return Err(Fault::Unknown {
                    at: cursor.pos,
                    number,
                });
            }
            if !slot.repeated && !seen.insert(number) {
                return Err(WireError::Duplicate(number).into());
            }
            let packed = slot.check(number, wire)?;
            if slot.mark == Mark::Skjerming {
                cursor.skip(number, wire)?;
                continue;
            }
            if slot.filter {
                self.filters |= slot.need;
            } else {
                self.writes |= slot.need;
            }
            match slot.kind {
                Kind::Message => {
                    let (from, to) = cursor.payload()?;
                    let inside = cursor.inside(from, to)?;
                    self.message(inside, self.tables.get(slot.child), depth + 1)?;
                }
                Kind::Text => {
                    let payload = cursor.payload()?;
                    self.text(slot.mark, cursor.text(number, payload)?);
                }
                _ if packed => {
                    let (from, to) = cursor.payload()?;
                    check_packed(number, slot.wire, cursor.slice(from, to))?;
                }
                Kind::Number if slot.mark == Mark::PageSize => {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "int32 is the low half of the varint, as every decoder reads it"
                    )]
                    let size = cursor.varint()? as i32;
                    self.info.page_size = size;
                }
                _ => cursor.skip(number, wire)?,
            }
        }
        Ok(())
    }

    fn text(&mut self, mark: Mark, text: &'a str) {
        match mark {
            Mark::Name => self.name = text,
            Mark::Rute => self.info.rute = Some(text),
            Mark::RequestId => self.info.request_id = text,
            Mark::PageToken => self.info.page_token = text,
            _ => {}
        }
    }
}

/// Field numbers that a message has shown.
#[derive(Default)]
struct Seen {
    low: u128,
    high: Vec<u32>,
}

impl Seen {
    /// Adds a number; whether it is new.
    fn insert(&mut self, number: u32) -> bool {
        let Some(bit) = 1u128.checked_shl(number) else {
            let new = !self.high.contains(&number);
            if new {
                self.high.push(number);
            }
            return new;
        };
        let new = self.low & bit == 0;
        self.low |= bit;
        new
    }
}
