//! Properties of redacted answers, over random answers of every method that
//! has records. A failure names its case, which repeats.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, ReflectMessage as _, Value};
use rand::Rng as _;
use samspor_proto::{
    bestillerkontor, felles, gateway, hendelse,
    klassifisering::{Klasser, Kontrakter, Metode},
    koordinering, rop,
};

use super::{
    generator::{Generator, canary, contracts, named},
    oracle::Oracle,
    wire::{Field, Payload},
};
use crate::redaction::{EncodedSkjerming, Keep, Outer, Plans, ResponsePlan, Verdict, WireError};

pub(super) const ALLSLAGS: &str = "/samspor.allslags.v1.AllslagsService/ListAllslags";

/// A verdict with what it borrows.
#[derive(Clone)]
struct Judged {
    drop: bool,
    head: Klasser,
    own: Klasser,
    other: Klasser,
    show_etag: bool,
    skjerming: felles::Skjerming,
    encoded: EncodedSkjerming,
}

impl Judged {
    fn random(generator: &mut Generator<'_>) -> Self {
        let skjerming = if generator.chance(30) {
            felles::Skjerming::default()
        } else {
            generator.skjerming()
        };
        Self {
            drop: generator.chance(20),
            head: generator.classes(),
            own: generator.classes(),
            other: generator.classes(),
            show_etag: generator.chance(50),
            encoded: EncodedSkjerming::new(&skjerming),
            skjerming,
        }
    }

    fn same(classes: Klasser) -> Self {
        Self {
            drop: false,
            head: classes,
            own: classes,
            other: classes,
            show_etag: true,
            skjerming: felles::Skjerming::default(),
            encoded: EncodedSkjerming::default(),
        }
    }

    fn verdict(&self) -> Verdict<'_> {
        if self.drop {
            return Verdict::Drop;
        }
        Verdict::Keep(Keep {
            head: self.head,
            own: self.own,
            other: self.other,
            unit: "rop",
            show_etag: self.show_etag,
            skjerming: &self.encoded,
        })
    }
}

fn verdicts(judged: &[Judged]) -> Vec<Verdict<'_>> {
    judged.iter().map(Judged::verdict).collect()
}

/// Methods whose answers hold records.
fn methods<'k>(contracts: &'k Kontrakter, plans: &Plans) -> Vec<&'k Metode> {
    let with_records = |method: &&Metode| {
        let plan = plans.response(&method.sti).unwrap();
        plan.record_types().next().is_some()
    };
    contracts.metoder.values().filter(with_records).collect()
}

