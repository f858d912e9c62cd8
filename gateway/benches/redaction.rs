//! What redaction costs against decoding and encoding the same answer.
//!
//! `cargo bench -p samspor-gateway --bench redaction` prints nanoseconds;
//! with `-- --instructions` it runs itself under callgrind (valgrind must be
//! installed) and prints instructions, which a noisy machine does not change.
//! Aim: at most 15 % of decode and encode.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program that measures time and prints it"
)]

use std::{hint::black_box, process::Command, time::Instant};

use bytes::Bytes;
use prost::Message as _;
use samspor_gateway::redaction::{EncodedSkjerming, Keep, Outer, Plans, ResponsePlan, Verdict};
use samspor_proto::{
    bestillerkontor::{Boliglinje, HentVedtakResponse, Parorende, Tjenestelinje, Vedtak},
    felles::{Aktor, Hjemmel, SkjermetKlasse, Skjerming},
    klassifisering::{Klasser, kontrakter},
    tilgang::Dataklasse,
};

const METHOD: &str = "/samspor.bestillerkontor.v1.VedtakService/HentVedtak";
const MODES: [&str; 4] = ["setup", "decode+encode", "redact", "let through"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mode = MODES.into_iter().find(|mode| has(mode));
    if let (Some(mode), Some(rounds)) = (mode, arguments.last().and_then(|n| n.parse().ok())) {
        run(mode, rounds);
    } else if has("--instructions") {
        instructions();
    } else {
        nanoseconds();
    }
}

fn nanoseconds() {
    const ROUNDS: u32 = 200_000;
    for mode in &MODES[1..] {
        run(mode, ROUNDS / 10);
        let start = Instant::now();
        run(mode, ROUNDS);
        println!(
            "{mode:>14}: {:>6} ns",
            start.elapsed().as_nanos() / u128::from(ROUNDS)
        );
    }
}

fn instructions() {
    const ROUNDS: u64 = 2000;
    let count = |mode: &str, rounds: u64| -> Option<u64> {
        let out = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe().ok()?)
            .args([mode, &rounds.to_string()])
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        let line = text.lines().find(|line| line.contains("Collected"))?;
        line.split_whitespace().last()?.parse().ok()
    };
    let Some(setup) = count("setup", 0) else {
        println!("valgrind does not run");
        return;
    };
    let mut whole = 0;
    for mode in &MODES[1..] {
        let per_round = count(mode, ROUNDS)
            .unwrap_or_default()
            .saturating_sub(setup)
            / ROUNDS;
        if whole == 0 {
            whole = per_round;
        }
        let share = per_round * 1000 / whole.max(1);
        println!(
            "{mode:>14}: {per_round:>6} instructions, {}.{} %",
            share / 10,
            share % 10
        );
    }
}

fn run(mode: &str, rounds: u32) {
    let Ok(plans) = Plans::compile(kontrakter()) else {
        return;
    };
    let Some(plan) = plans.response(METHOD) else {
        return;
    };
    let body = Bytes::from(answer().encode_to_vec());
    let shown = [
        Dataklasse::Teknisk,
        Dataklasse::Tjeneste,
        Dataklasse::Funksjon,
    ];
    let shown = Klasser::av(&shown);
    let skjerming = EncodedSkjerming::new(&withheld(Klasser::alle().uten(shown)));
    let party = Keep {
        head: shown,
        own: shown | Klasser::av(&[Dataklasse::Helse, Dataklasse::Opphold]),
        other: shown,
        unit: "rop",
        show_etag: false,
        skjerming: &skjerming,
    };
    let owner = Keep {
        head: Klasser::alle(),
        own: Klasser::alle(),
        other: Klasser::alle(),
        show_etag: true,
        skjerming: EncodedSkjerming::NONE,
        ..party
    };
    for _ in 0..rounds {
        match mode {
            "decode+encode" => {
                black_box(decode_and_encode(black_box(&body)));
            }
            "redact" => {
                black_box(redact(plan, black_box(&body), party));
            }
            "let through" => {
                black_box(redact(plan, black_box(&body), owner));
            }
            _ => {}
        }
    }
}

