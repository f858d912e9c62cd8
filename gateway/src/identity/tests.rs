#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeMap;

use jsonwebtoken::{EncodingKey, Header, encode};

use super::{
    dev::{AUD, Claims, DevIssuer, ISS, UTSTEDERE},
    *,
};

const NOW: i64 = 1_800_000_000;

fn identity(dev: &DevIssuer) -> Identity {
    let known = BTreeMap::from([(ISS.to_owned(), dev.jwks().unwrap())]);
    Identity::new(
        Issuers::parse(UTSTEDERE, &known).unwrap(),
        ["rop".to_owned(), "nav".to_owned()],
        &[7; 32],
    )
}

fn claims() -> Claims {
    Claims {
        enhet: "rop".into(),
        sub: "ansatt-1".into(),
        roller: vec!["BEHANDLER".into()],
        client_id: "fagsystem".into(),
        ..Claims::default()
    }
}

fn ask(identity: &Identity, token: &str) -> Result<Caller, IdentityError> {
    let identified = identity.caller(Some(&format!("Bearer {token}")), None, NOW)?;
    Ok(identified.caller)
}

#[test]
fn a_valid_token_names_its_caller_also_from_memory() {
    let dev = DevIssuer::generate().unwrap();
    let identity = identity(&dev);
    let token = dev.token(&claims(), NOW, 600).unwrap();
    let caller = ask(&identity, &token).unwrap();
    assert_eq!(
        (caller.enhet.as_str(), caller.ansatt.as_str()),
        ("rop", "ansatt-1")
    );
    assert_eq!(caller.rolle, Rolle::Behandler);
    let again = identity.caller(Some(&format!("Bearer {token}")), None, NOW);
    assert_eq!(
        again.unwrap(),
        Identified {
            caller,
            exp: NOW + 600
        }
    );
    // Remembering does not outlive the token.
    let late = identity.caller(Some(&format!("Bearer {token}")), None, NOW + 600);
    assert_eq!(late, Err(TokenFault::Expired.into()));
}

#[test]
fn every_bad_token_is_refused_by_its_fault() {
    let dev = DevIssuer::generate().unwrap();
    let stranger = DevIssuer::generate().unwrap();
    let identity = identity(&dev);
    let good = dev.token(&claims(), NOW, 600).unwrap();
    let sign = |value: Value, header: Header| {
        encode(&header, &value, &EncodingKey::from_ec_der(dev.pkcs8())).unwrap()
    };
    let mut es256 = Header::new(Algorithm::ES256);
    es256.kid = Some("dev".into());
    let body = |aud: Value, exp: i64| serde_json::json!({"iss": ISS, "aud": aud, "exp": exp, "enhet": "rop", "sub": "a", "roller": ["BEHANDLER"]});
    let unsigned = |alg: &str| {
        let part = |v: Value| URL_SAFE_NO_PAD.encode(v.to_string());
        format!(
            "{}.{}.",
            part(serde_json::json!({"alg": alg, "kid": "dev"})),
            part(body(AUD.into(), NOW + 60))
        )
    };
    // Signed with the public key as if it were a shared secret.
    let confused = {
        let mut hs = Header::new(Algorithm::HS256);
        hs.kid = Some("dev".into());
        let secret = serde_json::to_vec(&dev.jwks().unwrap()).unwrap();
        encode(
            &hs,
            &body(AUD.into(), NOW + 60),
            &EncodingKey::from_secret(&secret),
        )
        .unwrap()
    };
    let mut other_kid = es256.clone();
    other_kid.kid = Some("another".into());
    let table = [
        (String::new(), TokenFault::Malformed),
        ("a.b.c".into(), TokenFault::Malformed),
        ("x".repeat(MAX_TOKEN + 1), TokenFault::Malformed),
        (unsigned("none"), TokenFault::Algorithm),
        (unsigned("ES384"), TokenFault::Algorithm),
        (confused, TokenFault::Algorithm),
        (
            stranger.token(&claims(), NOW, 600).unwrap(),
            TokenFault::Signature,
        ),
        (
            format!("{}x", &good[..good.len() - 1]),
            TokenFault::Signature,
        ),
        (
            sign(body(AUD.into(), NOW + 60), other_kid),
            TokenFault::UnknownKey,
        ),
        (
            sign(body("another".into(), NOW + 60), es256.clone()),
            TokenFault::Audience,
        ),
        (
            sign(
                body(serde_json::json!([AUD, "another"]), NOW + 60),
                es256.clone(),
            ),
            TokenFault::Audience,
        ),
        (
            sign(body(AUD.into(), NOW), es256.clone()),
            TokenFault::Expired,
        ),
        (
            dev.token(&claims(), NOW + 60, 600).unwrap(),
            TokenFault::NotYet,
        ),
        (
            sign(
                serde_json::json!({"iss": "https://elsewhere.invalid", "aud": AUD, "exp": NOW + 60}),
                es256.clone(),
            ),
            TokenFault::UnknownIssuer,
        ),
    ];
    for (token, fault) in table {
        assert_eq!(ask(&identity, &token), Err(fault.into()), "{token:.40}");
    }
    assert_eq!(
        identity.caller(None, None, NOW),
        Err(TokenFault::Missing.into())
    );
    assert!(
        ask(
            &identity,
            &sign(body(serde_json::json!([AUD]), NOW + 60), es256)
        )
        .is_ok()
    );
}

