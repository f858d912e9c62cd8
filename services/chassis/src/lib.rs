//! The microservice chassis that every service of Samspor stands on.
//!
//! What an agency would otherwise build for itself, once: a server that
//! answers only calls the gateway attested, a client towards the gateway, one
//! transaction per call with events, facts and deadlines, clock and ids as
//! parameters, errors as statuses, and telemetry without personal data. A
//! service on top of it reads as domain.

pub mod attest;
pub mod border;
pub mod call;
pub mod client;
pub mod deadlines;
pub mod domene;
pub mod error;
pub mod feeds;
pub mod historie;
pub mod id;
pub mod lager;
pub mod page;
pub mod rpc;
pub mod server;
pub mod status;
pub mod store;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tid;
pub mod tls;
