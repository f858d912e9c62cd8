//! The memo against plain Cedar.
//!
//! `cargo nextest run -p samspor-gateway differential` asks 20 000 random
//! questions; `SAMSPOR_DIFF_N=1000000` asks a million, `SAMSPOR_SEED` replays.
//! Every question is asked through the memo and straight, as a decision and
//! before the look-up, and the whole answer must be equal. Questions come in
//! groups around one, each with one or two inputs changed: two that differ
//! only in an input that the key misses share a memo entry, and the second
//! gets a wrong answer.

use std::collections::{HashMap, HashSet};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::Ressurstype,
};

use super::*;
use crate::{
    model::{Caller, Fact, Happened, Mandate, Party, PersonFacts, RecordHead},
    policy::vocabulary::{alle_faktumtyper, alle_formal, alle_klasser, alle_roller},
};

const NOW: i64 = 1_000_000;
const PERSON: &str = "11111111-1111-4111-8111-111111111111";

/// A question that owns its parts.
#[derive(Debug, Clone)]
struct Asked {
    caller: Caller,
    formal: Formal,
    row: Option<&'static str>,
    ressurs: usize,
    record: Option<(String, String, bool, i64, Option<Happened>)>,
    part: Part,
    subject: Option<String>,
    omfang: Option<String>,
    facts: PersonFacts,
    flags: [bool; 3],
    sak: &'static str,
    now: i64,
}

impl Asked {
    fn question<'a>(&'a self, types: &'a [Ressurstype]) -> Question<'a> {
        let [method_nodtilgang, method_system, sak_ok] = self.flags;
        Question {
            caller: &self.caller,
            formal: self.formal,
            act: self.row.map_or(Act::Read, Act::Do),
            ressurs: &types[self.ressurs],
            record: self
                .record
                .as_ref()
                .map(
                    |(name, eier, unntatt_innsyn, utloper, skjedde)| RecordHead {
                        name,
                        eier,
                        unntatt_innsyn: *unntatt_innsyn,
                        utloper: *utloper,
                        skjedde: *skjedde,
                    },
                ),
            part: self.part,
            subject: self.subject.as_deref(),
            omfang_enhet: self.omfang.as_deref(),
            facts: &self.facts,
            method_nodtilgang,
            method_system,
            sak_ok,
            sak: self.sak,
            now: self.now,
        }
    }
}

/// All types of the contracts, and made-up ones: about a unit, about nobody,
/// and some that no rule names.
fn types() -> Vec<Ressurstype> {
    let made_up = [
        "enhetspost",
        "statistikk",
        "ukjent_sak",
        "ukjent",
        "ukjent_helse",
        "ukjent_liten",
        "overforing",
    ];
    let names = kontrakter().ressurser.keys().map(String::as_str);
    names.chain(made_up).map(ressurstype).collect()
}

const UNITS: [&str; 9] = [
    "rop",
    "nav",
    "bestillerkontor",
    "boligkontor",
    "koordinering",
    "personvern",
    "nav_stat",
    "bom",
    "ukjent",
];
const POSTS: [&str; 3] = [
    "personer/1/vedtak/a",
    "personer/1/vedtak/b",
    "personer/1/x/c",
];

struct Random {
    rng: StdRng,
    types: usize,
}

