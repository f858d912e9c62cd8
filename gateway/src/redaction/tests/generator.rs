//! Random messages of any contract, from a seed.

use std::{collections::HashMap, path::Path};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use samspor_proto::{
    felles::{SkjermetKlasse, Skjerming},
    klassifisering::{Klasser, Kontrakter, kortnavn},
};

use super::wire::{Field, Payload};

/// The contracts, and `allslags.proto` beside them.
pub(super) fn contracts() -> Kontrakter {
    struct Sources;
    impl protox::file::FileResolver for Sources {
        fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
            if name == "allslags.proto" {
                return protox::file::File::from_source(name, include_str!("allslags.proto"));
            }
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
            let mut on_disk = protox::file::ChainFileResolver::new();
            on_disk.add(protox::file::IncludeFileResolver::new(root));
            on_disk.add(protox::file::GoogleFileResolver::new());
            on_disk.open_file(name)
        }
    }
    let mut compiler = protox::Compiler::with_file_resolver(Sources);
    compiler.include_imports(true);
    let own = samspor_proto::klassifisering::kontrakter().pool.files();
    let own = own.map(|file| file.name().to_owned());
    let own = own.filter(|name| name.starts_with("samspor/"));
    compiler.open_files(own).unwrap();
    compiler.open_file("allslags.proto").unwrap();
    Kontrakter::les(&compiler.encode_file_descriptor_set()).unwrap()
}

/// Runs one case, and names it when it fails.
pub(super) fn named(case: usize, method: &str, run: impl FnOnce()) {
    let run = std::panic::AssertUnwindSafe(run);
    if let Err(failure) = std::panic::catch_unwind(run) {
        let text = failure
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| failure.downcast_ref::<&str>().copied());
        panic!("case {case} of {method}: {}", text.unwrap_or_default());
    }
}

/// A text of which every class around it can be found again.
pub(super) fn canary(class: samspor_proto::tilgang::Dataklasse) -> String {
    format!("<{}>", kortnavn(class))
}

pub(super) struct Generator<'k> {
    pub(super) rng: StdRng,
    contracts: &'k Kontrakter,
    depth: usize,
    /// Messages that may still be made, so that none grows past all measure.
    pub(super) left: usize,
}

