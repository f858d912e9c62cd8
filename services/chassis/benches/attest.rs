//! What an attestation costs, made in the gateway and checked in the service:
//! `cargo bench -p samspor-chassis --bench attest`. Aim: a check within 25 µs
//! for a small body. The median of rounds is printed, because a busy machine
//! makes single rounds longer and none shorter.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::{error::Error, hint::black_box, sync::Arc, time::Duration};

use http::HeaderMap;
use samspor_chassis::{
    attest::{self, Cause, Key, Verifier},
    tid::{TestClock, Tid},
};
use samspor_proto::{
    felles::{Aktor, Rolle},
    internt::Attestasjon,
    tilgang::{Dataklasse, Formal},
};
use tokio::time::Instant;

const METHOD: &str = "/samspor.rop.v1.JournalService/HentAapentNotat";
/// Checks of one round; each needs an attestation of its own.
const RUNS: u32 = 4_000;
const ROUNDS: u32 = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let now = 1_790_000_000_000_000;
    let key = Key::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")?;
    for size in [100, 1_000, 10_000, 100_000] {
        let verifier = Verifier::new("rop", vec![key.clone()], Arc::new(TestClock::new(Tid(now))));
        let message = vec![b'x'; size];
        let mut frame = vec![0];
        frame.extend(u32::try_from(size)?.to_be_bytes());
        frame.extend(&message);
        let (mut made, mut checked) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let mut calls = Vec::new();
            let begun = Instant::now();
            for run in 0..RUNS {
                let permit = permit(&message, round * RUNS + run, now);
                let mut headers = HeaderMap::new();
                headers.insert(attest::HEADER, attest::header_value(&key, &permit));
                calls.push(headers);
            }
            made.push(begun.elapsed() / RUNS);
            let begun = Instant::now();
            for headers in &calls {
                let call = verifier.verify(headers, METHOD, &frame);
                black_box(call.map_err(Cause::as_str)?);
            }
            checked.push(begun.elapsed() / RUNS);
        }
        println!(
            "{size:>7} bytes: made in {:>7} ns, checked in {:>7} ns",
            median(made).as_nanos(),
            median(checked).as_nanos()
        );
    }
    Ok(())
}

fn median(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort();
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

fn permit(message: &[u8], number: u32, now: i64) -> Attestasjon {
    Attestasjon {
        mottaker: "rop".into(),
        metode: METHOD.into(),
        innholdssum: attest::body_sum(message),
        jti: format!("0198c5a4-9a3e-7d52-b55d-{number:012}"),
        utloper: now + 10_000_000,
        sporings_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        aktor: Some(Aktor {
            enhet: "enheter/rop".into(),
            ansatt: "0b0a1e5254a84a088b3d8d3a8a4f0e10".into(),
            rolle: Rolle::Behandler.into(),
        }),
        formal: Formal::Ytelse.into(),
        omfang: "personer/0b0a1e52-54a8-4a08-8b3d-8d3a8a4f0e10".into(),
        klasser: vec![Dataklasse::Helse.into(), Dataklasse::Journal.into()],
        funksjoner: vec!["utforer".into(), "helseenhet".into()],
        regel: "P2".into(),
        regelversjon: "8d969eef6ecad3c29a3a629280e686cf".into(),
        ..Attestasjon::default()
    }
}
