//! The issuer that `samspor up` and the tests run: a fresh ES256 key, kept in
//! memory or in a file, and tokens for whoever asks. Never for production: a
//! gateway trusts it only when its `utstedere.toml` names it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::JwkSet};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde::Serialize;

/// `iss` of the dev issuer's tokens.
pub const ISS: &str = "https://dev.samspor.invalid";
/// Audience that they carry.
pub const AUD: &str = "samspor";
const KID: &str = "dev";

/// `utstedere.toml` that trusts the dev issuer alone.
pub const UTSTEDERE: &str = include_str!("utstedere-dev.toml");

/// The issuer could not be made.
#[derive(Debug, thiserror::Error)]
#[error("dev issuer: {0}")]
pub struct DevError(String);

/// What a dev token says.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Claims {
    /// Unit id; empty for the person.
    pub enhet: String,
    /// Employee id; empty for a system.
    pub sub: String,
    /// Roles, by short name: `SAKSBEHANDLER`.
    pub roller: Vec<String>,
    /// Person id, for INNBYGGER.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub person: String,
    /// System that carries the call.
    pub client_id: String,
}

#[derive(Serialize)]
struct Full<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    claims: &'a Claims,
}

/// Signs tokens.
pub struct DevIssuer {
    pkcs8: Vec<u8>,
    signing: EncodingKey,
    public: Vec<u8>,
}

impl std::fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DevIssuer")
    }
}

impl DevIssuer {
    /// With a new key.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, DevError> {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|e| DevError(e.to_string()))?;
        Self::from_pkcs8(document.as_ref())
    }

    /// With the key of an earlier [`Self::pkcs8`].
    ///
    /// # Errors
    /// When the bytes are not such a key.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, DevError> {
        let pair = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            pkcs8,
            &SystemRandom::new(),
        )
        .map_err(|e| DevError(e.to_string()))?;
        Ok(Self {
            pkcs8: pkcs8.to_vec(),
            signing: EncodingKey::from_ec_der(pkcs8),
            public: pair.public_key().as_ref().to_vec(),
        })
    }

    /// The private key, to keep it between runs. A secret.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key set.
    ///
    /// # Errors
    /// Never for a key that was accepted.
    pub fn jwks(&self) -> Result<JwkSet, DevError> {
        // An uncompressed point: 0x04, then x and y of 32 bytes.
        let (x, y) = match self.public.split_first() {
            Some((4, point)) if point.len() == 64 => point.split_at(32),
            _ => return Err(DevError("not an uncompressed P-256 point".into())),
        };
        serde_json::from_value(serde_json::json!({
            "keys": [{
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KID,
                "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
            }]
        }))
        .map_err(|e| DevError(e.to_string()))
    }

    /// A token that is valid from `now` (seconds since 1970) for `seconds`.
    ///
    /// # Errors
    /// When signing fails.
    pub fn token(&self, claims: &Claims, now: i64, seconds: i64) -> Result<String, DevError> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(KID.into());
        let full = Full {
            iss: ISS,
            aud: AUD,
            iat: now,
            exp: now + seconds,
            claims,
        };
        encode(&header, &full, &self.signing).map_err(|e| DevError(e.to_string()))
    }
}
