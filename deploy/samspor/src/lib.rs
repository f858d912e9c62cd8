//! The one binary of Samspor, as a library: so that the end-to-end tests start
//! the very mesh that `samspor up` starts, and sit at the same desks.

pub mod avvik;
pub mod behov;
pub mod boliger;
pub mod config;
pub mod demo;
pub mod desk;
pub mod gransk;
mod html;
pub mod importer;
pub mod innboks;
pub mod karmoy;
pub mod mesh;
pub mod serve;
pub mod up;