impl Random {
    fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        *from.choose(&mut self.rng).unwrap()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_ratio(percent, 100)
    }

    fn unit(&mut self) -> String {
        // Few units, so that caller, owner and party often meet.
        match self.chance(70) {
            true => "rop".to_owned(),
            false => self.one_of(&UNITS).to_owned(),
        }
    }

    fn role(&mut self) -> Rolle {
        self.one_of(&alle_roller().collect::<Vec<_>>())
    }

    fn purpose(&mut self) -> Formal {
        match self.chance(40) {
            true => Formal::Ytelse,
            false => self.one_of(&alle_formal().collect::<Vec<_>>()),
        }
    }

    fn caller(&mut self) -> Caller {
        let rolle = self.role();
        let innbygger = rolle == Rolle::Innbygger && self.chance(90);
        Caller {
            enhet: match innbygger {
                true => String::new(),
                false => self.unit(),
            },
            ansatt: match innbygger || self.chance(15) {
                true => String::new(),
                false => self.one_of(&["a1", "a1", "a2"]).to_owned(),
            },
            rolle,
            person: match innbygger || self.chance(5) {
                true => Some(self.one_of(&[PERSON, PERSON, "22"]).to_owned()),
                false => None,
            },
            system: "sak".to_owned(),
            mesh: self.chance(50),
        }
    }

    fn classes(&mut self) -> Klasser {
        alle_klasser()
            .filter(|_| self.rng.random_bool(0.4))
            .collect()
    }

    /// Around now: most hold; some begin or end in this very microsecond.
    fn period(&mut self) -> (i64, i64) {
        let edges = [0, NOW - 1, NOW, NOW + 1, i64::MAX];
        match self.chance(75) {
            true => (0, i64::MAX),
            false => (self.one_of(&edges), self.one_of(&edges)),
        }
    }

    fn fact(&mut self) -> Fact {
        let (fra, til) = self.period();
        let kind = match self.chance(35) {
            true => self.one_of(&[
                Faktumtype::Sak,
                Faktumtype::Utforer,
                Faktumtype::Soker,
                Faktumtype::Samtykke,
                Faktumtype::Behandler,
                Faktumtype::Mandat,
                Faktumtype::MandatStrengt,
            ]),
            false => self.one_of(&alle_faktumtyper().collect::<Vec<_>>()),
        };
        let party = match self.rng.random_range(0..10) {
            0..=4 => Party::Enhet(self.unit().into()),
            5..=7 => Party::Ansatt(self.one_of(&["a1", "a1", "a2", ""]).into()),
            8 => Party::AlleEnheter,
            _ => Party::Person(self.one_of(&[PERSON, "22"]).into()),
        };
        let employee = matches!(party, Party::Ansatt(_));
        Fact {
            party,
            enhet: (employee && self.chance(40)).then(|| self.unit().into()),
            kind,
            post: match self.chance(35) {
                true => Some(self.one_of(&POSTS).into()),
                false => None,
            },
            klasser: self.classes(),
            rolle: match self.chance(20) {
                true => self.role(),
                false => Rolle::Unspecified,
            },
            formal: match self.chance(20) {
                true => self.purpose(),
                false => Formal::Unspecified,
            },
            fra,
            til,
            opprettet_av: "a1".into(),
            samtykke: None,
            mandat: self.chance(80).then(|| {
                let navn = self.one_of(&["granskinger/1", "granskinger/2"]).to_owned();
                let fra = self.one_of(&[i64::MIN, NOW - 1, NOW]);
                let til = self.one_of(&[i64::MAX, NOW, NOW + 1]);
                Mandate { navn, fra, til }.into()
            }),
        }
    }

    fn record(&mut self) -> Option<(String, String, bool, i64, Option<Happened>)> {
        (!self.chance(10)).then(|| {
            let eier = match self.chance(10) {
                true => String::new(),
                false => self.unit(),
            };
            let edges = [NOW - 1, NOW, NOW + 1, i64::MAX, i64::MAX, i64::MAX];
            let name = self.one_of(&POSTS).to_owned();
            let happened = (!self.chance(30)).then(|| {
                let at = self.one_of(&[NOW - 2, NOW - 1, NOW, NOW + 1]);
                let til = self.one_of(&[at, at + 1, i64::MAX]);
                Happened { fra: at, til }
            });
            (name, eier, self.chance(15), self.one_of(&edges), happened)
        })
    }

    fn asked(&mut self) -> Asked {
        let count = self.rng.random_range(0..7);
        Asked {
            caller: self.caller(),
            formal: self.purpose(),
            row: self.row(),
            ressurs: self.rng.random_range(0..self.types),
            record: self.record(),
            part: self.part(),
            subject: self.subject(),
            omfang: self.omfang(),
            facts: PersonFacts {
                version: 1,
                facts: (0..count).map(|_| self.fact()).collect(),
            },
            flags: [self.chance(60), self.chance(50), self.chance(90)],
            sak: self.one_of(&["", "granskinger/1", "granskinger/2"]),
            now: NOW,
        }
    }

    fn row(&mut self) -> Option<&'static str> {
        match self.chance(65) {
            true => None,
            false => Some(self.one_of(&ROWS)),
        }
    }

    fn part(&mut self) -> Part {
        self.one_of(&[Part::Head, Part::Head, Part::Own, Part::Other])
    }

    fn subject(&mut self) -> Option<String> {
        (!self.chance(10)).then(|| self.one_of(&[PERSON, PERSON, PERSON, "22"]).to_owned())
    }

    fn omfang(&mut self) -> Option<String> {
        self.chance(12).then(|| self.unit())
    }

    /// A question that some rule is likely to say yes to: random ones are
    /// mostly answered «nothing», whatever the inputs.
    fn promising(&mut self, types: &[Ressurstype]) -> Asked {
        use Faktumtype as F;
        use Formal as P;
        use Rolle as R;
        let mut asked = self.asked();
        let post = match self.chance(50) {
            true => Some(Arc::from(POSTS[0])),
            false => None,
        };
        let rop = || Party::Enhet("rop".into());
        let a1 = || Party::Ansatt("a1".into());
        let myself = || Party::Person(PERSON.into());
        let (rolle, formal, ressurs, eier, party, kind) = match self.rng.random_range(0..20) {
            0 => (R::Saksbehandler, P::Ytelse, "soknad", "rop", rop(), F::Sak),
            1 => (
                R::Behandler,
                P::Ytelse,
                "begrenset_notat",
                "rop",
                a1(),
                F::Behandler,
            ),
            2 => (R::Miljo, P::Ytelse, "vedtak", "nav", rop(), F::Utforer),
            3 => (R::Miljo, P::Samordning, "vedtak", "nav", rop(), F::Part),
            4 => (
                R::Miljo,
                P::Sikkerhet,
                "risikovurdering",
                "nav",
                rop(),
                F::Utforer,
            ),
            5 => (
                R::Saksbehandler,
                P::Oppfolging,
                "kriseplan",
                "nav",
                rop(),
                F::Samtykke,
            ),
            6 | 7 => (
                R::Behandler,
                P::Nodhjelp,
                "kriseplan",
                "nav",
                a1(),
                F::Nodtilgang,
            ),
            8 => (
                R::Innbygger,
                P::Innsyn,
                "aapent_notat",
                "nav",
                myself(),
                F::Representant,
            ),
            9 => (
                R::Innbygger,
                P::Innsyn,
                "risikovurdering",
                "nav",
                rop(),
                F::Sak,
            ),
            10 => (R::Leder, P::Kontroll, "nodtilgang", "rop", rop(), F::Sak),
            11 => (R::Leder, P::Samordning, "vern", "nav", rop(), F::Mandat),
            12 => (R::Loggkontroll, P::Kontroll, "innsyn", "", rop(), F::Sak),
            13 => (
                R::Koordinator,
                P::Samordning,
                "hendelse",
                "nav",
                a1(),
                F::Koordinator,
            ),
            17 | 18 => (
                R::Gransker,
                P::Gransking,
                "aapent_notat",
                "nav",
                a1(),
                F::Gransker,
            ),
            14 => (R::Leder, P::Ytelse, "ukjent", "rop", rop(), F::Sak),
            15 => (
                R::Saksbehandler,
                P::Samordning,
                "overforing",
                "nav",
                rop(),
                F::Soker,
            ),
            16 => (
                R::Saksbehandler,
                P::Ytelse,
                "samtykke",
                "nav",
                rop(),
                F::Sak,
            ),
            _ => (
                R::Saksbehandler,
                P::Ytelse,
                "enhetspost",
                "rop",
                myself(),
                F::Sak,
            ),
        };
        let innbygger = rolle == R::Innbygger;
        asked.caller = Caller {
            enhet: match ressurs {
                _ if innbygger => String::new(),
                "overforing" => "koordinering".to_owned(),
                _ => "rop".to_owned(),
            },
            ansatt: if innbygger { "" } else { "a1" }.to_owned(),
            rolle,
            person: innbygger.then(|| PERSON.to_owned()),
            system: String::new(),
            mesh: false,
        };
        asked.formal = formal;
        asked.row = match ressurs {
            "samtykke" => Some("W6"),
            _ if self.chance(75) => None,
            _ => asked.row,
        };
        asked.ressurs = types
            .iter()
            .position(|known| known.ressurs.r#type == ressurs)
            .unwrap();
        let just_now = Happened { fra: NOW, til: NOW };
        asked.record = Some((
            POSTS[0].to_owned(),
            eier.to_owned(),
            false,
            i64::MAX,
            Some(just_now),
        ));
        let mandate = "granskinger/1";
        asked.sak = if kind == F::Gransker { mandate } else { "" };
        asked.part = Part::Head;
        asked.subject = Some(
            if kind == F::Representant {
                "22"
            } else {
                PERSON
            }
            .to_owned(),
        );
        asked.omfang = None;
        asked.flags = [true, true, true];
        let employee = matches!(party, Party::Ansatt(_));
        let opens = Fact {
            party,
            enhet: (employee && self.chance(50)).then(|| asked.caller.enhet.as_str().into()),
            kind,
            post,
            klasser: Klasser::alle(),
            rolle: Rolle::Unspecified,
            formal: Formal::Unspecified,
            fra: 0,
            til: i64::MAX,
            opprettet_av: "a1".into(),
            samtykke: None,
            mandat: (kind == F::Gransker).then(|| {
                let (fra, til) = (NOW, NOW + 1);
                let navn = mandate.to_owned();
                Mandate { navn, fra, til }.into()
            }),
        };
        asked.facts.facts = vec![opens];
        if self.chance(30) {
            let mut closes = self.fact();
            closes.kind = self.one_of(&plain::CLOSING);
            closes.party = match self.chance(60) {
                true => Party::AlleEnheter,
                false => rop(),
            };
            asked.facts.facts.insert(0, closes);
        }
        asked
    }

    /// Changes one input.
    fn change(&mut self, asked: &mut Asked) {
        match self.rng.random_range(0..24) {
            0 => asked.caller.rolle = self.role(),
            1 => asked.caller.enhet = self.unit(),
            2 => asked.caller.ansatt = self.one_of(&["a1", "a2", ""]).to_owned(),
            3 => asked.caller.person = self.subject(),
            4 => asked.formal = self.purpose(),
            5 => asked.row = self.row(),
            // The made-up ones are last, and differ in one thing each.
            6 if self.chance(50) => asked.ressurs = self.types - self.rng.random_range(1..=6),
            6 => asked.ressurs = self.rng.random_range(0..self.types),
            7 => asked.record = self.record(),
            8 => asked.part = self.part(),
            9 => asked.subject = self.subject(),
            10 => asked.omfang = self.omfang(),
            11 => asked.flags[0] = !asked.flags[0],
            12 => asked.flags[1] = !asked.flags[1],
            13 => asked.flags[2] = !asked.flags[2],
            14 => asked.now = NOW + self.one_of(&[-1, 0, 1]),
            15 | 16 => asked.facts.facts.push(self.fact()),
            17 => drop(asked.facts.facts.pop()),
            18 => {
                if let Some(record) = &mut asked.record {
                    record.2 = !record.2;
                }
            }
            19 => {
                if let Some(record) = &mut asked.record {
                    record.3 = if record.3 > NOW { NOW } else { i64::MAX };
                }
            }
            20 => {
                if let Some(record) = &mut asked.record {
                    record.0 = self.one_of(&POSTS).to_owned();
                }
            }
            21 => asked.sak = self.one_of(&["", "granskinger/1", "granskinger/2"]),
            22 => {
                if let Some(record) = &mut asked.record {
                    let at = NOW + self.one_of(&[-1, 0, 1]);
                    record.4 = (!self.chance(30)).then_some(Happened { fra: at, til: at });
                }
            }
            _ => {
                if let Some(fact) = asked.facts.facts.last_mut() {
                    fact.klasser = self.classes();
                }
            }
        }
    }
}

