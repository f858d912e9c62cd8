//! Page tokens: where a list goes on, told to nobody but the gateway.
//!
//! A token holds the owner's own token (a key of its storage) and how much of
//! the owner's page was used. Both would tell what was withheld, so the token
//! is encrypted and authenticated (ChaCha20-Poly1305), bound to caller, method
//! and arguments, and padded, so that its length tells nothing either.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// First byte inside a token.
const VERSION: u8 = 1;

/// Bytes before the owner's token: version, skip, length.
const HEAD: usize = 1 + 4 + 2;

/// Sizes to which the inside is padded.
const SIZES: [usize; 3] = [128, 512, LARGEST];

/// Largest of [`SIZES`].
const LARGEST: usize = 2048;

/// Longest token of an owner, in bytes.
pub const MAX_OWNER_TOKEN: usize = LARGEST - HEAD;

/// Key of the gateway's page tokens; all replicas share it.
pub struct PageKey(LessSafeKey);

impl std::fmt::Debug for PageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageKey(…)")
    }
}

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageState {
    /// Token to give to the owner; empty: its first page.
    pub owner_token: String,
    /// Records of that page of the owner that were dealt with already.
    pub skip: u32,
}

/// What a token is good for; all of it must be the same when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    /// Unit id of the caller.
    pub enhet: &'a str,
    /// Employee id of the caller.
    pub ansatt: &'a str,
    /// Person id of the caller, for INNBYGGER; empty otherwise.
    pub person: &'a str,
    /// Method path.
    pub metode: &'a str,
    /// Digest of the arguments without `page_size` and `page_token`
    /// (`RequestPlan::arguments_digest`).
    pub argumenter: [u8; 32],
}

/// A token that does not belong to the call, whatever the cause:
/// `UGYLDIG_SIDETOKEN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page token does not belong to this call")]
pub struct InvalidPageToken;

/// An owner's token that is longer than [`MAX_OWNER_TOKEN`]: a fault of the
/// service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the owner's page token is too long")]
pub struct OwnerTokenTooLong;

impl PageKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Option<Self> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    /// Makes a token. `random` fills the nonce: it must come from a source
    /// that never repeats itself under this key.
    ///
    /// # Errors
    /// When the owner's token is too long.
    pub fn seal(
        &self,
        random: impl FnOnce(&mut [u8]),
        binding: &Binding<'_>,
        state: &PageState,
    ) -> Result<String, OwnerTokenTooLong> {
        let inside_len = HEAD + state.owner_token.len();
        let size = SIZES
            .into_iter()
            .find(|size| *size >= inside_len)
            .ok_or(OwnerTokenTooLong)?;
        let owner_len = u16::try_from(state.owner_token.len()).map_err(|_| OwnerTokenTooLong)?;
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce);

        let mut inside = Vec::with_capacity(size + CHACHA20_POLY1305.tag_len());
        inside.push(VERSION);
        inside.extend_from_slice(&state.skip.to_le_bytes());
        inside.extend_from_slice(&owner_len.to_le_bytes());
        inside.extend_from_slice(state.owner_token.as_bytes());
        inside.resize(size, 0);
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(binding.encode()),
                &mut inside,
            )
            .map_err(|_| OwnerTokenTooLong)?;

        let mut token = nonce.to_vec();
        token.extend_from_slice(&inside);
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// Reads a token; the empty one is the start.
    ///
    /// # Errors
    /// When it was not made for this call by this gateway.
    pub fn open(&self, binding: &Binding<'_>, token: &str) -> Result<PageState, InvalidPageToken> {
        if token.is_empty() {
            return Ok(PageState::default());
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| InvalidPageToken)?;
        let (nonce, sealed) = bytes
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(InvalidPageToken)?;
        let mut sealed = sealed.to_vec();
        let inside = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(binding.encode()),
                &mut sealed,
            )
            .map_err(|_| InvalidPageToken)?;
        parse(inside).ok_or(InvalidPageToken)
    }
}

