//! Reads the fields of a request. Each function gives the value, or notes the
//! fault and gives a stand-in that is never stored, so that a caller hears of
//! every fault at once.

use samspor_proto::{felles, klassifisering::kontrakter};

use super::{Dag, Hjemmel};
use crate::{error::FieldFaults, tid::Tid};

/// Characters of a short text: a name, a place, a condition.
pub const KORT: usize = 500;
/// Characters of a long text: a note, a begrunnelse.
pub const LANG: usize = 20_000;

/// A text without the white space around it; may be empty.
pub fn tekst(text: &str, field: &str, max: usize, faults: &mut FieldFaults) -> String {
    let text = text.trim();
    if text.chars().count() > max {
        faults.too_long(field.to_owned(), max);
        return String::new();
    }
    text.to_owned()
}

/// A text that must say something.
pub fn pakrevd(text: &str, field: &str, max: usize, faults: &mut FieldFaults) -> String {
    if text.trim().is_empty() {
        faults.missing(field.to_owned());
    }
    tekst(text, field, max, faults)
}

/// Texts that must each say something, at most `max_count` of them.
pub fn tekster(
    texts: &[String],
    field: &str,
    max_count: usize,
    faults: &mut FieldFaults,
) -> Vec<String> {
    antall(texts.len(), field, max_count, faults);
    texts
        .iter()
        .enumerate()
        .map(|(place, text)| pakrevd(text, &format!("{field}[{place}]"), KORT, faults))
        .collect()
}

/// At most `max` elements.
pub fn antall(count: usize, field: &str, max: usize, faults: &mut FieldFaults) {
    if count > max {
        faults.range(field.to_owned(), 0, max);
    }
}

/// A value of an enum of the contracts (by its full name), not UNSPECIFIED.
pub fn valg<T>(number: i32, field: &str, name: &str, faults: &mut FieldFaults) -> T
where
    T: TryFrom<i32> + Default,
{
    match T::try_from(number) {
        Ok(value) if number != 0 => value,
        _ => {
            faults.unknown(field.to_owned(), gyldige(name));
            T::default()
        }
    }
}

