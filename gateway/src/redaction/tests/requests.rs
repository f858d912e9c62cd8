//! Properties of what is read from requests, over random requests of every
//! method. A failure names its case, which repeats.

use std::fmt::Write as _;

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use rand::Rng as _;
use samspor_proto::klassifisering::{Klasser, Kontrakter, Metode};

use super::{
    answers::{ALLSLAGS, assert_same, drop_refused},
    generator::{Generator, contracts, named},
    oracle::Oracle,
    wire::{Field, Payload},
};
use crate::redaction::{Plans, RequestError, RequestPlan, WireError};

/// Runs a property over random requests: every second one of the contract that
/// has everything, the others of all methods in turn.
fn over_requests(
    cases: usize,
    property: impl Fn(&mut Generator<'_>, &Kontrakter, &Metode, &RequestPlan, &DynamicMessage),
) {
    let contracts = contracts();
    let plans = Plans::compile(&contracts).unwrap();
    let methods: Vec<&Metode> = contracts.metoder.values().collect();
    for case in 0..cases {
        let method = match case % 2 {
            0 => methods[(case / 2) % methods.len()],
            _ => &contracts.metoder[ALLSLAGS],
        };
        let mut generator = Generator::new(&contracts, case as u64);
        let mut request = generator.message(&method.inn, Klasser::INGEN);
        drop_refused(&contracts, &mut request, false);
        let plan = plans.request(&method.sti).unwrap();
        if request.has_field_by_name(plan.name_path()) {
            let name = generator.name(plan.name_form());
            request.set_field_by_name(plan.name_path(), Value::String(name));
        }
        named(case, &method.sti, || {
            property(&mut generator, &contracts, method, plan, &request);
        });
    }
}

fn text(request: &DynamicMessage, field: &str) -> String {
    let value = request.get_field_by_name(field);
    let value = value.and_then(|v| v.as_str().map(str::to_owned));
    value.unwrap_or_default()
}

/// Seen red with the class of a message field not counted, and with a filter
/// counted as a write.
#[test]
fn classes_and_paths_are_those_of_the_filled_fields() {
    over_requests(600, |generator, contracts, method, plan, request| {
        let body = request.encode_to_vec();
        let info = plan.inspect(&body).unwrap();

        let mut filled = Vec::new();
        Oracle(contracts).filled(request, "", false, &mut filled);
        let of = |filter: bool| -> Klasser {
            let matching = filled.iter().filter(|(_, _, f)| *f == filter);
            matching.map(|(_, class, _)| *class).collect()
        };
        assert_eq!(info.skriver, of(false));
        assert_eq!(info.filtrerer, of(true));

        let classes = generator.classes();
        let mut expected: Vec<_> = filled
            .into_iter()
            .filter(|(_, class, _)| classes.har(*class))
            .collect();
        let mut found: Vec<_> = plan
            .filled(&body, classes)
            .into_iter()
            .map(|field| (without_places(&field.path), field.klasse, field.filter))
            .collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);

        let Metode { tilgang, .. } = method;
        assert_eq!(
            info.name.map(|name| name.text).unwrap_or_default(),
            text(request, &tilgang.navn_felt)
        );
        assert_eq!(
            info.rute.unwrap_or_default(),
            text(request, &tilgang.rute_felt)
        );
        assert_eq!(info.request_id, text(request, "request_id"));
        assert_eq!(info.page_token, text(request, "page_token"));
        let size = request.get_field_by_name("page_size");
        let size = size.and_then(|v| v.as_i32()).unwrap_or_default();
        assert_eq!(info.page_size, size);
    });
}

