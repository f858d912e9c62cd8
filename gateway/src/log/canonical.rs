//! Canonical bytes of a row, its leaf hash, and what keeps a person out of it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use ring::{digest, hmac};
use samspor_proto::internt::Loggpost;

/// Code of a person in the log: the first bytes of HMAC-SHA-256 of the person
/// id under the person's own key.
pub(crate) type Personkode = [u8; 16];

/// Length of a person's log key in bytes.
pub(crate) const KEY_LENGTH: usize = 32;

/// Leaf hash of RFC 6962: SHA-256(0x00 || bytes).
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[0]);
    context.update(bytes);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

pub(crate) fn personkode(key: &[u8], person: &str) -> Personkode {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, person.as_bytes());
    let mut code = Personkode::default();
    for (to, from) in code.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    code
}

/// A resource name without its person part: `personer/{id}/vedtak/{id}` is
/// `vedtak/{id}`, the person itself is empty. Other names are left as they are.
#[must_use]
pub fn without_person(name: &str) -> &str {
    match name.strip_prefix("personer/") {
        Some(rest) => rest.split_once('/').map_or("", |(_person, record)| record),
        None => name,
    }
}

/// The first eight bytes of a trace id as a number, by which rows are found; 0
/// for none. Two traces may share it: who asks compares the whole id.
pub(crate) fn spor(trace: &str) -> i64 {
    let first = trace.get(..16).unwrap_or_default();
    u64::from_str_radix(first, 16).map_or(0, u64::cast_signed)
}

/// A row as the table holds it.
pub(crate) struct Stored {
    pub(crate) indeks: i64,
    pub(crate) tid: i64,
    pub(crate) personkode: Option<String>,
    pub(crate) spor: i64,
    pub(crate) bladsum: String,
    pub(crate) bytes: String,
}

impl Stored {
    /// The row at an index, in canonical form.
    pub(crate) fn seal(mut content: Loggpost, indeks: i64, code: Option<Personkode>) -> Self {
        content.indeks = indeks;
        content.personkode = code.map_or_else(Default::default, |code| code.to_vec().into());
        let bytes = content.encode_to_vec();
        Self {
            indeks,
            tid: content.tid,
            spor: spor(&content.sporings_id),
            personkode: code.map(|code| BASE64_STANDARD.encode(code)),
            bladsum: BASE64_STANDARD.encode(leaf_hash(&bytes)),
            bytes: BASE64_STANDARD.encode(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_its_person() {
        assert_eq!(without_person("personer/p/vedtak/v"), "vedtak/v");
        assert_eq!(without_person("personer/p"), "");
        assert_eq!(without_person("boliger/b"), "boliger/b");
    }

    /// RFC 6962, § 2.1.3: the hash of the leaf with no bytes.
    #[test]
    fn leaf_hash_of_nothing() {
        assert_eq!(
            BASE64_STANDARD.encode(leaf_hash(b"")),
            "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0="
        );
    }
}
