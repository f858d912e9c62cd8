//! Finds what names a person in a text that is to name nobody: an identity
//! number however it is written, and the name of a person's record.

use std::ops::Range;

use uuid::Uuid;

use super::fodselsnummer::{Fodselsnummer, Regler};
use crate::error::FieldFaults;

/// Every kind that is or will be issued, and those of test persons.
const ALLE: Regler = Regler {
    syntetiske: true,
    ny_kontroll: true,
};
/// Digits of an identity number.
const SIFFER: usize = 11;
/// What stands in the place of a character that was masked.
const MASKE: char = '\u{2022}';
/// Beginning of the name of a person.
const PERSON: &str = "personer/";
/// Characters of an id.
const ID: usize = 36;

/// Where in a text, in characters from 0, the end not included.
#[must_use]
pub fn finn(text: &str) -> Vec<Range<usize>> {
    let chars: Vec<char> = text.chars().collect();
    let ids = ider(&chars);
    let mut found = numre(&chars, &ids);
    let persons = ids.iter().filter_map(|id| {
        let before = id.start.checked_sub(PERSON.len())?;
        let word = chars.get(before..id.start)?;
        let person = word.iter().copied().eq(PERSON.chars());
        person.then_some(before..id.end)
    });
    found.extend(persons);
    found.sort_unstable_by_key(|place| place.start);
    found
}

/// Whether an identity number stands in a text.
#[must_use]
pub fn har_nummer(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    !numre(&chars, &ider(&chars)).is_empty()
}

/// The text with every character that [`finn`] found as a mask.
#[must_use]
pub fn masker(text: &str) -> String {
    let found = finn(text);
    let hidden = |place| found.iter().any(|range| range.contains(&place));
    let mask = |(place, c)| if hidden(place) { MASKE } else { c };
    text.chars().enumerate().map(mask).collect()
}

/// A text that names nobody: what does is a fault of the field, each place of
/// it, or masked where the caller asks for that.
pub fn vokt(text: String, field: &str, mask: bool, faults: &mut FieldFaults) -> String {
    if mask {
        return masker(&text);
    }
    for place in finn(&text) {
        faults.names_somebody(field.to_owned(), &place);
    }
    text
}

/// [`vokt`] of a method that masks nothing.
pub fn krev_ingen(text: &str, field: &'static str, faults: &mut FieldFaults) {
    for place in finn(text) {
        faults.names_somebody_unmasked(field, &place);
    }
}

/// Where ids of records and persons stand.
fn ider(chars: &[char]) -> Vec<Range<usize>> {
    let id = |start: usize| {
        let place = start..start + ID;
        let text = chars.get(place.clone())?;
        let dashed = [8, 13, 18, 23]
            .iter()
            .all(|dash| text.get(*dash) == Some(&'-'));
        let text: String = text.iter().filter(|_| dashed).collect();
        Uuid::try_parse(&text).is_ok().then_some(place)
    };
    (0..chars.len()).filter_map(id).collect()
}

/// The digit that a character is, also in full width and in Arabic script.
fn siffer(c: char) -> Option<char> {
    [0x30, 0xff10, 0x660, 0x6f0].into_iter().find_map(|zero| {
        let value = u32::from(c).checked_sub(zero)?;
        char::from_digit(value, 10)
    })
}

/// What may stand between two digits of one number.
fn skille(c: char) -> bool {
    c.is_whitespace() || matches!(c, '.' | '-' | '/' | '\u{2013}' | '\u{200b}')
}

/// Numbers of eleven digits, perhaps in groups. In an id, as of a record, such
/// digits are chance.
fn numre(chars: &[char], ids: &[Range<usize>]) -> Vec<Range<usize>> {
    let digit = |place: usize| {
        let free = chars
            .get(place)
            .filter(|_| !ids.iter().any(|id| id.contains(&place)));
        free.copied().and_then(siffer)
    };
    let mut found: Vec<Range<usize>> = Vec::new();
    for start in 0..chars.len() {
        let begins = digit(start).is_some() && start.checked_sub(1).and_then(digit).is_none();
        if !begins || found.last().is_some_and(|last| last.contains(&start)) {
            continue;
        }
        let mut digits = String::new();
        let mut place = start;
        while digits.len() < SIFFER {
            match digit(place) {
                Some(value) => digits.push(value),
                None if chars.get(place).copied().is_some_and(skille)
                    && digit(place + 1).is_some() => {}
                None => break,
            }
            place += 1;
        }
        // More digits in a row are another number.
        if digits.len() == SIFFER
            && digit(place).is_none()
            && Fodselsnummer::les(&digits, ALLE).is_ok()
        {
            found.push(start..place);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen red: with ids that are looked at as texts are.
    #[test]
    fn identity_numbers_are_found_however_they_are_written() {
        for (text, found) in [
            ("01819010001", 1),
            ("født 018190 10001.", 1),
            ("fnr01819010001ok", 1),
            ("01.81.90-10001", 1),
            ("018190\u{a0}10001", 1),
            ("０１８１９０１０００１", 1),
            ("tlf 91234567 01819010001 91234567", 1),
            ("01819010001 og 01819010192", 2),
            ("01819010002", 0),
            ("konto 12345678911", 0),
            ("018190100010", 0),
            ("tlf 91234567", 0),
            ("2026-10-01 08:00", 0),
            ("3f2c8a54-6c1e-4f7a-9b0d-a01819010001", 0),
            ("personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34/vedtak/x", 1),
            ("avvik/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34", 0),
            ("", 0),
        ] {
            assert_eq!(finn(text).len(), found, "{text}");
        }
    }

    #[test]
    fn the_place_is_in_characters_and_the_mask_covers_it() {
        let text = "både 018190 10001 og nå";
        assert_eq!(finn(text).first(), Some(&(5..17)));
        let masked = format!("både {} og nå", "•".repeat(12));
        assert_eq!(masker(text), masked);
        assert!(finn(&masked).is_empty());
    }

    /// Where a text may be masked the caller is told so; where it may not, not.
    ///
    /// Seen red: with the same reason for both.
    #[test]
    fn what_cannot_be_masked_is_refused_with_its_place() {
        use samspor_proto::felles::Feilgrunn::{FeltNevnerPerson, FeltPersonopplysning};

        let text = "både 018190 10001 og 01819010192";
        let found = |faults: FieldFaults| -> Vec<_> {
            let refused = faults.finish().err();
            let fields = refused.into_iter().flat_map(|refused| refused.felt);
            fields
                .map(|fault| (fault.felt, fault.grunn, fault.nokler))
                .collect()
        };
        let mut faults = FieldFaults::new();
        krev_ingen(text, "mandat", &mut faults);
        let unmasked = found(faults);
        let mut faults = FieldFaults::new();
        assert_eq!(vokt(text.to_owned(), "mandat", false, &mut faults), text);
        let masked = found(faults);
        for (faults, reason) in [
            (&unmasked, FeltNevnerPerson),
            (&masked, FeltPersonopplysning),
        ] {
            assert_eq!(faults.len(), 2);
            assert!(
                faults
                    .iter()
                    .all(|(field, why, _)| field == "mandat" && *why == reason)
            );
        }
        let mut faults = FieldFaults::new();
        krev_ingen("tlf 91234567", "mandat", &mut faults);
        assert!(faults.is_empty());
    }
}
