//! Tests of the policy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod cases;
mod differential;
mod load;
mod matrix;

use std::sync::LazyLock;

use samspor_proto::{
    klassifisering::{Ressurstype, kontrakter},
    tilgang::{Ressurs, Subjekt},
};

use super::*;

static KARMOY: LazyLock<Policy> = LazyLock::new(|| policy("karmoy"));

fn policy(kommune: &str) -> Policy {
    Policy::load(&PolicySource::embedded(kommune)).unwrap_or_else(|e| panic!("{e}"))
}

/// A record type of a contract, or one that no contract has yet.
fn ressurstype(name: &str) -> Ressurstype {
    if let Some(known) = kontrakter().ressurser.get(name) {
        return known.clone();
    }
    Ressurstype {
        ressurs: Ressurs {
            r#type: name.to_owned(),
            subjekt: match name {
                "enhetspost" => Subjekt::Enhet.into(),
                "statistikk" => Subjekt::Ingen.into(),
                "ukjent_sak" => Subjekt::Sak.into(),
                _ => Subjekt::Person.into(),
            },
            eier_felt: match name {
                "statistikk" => String::new(),
                _ => "eier".to_owned(),
            },
            eksistensklasse: match name {
                "ukjent_helse" => Dataklasse::Helse.into(),
                _ => Dataklasse::Teknisk.into(),
            },
            ..Ressurs::default()
        },
        melding: kontrakter().ressurser["hendelse"].melding.clone(),
        klasser: match name {
            "ukjent_liten" => Klasser::av(&[Dataklasse::Helse]),
            _ => Klasser::av(&[Dataklasse::Tjeneste, Dataklasse::Helse]),
        },
    }
}

/// A variable of the environment, for tests that a person starts.
#[expect(
    clippy::disallowed_methods,
    reason = "switches of tests, documented where they are read"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
