//! Attestations: the gateway's permit for one call, and its verification.
//!
//! The header `x-samspor-attest-bin` holds a tag (HMAC-SHA-256, 32 bytes)
//! followed by the encoded [`Attestasjon`]. A service accepts a call only when
//! the tag is right under the key it shares with the gateway and the permit is
//! bound to this service, this method, this body and this moment, and was not
//! used before. Whatever fails, the caller learns only that the call did not
//! pass the gateway; which check failed goes to the log.
//!
//! A shared key suffices because both ends are ours, and a signature would
//! cost fifty times as much as the tag (design, § 8).

use std::{
    collections::HashSet,
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use prost::Message as _;
use ring::{digest, hmac};
use samspor_proto::internt::Attestasjon;
use tonic::body::Body;

use crate::{call::Call, telemetry, tid::Clock};

/// Name of the header that carries an attestation.
pub const HEADER: &str = "x-samspor-attest-bin";

/// Longest time between making an attestation and its expiry.
pub const LONGEST_LIFE: Duration = Duration::from_secs(30);

const LONGEST_LIFE_MICROS: i64 = 30_000_000;
const TAG: usize = 32;

/// Base64 as gRPC writes binary headers: padding is optional on arrival.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key of one gateway-service pair: 32 random bytes.
#[derive(Clone)]
pub struct Key(hmac::Key);

/// A key could not be used. The message never quotes the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Neither 64 hex digits nor base64 of 32 bytes.
    #[error("an attestation key is 32 bytes, as 64 hex digits or as base64")]
    Form,
    /// All bytes are equal: a placeholder, not a key.
    #[error("the attestation key is a placeholder; make one with `openssl rand -hex 32`")]
    Placeholder,
    /// The key file could not be read.
    #[error("the attestation key file cannot be read")]
    File(#[source] std::io::Error),
}

impl Key {
    /// A key of 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Placeholder`] when all bytes are equal.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let [first, rest @ ..] = bytes;
        if rest.iter().all(|byte| byte == first) {
            return Err(KeyError::Placeholder);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// From 64 hex digits or from base64; surrounding white space is ignored.
    ///
    /// # Errors
    /// [`KeyError::Form`] or [`KeyError::Placeholder`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = if text.len() == 64 {
            unhex(text)
        } else {
            BASE64
                .decode(text)
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
        };
        Self::new(&bytes.ok_or(KeyError::Form)?)
    }

    /// From a file that holds the key as text (see [`Key::parse`]) or as 32
    /// raw bytes.
    ///
    /// # Errors
    /// Any [`KeyError`].
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let content = std::fs::read(path).map_err(KeyError::File)?;
        if let Ok(raw) = <&[u8; 32]>::try_from(content.as_slice()) {
            return Self::new(raw);
        }
        Self::parse(std::str::from_utf8(&content).map_err(|_| KeyError::Form)?)
    }
}

/// Says that there is a key, and nothing of it.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digits = std::str::from_utf8(pair).ok()?;
        // `from_str_radix` would take a sign.
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

/// Tag followed by the encoding: the value of the header before base64.
#[must_use]
pub fn sign(key: &Key, attestasjon: &Attestasjon) -> Bytes {
    let encoded = attestasjon.encode_to_vec();
    let tag = hmac::sign(&key.0, &encoded);
    let mut signed = BytesMut::with_capacity(TAG + encoded.len());
    signed.extend_from_slice(tag.as_ref());
    signed.extend_from_slice(&encoded);
    signed.freeze()
}

/// The value of [`HEADER`] for an attestation.
#[must_use]
pub fn header_value(key: &Key, attestasjon: &Attestasjon) -> HeaderValue {
    // Base64 has no character that a header may not have.
    HeaderValue::try_from(BASE64.encode(sign(key, attestasjon)))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// SHA-256 of an uncompressed request message, as an attestation binds it.
#[must_use]
pub fn body_sum(message: &[u8]) -> Bytes {
    Bytes::copy_from_slice(digest::digest(&digest::SHA256, message).as_ref())
}

/// Why a call was not accepted. For the log; a caller cannot tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No header, or several.
    Missing,
    /// The header is not base64 of a tag and a message.
    Form,
    /// The tag is wrong under every key.
    Tag,
    /// Made for another service.
    Audience,
    /// Made for another method.
    Method,
    /// Made for another body.
    Body,
    /// Not one uncompressed gRPC message.
    Frame,
    /// Past its expiry.
    Expired,
    /// Expires later than any attestation may.
    TooLong,
    /// Used before, or without an id.
    Replayed,
    /// The header `traceparent` belongs to another trace than the permit.
    Trace,
}

