//! Optimistic versions: an etag says which version of a record its reader saw.

use crate::error::{Error, FieldFaults, Refusal};

/// The etag of a version number.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("{version:x}")
}

/// The version that an etag says.
///
/// # Errors
/// UTDATERT_ETAG for a text that no record ever had.
pub fn version(etag: &str) -> Result<i64, Refusal> {
    // Only the canonical text: no sign, no leading zero.
    i64::from_str_radix(etag, 16)
        .ok()
        .filter(|version| self::etag(*version) == etag)
        .ok_or_else(Refusal::stale_etag)
}

/// Checks the etag of a request against the version of the record it was read
/// with. The statement that changes the record must still carry the version in
/// its WHERE and end in [`ensure_affected`].
///
/// # Errors
/// UTDATERT_ETAG when they differ.
pub fn check(etag: &str, current: i64) -> Result<(), Refusal> {
    if version(etag)? == current {
        Ok(())
    } else {
        Err(Refusal::stale_etag())
    }
}

/// The same where the caller must say what it has read.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` (`etag`) when it does not; `UTDATERT_ETAG` when they
/// differ.
pub fn krev(etag: &str, current: i64) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    if etag.is_empty() {
        faults.missing("etag");
    }
    faults.finish()?;
    check(etag, current)
}

/// One record was changed, as meant.
///
/// # Errors
/// UTDATERT_ETAG when none was: somebody changed it in between. More than one
/// is a defect.
pub fn ensure_affected(affected: u64) -> Result<(), Error> {
    match affected {
        1 => Ok(()),
        0 => Err(Refusal::stale_etag().into()),
        _ => Err(Error::internal("a statement for one row changed several")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_current_version_passes() {
        assert!(check(&etag(26), 26).is_ok());
        for stale in [
            "",
            "1b",
            "1A",
            "01a",
            "+1a",
            "-1a",
            "fffffffffffffffff",
            "x",
        ] {
            assert_eq!(check(stale, 26), Err(Refusal::stale_etag()), "{stale}");
        }
    }
}
