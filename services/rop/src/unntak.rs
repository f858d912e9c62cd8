//! Exemption from the person's own access, which needs a reason (pasient- og
//! brukerrettighetsloven § 5-1 second paragraph).

use samspor_chassis::{domene::felt, error::FieldFaults};

/// Reads whether a record is exempt, and why: a reason exactly where it is.
pub(crate) fn les(unntatt: bool, begrunnelse: &str, faults: &mut FieldFaults) -> Option<String> {
    let reason = felt::tekst(begrunnelse, "unntatt_begrunnelse", felt::LANG, faults);
    match (unntatt, reason.is_empty()) {
        (true, true) if begrunnelse.trim().is_empty() => faults.missing("unntatt_begrunnelse"),
        (false, false) => faults.contradicts(
            "unntatt_begrunnelse",
            "unntatt_innsyn",
            "gjelder bare når posten er unntatt",
        ),
        _ => {}
    }
    unntatt.then_some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_exactly_where_it_is_exempt() {
        for (unntatt, reason, sound) in [
            (false, "", true),
            (true, "Fare for liv", true),
            (true, " ", false),
            (false, "Fare for liv", false),
        ] {
            let mut faults = FieldFaults::new();
            let read = les(unntatt, reason, &mut faults);
            assert_eq!(faults.is_empty(), sound, "{unntatt} {reason}");
            assert_eq!(read.is_some(), unntatt);
        }
    }
}
