//! `samspor serve`: one part of the mesh, as a container runs it.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use anyhow::{Context as _, Result, anyhow, bail};
use samspor_avvik::Avvik;
use samspor_bestillerkontor::Bestillerkontor;
use samspor_boligkontor::{Boligkontor, Regler};
use samspor_chassis::{
    attest::Key,
    client::{MeshClientConfig, TokenSource},
    id::{Ids, RandomIds},
    server::{self, Agency, ServiceConfig},
    store::Store,
    tid::{Clock, SystemClock, Tid},
};
use samspor_gateway::{
    identity::Issuers,
    log::{self, Report},
    own::Own,
    policy::{Policy, PolicySource},
    proxy::{self, Keys, ServiceTarget},
};
use samspor_koordinering::Koordinering;
use samspor_nav::Nav;
use samspor_proto::internt::Loggpost;
use samspor_rop::Rop;
use tokio::net::TcpListener;

use crate::config::{Config, GatewayConfig, TlsConfig, read_key, read_text};

/// A part of the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The gateway.
    Gateway,
    /// Koordinerende enhet.
    Koordinering,
    /// Bestillerkontor.
    Bestillerkontor,
    /// ROP-tjeneste.
    Rop,
    /// Nav.
    Nav,
    /// Boligkontor.
    Boligkontor,
    /// Avvik.
    Avvik,
}

impl Part {
    /// Name of the part, as in the contracts' packages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => Own::NAME,
            Self::Koordinering => Koordinering::NAME,
            Self::Bestillerkontor => Bestillerkontor::NAME,
            Self::Rop => Rop::NAME,
            Self::Nav => Nav::NAME,
            Self::Boligkontor => Boligkontor::NAME,
            Self::Avvik => Avvik::NAME,
        }
    }
}

/// Runs a part until `stop`, then drains it.
///
/// # Errors
/// One line that says what is missing.
pub async fn run(part: Part, config: Config, stop: impl Future<Output = ()>) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds::new(Arc::clone(&clock)));
    if part == Part::Gateway {
        let mut gateway = gateway(&config, clock, ids).await?;
        let asked = tokio::select! {
            () = stop => Ok(()),
            () = gateway.broken() => Err(broken(part)),
        };
        tracing::info!("draining");
        gateway.shutdown().await;
        return asked;
    }
    let settings = service(&config)?;
    let mut running = match part {
        Part::Koordinering => {
            let settings = settings.with_settings(koordinering(&config)?);
            server::start::<Koordinering>(settings, clock, ids).await?
        }
        Part::Bestillerkontor => server::start::<Bestillerkontor>(settings, clock, ids).await?,
        Part::Nav => server::start::<Nav>(settings, clock, ids).await?,
        Part::Avvik => server::start::<Avvik>(settings, clock, ids).await?,
        Part::Boligkontor => {
            let settings = settings.with_settings(boligkontor(&config)?);
            server::start::<Boligkontor>(settings, clock, ids).await?
        }
        Part::Rop | Part::Gateway => server::start::<Rop>(settings, clock, ids).await?,
    };
    let asked = tokio::select! {
        () = stop => Ok(()),
        () = running.broken() => Err(broken(part)),
    };
    tracing::info!("draining");
    running.shutdown().await;
    asked
}

/// Why a process ends that nobody asked to end: it is to begin anew.
fn broken(part: Part) -> anyhow::Error {
    anyhow!("{}: the port is no longer listened on", part.name())
}

/// Migrates the database of a part, and closes it.
///
/// # Errors
/// One line that names the migration or the database.
pub async fn migrate(part: Part, config: &Config) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds::new(Arc::clone(&clock)));
    let migrations = match part {
        Part::Gateway => Own::migrations(),
        Part::Koordinering => Koordinering::migrations(),
        Part::Bestillerkontor => Bestillerkontor::migrations(),
        Part::Rop => Rop::migrations(),
        Part::Nav => Nav::migrations(),
        Part::Boligkontor => Boligkontor::migrations(),
        Part::Avvik => Avvik::migrations(),
    };
    Store::open(&config.database()?, migrations, clock, ids)
        .await?
        .close()
        .await;
    Ok(())
}

/// Examines an access log. On SQLite no gateway may be running on it.
///
/// # Errors
/// When the database cannot be opened or read; what is wrong with the log is
/// in the report.
pub async fn verify_log(database_url: &str, whole: impl FnMut(&Loggpost)) -> Result<Report> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds::new(Arc::clone(&clock)));
    let store = Store::open(database_url, Own::migrations(), clock, ids).await?;
    let report = log::verify(store.readers(), whole).await?;
    store.close().await;
    Ok(report)
}

/// One row of the access log for an operator: index, time, unit, method, trace
/// id. Whom it was about only the key of the person tells.
#[must_use]
pub fn log_line(row: &Loggpost) -> String {
    let unit = row.aktor.as_ref().map_or("", |aktor| &aktor.enhet);
    let (when, method, trace) = (Tid(row.tid), &row.metode, &row.sporings_id);
    format!("{} {when} {unit} {method} {trace}", row.indeks)
}

