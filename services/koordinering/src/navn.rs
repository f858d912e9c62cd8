//! Resource names of this service.

use samspor_chassis::error::FieldFaults;
use uuid::Uuid;

/// The unit that this service is.
pub(crate) const ENHET: &str = "koordinering";

/// `personer/{person}`.
pub(crate) fn person(id: &str) -> String {
    format!("personer/{id}")
}

/// `personer/{person}/{samling}/{id}`.
pub(crate) fn post(person: &str, samling: &str, id: &str) -> String {
    format!("personer/{person}/{samling}/{id}")
}

/// `enheter/{id}`.
pub(crate) fn enhet(id: &str) -> String {
    format!("enheter/{id}")
}

/// The person id of `personer/{uuid}`; a fault of the field otherwise.
pub(crate) fn les_person(name: &str, felt: &'static str, faults: &mut FieldFaults) -> String {
    match name.strip_prefix("personer/") {
        Some(id) if is_id(id) => return id.to_owned(),
        _ if name.is_empty() => faults.missing(felt),
        _ => faults.form(felt, "personer/{uuid}"),
    }
    String::new()
}

/// Person id and record id of `personer/{uuid}/{samling}/{uuid}`; a fault of
/// the field otherwise.
pub(crate) fn les_post(
    name: &str,
    samling: &str,
    felt: &'static str,
    faults: &mut FieldFaults,
) -> (String, String) {
    if name.is_empty() {
        faults.missing(felt);
        return Default::default();
    }
    let parts: Vec<&str> = name.split('/').collect();
    if let ["personer", person, collection, id] = parts.as_slice()
        && *collection == samling
        && is_id(person)
        && is_id(id)
    {
        return ((*person).to_owned(), (*id).to_owned());
    }
    faults.form(felt, format_args!("personer/{{uuid}}/{samling}/{{uuid}}"));
    Default::default()
}

/// The unit id of `enheter/{id}`; a fault of the field otherwise.
pub(crate) fn les_enhet(name: &str, felt: &str, faults: &mut FieldFaults) -> String {
    match name.strip_prefix("enheter/") {
        Some(id) if is_unit(id) => return id.to_owned(),
        _ if name.is_empty() => faults.missing(felt.to_owned()),
        _ => faults.form(felt.to_owned(), "enheter/{id} med små bokstaver og _"),
    }
    String::new()
}

/// A UUID in its canonical form; another spelling would be another name.
fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.hyphenated().to_string() == text)
}

fn is_unit(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: &str = "3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    const R: &str = "0192f0a1-7b2c-7d3e-8f40-516273849506";

    #[test]
    fn names_of_persons_and_records() {
        let mut faults = FieldFaults::new();
        assert_eq!(les_person(&person(P), "name", &mut faults), P);
        assert_eq!(
            les_post(&post(P, "samtykker", R), "samtykker", "name", &mut faults),
            (P.to_owned(), R.to_owned())
        );
        assert_eq!(les_enhet("enheter/rop", "enhet", &mut faults), "rop");
        assert!(faults.is_empty());
    }

    #[test]
    fn what_is_no_name() {
        for name in [
            "",
            "personer/",
            "personer/x",
            "personer/3F2C8A54-6C1E-4F7A-9B0D-2E5F8C7A1B34",
            "personer/3f2c8a546c1e4f7a9b0d2e5f8c7a1b34",
            "folk/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34",
        ] {
            let mut faults = FieldFaults::new();
            les_person(name, "name", &mut faults);
            assert!(!faults.is_empty(), "{name}");
        }
        for name in [
            post(P, "vern", R),
            post("x", "samtykker", R),
            post(P, "samtykker", "x"),
            format!("personer/{P}/samtykker/{R}/x"),
        ] {
            let mut faults = FieldFaults::new();
            les_post(&name, "samtykker", "name", &mut faults);
            assert!(!faults.is_empty(), "{name}");
        }
        for name in ["enheter/", "enheter/*", "enheter/ROP", "rop"] {
            let mut faults = FieldFaults::new();
            les_enhet(name, "enhet", &mut faults);
            assert!(!faults.is_empty(), "{name}");
        }
    }
}
