//! The whole mesh in one process, over real sockets: `samspor up`, the demo
//! and the end-to-end tests. Every service has its own database, its own key
//! towards the gateway and its own port, as it has in a cluster.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use samspor_avvik::Avvik;
use samspor_bestillerkontor::Bestillerkontor;
use samspor_boligkontor::{Boligkontor, Regler};
use samspor_chassis::{
    attest::Key,
    client::{MeshClientConfig, TokenSource},
    id::Ids,
    server::{self, Agency, ServiceConfig},
    store::Store,
    tid::Clock,
};
use samspor_gateway::{
    identity::{
        Issuers,
        dev::{Claims, DevIssuer, ISS, UTSTEDERE},
    },
    policy::{Policy, PolicySource},
    proxy::{self, Keys, ServiceTarget},
};
use samspor_koordinering::Koordinering;
use samspor_nav::Nav;
use samspor_proto::felles::Rolle;
use samspor_rop::Rop;
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};

use crate::desk::Desk;

/// Services of the mesh, in the order in which they start.
pub const SERVICES: [&str; 6] = [
    Koordinering::NAME,
    Bestillerkontor::NAME,
    Rop::NAME,
    Nav::NAME,
    Boligkontor::NAME,
    Avvik::NAME,
];
/// Seconds for which a dev token is good.
pub const TOKEN_SECONDS: i64 = 12 * 3600;

/// How to start a mesh.
pub struct Options {
    /// Folder for databases, keys and tokens; made when it does not exist.
    pub folder: PathBuf,
    /// Address of the gateway; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Municipality: `karmoy`.
    pub kommune: String,
    /// Directory with `policies/` and `kommuner/`; none: the embedded files.
    pub katalog: Option<PathBuf>,
    /// Database of a service (or of the gateway) by name; SQLite in the folder
    /// when it gives none.
    pub databases: BTreeMap<String, String>,
    /// Gateways on one database, which then cannot be SQLite when there are several.
    pub gateways: usize,
    /// Serves the contracts over reflection.
    pub reflection: bool,
    /// Whose tokens are those of the mesh itself, so that their traces are
    /// continued: all of the dev issuer's, or nobody's.
    pub continues_traces: bool,
    /// The clock of everything in it.
    pub clock: Arc<dyn Clock>,
    /// The ids of everything in it.
    pub ids: Arc<dyn Ids>,
}

impl Options {
    /// Karmøy on SQLite in a folder, on a free port, with reflection.
    #[must_use]
    pub fn new(folder: &Path, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self {
            folder: folder.to_owned(),
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            kommune: "karmoy".to_owned(),
            katalog: None,
            databases: BTreeMap::new(),
            gateways: 1,
            reflection: true,
            continues_traces: true,
            clock,
            ids,
        }
    }
}

/// A running mesh.
pub struct Mesh {
    /// Where the gateway takes calls.
    pub addr: SocketAddr,
    /// Where the gateway answers health.
    pub health_addr: Option<SocketAddr>,
    /// Services by name.
    services: BTreeMap<String, server::Running>,
    gateways: Vec<proxy::Running>,
    issuer: Arc<DevIssuer>,
    clock: Arc<dyn Clock>,
    options: Options,
    targets: Vec<Target>,
}

