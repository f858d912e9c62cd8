//! Who calls: a bearer token becomes a [`Caller`], or a refusal.
//!
//! Tokens are JWTs, verified against the keys of a configured issuer
//! (Maskinporten, Ansattporten, HelseID, or the built-in [`dev`] issuer). The
//! issuer's entry says which claims name unit, employee and roles, which roles
//! it may assert, and whether its employee ids are made pseudonymous here.

pub mod dev;
mod issuer;

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use moka::sync::Cache;
use samspor_proto::felles::Rolle;
use serde_json::Value;

pub use issuer::{Issuer, IssuerError, Issuers};

use crate::{model::Caller, redaction::is_person_id};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// Verified tokens that are remembered, by hash, until they expire.
const REMEMBERED: u64 = 10_000;
/// Seconds that an issuer's clock may be ahead of ours.
const LEEWAY: i64 = 5;

/// Why a token was not accepted. The word is safe to tell its bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// No `authorization: Bearer …`, or several.
    #[error("mangler")]
    Missing,
    /// Not a JWT, too long, or without key id, issuer, audience or expiry.
    #[error("uleselig")]
    Malformed,
    /// The issuer is not configured.
    #[error("ukjent utsteder")]
    UnknownIssuer,
    /// The algorithm is not one that the issuer uses (`none` never is).
    #[error("algoritme ikke tillatt")]
    Algorithm,
    /// The key is not the issuer's.
    #[error("ukjent nøkkel")]
    UnknownKey,
    /// The signature does not verify.
    #[error("feil signatur")]
    Signature,
    /// Not meant for this gateway, or for others too.
    #[error("feil mottaker")]
    Audience,
    /// Expired.
    #[error("utløpt")]
    Expired,
    /// Not valid yet.
    #[error("ikke gyldig ennå")]
    NotYet,
}

/// What the verified claims say that is not configured here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActorFault {
    /// No such unit in the municipality's file.
    #[error("en enhet")]
    Unit,
    /// No role, or one that the issuer may not assert.
    #[error("en rolle")]
    Role,
    /// Several roles and no `x-samspor-rolle`, or one that the token lacks.
    #[error("en valgt rolle (x-samspor-rolle)")]
    RoleChoice,
    /// An employee role without an employee, or a system with one.
    #[error("en ansatt")]
    Employee,
    /// INNBYGGER without a person.
    #[error("en person")]
    Person,
}

/// Refusal of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The token does not verify.
    #[error("token: {0}")]
    Token(#[from] TokenFault),
    /// The token verifies, but names something unknown.
    #[error("actor: {0}")]
    Actor(#[from] ActorFault),
}

/// A caller, and how long its token says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Who calls.
    pub caller: Caller,
    /// First second since 1970 in which the token is no longer good.
    pub exp: i64,
}

/// Claims of a verified token, before a role is chosen.
#[derive(Debug)]
struct Verified {
    enhet: String,
    ansatt: String,
    roller: Vec<Rolle>,
    person: Option<String>,
    system: String,
    mesh: bool,
    /// Seconds since 1970.
    exp: i64,
}

/// Verifies tokens and remembers those that verified.
#[derive(Debug)]
pub struct Identity {
    issuers: Issuers,
    /// Key under which employee ids are made pseudonymous.
    pseudonyms: ring::hmac::Key,
    units: Box<[String]>,
    verified: Cache<[u8; 32], Arc<Verified>>,
}

