//! The network half of the chassis, over real sockets: what a service refuses,
//! how it lives and dies, how it calls others, and what its telemetry tells.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod border;
mod client;
mod life;
mod telemetry;
mod tls;
mod world;
