//! `docs/error-reasons.md` is written from the contract. Refresh it with
//! `SAMSPOR_OPPDATER=1 cargo test -p samspor-proto --test error_reasons`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use samspor_proto::{
    klassifisering::kontrakter,
    tilgang::{Dataklasse, Grunntekst},
};

const CODES: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

struct Reason {
    name: String,
    number: i32,
    text: Grunntekst,
}

fn reasons() -> Vec<Reason> {
    kontrakter()
        .pool
        .get_enum_by_name("samspor.felles.v1.Feilgrunn")
        .expect("the enum of reasons")
        .values()
        .filter(|value| value.number() != 0)
        .map(|value| Reason {
            name: value.name().to_owned(),
            number: value.number(),
            text: kontrakter()
                .grunntekst(value.number())
                .unwrap_or_else(|| panic!("{} has no text", value.name())),
        })
        .collect()
}

/// Words in braces: `{regel}`.
fn placeholders(template: &str) -> BTreeSet<&str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(key, _)| key)
        .collect()
}

/// What is wrong with a reason's text.
fn faults(text: &Grunntekst) -> Vec<String> {
    let declared: BTreeSet<&str> = text.nokler.iter().map(|key| key.navn.as_str()).collect();
    let mut faults = Vec::new();
    if !CODES.contains(&text.kode.as_str()) {
        faults.push(format!("no such status code: {}", text.kode));
    }
    if text.eksempel.is_empty() {
        faults.push("no example".to_owned());
    }
    for (language, template) in [("nb", &text.nb), ("en", &text.en)] {
        if template.is_empty() {
            faults.push(format!("no text in {language}"));
        }
        if placeholders(template) != declared {
            faults.push(format!("{language} does not use the keys {declared:?}"));
        }
    }
    for key in &text.nokler {
        if key.klasse() == Dataklasse::Unspecified {
            faults.push(format!("the key {} has no class", key.navn));
        }
    }
    faults
}

#[test]
fn every_reason_has_a_whole_text() {
    for reason in reasons() {
        assert_eq!(faults(&reason.text), [""; 0], "{}", reason.name);
    }
}

#[test]
fn a_text_with_a_fault_is_found() {
    let whole = reasons().swap_remove(4).text;
    let broken: [fn(&mut Grunntekst); 5] = [
        |text| text.kode = "FORBIDDEN".to_owned(),
        |text| text.eksempel.clear(),
        |text| text.en.clear(),
        |text| text.nb.push_str(" {hemmelig}"),
        |text| text.nokler[0].klasse = 0,
    ];
    for sabotage in broken {
        let mut text = whole.clone();
        sabotage(&mut text);
        assert_ne!(faults(&text), [""; 0]);
    }
}

#[test]
fn the_page_is_that_of_the_contract() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/error-reasons.md");
    let page = page(&reasons());
    #[expect(clippy::disallowed_methods, reason = "the refresh of a golden file")]
    if std::env::var_os("SAMSPOR_OPPDATER").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        page,
        "docs/error-reasons.md is not that of the contract; refresh it with \
         SAMSPOR_OPPDATER=1 cargo test -p samspor-proto --test error_reasons"
    );
}

fn page(reasons: &[Reason]) -> String {
    let mut page = String::from(
        "# Error reasons\n\n\
         Written from `proto/samspor/felles/v1/feilgrunn.proto` by \
         `SAMSPOR_OPPDATER=1 cargo test -p samspor-proto --test error_reasons`; \
         do not edit.\n\n\
         An error carries `ErrorInfo` (domain `samspor`, the reason, the keys that the caller \
         may see), `LocalizedMessage` (nb-NO), and `BadRequest` for faults of single fields. \
         Anything that the contract does not declare reaches a caller as `INTERNAL` with the \
         trace id in the header `x-samspor-trace-id`.\n",
    );
    let mut heading = |title: &str, of_fields: bool| {
        write!(page, "\n## {title}\n").unwrap();
        for reason in reasons.iter().filter(|r| (r.number >= 100) == of_fields) {
            let Reason { name, number, text } = reason;
            let short = name.trim_start_matches("FEILGRUNN_");
            write!(page, "\n### {short}\n\n`{}` · {number}\n\n", text.kode).unwrap();
            write!(page, "> {}\n\n{}.", text.nb, capitalized(&text.en)).unwrap();
            for key in &text.nokler {
                let class = key.klasse().as_str_name();
                let class = class.trim_start_matches("DATAKLASSE_");
                write!(page, " `{}` is {class}.", key.navn).unwrap();
            }
            writeln!(page, " Example: {}.", text.eksempel).unwrap();
        }
    };
    heading("Of a call", false);
    heading("Of a field", true);
    page
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