impl Identity {
    /// `units` are the unit ids of the municipality's file; `pseudonym_key`
    /// makes employee ids of outside issuers pseudonymous and must stay the
    /// same for as long as the access log shall be read.
    #[must_use]
    pub fn new(
        issuers: Issuers,
        units: impl IntoIterator<Item = String>,
        pseudonym_key: &[u8; 32],
    ) -> Self {
        Self {
            issuers,
            pseudonyms: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, pseudonym_key),
            units: units.into_iter().collect(),
            verified: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(Duration::from_hours(1))
                .build(),
        }
    }

    /// The caller that a token names.
    ///
    /// `authorization` is the header's value, `role` the value of
    /// `x-samspor-rolle`, `now` seconds since 1970.
    ///
    /// # Errors
    /// [`IdentityError`], safe to tell the caller.
    pub fn caller(
        &self,
        authorization: Option<&str>,
        role: Option<&str>,
        now: i64,
    ) -> Result<Identified, IdentityError> {
        let token = authorization
            .and_then(|value| {
                value
                    .strip_prefix("Bearer ")
                    .or_else(|| value.strip_prefix("bearer "))
            })
            .ok_or(TokenFault::Missing)?;
        let verified = self.verified(token, now)?;
        let rolle = choose_role(&verified.roller, role)?;
        check_shape(&verified, rolle)?;
        let caller = Caller {
            enhet: verified.enhet.clone(),
            ansatt: if rolle == Rolle::System {
                String::new()
            } else {
                verified.ansatt.clone()
            },
            rolle,
            person: verified
                .person
                .clone()
                .filter(|_| rolle == Rolle::Innbygger),
            system: verified.system.clone(),
            mesh: verified.mesh,
        };
        Ok(Identified {
            caller,
            exp: verified.exp,
        })
    }

    /// Reads the issuers' key files again; keys that cannot be read stay. A
    /// token of a key that is gone is not remembered beyond this.
    pub fn reload(&self) {
        for issuer in self.issuers.iter() {
            if let Err(fault) = issuer.reload() {
                tracing::warn!(samspor.feil = %samspor_chassis::telemetry::variant(&fault), "keys of an issuer could not be read");
            }
        }
        self.verified.invalidate_all();
    }

    fn verified(&self, token: &str, now: i64) -> Result<Arc<Verified>, IdentityError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenFault::Malformed.into());
        }
        let hash = sha256(token.as_bytes());
        if let Some(known) = self.verified.get(&hash) {
            if known.exp > now {
                return Ok(known);
            }
            self.verified.invalidate(&hash);
            return Err(TokenFault::Expired.into());
        }
        let verified = Arc::new(self.verify(token, now)?);
        self.verified.insert(hash, Arc::clone(&verified));
        Ok(verified)
    }

    fn verify(&self, token: &str, now: i64) -> Result<Verified, IdentityError> {
        // The payload is looked at once, unverified, only to find whose keys apply.
        let claimed: Value = token
            .split('.')
            .nth(1)
            .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
            .and_then(|payload| serde_json::from_slice(&payload).ok())
            .ok_or(TokenFault::Malformed)?;
        let issuer = claimed
            .get("iss")
            .and_then(Value::as_str)
            .ok_or(TokenFault::Malformed)
            .and_then(|iss| self.issuers.get(iss).ok_or(TokenFault::UnknownIssuer))?;

        let claims = check_signature(token, issuer)?;
        check_audience(&claims, &issuer.aud)?;
        let exp = claims
            .get("exp")
            .and_then(Value::as_i64)
            .ok_or(TokenFault::Malformed)?;
        if exp <= now {
            return Err(TokenFault::Expired.into());
        }
        let not_before = claims
            .get("nbf")
            .or_else(|| claims.get("iat"))
            .and_then(Value::as_i64);
        if not_before.is_some_and(|from| from > now + LEEWAY) {
            return Err(TokenFault::NotYet.into());
        }
        Ok(self.read_claims(&claims, issuer, exp)?)
    }

    fn read_claims(
        &self,
        claims: &Value,
        issuer: &Issuer,
        exp: i64,
    ) -> Result<Verified, ActorFault> {
        let text = |pointer: &str| {
            (!pointer.is_empty())
                .then(|| claims.pointer(pointer))
                .flatten()
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let roller = roles(claims.pointer(&issuer.krav.roller), issuer)?;
        let named_unit = text(&issuer.krav.enhet);
        // An issuer with a map names the units of its map and no others.
        let enhet = if issuer.enheter.is_empty() {
            named_unit
        } else {
            issuer.enheter.get(&named_unit).cloned().unwrap_or_default()
        };
        let is_person = roller == [Rolle::Innbygger];
        if !is_person && !self.units.contains(&enhet) {
            return Err(ActorFault::Unit);
        }
        let ansatt = text(&issuer.krav.ansatt);
        // Never a fødselsnummer, which would go on into attestations.
        let person = Some(text(&issuer.krav.person)).filter(|person| !person.is_empty());
        if person
            .as_deref()
            .is_some_and(|person| !is_person_id(person))
        {
            return Err(ActorFault::Person);
        }
        Ok(Verified {
            enhet: if is_person { String::new() } else { enhet },
            ansatt: if issuer.pseudonymiser {
                self.pseudonym(issuer, &ansatt)
            } else {
                ansatt
            },
            roller,
            person,
            system: text(&issuer.krav.system),
            mesh: issuer.mesh,
            exp,
        })
    }

    /// A stable id that does not lead back to the claim without the key.
    fn pseudonym(&self, issuer: &Issuer, claim: &str) -> String {
        if claim.is_empty() {
            return String::new();
        }
        let tag = ring::hmac::sign(
            &self.pseudonyms,
            format!("{}\0{claim}", issuer.navnerom).as_bytes(),
        );
        let short = tag.as_ref().get(..12).unwrap_or_default();
        format!("a-{}", URL_SAFE_NO_PAD.encode(short))
    }
}