/// Values of an enum of the contracts, none of them UNSPECIFIED.
pub fn flere_valg<T>(numbers: &[i32], field: &str, name: &str, faults: &mut FieldFaults) -> Vec<T>
where
    T: TryFrom<i32> + Default + PartialEq,
{
    let mut values = Vec::new();
    for (place, number) in numbers.iter().enumerate() {
        let value = valg(*number, &format!("{field}[{place}]"), name, faults);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// A filter of a list: UNSPECIFIED means none.
pub fn filter<T>(number: i32, field: &str, name: &str, faults: &mut FieldFaults) -> Option<T>
where
    T: TryFrom<i32> + Default,
{
    (number != 0).then(|| valg(number, field, name, faults))
}

/// `A, B`: the values of an enum without their prefix.
fn gyldige(name: &str) -> String {
    let Some(descriptor) = kontrakter().pool.get_enum_by_name(name) else {
        return String::new();
    };
    let zero = descriptor.default_value();
    let prefix = zero.name().strip_suffix("UNSPECIFIED").unwrap_or_default();
    let names: Vec<String> = descriptor
        .values()
        .filter(|value| value.number() != 0)
        .map(|value| {
            let name = value.name();
            name.strip_prefix(prefix).unwrap_or(name).to_owned()
        })
        .collect();
    names.join(", ")
}

/// A day; none when the text is empty.
pub fn dag(text: &str, field: &str, faults: &mut FieldFaults) -> Option<Dag> {
    if text.is_empty() {
        return None;
    }
    let day = text.parse().ok();
    if day.is_none() {
        faults.form(field.to_owned(), "YYYY-MM-DD");
    }
    day
}

/// A day that must be given.
pub fn pakrevd_dag(text: &str, field: &str, faults: &mut FieldFaults) -> Option<Dag> {
    if text.is_empty() {
        faults.missing(field.to_owned());
    }
    dag(text, field, faults)
}

/// An instant; none when it is unset.
pub fn tidspunkt(
    timestamp: Option<prost_types::Timestamp>,
    field: &str,
    faults: &mut FieldFaults,
) -> Option<Tid> {
    let instant = timestamp.map(Tid::try_from)?;
    if instant.is_err() {
        faults.form(field.to_owned(), "et gyldig tidspunkt");
    }
    instant.ok()
}

/// A legal basis that must be given, with act and section.
pub fn hjemmel(value: Option<&felles::Hjemmel>, field: &str, faults: &mut FieldFaults) -> Hjemmel {
    let Some(value) = value else {
        faults.missing(field.to_owned());
        return Hjemmel::default();
    };
    Hjemmel {
        lov: pakrevd(&value.lov, &format!("{field}.lov"), KORT, faults),
        paragraf: pakrevd(&value.paragraf, &format!("{field}.paragraf"), KORT, faults),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::{Feilgrunn, Rolle};

    use super::*;
    use crate::error::FieldFault;

    fn faults<T>(read: impl FnOnce(&mut FieldFaults) -> T) -> Vec<FieldFault> {
        let mut faults = FieldFaults::new();
        read(&mut faults);
        faults.finish().err().map(|r| r.felt).unwrap_or_default()
    }

    #[test]
    fn texts_are_trimmed_counted_in_characters_and_may_be_required() {
        let mut none = FieldFaults::new();
        assert_eq!(tekst("  å \n", "f", 1, &mut none), "å");
        assert!(none.is_empty());
        assert_eq!(
            faults(|f| tekst("åå", "f", 1, f))[0].grunn,
            Feilgrunn::FeltForLangt
        );
        assert_eq!(
            faults(|f| pakrevd(" \t", "f", 9, f))[0].grunn,
            Feilgrunn::FeltMangler
        );
        let found = faults(|f| tekster(&["a".into(), String::new()], "f", 1, f));
        let fields: Vec<&str> = found.iter().map(|fault| fault.felt.as_str()).collect();
        assert_eq!(fields, ["f", "f[1]"]);
    }

    #[test]
    fn an_unknown_value_is_told_which_are_known() {
        for number in [0, 99] {
            let found = faults(|f| valg::<Rolle>(number, "rolle", "samspor.felles.v1.Rolle", f));
            assert!(found[0].nokler["gyldige"].starts_with("SAKSBEHANDLER, BESLUTTER"));
        }
        let mut none = FieldFaults::new();
        let name = "samspor.felles.v1.Rolle";
        assert_eq!(filter::<Rolle>(0, "rolle", name, &mut none), None);
        assert_eq!(
            flere_valg::<Rolle>(&[4, 4, 5], "roller", name, &mut none),
            [Rolle::Miljo, Rolle::Leder]
        );
        assert!(none.is_empty());
    }

    #[test]
    fn a_legal_basis_has_act_and_section() {
        assert_eq!(faults(|f| hjemmel(None, "hjemmel", f)).len(), 1);
        let empty = felles::Hjemmel::default();
        let found = faults(|f| hjemmel(Some(&empty), "hjemmel", f));
        assert_eq!(found[0].felt, "hjemmel.lov");
        assert_eq!(found[1].felt, "hjemmel.paragraf");
    }

    #[test]
    fn days_and_instants() {
        assert_eq!(faults(|f| dag("", "d", f)), []);
        assert_eq!(faults(|f| pakrevd_dag("", "d", f)).len(), 1);
        assert_eq!(faults(|f| dag("1.2.2026", "d", f)).len(), 1);
        let wrong = prost_types::Timestamp {
            seconds: 0,
            nanos: -1,
        };
        assert_eq!(faults(|f| tidspunkt(Some(wrong), "t", f)).len(), 1);
    }
}
