//! Issuers of tokens, as `utstedere.toml` configures them.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, jwk::JwkSet};
use samspor_proto::felles::Rolle;
use serde::Deserialize;

/// Why the issuers could not be read. One line, naming the issuer and the fix.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The file is not valid.
    #[error("utstedere: {0}")]
    Syntax(String),
    /// An issuer's keys cannot be read.
    #[error("utsteder {iss}: cannot read its keys from {path}: {cause}")]
    Keys {
        /// The issuer.
        iss: String,
        /// Where its keys should be.
        path: String,
        /// What went wrong.
        cause: String,
    },
    /// An entry is not acceptable.
    #[error("utsteder {iss}: {fault}")]
    Entry {
        /// The issuer.
        iss: String,
        /// What is wrong, and the fix.
        fault: String,
    },
    /// Nobody could call.
    #[error("utstedere: no issuer is configured, so nobody could call; add [[utsteder]]")]
    Empty,
}

/// JSON pointers into the claims.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Krav {
    /// Unit, or the organisation number that `enheter` maps to one.
    pub enhet: String,
    /// Employee; empty: the issuer names none.
    pub ansatt: String,
    /// Role or list of roles.
    pub roller: String,
    /// Person id; empty: the issuer names none.
    pub person: String,
    /// System that carries the call.
    pub system: String,
}

impl Default for Krav {
    fn default() -> Self {
        Self {
            enhet: "/enhet".into(),
            ansatt: "/sub".into(),
            roller: "/roller".into(),
            person: String::new(),
            system: "/client_id".into(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    iss: String,
    aud: String,
    #[serde(default)]
    jwks_fil: Option<PathBuf>,
    algoritmer: Vec<Algorithm>,
    roller: Vec<String>,
    #[serde(default)]
    krav: Krav,
    #[serde(default)]
    enheter: BTreeMap<String, String>,
    #[serde(default = "yes")]
    pseudonymiser: bool,
    #[serde(default)]
    navnerom: Option<String>,
    #[serde(default)]
    mesh: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    utsteder: Vec<Entry>,
}

/// A configured issuer.
#[derive(Debug)]
pub struct Issuer {
    /// `iss` of its tokens.
    pub iss: String,
    /// The one audience that its tokens must carry.
    pub aud: String,
    /// Algorithms that it signs with; asymmetric ones only.
    pub algoritmer: Vec<Algorithm>,
    /// Roles that it may assert.
    pub roller: Vec<Rolle>,
    /// Where its claims stand.
    pub krav: Krav,
    /// Organisation number or code → unit id.
    pub enheter: BTreeMap<String, String>,
    /// Employee ids are made pseudonymous here.
    pub pseudonymiser: bool,
    /// What its employee claims are names in: issuers that name the same
    /// employees by the same claim share one, so that two tokens of one human
    /// are one employee (two-person control, habilitet). The `iss` where the
    /// entry gives none.
    pub navnerom: String,
    /// The mesh's own issuer: its callers' traces are continued.
    pub mesh: bool,
    keys: ArcSwap<JwkSet>,
    jwks_fil: Option<PathBuf>,
}

impl Issuer {
    /// The keys now.
    #[must_use]
    pub fn keys(&self) -> Arc<JwkSet> {
        self.keys.load_full()
    }

    /// Reads the key file again, so that an issuer can rotate its keys. The
    /// old keys stay when the file cannot be read.
    ///
    /// # Errors
    /// [`IssuerError::Keys`].
    pub fn reload(&self) -> Result<(), IssuerError> {
        if let Some(path) = &self.jwks_fil {
            self.keys.store(Arc::new(read_keys(&self.iss, path)?));
        }
        Ok(())
    }
}

/// All configured issuers, by `iss`.
#[derive(Debug)]
pub struct Issuers(BTreeMap<String, Issuer>);

impl Issuers {
    /// Reads `utstedere.toml`; `known` gives key sets that stand in no file
    /// (the dev issuer's).
    ///
    /// # Errors
    /// [`IssuerError`]: one line that names the issuer and the fix.
    pub fn parse(text: &str, known: &BTreeMap<String, JwkSet>) -> Result<Self, IssuerError> {
        let file: File = toml::from_str(text).map_err(|e| IssuerError::Syntax(e.to_string()))?;
        if file.utsteder.is_empty() {
            return Err(IssuerError::Empty);
        }
        let mut issuers = BTreeMap::new();
        for entry in file.utsteder {
            let issuer = accept(entry, known)?;
            if let Some(first) = issuers.insert(issuer.iss.clone(), issuer) {
                return Err(IssuerError::Entry {
                    iss: first.iss,
                    fault: "it stands twice; give one entry with all its roles".into(),
                });
            }
        }
        Ok(Self(issuers))
    }

    /// The issuer with this `iss`.
    #[must_use]
    pub fn get(&self, iss: &str) -> Option<&Issuer> {
        self.0.get(iss)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Issuer> {
        self.0.values()
    }
}

fn accept(entry: Entry, known: &BTreeMap<String, JwkSet>) -> Result<Issuer, IssuerError> {
    let fault = |fault: String| IssuerError::Entry {
        iss: entry.iss.clone(),
        fault,
    };
    if let Some(alg) = entry.algoritmer.iter().find(|alg| !is_accepted(**alg)) {
        return Err(fault(format!(
            "algorithm {alg:?} is not accepted; use ES256, EdDSA or RS256"
        )));
    }
    if entry.algoritmer.is_empty() || entry.aud.is_empty() {
        return Err(fault("give at least one algorithm and the audience".into()));
    }
    let roller = entry
        .roller
        .iter()
        .map(|name| {
            Rolle::from_str_name(&format!("ROLLE_{name}"))
                .filter(|role| *role != Rolle::Unspecified)
                .ok_or_else(|| fault(format!("unknown role {name}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let keys = match (&entry.jwks_fil, known.get(&entry.iss)) {
        (Some(path), _) => read_keys(&entry.iss, path)?,
        (None, Some(keys)) => keys.clone(),
        (None, None) => return Err(fault("give jwks_fil, the file with its public keys".into())),
    };
    if keys.keys.is_empty() {
        return Err(fault("its key set is empty".into()));
    }
    Ok(Issuer {
        navnerom: entry.navnerom.unwrap_or_else(|| entry.iss.clone()),
        iss: entry.iss,
        aud: entry.aud,
        algoritmer: entry.algoritmer,
        roller,
        krav: entry.krav,
        enheter: entry.enheter,
        pseudonymiser: entry.pseudonymiser,
        mesh: entry.mesh,
        keys: ArcSwap::from_pointee(keys),
        jwks_fil: entry.jwks_fil,
    })
}

const fn is_accepted(alg: Algorithm) -> bool {
    matches!(alg, Algorithm::ES256 | Algorithm::EdDSA | Algorithm::RS256)
}

fn read_keys(iss: &str, path: &PathBuf) -> Result<JwkSet, IssuerError> {
    let fault = |cause: String| IssuerError::Keys {
        iss: iss.to_owned(),
        path: path.display().to_string(),
        cause,
    };
    let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| fault(e.to_string()))
}
