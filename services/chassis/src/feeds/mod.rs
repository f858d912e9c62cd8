//! The feeds of a service: thin events addressed to a unit, events of one
//! person, and facts for the gateway; and the consumers of other services'
//! events.
//!
//! [`Feeds`] answers `HendelseService` for every service. [`Runner`] follows
//! the feeds of others and gives each event its effect exactly once.

mod consumer;
mod gransk;
mod live;
mod serve;

pub use self::{
    consumer::{Apply, Consumer, Runner, Source},
    serve::Feeds,
};
