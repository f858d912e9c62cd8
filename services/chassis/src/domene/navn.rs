//! Resource names: `personer/{uuid}/{collection}/{uuid}` and `enheter/{id}`.

use uuid::Uuid;

use crate::error::{FieldFaults, Refusal};

/// Longest unit id.
const MAX_UNIT: usize = 40;

/// `personer/{id}`.
#[must_use]
pub fn person(id: &str) -> String {
    format!("personer/{id}")
}

/// `personer/{person}/{collection}/{id}`.
#[must_use]
pub fn post(person: &str, collection: &str, id: &str) -> String {
    format!("personer/{person}/{collection}/{id}")
}

/// `enheter/{id}`; empty for the empty id, which is that of the person.
#[must_use]
pub fn enhet(id: &str) -> String {
    if id.is_empty() {
        return String::new();
    }
    format!("enheter/{id}")
}

/// The person id of `personer/{uuid}`; else a fault of the field and the empty
/// id, which no row has.
pub fn les_person(name: &str, field: &'static str, faults: &mut FieldFaults) -> String {
    match name.strip_prefix("personer/") {
        Some(id) if is_id(id) => return id.to_owned(),
        _ if name.is_empty() => faults.missing(field),
        _ => faults.form(field, "personer/{uuid}"),
    }
    String::new()
}

/// Person id and record id of `personer/{uuid}/{collection}/{uuid}`; else a
/// fault of the field and empty ids, which no row has.
pub fn les_post(
    name: &str,
    collection: &str,
    field: &'static str,
    faults: &mut FieldFaults,
) -> (String, String) {
    if name.is_empty() {
        faults.missing(field);
        return Default::default();
    }
    let parts: Vec<&str> = name.split('/').collect();
    if let ["personer", person, named, id] = parts.as_slice()
        && *named == collection
        && is_id(person)
        && is_id(id)
    {
        return ((*person).to_owned(), (*id).to_owned());
    }
    faults.form(
        field,
        format_args!("personer/{{uuid}}/{collection}/{{uuid}}"),
    );
    Default::default()
}

/// The same of a request that says nothing else.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` (`name`).
pub fn krev_post(name: &str, collection: &str) -> Result<(String, String), Refusal> {
    let mut faults = FieldFaults::new();
    let parts = les_post(name, collection, "name", &mut faults);
    faults.finish()?;
    Ok(parts)
}

/// The unit id of `enheter/{id}`; else a fault of the field and the empty id.
pub fn les_enhet(name: &str, field: &str, faults: &mut FieldFaults) -> String {
    match name.strip_prefix("enheter/") {
        Some(id) if is_unit(id) => return id.to_owned(),
        _ if name.is_empty() => faults.missing(field.to_owned()),
        _ => faults.form(field.to_owned(), "enheter/{id} med små bokstaver og _"),
    }
    String::new()
}

/// A UUID in its canonical form; another spelling would be another name.
fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.hyphenated().to_string() == text)
}

fn is_unit(text: &str) -> bool {
    (1..=MAX_UNIT).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: &str = "3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    const R: &str = "0192f0a1-7b2c-7d3e-8f40-516273849506";

    #[test]
    fn names_and_back() {
        let mut faults = FieldFaults::new();
        assert_eq!(les_person(&person(P), "name", &mut faults), P);
        assert_eq!(
            les_post(&post(P, "vedtak", R), "vedtak", "name", &mut faults),
            (P.to_owned(), R.to_owned())
        );
        assert_eq!(les_enhet(&enhet("rop"), "enhet", &mut faults), "rop");
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
            assert_eq!(les_person(name, "name", &mut faults), "", "{name}");
            assert!(!faults.is_empty(), "{name}");
        }
        for name in [
            post(P, "oppdrag", R),
            post("x", "vedtak", R),
            post(P, "vedtak", "x"),
            post(P, "vedtak", R) + "/x",
        ] {
            let mut faults = FieldFaults::new();
            les_post(&name, "vedtak", "name", &mut faults);
            assert!(!faults.is_empty(), "{name}");
        }
        for name in ["enheter/", "enheter/*", "enheter/ROP", "rop", ""] {
            let mut faults = FieldFaults::new();
            les_enhet(name, "enhet", &mut faults);
            assert!(!faults.is_empty(), "{name}");
        }
    }
}
