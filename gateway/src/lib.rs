//! The gateway: who, what for, may they, attest, forward, redact, log, release.

pub mod identity;
pub mod model;
pub mod policy;
