//! The service through its real port: every call carries an attestation that
//! the test signs, as the gateway would. On SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod benk;
mod historie;
mod person;
mod representasjon;
mod reservasjon;
mod sammenslaing;
mod samtykke;
mod ukjent;
mod vern;
