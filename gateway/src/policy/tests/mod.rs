//! Tests of the policy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use super::*;

#[test]
fn the_embedded_files_load() {
    for kommune in ["karmoy", "sarpsborg"] {
        match Policy::load(&PolicySource::embedded(kommune)) {
            Ok(policy) => assert_eq!(policy.version().len(), 12),
            Err(e) => panic!("{e}"),
        }
    }
}