/// Name, address and key of a service.
type Target = (&'static str, SocketAddr, [u8; 32]);

impl Mesh {
    /// Starts a mesh, and waits until it answers.
    ///
    /// # Errors
    /// One line that says which part did not start, and why.
    pub async fn start(options: Options) -> Result<Self> {
        std::fs::create_dir_all(&options.folder)
            .with_context(|| format!("cannot make the folder {}", options.folder.display()))?;
        let listener = TcpListener::bind(options.addr).await.with_context(|| {
            format!("cannot take calls at {}; another process may", options.addr)
        })?;
        let addr = listener.local_addr()?;
        let issuer = Arc::new(dev_issuer(&options.folder)?);

        let mut services = BTreeMap::new();
        let mut targets = Vec::new();
        for name in SERVICES {
            let key = secret(&options, &format!("attestasjon-{name}"))?;
            let settings = service_config(name, addr, &key, &options, &issuer)?;
            let running = start_service(name, settings, &options).await?;
            targets.push((name, running.addr, key));
            services.insert(name.to_owned(), running);
        }

        let mut gateways = vec![gateway(&options, listener, &issuer, &targets).await?];
        while gateways.len() < options.gateways {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            gateways.push(gateway(&options, listener, &issuer, &targets).await?);
        }
        for gateway in &gateways {
            gateway.ready().await;
        }
        Ok(Self {
            addr,
            health_addr: gateways.first().and_then(|gateway| gateway.health_addr),
            services,
            gateways,
            issuer,
            clock: Arc::clone(&options.clock),
            options,
            targets,
        })
    }

    /// Stops the first gateway and starts it again on its database, at another
    /// port. Waits until it answers.
    ///
    /// # Errors
    /// One line that says why it did not start.
    pub async fn restart_gateway(&mut self) -> Result<()> {
        if !self.gateways.is_empty() {
            self.gateways.remove(0).shutdown().await;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let started = gateway(&self.options, listener, &self.issuer, &self.targets).await?;
        started.ready().await;
        self.addr = started.addr;
        self.gateways.insert(0, started);
        Ok(())
    }

    /// Address of a service, for tests of what it refuses.
    #[must_use]
    pub fn service_addr(&self, name: &str) -> Option<SocketAddr> {
        self.services.get(name).map(|running| running.addr)
    }

    /// What a service keeps, for a history that is taken in while it runs.
    #[must_use]
    pub fn store(&self, name: &str) -> Option<&Store> {
        self.services.get(name).map(server::Running::store)
    }

    /// What koordinering runs with.
    ///
    /// # Errors
    /// When the key of the folder cannot be read.
    pub fn koordinering(&self) -> Result<samspor_koordinering::Settings> {
        koordinering(&self.options)
    }

    /// The rules for housing that boligkontor runs with.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn boligregler(&self) -> Result<Regler> {
        boligregler(&self.options)
    }

    /// A fresh id for a request.
    #[must_use]
    pub fn new_id(&self) -> String {
        self.options.ids.record().to_string()
    }

    /// Stops one service and leaves the rest running.
    pub async fn stop_service(&mut self, name: &str) {
        if let Some(running) = self.services.remove(name) {
            running.shutdown().await;
        }
    }

    /// Now, by the mesh's clock.
    #[must_use]
    pub fn now(&self) -> samspor_chassis::tid::Tid {
        self.clock.now()
    }

    /// A dev token.
    ///
    /// # Errors
    /// When signing fails.
    pub fn token(&self, claims: &Claims) -> Result<String> {
        Ok(self
            .issuer
            .token(claims, self.clock.now().0 / 1_000_000, TOKEN_SECONDS)?)
    }

    /// A channel to the gateway.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn channel(&self) -> Result<Channel> {
        self.channel_to(0).await
    }

    async fn channel_to(&self, gateway: usize) -> Result<Channel> {
        let gateway = self.gateways.get(gateway).context("no such gateway")?;
        Ok(Endpoint::from_shared(format!("http://{}", gateway.addr))?
            .connect()
            .await?)
    }

    /// The desk of somebody with these claims.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn desk(&self, claims: Claims) -> Result<Desk> {
        self.desk_at(0, claims).await
    }

    /// The same at one of several gateways, counted from 0.
    ///
    /// # Errors
    /// When there is no such gateway, or it does not answer.
    pub async fn desk_at(&self, gateway: usize, claims: Claims) -> Result<Desk> {
        let issuer = Arc::clone(&self.issuer);
        let clock = Arc::clone(&self.clock);
        // A token that cannot be signed is empty, and refused as such.
        let token = move || {
            issuer
                .token(&claims, clock.now().0 / 1_000_000, TOKEN_SECONDS)
                .unwrap_or_default()
        };
        Ok(Desk::new(self.channel_to(gateway).await?, Arc::new(token)))
    }

    /// Stops everything: the gateways first, so that no call meets half a mesh.
    pub async fn shutdown(self) {
        for gateway in self.gateways {
            gateway.shutdown().await;
        }
        for running in self.services.into_values() {
            running.shutdown().await;
        }
    }
}

/// Claims of an employee in one role.
#[must_use]
pub fn employee(enhet: &str, ansatt: &str, rolle: Rolle) -> Claims {
    let name = rolle
        .as_str_name()
        .strip_prefix("ROLLE_")
        .unwrap_or_default();
    Claims {
        enhet: enhet.to_owned(),
        sub: ansatt.to_owned(),
        roller: vec![name.to_owned()],
        client_id: "fagsystem".to_owned(),
        ..Claims::default()
    }
}

/// Claims of the person.
#[must_use]
pub fn citizen(person: &str) -> Claims {
    Claims {
        roller: vec!["INNBYGGER".to_owned()],
        person: person.to_owned(),
        client_id: "minside".to_owned(),
        ..Claims::default()
    }
}

async fn gateway(
    options: &Options,
    listener: TcpListener,
    issuer: &DevIssuer,
    targets: &[Target],
) -> Result<proxy::Running> {
    let services = targets
        .iter()
        .map(|(name, addr, key)| {
            Ok(ServiceTarget {
                name: (*name).to_owned(),
                uri: format!("http://{addr}"),
                key: Key::new(key)?,
            })
        })
        .collect::<Result<_>>()?;
    let issuers = if options.continues_traces {
        UTSTEDERE.to_owned()
    } else {
        UTSTEDERE.replace("mesh = true", "mesh = false")
    };
    let config = proxy::Config {
        listener,
        health: Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?),
        database_url: database(options, "gateway"),
        policy: Policy::load(&PolicySource {
            kommune: options.kommune.clone(),
            katalog: options.katalog.clone(),
        })?,
        issuers: Issuers::parse(
            &issuers,
            &BTreeMap::from([(ISS.to_owned(), issuer.jwks()?)]),
        )?,
        keys: Keys {
            page_token: secret(options, "sidetoken")?,
            pseudonym: secret(options, "pseudonym")?,
        },
        services,
        tls: None,
        services_tls: None,
        reflection: options.reflection,
    };
    let (clock, ids) = (Arc::clone(&options.clock), Arc::clone(&options.ids));
    Ok(proxy::start(config, clock, ids).await?)
}