async fn gateway(
    config: &Config,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
) -> Result<proxy::Running> {
    let Some(settings) = &config.gateway else {
        bail!("configuration: [gateway] is missing");
    };
    let issuers = std::fs::read_to_string(&settings.utstedere)
        .with_context(|| format!("cannot read {}", settings.utstedere.display()))?;
    let config = proxy::Config {
        database_url: config.database()?,
        policy: Policy::load(&policy_source(settings))?,
        issuers: Issuers::parse(&issuers, &BTreeMap::new())?,
        keys: Keys {
            page_token: read_key(&settings.sidetoken_fil)?,
            pseudonym: read_key(&settings.pseudonym_fil)?,
        },
        services: targets(settings, config.tls.is_some())?,
        tls: config.tls.as_ref().map(|tls| tls.server(false)),
        services_tls: config.tls.as_ref().map(TlsConfig::client),
        reflection: settings.refleksjon,
        listener: listen(config.adresse).await?,
        health: Some(listen(config.helseadresse).await?),
    };
    Ok(proxy::start(config, clock, ids).await?)
}

fn policy_source(settings: &GatewayConfig) -> PolicySource {
    PolicySource {
        kommune: settings.kommune.clone(),
        katalog: settings.policy.clone(),
    }
}

fn targets(settings: &GatewayConfig, tls: bool) -> Result<Vec<ServiceTarget>> {
    if settings.tjenester.is_empty() {
        bail!("configuration: [gateway.tjenester] names no service, so nobody could be called");
    }
    settings
        .tjenester
        .iter()
        .map(|(name, target)| {
            check_scheme(
                &format!("gateway.tjenester.{name}.adresse"),
                &target.adresse,
                tls,
            )?;
            Ok(ServiceTarget {
                name: name.clone(),
                uri: target.adresse.clone(),
                key: Key::from_file(&target.attestasjon_fil).with_context(|| {
                    format!(
                        "[gateway.tjenester.{name}] {}",
                        target.attestasjon_fil.display()
                    )
                })?,
            })
        })
        .collect()
}

fn service(config: &Config) -> Result<ServiceConfig> {
    let Some(settings) = &config.tjeneste else {
        bail!("configuration: [tjeneste] is missing");
    };
    let keys = settings
        .attestasjon_fil
        .iter()
        .map(|file| Key::from_file(file).with_context(|| format!("[tjeneste] {}", file.display())))
        .collect::<Result<Vec<_>>>()?;
    let Some(current) = keys.first() else {
        bail!("configuration: tjeneste.attestasjon_fil names no key, so no call would be answered");
    };
    let mut service = ServiceConfig::new(&config.database()?, current.clone());
    service.attestation_keys = keys;
    service.addr = config.adresse;
    service.health_addr = Some(config.helseadresse);
    service.tls = config.tls.as_ref().map(|tls| tls.server(true));
    service.gateway = match (&settings.gateway, &settings.token_fil) {
        (Some(gateway), Some(token)) => {
            check_scheme("tjeneste.gateway", gateway, config.tls.is_some())?;
            let mut client = MeshClientConfig::new(gateway, TokenSource::File(token.clone()));
            client.tls = config.tls.as_ref().map(TlsConfig::client);
            Some(client)
        }
        (None, None) => None,
        _ => bail!("configuration: tjeneste.gateway and tjeneste.token_fil belong together"),
    };
    Ok(service)
}

/// With TLS every address says so, and without it none does: nobody is to
/// believe that a connection is encrypted which is not.
fn check_scheme(key: &str, address: &str, tls: bool) -> Result<()> {
    let (wanted, why) = if tls {
        ("https://", "[tls] is set")
    } else {
        ("http://", "[tls] is missing")
    };
    if !address.starts_with(wanted) {
        bail!("configuration: {key} = {address:?} must begin with {wanted}, because {why}");
    }
    Ok(())
}

/// The settings of koordinering.
///
/// # Errors
/// One line that names what is missing.
pub fn koordinering(config: &Config) -> Result<samspor_koordinering::Settings> {
    let Some(settings) = &config.koordinering else {
        bail!("configuration: [koordinering] is missing");
    };
    let ring = samspor_koordinering::nokler::Nokkelring::les(&read_text(&settings.nokkel_fil)?)
        .with_context(|| format!("[koordinering] {}", settings.nokkel_fil.display()))?;
    let mut agency = samspor_koordinering::Settings::new(ring);
    agency.syntetiske = settings.syntetiske;
    Ok(agency)
}

/// The rules by which dwellings are allocated.
///
/// # Errors
/// One line that names the file and the line in it.
pub fn boligkontor(config: &Config) -> Result<Regler> {
    let Some(settings) = &config.boligkontor else {
        bail!("configuration: [boligkontor] is missing");
    };
    let rules = match &settings.regler {
        Some(file) => Regler::fra_fil(&settings.kommune, file),
        None => Regler::innebygd(&settings.kommune),
    };
    rules.context("[boligkontor]")
}

async fn listen(addr: std::net::SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(addr)
        .await
        .with_context(|| format!("cannot take calls at {addr}; another process may"))
}
