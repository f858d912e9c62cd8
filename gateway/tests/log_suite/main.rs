//! The access log and the fact projection, on SQLite and on PostgreSQL.
//!
//! Each test says what was broken to see it fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod append;
mod crash;
mod facts;
mod harness;
mod held;
mod merges;
mod race;
mod reading;
mod whole;