/// What was asked and answered.
type Answers = Vec<(Key, Arc<Decision>)>;

/// Asks `n` questions, panics at the first difference, and tells the answers.
fn compare(policy: &Policy, seed: u64, n: u64) -> Answers {
    let types = types();
    let mut random = Random {
        rng: StdRng::seed_from_u64(seed),
        types: types.len(),
    };
    let mut base = random.asked();
    let mut answers = Vec::new();
    for at in 0..n {
        if at % 12 == 0 {
            base = match random.chance(70) {
                true => random.promising(&types),
                false => random.asked(),
            };
        }
        let mut asked = base.clone();
        for _ in 0..(at % 12).min(1 + at % 2) {
            random.change(&mut asked);
        }
        let question = asked.question(&types);
        let names = policy.core.interned(&question);
        let plain = policy.decide_plain(&question);
        let memoised = policy.decide(&question);
        assert_eq!(plain, *memoised, "question {at} of seed {seed}: {asked:?}");
        answers.push((Key::of(&question, names), memoised));
        if at % 4 == 0 {
            let plain = policy.possible_plain(&question);
            let memoised = policy.possible(&question);
            assert_eq!(
                plain, *memoised,
                "possible, question {at} of seed {seed}: {asked:?}"
            );
            answers.push((Key::before(&question, names), memoised));
        }
    }
    answers
}

