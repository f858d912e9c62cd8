//! Keys under which identity numbers and names rest, and the keyed look-up.
//!
//! One configured secret of 32 bytes per key id; three keys are derived from
//! it (HKDF-SHA-256): one that seals, one that makes nonces, one that looks
//! up. The first key of the ring is the active one: it seals what is written.
//! The others still open and find what they once sealed, and a number that is
//! ensured again is resealed under the active key. A key may leave the ring
//! when no row names it any more.
//!
//! Sealing is AES-256-GCM with the nonce taken from an HMAC over what is
//! sealed and where it stands. Equal content in one place gives equal bytes,
//! which tells nothing that the look-up does not; in return no sealing depends
//! on the id source, and a seeded demonstration can never use a nonce twice.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{aead, hkdf, hmac};

/// Length of a configured secret, in bytes.
const LENGDE: usize = 32;

/// Why a ring cannot be read. Never carries a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NokkelFeil {
    /// Not `id:secret`, separated by commas.
    #[error("keys must have the form id:key,id:key")]
    Form,
    /// An id outside `[a-z0-9-]`, 1 to 16 characters.
    #[error("a key id must be 1 to 16 of the characters a-z, 0-9 and -")]
    Id,
    /// Two keys with one id.
    #[error("two keys have the same id")]
    Dobbelt,
    /// Not 32 bytes in base64 or hexadecimal.
    #[error("a key must be 32 bytes, as base64 or 64 hex digits")]
    Lengde,
}

/// Why something sealed cannot be opened. A defect or a missing key, never the
/// fault of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApneFeil {
    /// The key is not in the ring.
    #[error("a row names an encryption key that is not configured")]
    UkjentNokkel,
    /// Changed, moved, or sealed under another secret with the same id.
    #[error("a sealed value does not open under its key")]
    Forfalsket,
}

/// Something sealed, with the id of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forseglet {
    /// Key id.
    pub(crate) nokkel: String,
    /// Nonce and ciphertext, base64.
    pub(crate) tekst: String,
}

/// The configured keys, the active one first.
pub struct Nokkelring {
    aktiv: Nokkel,
    eldre: Vec<Nokkel>,
}

struct Nokkel {
    id: String,
    forsegling: aead::LessSafeKey,
    engangs: hmac::Key,
    oppslag: hmac::Key,
}

impl Nokkelring {
    /// Reads `2026a:<key>,2025b:<key>`, the active key first. A key is 32
    /// bytes, as base64 or as 64 hex digits.
    ///
    /// # Errors
    /// When the text is no ring of keys.
    pub fn les(text: &str) -> Result<Self, NokkelFeil> {
        let mut keys: Vec<Nokkel> = Vec::new();
        for entry in text.split(',') {
            let (id, secret) = entry.trim().split_once(':').ok_or(NokkelFeil::Form)?;
            let secret = decode(secret).ok_or(NokkelFeil::Lengde)?;
            if keys.iter().any(|key| key.id == id) {
                return Err(NokkelFeil::Dobbelt);
            }
            keys.push(Nokkel::utled(id, &secret)?);
        }
        let mut keys = keys.into_iter();
        Ok(Self {
            aktiv: keys.next().ok_or(NokkelFeil::Form)?,
            eldre: keys.collect(),
        })
    }

    /// A ring of one key, from bytes that the caller drew or derived.
    ///
    /// # Errors
    /// When the id is not well formed.
    pub fn fra_bytes(id: &str, secret: &[u8; LENGDE]) -> Result<Self, NokkelFeil> {
        Ok(Self {
            aktiv: Nokkel::utled(id, secret)?,
            eldre: Vec::new(),
        })
    }

    /// The look-up value of a number under the active key.
    pub(crate) fn oppslag(&self, nummer: &str) -> String {
        self.aktiv.slaa_opp(nummer)
    }

    /// Whether there are older keys.
    pub(crate) fn har_eldre(&self) -> bool {
        !self.eldre.is_empty()
    }

    /// The look-up values of a number under the older keys.
    pub(crate) fn eldre_oppslag(&self, nummer: &str) -> impl Iterator<Item = String> {
        self.eldre.iter().map(|key| key.slaa_opp(nummer))
    }

    /// Seals a text for one place, such as `person/visningsnavn`; it opens
    /// nowhere else.
    pub(crate) fn forsegl(&self, sted: &str, klartekst: &str) -> Result<Forseglet, ApneFeil> {
        let key = &self.aktiv;
        let mut context = hmac::Context::with_key(&key.engangs);
        context.update(sted.as_bytes());
        context.update(&[0]);
        context.update(klartekst.as_bytes());
        let tag = context.sign();
        let mut nonce = [0; aead::NONCE_LEN];
        for (to, from) in nonce.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        let mut sealed = klartekst.as_bytes().to_vec();
        key.forsegling
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(sted.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| ApneFeil::Forfalsket)?;
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        Ok(Forseglet {
            nokkel: key.id.clone(),
            tekst: STANDARD.encode(bytes),
        })
    }

    /// Opens what was sealed for the place.
    pub(crate) fn apne(&self, sted: &str, forseglet: &Forseglet) -> Result<String, ApneFeil> {
        let key = std::iter::once(&self.aktiv)
            .chain(&self.eldre)
            .find(|key| key.id == forseglet.nokkel)
            .ok_or(ApneFeil::UkjentNokkel)?;
        let bytes = STANDARD
            .decode(&forseglet.tekst)
            .map_err(|_| ApneFeil::Forfalsket)?;
        let (nonce, sealed) = bytes
            .split_first_chunk::<{ aead::NONCE_LEN }>()
            .ok_or(ApneFeil::Forfalsket)?;
        let mut sealed = sealed.to_vec();
        let opened = key
            .forsegling
            .open_in_place(
                aead::Nonce::assume_unique_for_key(*nonce),
                aead::Aad::from(sted.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| ApneFeil::Forfalsket)?;
        String::from_utf8(opened.to_vec()).map_err(|_| ApneFeil::Forfalsket)
    }
}

/// Base64, or two hex digits a byte: 32 bytes never have the same length in
/// both.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * LENGDE {
        return STANDARD.decode(text).ok();
    }
    let nibbles: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    nibbles?
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