fn check_signature(token: &str, issuer: &Issuer) -> Result<Value, TokenFault> {
    let header = decode_header(token).map_err(|_| TokenFault::Algorithm)?;
    if !issuer.algoritmer.contains(&header.alg) {
        return Err(TokenFault::Algorithm);
    }
    let keys = issuer.keys();
    let key = find_key(&keys, header.kid.as_deref(), header.alg).ok_or(TokenFault::UnknownKey)?;
    let mut validation = Validation::new(header.alg);
    // Time and audience are checked here, against the injected clock.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    decode::<Value>(token, &key, &validation)
        .map(|data| data.claims)
        .map_err(|_| TokenFault::Signature)
}

/// The key with the token's id, of the family that the algorithm needs.
fn find_key(keys: &JwkSet, kid: Option<&str>, alg: Algorithm) -> Option<DecodingKey> {
    let jwk = match kid {
        Some(kid) => keys.find(kid)?,
        None => match keys.keys.as_slice() {
            [only] => only,
            _ => return None,
        },
    };
    DecodingKey::from_jwk(jwk)
        .ok()
        .filter(|key| key.family() == alg.family())
}

/// Exactly one audience: a token that also opens another door is not ours.
fn check_audience(claims: &Value, ours: &str) -> Result<(), TokenFault> {
    let only = match claims.get("aud") {
        Some(Value::String(one)) => Some(one.as_str()),
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::String(one)] => Some(one.as_str()),
            _ => None,
        },
        _ => None,
    };
    if only == Some(ours) {
        Ok(())
    } else {
        Err(TokenFault::Audience)
    }
}

fn roles(claim: Option<&Value>, issuer: &Issuer) -> Result<Vec<Rolle>, ActorFault> {
    let names: Vec<&str> = match claim {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let roles: Option<Vec<Rolle>> = names
        .iter()
        .map(|name| {
            Rolle::from_str_name(&format!("ROLLE_{name}"))
                .filter(|role| *role != Rolle::Unspecified && issuer.roller.contains(role))
        })
        .collect();
    roles
        .filter(|roles| !roles.is_empty())
        .ok_or(ActorFault::Role)
}

fn choose_role(held: &[Rolle], wanted: Option<&str>) -> Result<Rolle, ActorFault> {
    match (wanted, held) {
        (Some(name), _) => Rolle::from_str_name(&format!("ROLLE_{name}"))
            .filter(|role| held.contains(role))
            .ok_or(ActorFault::RoleChoice),
        (None, [only]) => Ok(*only),
        (None, _) => Err(ActorFault::RoleChoice),
    }
}

fn check_shape(verified: &Verified, rolle: Rolle) -> Result<(), ActorFault> {
    match rolle {
        Rolle::Innbygger if verified.person.is_none() => Err(ActorFault::Person),
        Rolle::Innbygger | Rolle::System | Rolle::Inntak => Ok(()),
        _ if verified.ansatt.is_empty() => Err(ActorFault::Employee),
        _ => Ok(()),
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests;