impl Cause {
    /// Word for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Form => "form",
            Self::Tag => "tag",
            Self::Audience => "audience",
            Self::Method => "method",
            Self::Body => "body",
            Self::Frame => "frame",
            Self::Expired => "expired",
            Self::TooLong => "too_long",
            Self::Replayed => "replayed",
            Self::Trace => "trace",
        }
    }
}

/// Verifies the calls of one service.
pub struct Verifier {
    mottaker: String,
    keys: Vec<Key>,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

/// An attestation whose tag, audience, method and time are right. Its body is
/// not yet held against it.
pub(crate) struct Opened(Attestasjon);

impl Verifier {
    /// A verifier for the service of this name (`rop`). During a rotation it
    /// has two keys: the current one and the previous.
    #[must_use]
    pub fn new(mottaker: &str, keys: Vec<Key>, clock: Arc<dyn Clock>) -> Self {
        Self {
            mottaker: mottaker.to_owned(),
            keys,
            clock,
            seen: Mutex::new(Seen::new(MOST_SEEN)),
        }
    }

    /// Verifies a call that has arrived in full: `path` is its path, `frame`
    /// its body on the wire. Uses the permit up.
    ///
    /// # Errors
    /// Why it is not a call of the gateway. When the guard against replays is
    /// full, it counts as replayed.
    pub fn verify(&self, headers: &HeaderMap, path: &str, frame: &[u8]) -> Result<Call, Cause> {
        let opened = self.open(headers, path)?;
        let message = message_of(frame)?;
        self.admit(opened, message, headers.get(telemetry::TRACEPARENT))
            .map_err(|refused| match refused {
                Refused::Unattested(cause) => cause,
                _ => Cause::Replayed,
            })
    }

    /// Everything that can be said before the body has arrived, so that a
    /// caller without a permit cannot make the service hold one.
    pub(crate) fn open(&self, headers: &HeaderMap, path: &str) -> Result<Opened, Cause> {
        let mut values = headers.get_all(HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Cause::Missing);
        };
        let signed = BASE64.decode(value).map_err(|_| Cause::Form)?;
        let (tag, encoded) = signed.split_at_checked(TAG).ok_or(Cause::Form)?;
        // `hmac::verify` takes the same time wherever the tags differ.
        if !self
            .keys
            .iter()
            .any(|key| hmac::verify(&key.0, encoded, tag).is_ok())
        {
            return Err(Cause::Tag);
        }
        let attestasjon = Attestasjon::decode(encoded).map_err(|_| Cause::Form)?;

        if attestasjon.mottaker != self.mottaker {
            return Err(Cause::Audience);
        }
        if attestasjon.metode != path {
            return Err(Cause::Method);
        }
        let left = attestasjon.utloper.saturating_sub(self.clock.now().0);
        if left <= 0 {
            return Err(Cause::Expired);
        }
        if left > LONGEST_LIFE_MICROS {
            return Err(Cause::TooLong);
        }
        Ok(Opened(attestasjon))
    }

    /// Holds the body against the permit and consumes the permit.
    pub(crate) fn admit(
        &self,
        Opened(attestasjon): Opened,
        message: &[u8],
        traceparent: Option<&HeaderValue>,
    ) -> Result<Call, Refused> {
        if digest::digest(&digest::SHA256, message).as_ref() != attestasjon.innholdssum {
            return Err(Cause::Body.into());
        }
        let traceparent = traceparent.map(|value| value.to_str().unwrap_or_default());
        let traceparent = match traceparent {
            Some(given) if telemetry::trace_id_of(given) == Some(&attestasjon.sporings_id) => {
                given.to_owned()
            }
            Some(_) => return Err(Cause::Trace.into()),
            // The permit names the trace, nobody names the span in it.
            None => format!(
                "00-{}-{:016x}-01",
                attestasjon.sporings_id,
                half(&attestasjon.jti)
            ),
        };
        if attestasjon.jti.is_empty() {
            return Err(Cause::Replayed.into());
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.take(&attestasjon.jti, self.clock.now().0) {
            Taken::First => {}
            Taken::Again => return Err(Cause::Replayed.into()),
            Taken::Full => return Err(Refused::Full),
        }
        drop(seen);
        Ok(Call::from_verified(attestasjon, traceparent))
    }
}

/// Why a call goes no further than the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not a call of the gateway.
    Unattested(Cause),
    /// No room to remember another id; taking the call would let it be replayed.
    Full,
    /// The message is larger than the service takes.
    TooLarge(usize),
    /// The body broke off: the caller is gone.
    Aborted,
    /// As many calls run as the service takes on.
    Overloaded,
    /// The caller's deadline has passed.
    Late,
}

