//! Starts a gateway: database, projection, own RPCs, feeds, listener, health.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use samspor_chassis::{
    attest,
    domene::Dag,
    id::Ids,
    server::{Agency as _, Assembled, ServiceConfig, assemble},
    telemetry,
    tid::Clock,
    tls::{ClientTls, ServerTls, TlsError},
};
use samspor_proto::{klassifisering::kontrakter, tilgang::Handling};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tonic::{
    service::Routes,
    transport::{Channel, Endpoint, Server as Listener, server::TcpIncoming},
};

use super::{
    DRAIN, Gateway, PLACES,
    feed::Feeds,
    forward::{Target, Upstream},
    method::Method,
    quota::Quota,
    serve::Server,
};
use crate::{
    facts::Facts,
    identity::{Identity, Issuers},
    log::{Limits, Log, Sequencer},
    own::Own,
    page_token::PageKey,
    policy::Policy,
    redaction::Plans,
};

/// Channels to each service: an HTTP/2 connection is one lock.
const CHANNELS: usize = 4;
/// How often changes of other replicas are looked for.
const POLL: Duration = Duration::from_millis(500);
/// How often the issuers' key files are read again.
const RELOAD_KEYS: Duration = Duration::from_mins(5);
/// Pause before held rows are tried again.
const RETRY_HELD: Duration = Duration::from_mins(1);

/// A service behind the gateway.
#[derive(Debug)]
pub struct ServiceTarget {
    /// Name, as in the contracts' packages: `rop`.
    pub name: String,
    /// Where it listens: `http://host:port`.
    pub uri: String,
    /// Key of the gateway-service pair.
    pub key: attest::Key,
}

