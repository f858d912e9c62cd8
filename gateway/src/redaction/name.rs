//! Resource names: `personer/{person}/vedtak/{vedtak}`.

/// Longest id in a name.
const MAX_ID: usize = 64;

/// A resource name that follows its pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'n> {
    /// The whole name.
    pub text: &'n str,
    /// Whose facts decide: the id (lower-case UUID) of the person, when the
    /// pattern has `{person}`, or of the case, when it has `{sak}`.
    pub person: Option<&'n str>,
    /// Unit id, when the pattern has `{enhet}`.
    pub enhet: Option<&'n str>,
}

impl<'n> Name<'n> {
    /// The name without its person part: `vedtak/0192…`; empty for the person.
    #[must_use]
    pub fn without_person(&self) -> &'n str {
        let Some(person) = self.person else {
            return self.text;
        };
        self.text
            .strip_prefix("personer/")
            .and_then(|rest| rest.strip_prefix(person))
            .map_or(self.text, |rest| rest.strip_prefix('/').unwrap_or(rest))
    }
}

/// Reads a name by its pattern, strictly: `{person}` and `{sak}` are a lower-case
/// UUID with dashes, any other variable 1 to 64 of `[a-z0-9_-]`, and all the rest stands
/// as in the pattern. Anything else is not a name.
#[must_use]
pub fn parse_name<'n>(pattern: &str, name: &'n str) -> Option<Name<'n>> {
    let mut found = Name {
        text: name,
        person: None,
        enhet: None,
    };
    let mut segments = name.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected {
            "{person}" | "{sak}" => {
                if !is_person_id(segment) {
                    return None;
                }
                found.person = Some(segment);
            }
            _ if expected.starts_with('{') => {
                if !is_id(segment) {
                    return None;
                }
                if expected == "{enhet}" {
                    found.enhet = Some(segment);
                }
            }
            _ if segment != expected => return None,
            _ => {}
        }
    }
    segments.next().is_none().then_some(found)
}

/// Whether it is a person id: a UUID in lower case with dashes.
#[must_use]
pub fn is_person_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(n, byte)| match n {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

/// Whether it can be an id in a name: 1 to 64 of `[a-z0-9_-]`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// Unit id of `enheter/rop` or of `rop`; nothing when it is neither.
#[must_use]
pub fn unit_id(text: &str) -> Option<&str> {
    let id = text.strip_prefix("enheter/").unwrap_or(text);
    is_id(id).then_some(id)
}

/// Person id of `personer/{person}`, with or without more segments, or of a
/// bare person id; nothing when it names no person.
#[must_use]
pub fn person_of(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("personer/").unwrap_or(text);
    let id = rest.split('/').next().unwrap_or_default();
    is_person_id(id).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: &str = "6f1c2a34-0b5d-4e6f-8a90-123456789abc";

    #[test]
    fn a_name_gives_person_and_unit() {
        let text = format!("personer/{PERSON}/vedtak/v-1");
        let name = parse_name("personer/{person}/vedtak/{vedtak}", &text);
        assert_eq!(name.and_then(|n| n.person), Some(PERSON));
        assert_eq!(name.map(|n| n.without_person()), Some("vedtak/v-1"));

        let unit = parse_name("enheter/{enhet}", "enheter/rop");
        assert_eq!(unit.and_then(|n| n.enhet), Some("rop"));
        let text = format!("personer/{PERSON}");
        let person = parse_name("personer/{person}", &text);
        assert_eq!(person.map(|n| n.without_person()), Some(""));
    }

    #[test]
    fn a_case_stands_where_a_person_would() {
        let text = format!("avvik/{PERSON}/detaljer/d-1");
        let name = parse_name("avvik/{sak}/detaljer/{detalj}", &text);
        assert_eq!(name.and_then(|n| n.person), Some(PERSON));
        assert_eq!(name.map(|n| n.without_person()), Some(text.as_str()));
        assert_eq!(parse_name("avvik/{sak}", "avvik/a-1"), None);
    }

    #[test]
    fn anything_else_is_not_a_name() {
        let upper = PERSON.to_uppercase();
        let bare = PERSON.replace('-', "");
        let long = "a".repeat(65);
        for wrong in [
            String::new(),
            "personer/".to_owned(),
            format!("personer/{PERSON}/vedtak"),
            format!("personer/{PERSON}/vedtak/"),
            format!("personer/{PERSON}/vedtak/v1/"),
            format!("personer/{PERSON}/vedtak/v1/linjer/2"),
            format!("/personer/{PERSON}/vedtak/v1"),
            format!("personer/{PERSON}/journal/v1"),
            format!("personer/{upper}/vedtak/v1"),
            format!("personer/{bare}/vedtak/v1"),
            format!("personer/{{{PERSON}}}/vedtak/v1"),
            "personer/-/vedtak/v1".to_owned(),
            format!("personer/{PERSON}/vedtak/-%2e"),
            format!("personer/{PERSON}/vedtak/V1"),
            format!("personer/{PERSON}/vedtak/v1\n"),
            format!("personer/{PERSON}/vedtak/v 1"),
            format!("personer/{PERSON}/vedtak/{long}"),
            format!("Personer/{PERSON}/vedtak/v1"),
        ] {
            assert_eq!(
                parse_name("personer/{person}/vedtak/{vedtak}", &wrong),
                None,
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_reference_gives_its_person() {
        assert_eq!(person_of(&format!("personer/{PERSON}")), Some(PERSON));
        assert_eq!(person_of(&format!("personer/{PERSON}/x/y")), Some(PERSON));
        assert_eq!(person_of(PERSON), Some(PERSON));
        assert_eq!(person_of("personer/x"), None);
        assert_eq!(unit_id("enheter/rop"), Some("rop"));
        assert_eq!(unit_id("rop"), Some("rop"));
        assert_eq!(unit_id("enheter/"), None);
    }
}