/// The ids only.
impl std::fmt::Debug for Nokkelring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let eldre: Vec<&str> = self.eldre.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("Nokkelring")
            .field("aktiv", &self.aktiv.id)
            .field("eldre", &eldre)
            .finish()
    }
}

impl Nokkel {
    fn utled(id: &str, secret: &[u8]) -> Result<Self, NokkelFeil> {
        let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || id.len() > 16 || !id.chars().all(well_formed) {
            return Err(NokkelFeil::Id);
        }
        if secret.len() != LENGDE {
            return Err(NokkelFeil::Lengde);
        }
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"samspor koordinering").extract(secret);
        let forsegling = aead::UnboundKey::from(
            extracted
                .expand(&[b"forsegling"], &aead::AES_256_GCM)
                .map_err(|_| NokkelFeil::Lengde)?,
        );
        let keyed = |purpose: &[u8]| -> Result<hmac::Key, NokkelFeil> {
            let purpose = [purpose];
            let okm = extracted
                .expand(&purpose, hmac::HMAC_SHA256)
                .map_err(|_| NokkelFeil::Lengde)?;
            Ok(hmac::Key::from(okm))
        };
        Ok(Self {
            id: id.to_owned(),
            forsegling: aead::LessSafeKey::new(forsegling),
            engangs: keyed(b"engangs")?,
            oppslag: keyed(b"oppslag")?,
        })
    }

    fn slaa_opp(&self, nummer: &str) -> String {
        STANDARD.encode(hmac::sign(&self.oppslag, nummer.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn ring(text: &[(&str, u8)]) -> Nokkelring {
        let text: Vec<String> = text
            .iter()
            .map(|(id, byte)| format!("{id}:{}", STANDARD.encode([*byte; LENGDE])))
            .collect();
        Nokkelring::les(&text.join(",")).unwrap()
    }

    #[test]
    fn a_sealed_text_opens_in_its_place_only() {
        let keys = ring(&[("a", 1)]);
        let sealed = keys.forsegl("p1/nummer", "abc").unwrap();
        assert_eq!(keys.apne("p1/nummer", &sealed).as_deref(), Ok("abc"));
        assert_eq!(keys.apne("p2/nummer", &sealed), Err(ApneFeil::Forfalsket));
        let mut changed = STANDARD.decode(&sealed.tekst).unwrap();
        *changed.last_mut().unwrap() ^= 1;
        let changed = Forseglet {
            tekst: STANDARD.encode(changed),
            ..sealed
        };
        assert_eq!(keys.apne("p1/nummer", &changed), Err(ApneFeil::Forfalsket));
    }

    /// Two texts in one place must not share a nonce.
    #[test]
    fn the_nonce_follows_from_place_and_text() {
        let keys = ring(&[("a", 1)]);
        let nonce = |place, text| {
            let sealed = keys.forsegl(place, text).unwrap();
            STANDARD
                .decode(sealed.tekst)
                .unwrap()
                .first_chunk::<12>()
                .copied()
        };
        assert_ne!(nonce("p", "abc"), nonce("p", "abd"));
        assert_ne!(nonce("p", "abc"), nonce("q", "abc"));
        assert_eq!(nonce("p", "abc"), nonce("p", "abc"));
    }

    #[test]
    fn an_older_key_still_opens_and_finds() {
        let before = ring(&[("a", 1)]);
        let after = ring(&[("b", 2), ("a", 1)]);
        let sealed = before.forsegl("p", "abc").unwrap();
        assert_eq!(after.apne("p", &sealed).as_deref(), Ok("abc"));
        assert_ne!(after.oppslag("abc"), before.oppslag("abc"));
        assert!(
            after
                .eldre_oppslag("abc")
                .any(|o| o == before.oppslag("abc"))
        );
        let gone = ring(&[("b", 2)]);
        assert_eq!(gone.apne("p", &sealed), Err(ApneFeil::UkjentNokkel));
    }

    #[test]
    fn what_is_no_ring() {
        let key = STANDARD.encode([1; LENGDE]);
        let table = [
            (String::new(), NokkelFeil::Form),
            (key.clone(), NokkelFeil::Form),
            (format!("A:{key}"), NokkelFeil::Id),
            (format!(":{key}"), NokkelFeil::Id),
            (format!("a:{key},a:{key}"), NokkelFeil::Dobbelt),
            ("a:c2hvcnQ=".to_owned(), NokkelFeil::Lengde),
            ("a:not base64".to_owned(), NokkelFeil::Lengde),
        ];
        for (text, expected) in table {
            assert_eq!(Nokkelring::les(&text).err(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_key_is_the_same_in_hex() {
        let hex = Nokkelring::les(&format!("a:{}", "0f".repeat(LENGDE))).unwrap();
        assert_eq!(hex.oppslag("abc"), ring(&[("a", 0x0f)]).oppslag("abc"));
        assert!(Nokkelring::les(&format!("a:{}", "0g".repeat(LENGDE))).is_err());
    }

    #[test]
    fn debug_shows_ids_only() {
        let text = format!("{:?}", ring(&[("b", 2), ("a", 1)]));
        assert_eq!(text, r#"Nokkelring { aktiv: "b", eldre: ["a"] }"#);
    }
}