/// `a[2].b` as `a[].b`.
fn without_places(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Seen red with unknown fields stepped over.
#[test]
fn an_unknown_field_is_refused_and_named() {
    over_requests(300, |generator, _, method, plan, request| {
        let mut fields = Field::read(&request.encode_to_vec());
        let (mut kind, mut into, mut place) = (method.inn.clone(), &mut fields, String::new());
        // Down a random way to where the unknown field goes in.
        let mut way = Vec::new();
        let mut level = into.clone();
        while generator.chance(70) {
            let messages: Vec<usize> = (0..level.len())
                .filter(|at| {
                    let field = kind.get_field(level[*at].number).unwrap();
                    matches!(field.kind(), Kind::Message(m)
                        if m.package_name().starts_with("samspor") && m.name() != "Skjerming")
                })
                .collect();
            if messages.is_empty() {
                break;
            }
            let at = messages[generator.rng.random_range(0..messages.len())];
            let field = kind.get_field(level[at].number).unwrap();
            if !place.is_empty() {
                place.push('.');
            }
            place.push_str(field.name());
            if field.is_list() || field.is_map() {
                let same = level[..at].iter().filter(|f| f.number == level[at].number);
                write!(place, "[{}]", same.count()).unwrap();
            }
            kind = field.kind().as_message().unwrap().clone();
            let Payload::Len(bytes) = &level[at].payload else {
                panic!("a message");
            };
            level = Field::read(bytes);
            way.push(at);
        }
        let unknown = generator.unknown(&kind);
        let number = unknown.number;
        put_in(into, &way, unknown);
        into = &mut fields;
        let body = Field::bytes(into);
        if place.is_empty() {
            place.push_str("the request");
        }
        assert_eq!(
            plan.inspect(&body),
            Err(RequestError::UnknownField { place, number })
        );
    });
}

/// Puts a field at the end of the message to which a way leads.
fn put_in(fields: &mut Vec<Field>, way: &[usize], new: Field) {
    let Some((at, rest)) = way.split_first() else {
        fields.push(new);
        return;
    };
    let Payload::Len(bytes) = &mut fields[*at].payload else {
        panic!("a message");
    };
    let mut inside = Field::read(bytes);
    put_in(&mut inside, rest, new);
    *bytes = Field::bytes(&inside);
}

/// Seen red with the old token kept beside the new, and with the token in the
/// digest.
#[test]
fn another_page_is_the_same_request_with_another_page() {
    over_requests(300, |generator, _, method, plan, request| {
        let body = Bytes::from(generator_order(generator, method, request));
        let mut cleaned = request.clone();
        drop_skjerming(&mut cleaned);
        let decode = |bytes: Bytes| DynamicMessage::decode(method.inn.clone(), bytes).unwrap();
        // An empty list and none are one on the wire.
        let mut cleaned = decode(cleaned.encode_to_vec().into());
        assert_same(&decode(plan.clean(&body).unwrap()), &cleaned);

        let token = ["", "next"][generator.rng.random_range(0..2)];
        let size = generator.rng.random_range(0..201);
        let next = plan.with_page(&body, size, token).unwrap();
        assert_eq!(
            plan.arguments_digest(&body).unwrap(),
            plan.arguments_digest(&next).unwrap()
        );
        for (field, value, given) in [
            ("page_size", Value::I32(size), size != 0),
            (
                "page_token",
                Value::String(token.to_owned()),
                !token.is_empty(),
            ),
        ] {
            if method.inn.get_field_by_name(field).is_some() {
                cleaned.clear_field_by_name(field);
                if given {
                    cleaned.set_field_by_name(field, value);
                }
            }
        }
        assert_same(&decode(next), &cleaned);
    });
}

fn generator_order(
    generator: &mut Generator<'_>,
    method: &Metode,
    request: &DynamicMessage,
) -> Vec<u8> {
    // The last field first, without the unknown ones that mangling adds.
    let mut fields = Field::read(&request.encode_to_vec());
    let last = fields.last().and_then(|f| method.inn.get_field(f.number));
    if generator.chance(50) && last.is_some_and(|f| !f.is_list()) {
        fields.rotate_right(1);
    }
    Field::bytes(&fields)
}

fn drop_skjerming(message: &mut DynamicMessage) {
    for field in message.descriptor().fields() {
        let kind = field.kind();
        if kind.as_message().is_some_and(|m| m.name() == "Skjerming") {
            message.clear_field(&field);
        } else if message.has_field(&field) {
            match message.get_field_mut(&field) {
                Value::Message(inner) => drop_skjerming(inner),
                Value::List(list) => {
                    let inner = list.iter_mut().filter_map(Value::as_message_mut);
                    inner.for_each(drop_skjerming);
                }
                _ => {}
            }
        }
    }
}

/// Seen red with a digest of the token alone.
#[test]
fn a_digest_tells_other_arguments_apart() {
    over_requests(300, |generator, _, method, plan, request| {
        let sum = |request: &DynamicMessage| plan.arguments_digest(&request.encode_to_vec());
        let before = sum(request).unwrap();
        for field in method.inn.fields() {
            let mut other = request.clone();
            let kind = field.kind();
            if kind != Kind::String || field.is_list() || field.name() == "page_token" {
                continue;
            }
            let value = format!("{}x", text(request, field.name()));
            other.set_field(&field, Value::String(value));
            assert_ne!(sum(&other).unwrap(), before, "{}", field.name());
        }
        assert!(!generator.chance(0));
    });
}

#[test]
fn broken_requests_are_refused_or_read() {
    over_requests(300, |generator, _, _, plan, request| {
        let body = request.encode_to_vec();
        for _ in 0..20 {
            let mut broken = body.clone();
            if generator.chance(50) {
                broken.truncate(generator.rng.random_range(0..=body.len()));
            } else if !broken.is_empty() {
                let at = generator.rng.random_range(0..broken.len());
                broken[at] = generator.rng.random();
            }
            let broken = Bytes::from(broken);
            let read = plan.inspect(&broken);
            let _ = plan.filled(&broken, Klasser::alle());
            let paged = plan.with_page(&broken, 5, "t");
            assert!(read.is_err() || paged.is_ok());
        }
    });
}

#[test]
fn what_cannot_be_trusted_is_refused() {
    let contracts = contracts();
    let plans = Plans::compile(&contracts).unwrap();
    let plan = plans.request(ALLSLAGS).unwrap();
    let len = |number: u32, payload: &[u8]| {
        let payload = Payload::Len(payload.to_vec());
        Field::bytes(&[Field { number, payload }])
    };
    let wire = |fault: WireError| Err(RequestError::Wire(fault));
    let unit = len(1, b"enheter/rop");

    let twice = [unit.clone(), len(1, b"enheter/nav")].concat();
    assert_eq!(plan.inspect(&twice), wire(WireError::Duplicate(1)));
    let not_text = len(5, &[0xff]);
    assert_eq!(plan.inspect(&not_text), wire(WireError::Utf8(5)));
    let number_as_text = len(4, b"5");
    assert_eq!(plan.inspect(&number_as_text), wire(WireError::WireType(4)));
    let mut deep = Vec::new();
    for _ in 0..64 {
        deep = len(3, &deep);
    }
    assert_eq!(plan.inspect(&len(7, &deep)), wire(WireError::Depth));
    for wrong in [
        "rop",
        "enheter/ROP",
        "enheter/",
        "personer/enhver",
        "enheter/rop/x",
    ] {
        let form = plan.name_form().to_owned();
        let path = "parent".to_owned();
        let fault = RequestError::Name { path, form };
        assert_eq!(
            plan.inspect(&len(1, wrong.as_bytes())),
            Err(fault),
            "{wrong}"
        );
    }
    assert_eq!(
        plan.inspect(&unit).unwrap().name.unwrap().enhet,
        Some("rop")
    );
    assert_eq!(plan.inspect(&len(1, b"")).unwrap().name, None);
    assert_eq!(plan.inspect(b"").unwrap().name, None);
}
