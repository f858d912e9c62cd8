//! What the domain code of every service is written with: names, days, the
//! reading of request fields, the shared parts of a record, and what a rule
//! brings about besides the new state.
//!
//! Rules are pure: state + command + now → new state + [`Virkninger`], or a
//! refusal. The thin function behind an RPC reads, applies the rule, writes,
//! and hands the [`Virkninger`] to the transaction.

pub mod boligoppgaver;
pub mod dokument;
pub mod felles;
pub mod felt;
pub mod fodselsnummer;
pub mod kalender;
pub mod navn;
pub mod periode;
pub mod tilstand;
pub mod vakt;
pub mod virkning;

pub use felles::{Aktor, Hjemmel};
pub use kalender::Dag;
pub use tilstand::Overganger;
pub use virkning::{Emne, Virkninger};