impl From<Cause> for Refused {
    fn from(cause: Cause) -> Self {
        Self::Unattested(cause)
    }
}

/// Ids remembered at most, per half of the guard (some 40 MB when full): ten
/// times what one process can answer within [`LONGEST_LIFE`].
const MOST_SEEN: usize = 1 << 20;

/// The ids of the last attestations. An id moves from `current` to `earlier`
/// and is forgotten from there; each step takes at least [`LONGEST_LIFE`], so
/// it outlives its attestation.
struct Seen {
    current: HashSet<u128>,
    earlier: HashSet<u128>,
    /// When `current` becomes `earlier`, microseconds since 1970.
    turn_at: i64,
    most: usize,
}

enum Taken {
    First,
    Again,
    Full,
}

impl Seen {
    fn new(most: usize) -> Self {
        Self {
            current: HashSet::new(),
            earlier: HashSet::new(),
            turn_at: i64::MIN,
            most,
        }
    }

    fn take(&mut self, jti: &str, now: i64) -> Taken {
        if now >= self.turn_at {
            self.earlier = std::mem::take(&mut self.current);
            self.turn_at = now.saturating_add(LONGEST_LIFE_MICROS);
        }
        let id = short(jti);
        if self.earlier.contains(&id) {
            return Taken::Again;
        }
        if self.current.len() >= self.most && !self.current.contains(&id) {
            return Taken::Full;
        }
        if self.current.insert(id) {
            Taken::First
        } else {
            Taken::Again
        }
    }
}

/// A span id for a parent that is not known.
fn half(jti: &str) -> u64 {
    // The upper 64 bits of 128.
    u64::try_from(short(jti) >> 64).unwrap_or_default()
}

/// Half of a SHA-256: ids of any length take the same room, and nobody can
/// choose two that collide.
fn short(jti: &str) -> u128 {
    let sum = digest::digest(&digest::SHA256, jti.as_bytes());
    sum.as_ref()
        .first_chunk::<16>()
        .map_or(0, |half| u128::from_be_bytes(*half))
}

/// Length of what precedes a gRPC message: a flag and a length.
pub(crate) const FRAME_HEAD: usize = 5;