impl<'k> Generator<'k> {
    pub(super) fn new(contracts: &'k Kontrakter, seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            contracts,
            depth: 0,
            left: 60,
        }
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_ratio(percent, 100)
    }

    pub(super) fn classes(&mut self) -> Klasser {
        Klasser::alle()
            .iter()
            .filter(|_| self.rng.random_bool(0.6))
            .collect()
    }

    pub(super) fn person(&mut self) -> String {
        let bytes: u128 = self.rng.random();
        let hex = format!("{bytes:032x}");
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        parts.join("-")
    }

    pub(super) fn unit(&mut self) -> String {
        let units = ["rop", "enheter/rop", "bom", "enheter/nav"];
        units[self.rng.random_range(0..units.len())].to_owned()
    }

    /// A name of a pattern.
    pub(super) fn name(&mut self, pattern: &str) -> String {
        let segments: Vec<String> = pattern
            .split('/')
            .map(|segment| match segment {
                "{person}" | "{sak}" => self.person(),
                "{enhet}" => "rop".to_owned(),
                _ if segment.starts_with('{') => format!("id-{}", self.rng.random::<u16>()),
                _ => segment.to_owned(),
            })
            .collect();
        segments.join("/")
    }

    pub(super) fn skjerming(&mut self) -> Skjerming {
        let classes = self.classes();
        let klasser = classes.iter().map(|class| SkjermetKlasse {
            klasse: class as i32,
            regel: "P18".to_owned(),
            ..Default::default()
        });
        Skjerming {
            klasser: klasser.collect(),
        }
    }

    /// A message; `around` are the classes of the fields around it.
    pub(super) fn message(&mut self, kind: &MessageDescriptor, around: Klasser) -> DynamicMessage {
        let mut message = DynamicMessage::new(kind.clone());
        self.depth += 1;
        self.left = self.left.saturating_sub(1);
        for field in kind.fields() {
            if self.chance(25) {
                continue;
            }
            let class = self.contracts.utvidelser.klasse_av(&field);
            let around = around | Klasser::av(&[class]);
            if let Some(value) = self.field(&field, around) {
                message.set_field(&field, value);
            }
        }
        self.depth -= 1;
        self.fill_roles(kind, &mut message);
        message
    }

    /// Gives the fields that an option names a value that can stand there.
    fn fill_roles(&mut self, kind: &MessageDescriptor, message: &mut DynamicMessage) {
        if let Some(record) = self.contracts.utvidelser.ressurs_av(kind) {
            let name = self.name(&record.monster);
            message.set_field_by_name("name", Value::String(name));
            if message.has_field_by_name(&record.eier_felt) {
                let unit = self.unit();
                message.set_field_by_name(&record.eier_felt, Value::String(unit));
            }
            let told = record.personreferanse_felt.iter();
            for path in told.chain(&record.personomtale_felt) {
                let path: Vec<&str> = path.split('.').collect();
                self.fill_persons(message, &path);
            }
        }
        if let Some(part) = self.contracts.utvidelser.delpost_av(kind) {
            let field = kind.get_field_by_name(&part.enhet_felt).unwrap();
            if message.has_field(&field) {
                let value = if field.is_list() {
                    let count = self.rng.random_range(0..3);
                    Value::List((0..count).map(|_| Value::String(self.unit())).collect())
                } else {
                    Value::String(self.unit())
                };
                message.set_field(&field, value);
            }
        }
    }

    fn fill_persons(&mut self, message: &mut DynamicMessage, path: &[&str]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        if !message.has_field_by_name(first) {
            return;
        }
        let mut value = message.get_field_by_name(first).unwrap().into_owned();
        let many = match &mut value {
            Value::List(list) => list.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        for value in many {
            match value {
                Value::Message(inner) => self.fill_persons(inner, rest),
                text => *text = Value::String(format!("personer/{}", self.person())),
            }
        }
        message.set_field_by_name(first, value);
    }

    pub(super) fn field(&mut self, field: &FieldDescriptor, around: Klasser) -> Option<Value> {
        if matches!(field.kind(), Kind::Message(_)) && (self.depth > 5 || self.left < 4) {
            return None;
        }
        let count = self.rng.random_range(0..4);
        if field.is_map() {
            let kind = field.kind();
            let entry = kind.as_message().unwrap();
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            let entries: HashMap<MapKey, Value> = (0..count)
                .map(|n| {
                    let key = match key.kind() {
                        Kind::Int32 => MapKey::I32(n),
                        _ => MapKey::String(self.text(around)),
                    };
                    (key, self.value(&value.kind(), around))
                })
                .collect();
            Some(Value::Map(entries))
        } else if field.is_list() {
            let values = (0..count).map(|_| self.value(&field.kind(), around));
            Some(Value::List(values.collect()))
        } else {
            Some(self.value(&field.kind(), around))
        }
    }

    fn text(&mut self, around: Klasser) -> String {
        let canaries: String = around.iter().map(canary).collect();
        format!("{canaries}{}", "æ".repeat(self.rng.random_range(0..70)))
    }

    fn number(&mut self) -> i64 {
        match self.rng.random_range(0..4) {
            0 => 0,
            1 => self.rng.random_range(0..200),
            2 => self.rng.random::<i32>().into(),
            _ => self.rng.random(),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "any value will do"
    )]
    fn value(&mut self, kind: &Kind, around: Klasser) -> Value {
        let number = self.number();
        match kind {
            Kind::Double => Value::F64(number as f64),
            Kind::Float => Value::F32(number as f32),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(number as u32),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(number as u64),
            Kind::Bool => Value::Bool(number % 2 == 0),
            Kind::String => Value::String(self.text(around)),
            Kind::Bytes => Value::Bytes(self.text(around).into_bytes().into()),
            Kind::Enum(_) => Value::EnumNumber((number % 20) as i32),
            Kind::Message(inner) => Value::Message(self.message(inner, around)),
        }
    }

    /// Puts the fields of a message into any order, at every depth, and fields
    /// between them that the contract does not have.
    pub(super) fn mangle(&mut self, kind: &MessageDescriptor, body: &[u8]) -> Vec<u8> {
        let mut fields = Field::read(body);
        for field in &mut fields {
            let known = kind.get_field(field.number);
            let inner = known.as_ref().map(FieldDescriptor::kind);
            if let (Some(Kind::Message(inner)), Payload::Len(bytes)) = (inner, &mut field.payload) {
                *bytes = self.mangle(&inner, bytes);
            }
        }
        let mut places: Vec<u32> = fields.iter().map(|field| field.number).collect();
        places.shuffle(&mut self.rng);
        let mut out = Vec::new();
        for number in places {
            if self.chance(20) {
                self.unknown(kind).write(&mut out);
            }
            let at = fields.iter().position(|field| field.number == number);
            fields.remove(at.unwrap()).write(&mut out);
        }
        self.unknown(kind).write(&mut out);
        out
    }

    /// A field that a message does not have.
    pub(super) fn unknown(&mut self, kind: &MessageDescriptor) -> Field {
        let number = loop {
            let number = match self.rng.random_range(0..3) {
                0 => self.rng.random_range(1..40),
                1 => self.rng.random_range(1..4000),
                _ => self.rng.random_range(1..1 << 29),
            };
            if kind.get_field(number).is_none() {
                break number;
            }
        };
        let payload = match self.rng.random_range(0..5) {
            0 => Payload::Varint(self.rng.random()),
            1 => Payload::Fixed64(self.rng.random()),
            2 => Payload::Fixed32(self.rng.random()),
            3 => Payload::Group(vec![Field {
                number: 1,
                payload: Payload::Len(b"<LEAK>".to_vec()),
            }]),
            _ => Payload::Len(b"<LEAK>".to_vec()),
        };
        Field { number, payload }
    }
}