async fn start_service(
    name: &str,
    config: ServiceConfig,
    options: &Options,
) -> Result<server::Running> {
    let (clock, ids) = (Arc::clone(&options.clock), Arc::clone(&options.ids));
    let started = match name {
        Koordinering::NAME => {
            let settings = koordinering(options)?;
            server::start::<Koordinering>(config.with_settings(settings), clock, ids).await
        }
        Bestillerkontor::NAME => server::start::<Bestillerkontor>(config, clock, ids).await,
        Nav::NAME => server::start::<Nav>(config, clock, ids).await,
        Avvik::NAME => server::start::<Avvik>(config, clock, ids).await,
        Boligkontor::NAME => {
            let rules = boligregler(options)?;
            server::start::<Boligkontor>(config.with_settings(rules), clock, ids).await
        }
        _ => server::start::<Rop>(config, clock, ids).await,
    };
    started.with_context(|| format!("{name} did not start"))
}

fn koordinering(options: &Options) -> Result<samspor_koordinering::Settings> {
    let key = secret(options, "fodselsnummer")?;
    let ring = samspor_koordinering::nokler::Nokkelring::fra_bytes("lokal", &key)?;
    let mut settings = samspor_koordinering::Settings::new(ring);
    settings.syntetiske = true;
    Ok(settings)
}

/// The municipality's own rules for housing where its folder has some.
fn boligregler(options: &Options) -> Result<Regler> {
    let kommune = &options.kommune;
    let own = options
        .katalog
        .as_ref()
        .map(|folder| folder.join("boligregler").join(format!("{kommune}.toml")))
        .filter(|file| file.exists());
    Ok(match own {
        Some(file) => Regler::fra_fil(kommune, &file)?,
        None => Regler::innebygd(kommune)?,
    })
}

fn service_config(
    name: &str,
    gateway: SocketAddr,
    key: &[u8; 32],
    options: &Options,
    issuer: &Arc<DevIssuer>,
) -> Result<ServiceConfig> {
    let mut config = ServiceConfig::new(&database(options, name), Key::new(key)?);
    let claims = Claims {
        enhet: name.to_owned(),
        roller: vec!["SYSTEM".to_owned()],
        client_id: format!("samspor-{name}"),
        ..Claims::default()
    };
    let (issuer, clock) = (Arc::clone(issuer), Arc::clone(&options.clock));
    let token = move || {
        issuer
            .token(&claims, clock.now().0 / 1_000_000, TOKEN_SECONDS)
            .unwrap_or_default()
    };
    config.gateway = Some(MeshClientConfig::new(
        &format!("http://{gateway}"),
        TokenSource::Made(Arc::new(token)),
    ));
    Ok(config)
}

fn database(options: &Options, name: &str) -> String {
    options.databases.get(name).cloned().unwrap_or_else(|| {
        format!(
            "sqlite:{}",
            options.folder.join(format!("{name}.db")).display()
        )
    })
}

/// A secret of the folder: made once, kept, readable by its owner alone.
fn secret(options: &Options, name: &str) -> Result<[u8; 32]> {
    let file = options.folder.join(format!("{name}.nokkel"));
    if !file.exists() {
        use base64::Engine as _;
        let mut key = [0_u8; 32];
        options.ids.random(&mut key);
        write_private(
            &file,
            base64::engine::general_purpose::STANDARD
                .encode(key)
                .as_bytes(),
        )?;
    }
    crate::config::read_key(&file)
}

fn dev_issuer(folder: &Path) -> Result<DevIssuer> {
    let file = folder.join("utsteder.nokkel");
    if !file.exists() {
        write_private(&file, DevIssuer::generate()?.pkcs8())?;
    }
    let pkcs8 = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(DevIssuer::from_pkcs8(&pkcs8)?)
}

/// The dev issuer that an earlier [`Mesh::start`] made in a folder.
///
/// # Errors
/// When there is none.
pub fn issuer_of(folder: &Path) -> Result<DevIssuer> {
    let file = folder.join("utsteder.nokkel");
    let pkcs8 = std::fs::read(&file).with_context(|| {
        format!(
            "{} holds no dev issuer; run `samspor up` first",
            folder.display()
        )
    })?;
    Ok(DevIssuer::from_pkcs8(&pkcs8)?)
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(file: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options
        .open(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    // One that was there keeps its mode otherwise.
    #[cfg(unix)]
    open.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .with_context(|| format!("cannot keep {} private", file.display()))?;
    open.write_all(bytes)
        .with_context(|| format!("cannot write {}", file.display()))
}
