//! The mesh from outside: a real gateway and real services on SQLite, called
//! over sockets with real tokens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod accountability;
mod avvik_forlop;
mod bestiller_forlop;
mod bolig_forlop;
mod border;
mod gransking;
mod handovers;
mod historier;
mod historikk;
mod innboks;
mod kartlegging;
mod klage_forlop;
mod kommuner;
mod koordinering_forlop;
mod mandat;
mod nav_forlop;
mod nodtilgang;
mod paging;
mod replicas;
mod representant;
mod rop_forlop;
mod sammenslaing;
mod scene;
mod skjult;
mod sporlager;
mod streams;
mod traces;
mod vedtak_forlop;
mod worked_cases;
