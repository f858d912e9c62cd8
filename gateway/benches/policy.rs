//! What a decision costs: remembered, and asked of Cedar each time.
//!
//! `cargo bench -p samspor-gateway --bench policy`. Aim: a remembered decision
//! within 1 µs. The median of rounds is printed, because a busy machine makes
//! single rounds longer and none shorter.
#![expect(
    clippy::print_stdout,
    reason = "a program that measures time and prints it"
)]

use std::{error::Error, hint::black_box, sync::Arc, time::Duration};

use samspor_gateway::{
    model::{Caller, Fact, Party, PersonFacts, RecordHead},
    policy::{Act, Part, Policy, PolicySource, Question},
};
use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::{Klasser, kontrakter},
    tilgang::{Dataklasse, Formal},
};
use tokio::time::Instant;

const PERSON: &str = "6f1c2a34-0b5d-4e6f-8a90-123456789abc";
const NAME: &str =
    "personer/6f1c2a34-0b5d-4e6f-8a90-123456789abc/vedtak/01920000-0000-7000-8000-000000000001";
const NOW: i64 = 1_795_000_000_000_000;
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    let policy = Policy::load(&PolicySource::embedded("karmoy"))?;
    let ressurs = kontrakter().ressurser.get("vedtak").ok_or("no vedtak")?;
    let facts = facts();
    let caller = Caller {
        enhet: "rop".to_owned(),
        ansatt: "rop-1".to_owned(),
        rolle: Rolle::Saksbehandler,
        person: None,
        system: String::new(),
        mesh: false,
    };
    let question = Question {
        caller: &caller,
        formal: Formal::Ytelse,
        act: Act::Read,
        ressurs,
        record: Some(RecordHead {
            name: NAME,
            eier: "bestillerkontor",
            unntatt_innsyn: false,
            utloper: i64::MAX,
            skjedde: None,
        }),
        part: Part::Head,
        subject: Some(PERSON),
        omfang_enhet: None,
        facts: &facts,
        method_nodtilgang: false,
        method_system: false,
        sak_ok: true,
        sak: "",
        now: NOW,
    };
    let decision = policy.decide(&question);
    println!(
        "a vedtak of another unit, {} facts about the person: {} classes given, {} withheld",
        facts.facts.len(),
        decision.classes.iter().count(),
        decision.withheld.len()
    );
    let asked = ressurs.klasser.iter().count();

    let remembered = each(100_000, || policy.decide(black_box(&question)));
    println!("remembered:            {:>7} ns", remembered.as_nanos());
    let before = each(100_000, || policy.possible(black_box(&question)));
    println!("before any look-up:    {:>7} ns", before.as_nanos());
    let basis = each(100_000, || policy.grunnlag(black_box(&question)));
    println!("digest for the log:    {:>7} ns", basis.as_nanos());
    let plain = each(200, || policy.decide_plain(black_box(&question)));
    println!(
        "asked of Cedar:        {:>7} ns, {} for each of {asked} classes",
        plain.as_nanos(),
        plain.as_nanos() / asked.max(1) as u128
    );
    Ok(())
}

/// Time of one run of `work`, median over rounds.
fn each<T>(runs: u32, mut work: impl FnMut() -> T) -> Duration {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..runs {
                black_box(work());
            }
            begin.elapsed() / runs
        })
        .collect();
    rounds.sort();
    rounds.get(ROUNDS / 2).copied().unwrap_or_default()
}

/// Relations, a case, and a consent that opens health to one unit.
fn facts() -> PersonFacts {
    let fact = |unit: &str, kind, post: Option<&str>, klasser| Fact {
        party: Party::Enhet(Arc::from(unit)),
        kind,
        post: post.map(Arc::from),
        klasser,
        rolle: Rolle::Unspecified,
        formal: Formal::Unspecified,
        fra: 0,
        til: i64::MAX,
        opprettet_av: Arc::from("bk-1"),
        samtykke: None,
        mandat: None,
        enhet: None,
    };
    let none = Klasser::INGEN;
    PersonFacts {
        version: 1,
        facts: vec![
            fact("bestillerkontor", Faktumtype::Sak, None, none),
            fact("bestillerkontor", Faktumtype::Sak, Some(NAME), none),
            fact("rop", Faktumtype::Utforer, Some(NAME), none),
            fact("bom", Faktumtype::Utforer, Some(NAME), none),
            fact("nav", Faktumtype::Sak, None, none),
            fact(
                "nav",
                Faktumtype::Samtykke,
                None,
                Klasser::av(&[Dataklasse::Helse]),
            ),
        ],
    }
}