/// The whole body. One chunk, as small messages arrive, is not copied.
pub(crate) async fn collect(mut body: Body, largest: usize) -> Result<Bytes, Refused> {
    let too_large = Refused::TooLarge(largest);
    let most = largest.saturating_add(FRAME_HEAD);
    if usize::try_from(body.size_hint().lower()).map_or(true, |least| least > most) {
        return Err(too_large);
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refused::Aborted)?.into_data() else {
            continue;
        };
        if first.len() + rest.len() + data.len() > most {
            return Err(too_large);
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
                first = Bytes::new();
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

/// The one uncompressed message of a body. What the attestation covers must
/// be what the handler decodes, so nothing may stand beside it.
pub(crate) fn message_of(frame: &[u8]) -> Result<&[u8], Cause> {
    let (head, message) = frame
        .split_first_chunk::<FRAME_HEAD>()
        .ok_or(Cause::Frame)?;
    let [compressed, length @ ..] = *head;
    let declared = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Cause::Frame)?;
    if compressed != 0 || declared != message.len() {
        return Err(Cause::Frame);
    }
    Ok(message)
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

    use super::*;
    use crate::tid::{TestClock, Tid};

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn a_key_is_read_in_every_form_and_printed_in_none() {
        let raw: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap());
        let permit = Attestasjon::default();
        let expected = sign(&Key::new(&raw).unwrap(), &permit);
        for text in [
            HEX,
            &HEX.to_uppercase(),
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n",
        ] {
            let key = Key::parse(text).unwrap();
            assert_eq!(sign(&key, &permit), expected, "{text}");
            assert_eq!(format!("{key:?}"), "Key(…)");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        for content in [&raw[..], HEX.as_bytes()] {
            std::fs::write(file.path(), content).unwrap();
            assert_eq!(
                sign(&Key::from_file(file.path()).unwrap(), &permit),
                expected
            );
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_quoting_it() {
        for text in ["", "hemmelig", &HEX[..62], &format!("+{}", &HEX[1..])] {
            assert!(matches!(Key::parse(text), Err(KeyError::Form)), "{text}");
        }
        let zeros = "0".repeat(64);
        assert!(matches!(Key::parse(&zeros), Err(KeyError::Placeholder)));
        for error in [Key::parse("hemmelig"), Key::parse(&zeros)] {
            let text = format!("{:?}", error.unwrap_err());
            assert!(!text.contains("hemmelig") && !text.contains("0000"));
        }
    }

    struct Bench {
        clock: Arc<TestClock>,
        key: Key,
        verifier: Verifier,
    }

    const METHOD: &str = "/samspor.rop.v1.JournalService/HentAapentNotat";
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const NOW: i64 = 1_790_000_000_000_000;

    impl Bench {
        fn new() -> Self {
            let clock = Arc::new(TestClock::new(Tid(NOW)));
            let key = Key::parse(HEX).unwrap();
            Self {
                verifier: Verifier::new("rop", vec![key.clone()], clock.clone()),
                clock,
                key,
            }
        }

        fn permit(jti: &str) -> Attestasjon {
            Attestasjon {
                mottaker: "rop".into(),
                metode: METHOD.into(),
                innholdssum: body_sum(b"body"),
                jti: jti.into(),
                utloper: NOW + 10_000_000,
                sporings_id: TRACE.into(),
                ..Attestasjon::default()
            }
        }

        fn verify(&self, permit: &Attestasjon) -> Result<Call, Refused> {
            self.verify_header(header_value(&self.key, permit))
        }

        fn verify_header(&self, header: HeaderValue) -> Result<Call, Refused> {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, header);
            let opened = self.verifier.open(&headers, METHOD)?;
            self.verifier.admit(opened, b"body", None)
        }

        fn cause(&self, change: impl FnOnce(&mut Attestasjon)) -> Cause {
            let mut permit = Self::permit("x");
            change(&mut permit);
            match self.verify(&permit) {
                Err(Refused::Unattested(cause)) => cause,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Seen red: each comparison in `open` and `admit` taken out by itself
    /// fails its line here.
    #[test]
    fn every_binding_is_checked() {
        let bench = Bench::new();
        assert_eq!(
            bench.cause(|p| p.mottaker = "bestillerkontor".into()),
            Cause::Audience
        );
        assert_eq!(bench.cause(|p| p.metode.push('x')), Cause::Method);
        assert_eq!(
            bench.cause(|p| p.innholdssum = body_sum(b"other")),
            Cause::Body
        );
        assert_eq!(bench.cause(|p| p.utloper = NOW), Cause::Expired);
        assert_eq!(
            bench.cause(|p| p.utloper = NOW + LONGEST_LIFE_MICROS + 1),
            Cause::TooLong
        );
        assert_eq!(bench.cause(|p| p.jti = String::new()), Cause::Replayed);
        // None of these used the id up.
        let call = bench.verify(&Bench::permit("x")).unwrap();
        assert_eq!(call.trace_id, TRACE);
        assert_eq!(telemetry::trace_id_of(&call.traceparent), Some(TRACE));
    }

    /// Seen red: with the tag not compared.
    #[test]
    fn every_bit_is_covered_by_the_tag() {
        let bench = Bench::new();
        let signed = sign(&bench.key, &Bench::permit("x"));
        for place in 0..signed.len() * 8 {
            let mut forged = signed.to_vec();
            forged[place / 8] ^= 1 << (place % 8);
            let header = HeaderValue::try_from(BASE64.encode(&forged)).unwrap();
            assert_eq!(
                bench.verify_header(header).unwrap_err(),
                Cause::Tag.into(),
                "bit {place}"
            );
        }
        for (header, cause) in [
            ("", Cause::Form),
            ("AAAA", Cause::Form),
            ("not base64", Cause::Form),
        ] {
            assert_eq!(
                bench
                    .verify_header(HeaderValue::from_static(header))
                    .unwrap_err(),
                cause.into()
            );
        }
    }

    #[test]
    fn one_header_and_only_one() {
        let bench = Bench::new();
        let mut headers = HeaderMap::new();
        let open = |headers: &HeaderMap| bench.verifier.open(headers, METHOD).map(|_| ());
        assert_eq!(open(&headers), Err(Cause::Missing));
        headers.append(HEADER, header_value(&bench.key, &Bench::permit("x")));
        assert_eq!(open(&headers), Ok(()));
        headers.append(HEADER, header_value(&bench.key, &Bench::permit("y")));
        assert_eq!(open(&headers), Err(Cause::Missing));
    }

    #[test]
    fn a_rotation_has_two_keys() {
        let old = Bench::new();
        let new = Key::new(&std::array::from_fn(|n| u8::try_from(n).unwrap() ^ 0x5a)).unwrap();
        let bench = Bench {
            verifier: Verifier::new("rop", vec![new.clone(), old.key.clone()], old.clock.clone()),
            ..Bench::new()
        };
        assert!(bench.verify(&Bench::permit("x")).is_ok());
        let by_new = header_value(&new, &Bench::permit("y"));
        assert!(bench.verify_header(by_new.clone()).is_ok());
        assert_eq!(old.verify_header(by_new).unwrap_err(), Cause::Tag.into());
        let none = Bench {
            verifier: Verifier::new("rop", vec![], old.clock.clone()),
            ..Bench::new()
        };
        assert_eq!(
            none.verify(&Bench::permit("x")).unwrap_err(),
            Cause::Tag.into()
        );
    }

    /// Seen red: with `earlier` not consulted.
    #[test]
    fn a_permit_serves_once_for_as_long_as_it_lives() {
        let bench = Bench::new();
        // The guard turns over in the middle of the permit's life.
        assert!(bench.verify(&Bench::permit("first")).is_ok());
        bench.clock.advance(LONGEST_LIFE / 2);
        let mut permit = Bench::permit("x");
        permit.utloper = bench.clock.now().plus(LONGEST_LIFE).0;
        assert!(bench.verify(&permit).is_ok());
        for second in 0..30 {
            assert_eq!(
                bench.verify(&permit).unwrap_err(),
                Cause::Replayed.into(),
                "after {second} s"
            );
            let mut other = Bench::permit(&format!("other {second}"));
            other.utloper = bench.clock.now().0 + 1;
            assert!(bench.verify(&other).is_ok());
            bench.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(bench.verify(&permit).unwrap_err(), Cause::Expired.into());
    }

    #[test]
    fn a_full_guard_takes_nobody_in() {
        let mut seen = Seen::new(2);
        let mut take = |jti: &str, now| seen.take(jti, now);
        assert!(matches!(take("a", 0), Taken::First));
        assert!(matches!(take("b", 0), Taken::First));
        assert!(matches!(take("c", 0), Taken::Full));
        assert!(matches!(take("a", 0), Taken::Again));
        assert!(matches!(take("c", LONGEST_LIFE_MICROS), Taken::First));
        assert!(matches!(take("a", LONGEST_LIFE_MICROS), Taken::Again));
    }

    #[test]
    fn a_trace_that_is_not_the_permits_is_refused() {
        let bench = Bench::new();
        let admit = |jti: &str, traceparent: &str| {
            bench
                .verifier
                .admit(
                    Opened(Bench::permit(jti)),
                    b"body",
                    Some(&HeaderValue::try_from(traceparent).unwrap()),
                )
                .map(|call| call.traceparent)
        };
        let own = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(admit("a", &own), Ok(own));
        let other = format!("00-{}-00f067aa0ba902b7-01", TRACE.replace('4', "5"));
        assert_eq!(admit("b", &other), Err(Cause::Trace.into()));
        assert_eq!(admit("b", "kari"), Err(Cause::Trace.into()));
    }

    #[test]
    fn a_frame_is_one_plain_message() {
        let framed = |flag: u8, length: u32, message: &[u8]| {
            let mut frame = vec![flag];
            frame.extend(length.to_be_bytes());
            frame.extend(message);
            frame
        };
        assert_eq!(message_of(&framed(0, 2, b"ab")), Ok(&b"ab"[..]));
        assert_eq!(message_of(&framed(0, 0, b"")), Ok(&b""[..]));
        for bad in [
            framed(1, 2, b"ab"),
            framed(0, 1, b"ab"),
            framed(0, 3, b"ab"),
            framed(0, u32::MAX, b"ab"),
            [framed(0, 2, b"ab"), framed(0, 2, b"ab")].concat(),
            b"abcd".to_vec(),
            Vec::new(),
        ] {
            assert_eq!(message_of(&bad), Err(Cause::Frame), "{bad:?}");
        }
    }
}