#[test]
fn a_verified_token_must_name_what_is_configured() {
    let dev = DevIssuer::generate().unwrap();
    let identity = identity(&dev);
    let asked = |change: fn(&mut Claims), role: Option<&str>| {
        let mut claims = claims();
        change(&mut claims);
        let token = dev.token(&claims, NOW, 600).unwrap();
        identity
            .caller(Some(&format!("Bearer {token}")), role, NOW)
            .map(|identified| identified.caller.rolle)
    };
    assert_eq!(
        asked(|c| c.enhet = "skatt".into(), None),
        Err(ActorFault::Unit.into())
    );
    assert_eq!(
        asked(|c| c.roller = vec!["SJEF".into()], None),
        Err(ActorFault::Role.into())
    );
    assert_eq!(
        asked(|c| c.roller.clear(), None),
        Err(ActorFault::Role.into())
    );
    assert_eq!(
        asked(|c| c.sub.clear(), None),
        Err(ActorFault::Employee.into())
    );
    assert_eq!(
        asked(|c| c.roller = vec!["INNBYGGER".into()], None),
        Err(ActorFault::Person.into())
    );
    let two = |c: &mut Claims| c.roller = vec!["LEDER".into(), "BESLUTTER".into()];
    assert_eq!(asked(two, None), Err(ActorFault::RoleChoice.into()));
    assert_eq!(
        asked(two, Some("BEHANDLER")),
        Err(ActorFault::RoleChoice.into())
    );
    assert_eq!(asked(two, Some("BESLUTTER")), Ok(Rolle::Beslutter));
    assert_eq!(
        asked(
            |c| {
                c.sub.clear();
                c.roller = vec!["SYSTEM".into()];
            },
            None
        ),
        Ok(Rolle::System)
    );
}

#[test]
fn outside_employee_ids_become_pseudonymous_and_stay_the_same() {
    let dev = DevIssuer::generate().unwrap();
    let known = BTreeMap::from([(ISS.to_owned(), dev.jwks().unwrap())]);
    let text = UTSTEDERE.replace("pseudonymiser = false", "pseudonymiser = true");
    let identity = Identity::new(
        Issuers::parse(&text, &known).unwrap(),
        ["rop".to_owned()],
        &[7; 32],
    );
    let mut outside = claims();
    outside.sub = "01410112345".into();
    let first = ask(&identity, &dev.token(&outside, NOW, 600).unwrap()).unwrap();
    let second = ask(&identity, &dev.token(&outside, NOW, 601).unwrap()).unwrap();
    assert_eq!(first.ansatt, second.ansatt);
    assert!(first.ansatt.starts_with("a-") && !first.ansatt.contains("01410112345"));
}

#[test]
fn a_bad_issuer_file_refuses_to_start_in_one_line() {
    let none = BTreeMap::new();
    for (text, needle) in [
        ("", "no issuer"),
        (UTSTEDERE, "jwks_fil"),
        (
            &UTSTEDERE.replace("ES256", "HS256"),
            "ES256, EdDSA or RS256",
        ),
        (
            &UTSTEDERE.replace("\"LEDER\"", "\"SJEF\""),
            "unknown role SJEF",
        ),
        (&UTSTEDERE.replace("mesh = true", "mesch = true"), "mesch"),
    ] {
        let fault = Issuers::parse(text, &none).unwrap_err().to_string();
        assert!(fault.contains(needle), "{fault}");
    }
}

#[test]
fn a_key_that_an_issuer_takes_back_opens_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let publish = |dev: &DevIssuer| {
        std::fs::write(&path, serde_json::to_vec(&dev.jwks().unwrap()).unwrap()).unwrap();
    };
    let (dev, next) = (
        DevIssuer::generate().unwrap(),
        DevIssuer::generate().unwrap(),
    );
    publish(&dev);
    let file = UTSTEDERE.replace(
        "[[utsteder]]",
        &format!("[[utsteder]]\njwks_fil = {path:?}"),
    );
    let issuers = Issuers::parse(&file, &BTreeMap::new()).unwrap();
    let identity = Identity::new(issuers, ["rop".to_owned()], &[7; 32]);

    let token = dev.token(&claims(), NOW, 600).unwrap();
    assert!(ask(&identity, &token).is_ok());
    publish(&next);
    identity.reload();
    assert_eq!(ask(&identity, &token), Err(TokenFault::Signature.into()));
    let token = next.token(&claims(), NOW, 600).unwrap();
    assert!(ask(&identity, &token).is_ok());
}