/// Runs a property over random answers: every second one of the contract that
/// has everything, the others of all methods in turn.
fn over_answers(
    cases: usize,
    property: impl Fn(&mut Generator<'_>, &Kontrakter, &Metode, &ResponsePlan, &DynamicMessage),
) {
    let contracts = contracts();
    let plans = Plans::compile(&contracts).unwrap();
    let methods = methods(&contracts, &plans);
    for case in 0..cases {
        let method = match case % 2 {
            0 => methods[(case / 2) % methods.len()],
            _ => &contracts.metoder[ALLSLAGS],
        };
        let plan = plans.response(&method.sti).unwrap();
        let mut generator = Generator::new(&contracts, case as u64);
        let answer = generator.message(&method.ut, Klasser::INGEN);
        named(case, &method.sti, || {
            property(&mut generator, &contracts, method, plan, &answer);
        });
    }
}

fn judge(generator: &mut Generator<'_>, plan: &ResponsePlan, body: &[u8]) -> Vec<Judged> {
    let found = plan.records(body).unwrap().len();
    (0..found).map(|_| Judged::random(generator)).collect()
}

fn outer(generator: &mut Generator<'_>) -> Outer<'static> {
    Outer {
        klasser: generator.classes(),
        next_page_token: generator.chance(50).then_some("sealed"),
    }
}

fn expected(
    contracts: &Kontrakter,
    answer: &DynamicMessage,
    outer: Outer<'_>,
    judged: &[Judged],
) -> DynamicMessage {
    let kind = contracts
        .pool
        .get_message_by_name("samspor.felles.v1.Skjerming");
    let verdicts: Vec<_> = judged
        .iter()
        .map(|judged| {
            let mut skjerming = DynamicMessage::new(kind.clone().unwrap());
            skjerming.transcode_from(&judged.skjerming).unwrap();
            (judged.verdict(), skjerming)
        })
        .collect();
    let expected = Oracle(contracts).answer(answer, outer, &verdicts);
    // An empty list and none are one on the wire.
    decode(&expected.descriptor(), expected.encode_to_vec().into())
}

fn decode(kind: &MessageDescriptor, bytes: Bytes) -> DynamicMessage {
    DynamicMessage::decode(kind.clone(), bytes).unwrap()
}

/// `assert_eq!` would print the descriptors, which hold themselves.
pub(super) fn assert_same(left: &DynamicMessage, right: &DynamicMessage) {
    if left != right {
        let [left, right] = [left, right].map(|m| Field::read(&m.encode_to_vec()));
        let differs = left.iter().zip(&right).find(|(l, r)| l != r);
        panic!("first difference: {differs:?}");
    }
}

/// Seen red, one at a time: `need & !allowed` without the `!`; a part judged
/// by the record's classes; `Skjerming` of a service let through; a length not
/// set after a cut; the field of a record not held against `head`.
#[test]
fn it_is_what_the_slow_and_obvious_way_gives() {
    over_answers(600, |generator, contracts, method, plan, answer| {
        let body = Bytes::from(answer.encode_to_vec());
        let judged = judge(generator, plan, &body);
        let outer = outer(generator);
        let out = plan.rebuild(&body, outer, &verdicts(&judged)).unwrap();
        let expected = expected(contracts, answer, outer, &judged);
        assert_same(&decode(&method.ut, out.clone()), &expected);
        // A map's value that nobody may see is left out by one, empty by the other.
        if !answer.has_field_by_name("andre") {
            assert_eq!(out.len(), expected.encoded_len(), "bytes that say nothing");
        }
    });
}

/// Seen red with unknown fields kept, and with the head of a record read only
/// as long as its fields ascend.
#[test]
fn order_and_unknown_fields_change_nothing() {
    over_answers(300, |generator, contracts, method, plan, answer| {
        let body = answer.encode_to_vec();
        let judged = judge(generator, plan, &body);
        let outer = outer(generator);
        let expected = expected(contracts, answer, outer, &judged);

        let mangled = Bytes::from(generator.mangle(&method.ut, &body));
        let records = method
            .ut
            .fields()
            .filter(|f| Oracle(contracts).is_record(f));
        if records.count() > 1 {
            // The verdicts follow the order of the records, which has changed.
            return;
        }
        let heads = |body| -> Vec<_> {
            let found = plan.records(body).unwrap();
            let heads = found
                .iter()
                .map(|r| (r.head, r.personrefs.len(), r.omtalte.len()));
            heads.map(|h| format!("{h:?}")).collect()
        };
        assert_eq!(heads(&body), heads(&mangled));
        let out = plan.rebuild(&mangled, outer, &verdicts(&judged)).unwrap();
        assert_same(&decode(&method.ut, out), &expected);
    });
}

/// Every text carries the classes of the fields around it; none of a class
/// that is not permitted is in the bytes, and nothing of unknown fields.
/// Seen red with the class of enclosing fields not asked for.
#[test]
fn no_byte_of_a_withheld_class_is_left() {
    over_answers(150, |generator, _, method, plan, answer| {
        let body = Bytes::from(generator.mangle(&method.ut, &answer.encode_to_vec()));
        let classes = generator.classes();
        let found = plan.records(&body).unwrap().len();
        let judged = vec![Judged::same(classes); found];
        let outer = Outer {
            klasser: classes,
            next_page_token: None,
        };
        let out = plan.rebuild(&body, outer, &verdicts(&judged)).unwrap();
        let text = String::from_utf8_lossy(&out);
        for class in Klasser::alle().uten(classes).iter() {
            assert!(!text.contains(&canary(class)), "{class:?}");
        }
        assert!(!text.contains("<LEAK>"));
    });
}

/// What is withheld may be there or not, long or short: the rest is the same.
/// Seen red with what is withheld filled with zeros instead of cut.
#[test]
fn nothing_depends_on_what_is_withheld() {
    over_answers(300, |generator, contracts, method, plan, answer| {
        let body = Bytes::from(answer.encode_to_vec());
        let classes = generator.classes();
        let mut other = answer.clone();
        generator.left = 60;
        rewrite_withheld(generator, contracts, &mut other, classes, false);
        let other = Bytes::from(other.encode_to_vec());

        let found = plan.records(&body).unwrap().len();
        let mut judged = vec![Judged::same(classes); found];
        for judged in &mut judged {
            judged.skjerming = generator.skjerming();
            judged.encoded = EncodedSkjerming::new(&judged.skjerming);
        }
        let outer = Outer {
            klasser: classes,
            next_page_token: Some("sealed"),
        };
        let out = plan.rebuild(&body, outer, &verdicts(&judged)).unwrap();
        let out_of_other = plan.rebuild(&other, outer, &verdicts(&judged)).unwrap();
        assert_eq!(out.len(), out_of_other.len());
        assert_same(&decode(&method.ut, out), &decode(&method.ut, out_of_other));
    });
}

/// Gives every field of a class outside `classes` another value or none; what
/// a decision is made of stays.
fn rewrite_withheld(
    generator: &mut Generator<'_>,
    contracts: &Kontrakter,
    message: &mut DynamicMessage,
    classes: Klasser,
    governed: bool,
) {
    let kind = message.descriptor();
    let record = contracts.utvidelser.ressurs_av(&kind);
    let part = contracts.utvidelser.delpost_av(&kind);
    for field in kind.fields() {
        let decides = record.as_ref().is_some_and(|record| {
            ["name", &record.eier_felt, &record.unntatt_innsyn_felt].contains(&field.name())
                || record
                    .personreferanse_felt
                    .iter()
                    .chain(&record.personomtale_felt)
                    .any(|path| path.starts_with(field.name()))
        }) || part
            .as_ref()
            .is_some_and(|part| part.enhet_felt == field.name());
        // The generator sets one member of a oneof; another would replace it.
        if decides || field.containing_oneof().is_some() {
            continue;
        }
        let inner_kind = field.kind();
        let inner = inner_kind.as_message();
        // How many records there are decides how many verdicts there are.
        let is_record = Oracle(contracts).is_record(&field);
        let refused = inner.is_some_and(|m| m.name() == "Skjerming")
            || ["Any", "Struct"].contains(&inner.map_or("", MessageDescriptor::name));
        let class = contracts.utvidelser.klasse_av(&field);
        if refused || !(governed || is_record || classes.har(class)) {
            match generator.field(&field, Klasser::INGEN) {
                Some(value) if generator.chance(70) => message.set_field(&field, value),
                _ => message.clear_field(&field),
            }
        } else if message.has_field(&field) {
            let governed = inner.is_some_and(|m| m.package_name() == "google.protobuf");
            match message.get_field_mut(&field) {
                Value::Message(inner) => {
                    rewrite_withheld(generator, contracts, inner, classes, governed);
                }
                Value::List(list) => {
                    for value in list {
                        if let Value::Message(inner) = value {
                            rewrite_withheld(generator, contracts, inner, classes, governed);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// Seen red with the edits never empty, because a kept length was noted.
#[test]
fn an_answer_that_may_leave_whole_is_not_copied() {
    over_answers(150, |_, contracts, _, plan, answer| {
        let mut answer = answer.clone();
        drop_refused(contracts, &mut answer, true);
        let body = Bytes::from(answer.encode_to_vec());
        let found = plan.records(&body).unwrap().len();
        let judged = vec![Judged::same(Klasser::alle()); found];
        let outer = Outer {
            klasser: Klasser::alle(),
            next_page_token: None,
        };
        let out = plan.rebuild(&body, outer, &verdicts(&judged)).unwrap();
        assert_eq!(out.as_ptr(), body.as_ptr());
        assert_eq!(out, body);
    });
}

/// Takes out what never leaves.
pub(super) fn drop_refused(contracts: &Kontrakter, message: &mut DynamicMessage, answer: bool) {
    let kind = message.descriptor();
    for field in kind.fields() {
        let inner_kind = field.kind();
        let inner = inner_kind.as_message();
        let at_top = contracts.metoder.values().any(|method| method.ut == kind);
        let record = |m: &MessageDescriptor| contracts.utvidelser.ressurs_av(m).is_some();
        let holds_record = inner.is_some_and(|m| {
            record(m) && !at_top
                || m.is_map_entry()
                    && matches!(m.map_entry_value_field().kind(), Kind::Message(m) if record(&m))
        });
        let class = contracts.utvidelser.klasse_av(&field);
        if class as i32 == 0 && kind.package_name().starts_with("samspor")
            || ["Any", "Struct"].contains(&inner.map_or("", MessageDescriptor::name))
            || answer && (holds_record || field.name() == "next_page_token")
            || answer && inner.is_some_and(|m| m.name() == "Skjerming")
        {
            message.clear_field(&field);
        } else if message.has_field(&field) {
            match message.get_field_mut(&field) {
                Value::Message(inner) => drop_refused(contracts, inner, answer),
                Value::List(list) => {
                    let inner = list.iter_mut().filter_map(Value::as_message_mut);
                    inner.for_each(|inner| drop_refused(contracts, inner, answer));
                }
                _ => {}
            }
        }
    }
}

/// Whatever is done to the bytes: an error, or an answer; never a panic.
#[test]
fn broken_bytes_are_refused_or_read() {
    over_answers(150, |generator, _, _, plan, answer| {
        let body = answer.encode_to_vec();
        for _ in 0..20 {
            let mut broken = body.clone();
            match generator.rng.random_range(0..3) {
                0 => broken.truncate(generator.rng.random_range(0..=body.len())),
                1 => {
                    for _ in 0..generator.rng.random_range(1..4) {
                        if !broken.is_empty() {
                            let at = generator.rng.random_range(0..broken.len());
                            broken[at] = generator.rng.random();
                        }
                    }
                }
                _ => generator.rng.fill(broken.as_mut_slice()),
            }
            let broken = Bytes::from(broken);
            if let Ok(found) = plan.records(&broken) {
                let judged = vec![Judged::same(generator.classes()); found.len()];
                let outer = outer(generator);
                let _ = plan.rebuild(&broken, outer, &verdicts(&judged));
            }
        }
    });
}

/// Seen red with the check of duplicates left out in `rebuild`, and with the
/// one of names left out in `records`.
#[test]
fn a_single_field_given_twice_is_refused() {
    over_answers(150, |generator, contracts, method, plan, answer| {
        let fields = Field::read(&answer.encode_to_vec());
        let is_record = |field: &Field| {
            let known = method.ut.get_field(field.number).unwrap();
            Oracle(contracts).is_record(&known)
        };
        let Some(at) = fields.iter().position(is_record) else {
            return;
        };
        let Payload::Len(record) = &fields[at].payload else {
            panic!("a record is a message");
        };
        let known = method.ut.get_field(fields[at].number).unwrap();
        let known = known.kind().as_message().unwrap().clone();
        let inside = Field::read(record);
        for again in &inside {
            let field = known.get_field(again.number).unwrap();
            if field.is_list() || field.is_map() {
                continue;
            }
            for place in [0, inside.len()] {
                let mut doubled = inside.clone();
                doubled.insert(place, again.clone());
                let mut body = fields.clone();
                body[at].payload = Payload::Len(Field::bytes(&doubled));
                let body = Bytes::from(Field::bytes(&body));
                let cut = plan.records(&body).and_then(|found| {
                    let judged = vec![Judged::same(Klasser::alle()); found.len()];
                    plan.rebuild(&body, outer(generator), &verdicts(&judged))
                });
                let fault = WireError::Duplicate(again.number);
                assert_eq!(cut, Err(fault));
                if field.name() == "name" {
                    assert_eq!(plan.records(&body), Err(fault));
                }
            }
        }
    });
}

/// A number of verdicts that is not that of the records is a fault, and
/// nothing leaves. Seen red with the count not compared.
#[test]
fn every_record_needs_its_verdict() {
    over_answers(150, |generator, _, _, plan, answer| {
        let body = Bytes::from(answer.encode_to_vec());
        let mut judged = judge(generator, plan, &body);
        let found = judged.len();
        let outer = outer(generator);
        judged.push(Judged::random(generator));
        let too_many = plan.rebuild(&body, outer, &verdicts(&judged));
        assert_eq!(too_many, Err(WireError::Verdicts));
        if found > 0 {
            judged.truncate(found - 1);
            let too_few = plan.rebuild(&body, outer, &verdicts(&judged));
            assert_eq!(too_few, Err(WireError::Verdicts));
        }
    });
}

/// Seen red without the limit.
#[test]
fn the_depth_is_limited() {
    let contracts = contracts();
    let plans = Plans::compile(&contracts).unwrap();
    let plan = plans.response(ALLSLAGS).unwrap();
    let nested = |levels: usize| {
        let mut gren = Vec::new();
        for _ in 0..levels {
            let payload = Payload::Len(std::mem::take(&mut gren));
            Field { number: 3, payload }.write(&mut gren);
        }
        let payload = Payload::Len(gren);
        Bytes::from(Field::bytes(&[Field { number: 5, payload }]))
    };
    let whole = Outer {
        klasser: Klasser::alle(),
        next_page_token: None,
    };
    assert!(plan.rebuild(&nested(62), whole, &[]).is_ok());
    assert_eq!(plan.rebuild(&nested(63), whole, &[]), Err(WireError::Depth));
    assert_eq!(
        plan.rebuild(&nested(5000), whole, &[]),
        Err(WireError::Depth)
    );
    // Withheld, it is not looked into.
    let none = Outer {
        klasser: Klasser::INGEN,
        ..whole
    };
    assert_eq!(plan.rebuild(&nested(1000), none, &[]), Ok(Bytes::new()));
}

/// Answers of the real contracts, read as a client reads them.
#[test]
fn a_client_can_read_what_leaves() {
    fn can_read<M: prost::Message + Default>(bytes: Bytes) -> bool {
        M::decode(bytes).is_ok()
    }
    type Read = fn(Bytes) -> bool;
    let clients: [(&str, Read); 7] = [
        (
            "/samspor.bestillerkontor.v1.VedtakService/ListVedtak",
            can_read::<bestillerkontor::ListVedtakResponse>,
        ),
        (
            "/samspor.bestillerkontor.v1.OppdragService/HentOppdrag",
            can_read::<bestillerkontor::HentOppdragResponse>,
        ),
        (
            "/samspor.rop.v1.JournalService/ListAapneNotater",
            can_read::<rop::ListAapneNotaterResponse>,
        ),
        (
            "/samspor.rop.v1.KriseplanService/HentKriseplan",
            can_read::<rop::HentKriseplanResponse>,
        ),
        (
            "/samspor.koordinering.v1.PersonService/HentPerson",
            can_read::<koordinering::HentPersonResponse>,
        ),
        (
            "/samspor.gateway.v1.InnsynsloggService/ListInnsyn",
            can_read::<gateway::ListInnsynResponse>,
        ),
        (
            "/samspor.hendelse.v1.HendelseService/Folg",
            can_read::<hendelse::FolgResponse>,
        ),
    ];
    over_answers(600, |generator, _, method, plan, answer| {
        let Some((_, can_read)) = clients.iter().find(|(sti, _)| *sti == method.sti) else {
            return;
        };
        let body = Bytes::from(generator.mangle(&method.ut, &answer.encode_to_vec()));
        let judged = judge(generator, plan, &body);
        let outer = outer(generator);
        let out = plan.rebuild(&body, outer, &verdicts(&judged)).unwrap();
        assert!(can_read(out));
    });
}
