//! The gateway: who, what for, may they, attest, forward, redact, log, release.

pub mod facts;
pub mod identity;
pub mod log;
pub mod model;
pub mod own;
pub mod page_token;
pub mod policy;
pub mod proxy;
pub mod redaction;