/// Keys of a gateway; all replicas share them.
#[derive(Clone)]
pub struct Keys {
    /// Seals page tokens.
    pub page_token: [u8; 32],
    /// Makes employee ids of outside issuers pseudonymous.
    pub pseudonym: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// What a gateway runs on.
#[derive(Debug)]
pub struct Config {
    /// Takes the calls.
    pub listener: TcpListener,
    /// Answers health, without authentication; none: no health.
    pub health: Option<TcpListener>,
    /// `sqlite:path` or `postgres://…`.
    pub database_url: String,
    /// Rules, purposes and the municipality.
    pub policy: Policy,
    /// Who issues tokens.
    pub issuers: Issuers,
    /// Keys.
    pub keys: Keys,
    /// Services behind the gateway.
    pub services: Vec<ServiceTarget>,
    /// TLS on the port for calls; none: where the network around it encrypts.
    pub tls: Option<ServerTls>,
    /// TLS towards the services, for `https` addresses.
    pub services_tls: Option<ClientTls>,
    /// Serves the contracts over gRPC reflection.
    pub reflection: bool,
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened or migrated.
    #[error("gateway: {0}")]
    Own(#[from] samspor_chassis::server::StartError),
    /// The projection cannot be loaded.
    #[error("gateway: the facts cannot be loaded: {0}")]
    Facts(#[source] sqlx::Error),
    /// A service's address is not one.
    #[error("gateway: {uri} is not the address of a service (http://host:port)")]
    Uri {
        /// What was given.
        uri: String,
    },
    /// TLS on the port for calls or towards the services.
    #[error("gateway: {0}")]
    Tls(#[from] TlsError),
    /// The contracts cannot be compiled into plans.
    #[error("gateway: {0}")]
    Contracts(String),
    /// A listener has no address.
    #[error("gateway: {0}")]
    Listener(#[from] std::io::Error),
    /// The operating system gives no randomness.
    #[error("gateway: no key could be made")]
    Key,
}

/// A running gateway. Dropping it stops at once; [`Running::shutdown`] drains.
pub struct Running {
    /// Where calls are taken.
    pub addr: SocketAddr,
    /// Where health is answered.
    pub health_addr: Option<SocketAddr>,
    ready: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    gateway: Arc<Gateway>,
    server: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
    own: Assembled,
}

impl Running {
    /// Waits until every service's facts have been read: only then calls are answered.
    pub async fn ready(&self) {
        let _ = self.ready.clone().wait_for(|ready| *ready).await;
    }

    /// Resolves when the gateway stops taking calls though nobody told it to: a
    /// defect, after which the process had better begin anew.
    pub async fn broken(&mut self) {
        // A finished task may be asked once only.
        if !self.server.is_finished() {
            let _ = (&mut self.server).await;
        }
    }

    /// Takes no new calls, lets those in flight end, then closes.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let drained = async {
            self.broken().await;
            // A mutation goes on when its caller has left.
            let _ = self.gateway.calls.acquire_many(PLACES).await;
            let _ = self.gateway.streams.acquire_many(PLACES).await;
        };
        let _ = tokio::time::timeout(DRAIN, drained).await;
        self.gateway.log.close().await;
        for task in self.tasks {
            task.abort();
        }
        self.own.shutdown().await;
    }
}

/// Starts a gateway. It answers calls once [`Running::ready`].
///
/// # Errors
/// One line that an operator can act on.
pub async fn start(
    config: Config,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
) -> Result<Running, StartError> {
    // The own RPCs share the gateway's database, and a key that nobody else has.
    let own_key = own_key(&*ids)?;
    let settings = ServiceConfig::new(&config.database_url, own_key.clone());
    let own = assemble::<Own>(settings, Arc::clone(&clock), Arc::clone(&ids)).await?;
    let sequencer = Sequencer::new(own.chassis().store().clone());
    let log = Log::start(sequencer.clone(), Limits::default());
    let (stop, stopping) = watch::channel(false);

    let mut upstreams = BTreeMap::new();
    let mut add = |name: String, key, target| {
        upstreams.insert(name.clone(), Arc::new(Upstream::new(name, key, target)));
    };
    add(Own::NAME.to_owned(), own_key, Target::Own(own.service()));
    for service in config.services {
        let channels = channels(&service.uri, config.services_tls.as_ref())?;
        add(service.name, service.key, Target::Remote(channels));
    }

    let sources = config.policy.sources().clone();
    let facts = Facts::open(sequencer, upstreams.keys().cloned(), sources)
        .await
        .map_err(StartError::Facts)?;
    let feeds = Arc::new(Feeds::new(facts.clone(), Arc::clone(&clock), &upstreams));
    let contracts = kontrakter();
    let methods = Method::compile(contracts).map_err(StartError::Contracts)?;
    let (readiness, ready) = watch::channel(false);
    let units = config
        .policy
        .municipality()
        .units()
        .map(|unit| unit.id.to_string())
        .collect::<Vec<_>>();
    let gateway = Arc::new(Gateway {
        identity: Identity::new(config.issuers, units, &config.keys.pseudonym),
        policy: Arc::new(config.policy),
        facts: facts.clone(),
        log,
        feeds: Arc::clone(&feeds),
        rows: rows(&methods),
        methods: methods
            .into_iter()
            .map(|method| (method.metode.sti.clone(), method))
            .collect(),
        upstreams,
        ressurser: &contracts.ressurser,
        plans: Plans::compile(contracts).map_err(|e| StartError::Contracts(e.to_string()))?,
        page_key: PageKey::new(&config.keys.page_token).ok_or(StartError::Key)?,
        clock: Arc::clone(&clock),
        ids,
        quota: Quota::new(),
        calls: Arc::new(Semaphore::new(PLACES as usize)),
        streams: Arc::new(Semaphore::new(PLACES as usize)),
        stop: stopping.clone(),
        ready: ready.clone(),
    });

    let mut tasks = Vec::new();
    for name in gateway.upstreams.keys() {
        tasks.push(tokio::spawn(Arc::clone(&feeds).follow(name.clone())));
    }
    tasks.push(tokio::spawn(watch_readiness(facts.clone(), readiness)));
    tasks.push(tokio::spawn(poll_replicas(facts, Arc::clone(&clock))));
    let held = release_held(gateway.log.clone(), Arc::clone(&clock));
    tasks.push(tokio::spawn(held));
    tasks.push(tokio::spawn(reload_keys(Arc::clone(&gateway), clock)));

    let addr = config.listener.local_addr()?;
    let health_addr = config
        .health
        .as_ref()
        .map(TcpListener::local_addr)
        .transpose()?;
    if let Some(health) = config.health {
        tasks.push(tokio::spawn(serve_health(
            health,
            ready.clone(),
            stopping.clone(),
        )));
    }
    let port = port(config.tls.as_ref())?;
    let server = tokio::spawn(serve(
        Arc::clone(&gateway),
        port,
        config.listener,
        config.reflection,
        stopping,
    ));
    tracing::info!(server.address = %addr, "gateway takes calls");
    Ok(Running {
        addr,
        health_addr,
        ready,
        stop,
        gateway,
        server,
        tasks,
        own,
    })
}

/// The key between the gateway and its own RPCs, new in every process.
fn own_key(ids: &dyn Ids) -> Result<attest::Key, StartError> {
    let mut bytes = [0; 32];
    ids.random(&mut bytes);
    attest::Key::new(&bytes).map_err(|_| StartError::Key)
}

fn channels(uri: &str, tls: Option<&ClientTls>) -> Result<Vec<Channel>, StartError> {
    let mut endpoint = Endpoint::from_shared(uri.to_owned())
        .map_err(|_| StartError::Uri {
            uri: uri.to_owned(),
        })?
        .connect_timeout(Duration::from_secs(2))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true);
    if let Some(tls) = tls {
        endpoint = tls.apply(endpoint)?;
    }
    Ok((0..CHANNELS).map(|_| endpoint.connect_lazy()).collect())
}

/// Rows that permit some mutation that takes an etag, by record type.
fn rows(methods: &[Method]) -> HashMap<String, Vec<String>> {
    let mut rows: HashMap<String, Vec<String>> = HashMap::new();
    let takes_etag = |method: &&Method| {
        method.tilgang().handling() == Handling::Skriv
            && method.metode.inn.get_field_by_name("etag").is_some()
    };
    for method in methods.iter().filter(takes_etag) {
        let known = rows.entry(method.tilgang().ressurs.clone()).or_default();
        for row in &method.tilgang().rad {
            if !known.contains(row) {
                known.push(row.clone());
            }
        }
    }
    rows
}

fn port(tls: Option<&ServerTls>) -> Result<Listener, TlsError> {
    let port = Listener::builder()
        .max_concurrent_streams(256)
        .http2_max_header_list_size(32 * 1024)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)));
    match tls {
        Some(tls) => tls.apply(port),
        None => Ok(port),
    }
}