#[inline(never)]
fn decode_and_encode(body: &Bytes) -> Option<Vec<u8>> {
    let answer = HentVedtakResponse::decode(body.clone()).ok()?;
    Some(answer.encode_to_vec())
}

#[inline(never)]
fn redact(plan: &ResponsePlan, body: &Bytes, keep: Keep<'_>) -> Option<Bytes> {
    let found = plan.records(body).ok()?;
    let outer = Outer {
        klasser: keep.head,
        next_page_token: None,
    };
    match found.as_slice() {
        [_] => plan.rebuild(body, outer, &[Verdict::Keep(keep)]).ok(),
        _ => None,
    }
}

fn withheld(classes: Klasser) -> Skjerming {
    let klasser = classes.iter().map(|class| SkjermetKlasse {
        klasse: class as i32,
        grunn: 1,
        regel: "P18".to_owned(),
        isteden: vec![Dataklasse::Funksjon as i32],
    });
    Skjerming {
        klasser: klasser.collect(),
    }
}

/// A vedtak with every field filled and two lines.
fn answer() -> HentVedtakResponse {
    let text = || "Forutsigbar oppfølging i egen bolig, to avtaler i uken".to_owned();
    let time = || {
        Some(prost_types::Timestamp {
            seconds: 1_780_000_000,
            nanos: 123_456_000,
        })
    };
    let actor = || Aktor {
        enhet: "enheter/bestillerkontor".into(),
        ansatt: "a-1704".into(),
        rolle: 2,
    };
    let basis = || {
        Some(Hjemmel {
            lov: "helse- og omsorgstjenesteloven".into(),
            paragraf: "§ 3-2 nr. 6 b".into(),
        })
    };
    let line = |id: &str, unit: &str| Tjenestelinje {
        linje_id: id.into(),
        r#type: 4,
        min_timer: 4.0,
        maks_timer: 8.5,
        enheter: vec![format!("enheter/{unit}")],
        fra: "2026-03-01".into(),
        til: "2027-02-28".into(),
        hjemmel: basis(),
        vilkar: vec![text()],
        mal: text(),
        leveringssted: "Hos personen".into(),
        helsehensyn: text(),
        ..Default::default()
    };
    let person = "personer/6f1c2a34-0b5d-4e6f-8a90-123456789abc";
    let vedtak = Vedtak {
        name: format!("{person}/vedtak/01920000-0000-7000-8000-000000000001"),
        etag: "4f2a1c".into(),
        tilstand: 4,
        ansvarlig_enhet: "enheter/bestillerkontor".into(),
        soknad: format!("{person}/soknader/01920000-0000-7000-8000-000000000002"),
        linjer: vec![line("l1", "rop"), line("l2", "hjemmetjeneste")],
        bolig: Some(Boliglinje {
            rett: 1,
            enhet: "enheter/boligkontor".into(),
            fra: "2026-03-01".into(),
            krav: vec!["ground floor".into(), "quiet".into()],
        }),
        hovedansvarlig: "enheter/rop".into(),
        parter: vec!["enheter/nav".into()],
        koordinator: "a-1712".into(),
        begrunnelse: text(),
        medisinsk_grunnlag: text(),
        funksjonsvurdering: text(),
        okonomi_merknad: text(),
        skjerming: None,
        intern_vurdering: text(),
        delt_vurdering: text(),
        hjemmel: basis(),
        parorende: vec![Parorende {
            navn: "mor".into(),
            relasjon: "mother".into(),
            kontakt: text(),
            barn: false,
        }],
        forfattere: vec![actor()],
        opprettet: time(),
        retur_begrunnelse: text(),
        fattet_av: Some(actor()),
        fattet: time(),
        underrettet: time(),
        underrettet_mate: "read aloud at a visit".into(),
        klagefrist: "2026-04-01".into(),
        iverksatt: time(),
        avsluttet: time(),
        avsluttet_av: Some(actor()),
        opphor_begrunnelse: text(),
        opphor_hjemmel: basis(),
        ..Default::default()
    };
    HentVedtakResponse {
        vedtak: Some(vedtak),
    }
}
