//! What the check of an attestation costs: `cargo bench -p samspor-chassis`.
//! It should stay below 25 µs for a small body.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::{error::Error, hint::black_box, sync::Arc};

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

const METHOD: &str = "/samspor.rop.v1.JournalService/HentAapentNotat";
const ROUNDS: u32 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let now = 1_790_000_000_000_000;
    let key = Key::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")?;
    for size in [100, 1_000, 10_000, 100_000] {
        let verifier = Verifier::new("rop", vec![key.clone()], Arc::new(TestClock::new(Tid(now))));
        let message = vec![b'x'; size];
        let mut frame = vec![0];
        frame.extend(u32::try_from(size)?.to_be_bytes());
        frame.extend(&message);
        let calls: Vec<HeaderMap> = (0..ROUNDS)
            .map(|round| {
                let permit = Attestasjon {
                    mottaker: "rop".into(),
                    metode: METHOD.into(),
                    innholdssum: attest::body_sum(&message),
                    jti: format!("0198c5a4-9a3e-7d52-b55d-{round:012}"),
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
                };
                let mut headers = HeaderMap::new();
                headers.insert(attest::HEADER, attest::header_value(&key, &permit));
                headers
            })
            .collect();
        let begun = tokio::time::Instant::now();
        for headers in &calls {
            let call = verifier.verify(headers, METHOD, &frame);
            black_box(call.map_err(Cause::as_str)?);
        }
        let each = begun.elapsed() / ROUNDS;
        println!("{size:>7} bytes: {:>6} ns per check", each.as_nanos());
    }
    Ok(())
}