fn parse(inside: &[u8]) -> Option<PageState> {
    let (&VERSION, rest) = inside.split_first()? else {
        return None;
    };
    let (skip, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let owner = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
    Some(PageState {
        owner_token: std::str::from_utf8(owner).ok()?.to_owned(),
        skip: u32::from_le_bytes(*skip),
    })
}

impl Binding<'_> {
    /// Each part with its length before it, so that no two bindings are alike.
    fn encode(&self) -> Vec<u8> {
        let Self {
            enhet,
            ansatt,
            person,
            metode,
            argumenter,
        } = self;
        let mut out = b"samspor page token 1".to_vec();
        for part in [enhet, ansatt, person, metode].map(|part| part.as_bytes()) {
            out.extend_from_slice(&(part.len() as u64).to_le_bytes());
            out.extend_from_slice(part);
        }
        out.extend_from_slice(argumenter);
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]
    use std::collections::HashSet;

    use super::*;

    const BINDING: Binding<'_> = Binding {
        enhet: "rop",
        ansatt: "a-17",
        person: "",
        metode: "/samspor.rop.v1.JournalService/ListNotater",
        argumenter: [7; 32],
    };

    fn key() -> PageKey {
        PageKey::new(&[42; 32]).unwrap()
    }

    fn sealed(state: &PageState) -> String {
        key().seal(|nonce| nonce.fill(9), &BINDING, state).unwrap()
    }

    fn state(owner_token: &str, skip: u32) -> PageState {
        PageState {
            owner_token: owner_token.to_owned(),
            skip,
        }
    }

    #[test]
    fn a_token_comes_back_as_it_was() {
        for state in [
            state("", 0),
            state("0192-æøå", 17),
            state(&"k".repeat(MAX_OWNER_TOKEN), u32::MAX),
        ] {
            assert_eq!(key().open(&BINDING, &sealed(&state)), Ok(state));
        }
        assert_eq!(key().open(&BINDING, ""), Ok(PageState::default()));
        let too_long = state(&"k".repeat(MAX_OWNER_TOKEN + 1), 0);
        assert_eq!(
            key().seal(|_| (), &BINDING, &too_long),
            Err(OwnerTokenTooLong)
        );
    }

    /// Seen red by leaving each part out of [`Binding::encode`] in turn.
    #[test]
    fn a_token_is_good_for_its_own_call_alone() {
        let token = sealed(&state("k", 1));
        let mut argumenter = BINDING.argumenter;
        argumenter[31] ^= 1;
        for other in [
            Binding {
                enhet: "bom",
                ..BINDING
            },
            Binding {
                ansatt: "a-18",
                ..BINDING
            },
            Binding {
                person: "p",
                ..BINDING
            },
            Binding {
                metode: "/samspor.rop.v1.JournalService/ListAndre",
                ..BINDING
            },
            Binding {
                argumenter,
                ..BINDING
            },
            // The same letters, cut at another place.
            Binding {
                enhet: "ropa",
                ansatt: "-17",
                ..BINDING
            },
        ] {
            assert_eq!(
                key().open(&other, &token),
                Err(InvalidPageToken),
                "{other:?}"
            );
        }
        let other_key = PageKey::new(&[43; 32]).unwrap();
        assert_eq!(other_key.open(&BINDING, &token), Err(InvalidPageToken));
    }

    /// Seen red with a token that cannot be opened taken as the start.
    #[test]
    fn a_changed_token_is_refused_at_every_place() {
        let token = sealed(&state("k", 1));
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(
                key().open(&BINDING, &changed),
                Err(InvalidPageToken),
                "{at}"
            );
        }
        for wrong in [
            &token[..token.len() - 4],
            "AAAA",
            "===",
            "å",
            &format!("{token}AAAA"),
        ] {
            assert_eq!(key().open(&BINDING, wrong), Err(InvalidPageToken));
        }
    }

    /// Seen red without the padding.
    #[test]
    fn the_length_tells_nothing() {
        let lengths: HashSet<usize> = (0..=100)
            .map(|len| sealed(&state(&"k".repeat(len), 1 << (len % 32))).len())
            .collect();
        assert_eq!(lengths.len(), 1);
    }
}
