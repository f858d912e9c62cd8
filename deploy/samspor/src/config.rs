//! Configuration: defaults, then a TOML file, then `SAMSPOR_…`, then flags.
//!
//! A secret never stands in it, only the file that holds one; so it can be
//! printed, and is, when something in it is wrong.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use samspor_chassis::tls::{ClientTls, ServerTls};
use serde::{Deserialize, Serialize};

/// What `samspor serve` runs on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where calls are taken.
    pub adresse: SocketAddr,
    /// Where health is answered, without authentication.
    pub helseadresse: SocketAddr,
    /// `sqlite:path` or `postgres://…`; holds no secret.
    #[serde(default)]
    pub database_url: Option<String>,
    /// File that holds the database URL, where it holds a password.
    #[serde(default)]
    pub database_url_fil: Option<PathBuf>,
    /// TLS between the parts; none: the network between them encrypts.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// Settings of the gateway.
    #[serde(default)]
    pub gateway: Option<GatewayConfig>,
    /// Settings of a service.
    #[serde(default)]
    pub tjeneste: Option<TjenesteConfig>,
    /// Settings of koordinering.
    #[serde(default)]
    pub koordinering: Option<KoordineringConfig>,
    /// Settings of boligkontor.
    #[serde(default)]
    pub boligkontor: Option<BoligkontorConfig>,
    /// Where telemetry goes.
    pub telemetri: TelemetriConfig,
}

/// PEM files of a part. A service answers whoever shows a certificate of the
/// authority; the gateway answers callers without one, by their tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Own certificate with its chain, for its name as a server and as a client.
    pub sertifikat: PathBuf,
    /// Its key.
    pub nokkel: PathBuf,
    /// Authority of the mesh's certificates.
    pub ca: PathBuf,
}

impl TlsConfig {
    /// As a server, to callers with a certificate or to anybody.
    #[must_use]
    pub fn server(&self, known: bool) -> ServerTls {
        ServerTls {
            certificate: self.sertifikat.clone(),
            key: self.nokkel.clone(),
            client_ca: known.then(|| self.ca.clone()),
        }
    }

    /// As a client.
    #[must_use]
    pub fn client(&self) -> ClientTls {
        ClientTls {
            ca: self.ca.clone(),
            identity: Some((self.sertifikat.clone(), self.nokkel.clone())),
            domain: None,
        }
    }
}

/// Settings of the gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// The municipality: a built-in one (`karmoy`, `sarpsborg`, `levanger`,
    /// `alesund`, `kristiansund`), or one in the folder `policy`.
    pub kommune: String,
    /// Folder whose policy files stand in for the built-in ones.
    #[serde(default)]
    pub policy: Option<PathBuf>,
    /// `utstedere.toml`: who issues tokens.
    pub utstedere: PathBuf,
    /// Serves the contracts over gRPC reflection.
    #[serde(default)]
    pub refleksjon: bool,
    /// File with the key of page tokens, the same in every replica.
    pub sidetoken_fil: PathBuf,
    /// File with the key that makes employee ids pseudonymous.
    pub pseudonym_fil: PathBuf,
    /// The services behind it, by name.
    pub tjenester: BTreeMap<String, MalConfig>,
}

/// A service behind the gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MalConfig {
    /// `http://host:port`; `https://` with [`Config::tls`].
    pub adresse: String,
    /// File with the key of the gateway-service pair.
    pub attestasjon_fil: PathBuf,
}

/// Settings of a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TjenesteConfig {
    /// Files with the keys of the gateway-service pair; the first is current,
    /// others are accepted while a rotation lasts.
    pub attestasjon_fil: Vec<PathBuf>,
    /// The gateway, for what the service reads of others: `http://host:port`;
    /// `https://` with [`Config::tls`].
    #[serde(default)]
    pub gateway: Option<String>,
    /// File with the service's own access token, read anew when it changes.
    #[serde(default)]
    pub token_fil: Option<PathBuf>,
}

/// Settings of koordinering.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KoordineringConfig {
    /// File with the ring of keys that encrypt identity numbers:
    /// `id:base64`, the current one first, older ones after commas.
    pub nokkel_fil: PathBuf,
    /// Accepts synthetic identity numbers (month + 80): test systems only.
    #[serde(default)]
    pub syntetiske: bool,
}

/// Settings of boligkontor.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoligkontorConfig {
    /// The municipality, the same as the gateway's.
    pub kommune: String,
    /// File with its rules for who can have a dwelling and who first; none: the
    /// built-in one of the municipality.
    #[serde(default)]
    pub regler: Option<PathBuf>,
}

/// Where telemetry goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetriConfig {
    /// Collector: `http://host:4317`; none: spans are not exported.
    #[serde(default)]
    pub otlp: Option<String>,
    /// Share of new traces that are recorded, 0 to 1.
    pub andel: f64,
    /// Log filter, in the syntax of `EnvFilter`.
    pub filter: String,
}

#[derive(Serialize)]
struct Defaults {
    adresse: SocketAddr,
    helseadresse: SocketAddr,
    telemetri: TelemetriConfig,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// One line that names the file and the setting.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let defaults = Defaults {
            adresse: (Ipv4Addr::LOCALHOST, 7070).into(),
            helseadresse: (Ipv4Addr::LOCALHOST, 7071).into(),
            telemetri: TelemetriConfig {
                otlp: None,
                andel: 1.0,
                filter: "info".to_owned(),
            },
        };
        let mut figment = Figment::from(Serialized::defaults(defaults));
        if let Some(file) = file {
            if !file.exists() {
                bail!("configuration {} does not exist", file.display());
            }
            figment = figment.merge(Toml::file(file));
        }
        // SAMSPOR_CONFIG names the file itself, the others steer the tests.
        let environment = Env::prefixed("SAMSPOR_")
            .ignore(&["config", "require_postgres", "oppdater", "diff_n", "seed"])
            .split("__");
        figment
            .merge(environment)
            .extract()
            .map_err(|fault| anyhow::anyhow!("configuration: {fault}"))
    }

    /// The database URL, from its file where it has one.
    ///
    /// # Errors
    /// When neither is set, or the file cannot be read.
    pub fn database(&self) -> Result<String> {
        match (&self.database_url_fil, &self.database_url) {
            (Some(file), _) => read_text(file),
            (None, Some(url)) => Ok(url.clone()),
            (None, None) => bail!("configuration: set database_url or database_url_fil"),
        }
    }
}

/// The text of a file, without surrounding space.
///
/// # Errors
/// When it cannot be read.
pub fn read_text(file: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.trim().to_owned())
}

/// A key of 32 bytes in base64, from a file.
///
/// # Errors
/// When the file cannot be read or holds no such key. The key is not shown.
pub fn read_key(file: &Path) -> Result<[u8; 32]> {
    use base64::Engine as _;
    let text = read_text(file)?;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.with_context(|| {
        format!(
            "{} does not hold a key of 32 bytes in base64",
            file.display()
        )
    })
}