async fn serve(
    gateway: Arc<Gateway>,
    mut port: Listener,
    listener: TcpListener,
    reflection: bool,
    mut stopping: watch::Receiver<bool>,
) {
    let mut routes = Routes::default();
    if reflection {
        let service = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(samspor_proto::DESCRIPTOR_SET)
            .build_v1();
        match service {
            Ok(service) => routes = routes.add_service(service),
            Err(fault) => tracing::error!(
                samspor.feil = %telemetry::variant(&fault),
                "reflection is not served"
            ),
        }
    }
    let router = routes.into_axum_router().fallback_service(Server(gateway));
    // On the listener: the server's own setting is not heard with this one, and
    // an answer would wait for the caller's delayed acknowledgement.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = port
        .add_routes(Routes::from(router))
        .serve_with_incoming_shutdown(incoming, async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        })
        .await;
    if let Err(fault) = served {
        tracing::error!(samspor.feil = %telemetry::variant(&fault), "the gateway's listener ended");
    }
}

async fn serve_health(
    listener: TcpListener,
    mut ready: watch::Receiver<bool>,
    stopping: watch::Receiver<bool>,
) {
    let (reporter, service) = tonic_health::server::health_reporter();
    let serving = tonic_health::ServingStatus::Serving;
    let not = tonic_health::ServingStatus::NotServing;
    reporter.set_service_status("", not).await;
    let mut ended = stopping.clone();
    tokio::spawn(async move {
        if ready.wait_for(|ready| *ready).await.is_ok() {
            reporter.set_service_status("", serving).await;
        }
        let mut stopping = stopping;
        let _ = stopping.wait_for(|stop| *stop).await;
        reporter.set_service_status("", not).await;
    });
    let _ = Listener::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), async move {
            let _ = ended.wait_for(|stop| *stop).await;
        })
        .await;
}

/// Serving once every feed was read to its end: a withdrawal that stands in an
/// unread feed must not be missed.
async fn watch_readiness(facts: Facts, readiness: watch::Sender<bool>) {
    let mut progress = facts.progress();
    let known = progress
        .wait_for(|services| services.values().all(|service| service.caught_up))
        .await
        .is_ok();
    readiness.send_replace(known);
}

async fn poll_replicas(facts: Facts, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep_until(clock.now().plus(POLL)).await;
        if let Err(fault) = facts.poll_changes().await {
            tracing::warn!(samspor.feil = %telemetry::variant(&fault), "changes of other replicas could not be read");
        }
    }
}

/// Rows of callers who must not be recognised join the log when their day has
/// passed, also one that passed while nothing ran.
async fn release_held(log: Log, clock: Arc<dyn Clock>) {
    loop {
        let today = Dag::av(clock.now());
        let next = match log.release(today.start().0).await {
            Ok(_) => today.pluss_dager(1).start(),
            Err(fault) => {
                tracing::warn!(samspor.feil = %telemetry::variant(&fault), "held rows could not join the access log");
                clock.now().plus(RETRY_HELD)
            }
        };
        clock.sleep_until(next).await;
    }
}

async fn reload_keys(gateway: Arc<Gateway>, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep_until(clock.now().plus(RELOAD_KEYS)).await;
        gateway.identity.reload();
    }
}
