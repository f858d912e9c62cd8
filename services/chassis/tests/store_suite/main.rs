//! What the store promises, on SQLite and on PostgreSQL alike. Every promise
//! is a function that takes a database; `on_both_databases!` runs it on both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;
mod consumers;
mod crash;
mod deadlines;
mod failures;
mod feeds;
mod forlop;
mod idempotency;
mod outbox;
mod transactions;
