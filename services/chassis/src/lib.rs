//! The microservice chassis that every service of Samspor stands on.
//!
//! What an agency would otherwise build for itself, once: a server that
//! answers only calls the gateway attested, a client towards the gateway, one
//! transaction per call with events, facts and deadlines, clock and ids as
//! parameters, errors as statuses, and telemetry without personal data. A
//! service on top of it reads as domain.

pub mod call;
pub mod error;
pub mod id;
pub mod page;
pub mod store;
pub mod tid;