/// Whether a memo whose key leaves these bits out would have answered wrongly.
fn misses(answers: &Answers, word: usize, mask: u32) -> bool {
    let mut memo: HashMap<Key, &Decision> = HashMap::new();
    answers.iter().any(|(key, decision)| {
        let known = memo.entry(key.without(word, mask)).or_insert(decision);
        **known != **decision
    })
}

#[test]
fn differential_memo_against_plain_cedar() {
    let n: u64 = variable("SAMSPOR_DIFF_N").map_or(20_000, |n| n.parse().unwrap());
    let seed: u64 = variable("SAMSPOR_SEED").map_or(20_260_101, |n| n.parse().unwrap());
    println!("seed {seed}, {n} questions");
    let policy = policy("karmoy");
    // Two threads share one memo, as calls do.
    let answers: Answers = std::thread::scope(|scope| {
        let halves = [seed, seed + 1].map(|seed| {
            let policy = &policy;
            scope.spawn(move || compare(policy, seed, n.div_ceil(2)))
        });
        halves
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });

    // A comparison in which every question is a miss compares nothing.
    let entries: HashSet<Key> = answers.iter().map(|(key, _)| *key).collect();
    println!("{} answers from {} entries", answers.len(), entries.len());
    assert!(entries.len() < answers.len() * 9 / 10);

    // Had the key missed an input, these questions would have seen it: each
    // part of the key, left out, makes the memo answer one of them wrongly.
    let unseen: Vec<&str> = key::parts()
        .into_iter()
        .filter(|(_, word, mask)| !misses(&answers, *word, *mask))
        .map(|(what, ..)| what)
        .collect();
    assert_eq!(
        unseen,
        Vec::<&str>::new(),
        "left out of the key, and nothing differed"
    );
}

/// What may be decided later was possible before: otherwise the gateway would
/// answer «not found» where a record is readable.
#[test]
fn differential_possible_covers_what_is_decided() {
    let policy = policy("sarpsborg");
    let types = types();
    let mut random = Random {
        rng: StdRng::seed_from_u64(3),
        types: types.len(),
    };
    for _ in 0..3_000 {
        let asked = random.asked();
        let question = asked.question(&types);
        let decided = policy.decide(&question).classes;
        // A record without an owner field never has an owner.
        let known = Question {
            part: Part::Head,
            ..question
        };
        let unnamed = Question {
            record: None,
            ..question
        };
        for before in [known, unnamed] {
            let possible = policy.possible(&before).classes;
            if question.ressurs.ressurs.eier_felt.is_empty()
                && question.record.is_some_and(|r| !r.eier.is_empty())
            {
                continue;
            }
            assert!(
                possible.har_alle(decided),
                "{asked:?}\npossible {possible}\ndecided {decided}"
            );
        }
    }
}
