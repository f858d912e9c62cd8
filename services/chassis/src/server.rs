//! A service from its parts: store, border, feeds, deadlines, consumers,
//! health.
//!
//! An agency says what it is ([`Agency`]); [`start`] does the rest. A service
//! answers on two ports: calls on one, where only attested ones are heard, and
//! health on the other. Who needs no port of its own ([`assemble`]) has the
//! same border in front of the same handlers.

use std::{io, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use samspor_proto::{hendelse::hendelse_service_server::HendelseServiceServer, tilgang::Formal};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{Instant, timeout_at},
};
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

pub use crate::border::{Border, Limits};
use crate::{
    attest::{Key, Verifier},
    border::Gate,
    call::Call,
    client::{ClientError, MeshClient, MeshClientConfig},
    deadlines::{DueDeadline, Ticker, notify_recipients},
    error::Error,
    feeds::{Consumer, Feeds, Runner},
    id::Ids,
    params,
    store::{Migrations, OpenError, Store, StoreOptions, Tx},
    tid::Clock,
    tls::{ServerTls, TlsError},
};

/// What an agency's service is. Everything else is the chassis's.
pub trait Agency: Send + Sync + 'static {
    /// Name of the service, which is the package of its contracts: `rop`.
    const NAME: &'static str;

    /// The tables of the service, as numbered migrations that both databases
    /// understand.
    fn migrations() -> Migrations;

    /// The gRPC services, each made with [`rpc!`](crate::rpc!). The feeds are
    /// added by the chassis.
    fn routes(chassis: Chassis) -> Routes;

    /// Events of other services that this one follows.
    #[must_use]
    fn consumers() -> Vec<Consumer> {
        Vec::new()
    }

    /// What happens when a deadline fires. The default tells its recipients.
    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        notify_recipients(tx, deadline)
    }
}

/// What the handlers of a service stand on. Cheap to clone.
#[derive(Clone)]
pub struct Chassis(Arc<Parts>);

struct Parts {
    store: Store,
    gateway: Option<MeshClient>,
}

impl Chassis {
    /// A chassis over a store.
    #[must_use]
    pub fn new(store: Store, gateway: Option<MeshClient>) -> Self {
        Self(Arc::new(Parts { store, gateway }))
    }

    /// The service's database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The service's clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.0.store.clock()
    }

    /// Where the service's ids come from.
    #[must_use]
    pub fn ids(&self) -> &Arc<dyn Ids> {
        self.0.store.ids()
    }

    /// The client towards other services; none when the service was started
    /// without a gateway.
    #[must_use]
    pub fn gateway(&self) -> Option<&MeshClient> {
        self.0.gateway.as_ref()
    }
}

type GiveSettings = Box<dyn FnOnce(Store) -> Store + Send>;

/// How a service is set up.
pub struct ServiceConfig {
    /// Where calls are answered. Port 0 takes a free one.
    pub addr: SocketAddr,
    /// Where health is answered; none: nowhere.
    pub health_addr: Option<SocketAddr>,
    /// `sqlite:path` or `postgres://…`.
    pub database_url: String,
    /// Limits of the database.
    pub store: StoreOptions,
    /// Keys shared with the gateway: the current one, and during a rotation
    /// the previous one. Never empty.
    pub attestation_keys: Vec<Key>,
    /// How much the service takes on.
    pub limits: Limits,
    /// TLS on the port for calls.
    pub tls: Option<ServerTls>,
    /// How to reach the gateway; without it nothing of other services is
    /// called or followed.
    pub gateway: Option<MeshClientConfig>,
    settings: Option<GiveSettings>,
}

impl ServiceConfig {
    /// Free ports of this machine, default limits, no TLS and no gateway.
    #[must_use]
    pub fn new(database_url: &str, attestation_key: Key) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            addr: free,
            health_addr: Some(free),
            database_url: database_url.to_owned(),
            store: StoreOptions::default(),
            attestation_keys: vec![attestation_key],
            limits: Limits::default(),
            tls: None,
            gateway: None,
            settings: None,
        }
    }

    /// Gives the handlers what they read with [`Tx::settings`].
    #[must_use]
    pub fn with_settings<T: Send + Sync + 'static>(mut self, settings: T) -> Self {
        self.settings = Some(Box::new(move |store| store.with_settings(settings)));
        self
    }
}

/// A service refuses to start. One line that an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody could be believed.
    #[error("{0} has no attestation key, so it would refuse every call")]
    NoKey(&'static str),
    /// A consumer without a way to what it follows.
    #[error("{0} follows events of other services, but no gateway is configured")]
    NoGateway(&'static str),
    /// The database.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The client towards the gateway.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A port.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// TLS on the port for calls.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A service without a port: its handlers behind their border, and its own
/// work running.
pub struct Assembled {
    service: Border<Routes>,
    chassis: Chassis,
    closing: watch::Sender<bool>,
    work: JoinSet<()>,
    limits: Limits,
}

/// Opens the store and begins the service's own work.
///
/// # Errors
/// When the service cannot do what it is configured for.
pub async fn assemble<A: Agency>(
    config: ServiceConfig,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
) -> Result<Assembled, StartError> {
    if config.attestation_keys.is_empty() {
        return Err(StartError::NoKey(A::NAME));
    }
    let gateway = match config.gateway {
        Some(gateway) => Some(MeshClient::new(gateway, ids.clone())?),
        None => None,
    };
    let store = Store::open_with(
        &config.database_url,
        A::migrations(),
        config.store,
        clock.clone(),
        ids,
    )
    .await?;
    let store = match config.settings {
        Some(give) => give(store),
        None => store,
    };

    let (closing, closed) = watch::channel(false);
    let mut work = JoinSet::new();
    work.spawn(kept_up(clock.clone(), closed.clone(), {
        let (store, closed) = (store.clone(), closed.clone());
        move || Ticker::new(store.clone(), A::on_deadline).run(closed.clone())
    }));
    for consumer in A::consumers() {
        let source = Arc::new(gateway.clone().ok_or(StartError::NoGateway(A::NAME))?);
        let (store, closed) = (store.clone(), closed.clone());
        work.spawn(kept_up(clock.clone(), closed.clone(), move || {
            Runner::new(store.clone(), consumer, source.clone()).run(closed.clone())
        }));
    }

    let chassis = Chassis::new(store.clone(), gateway);
    let routes = A::routes(chassis.clone())
        .add_service(HendelseServiceServer::new(Feeds::new(
            store,
            closed.clone(),
        )))
        .prepare();
    let verifier = Verifier::new(A::NAME, config.attestation_keys, clock);
    let gate = Gate::new(A::NAME, verifier, config.limits.clone(), closed);
    Ok(Assembled {
        service: Border::new(Arc::new(gate), routes),
        chassis,
        closing,
        work,
        limits: config.limits,
    })
}

/// Runs the service's own work until the service closes. A panic in it is a
/// defect, but not one that may stop every deadline after it.
async fn kept_up<F>(clock: Arc<dyn Clock>, closed: watch::Receiver<bool>, begin: impl Fn() -> F)
where
    F: Future<Output = ()>,
{
    loop {
        let run = AssertUnwindSafe(async { begin().await });
        if run.catch_unwind().await.is_ok() || *closed.borrow() {
            return;
        }
        tracing::error!("own work panicked and begins again");
        let again = clock.now().plus(Duration::from_secs(1));
        let mut closed = closed.clone();
        tokio::select! {
            () = clock.sleep_until(again) => {}
            _ = closed.wait_for(|closed| *closed) => return,
        }
    }
}

impl Assembled {
    /// The handlers behind their border, to be called in this process.
    #[must_use]
    pub fn service(&self) -> Border<Routes> {
        self.service.clone()
    }

    /// What the handlers stand on.
    #[must_use]
    pub fn chassis(&self) -> &Chassis {
        &self.chassis
    }

    /// Ends streams and the service's own work, and closes the store.
    pub async fn shutdown(self) {
        let deadline = Instant::now() + self.limits.longest_drain;
        self.closing.send_replace(true);
        self.close(deadline).await;
    }

    async fn close(mut self, deadline: Instant) {
        let ended = async {
            while self.work.join_next().await.is_some() {}
            self.chassis.store().close().await;
        };
        if timeout_at(deadline, ended).await.is_err() {
            tracing::warn!("own work did not end in time");
        }
    }
}

/// A service that answers.
pub struct Running {
    /// Where calls are answered.
    pub addr: SocketAddr,
    /// Where health is answered.
    pub health_addr: Option<SocketAddr>,
    assembled: Assembled,
    calls: Listening,
    health: Option<(Health, Listening)>,
}

/// Starts a service: opens and migrates its store, begins its own work, and
/// listens.
///
/// # Errors
/// When the service cannot do what it is configured for.
pub async fn start<A: Agency>(
    config: ServiceConfig,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
) -> Result<Running, StartError> {
    let (addr, health_addr) = (config.addr, config.health_addr);
    let mut server = server(&config.limits);
    if let Some(tls) = &config.tls {
        server = tls.apply(server)?;
    }
    // A port that is taken is told before anything is changed.
    let (incoming, addr) = listen(addr).await?;
    let health_port = match health_addr {
        Some(addr) => Some(listen(addr).await?),
        None => None,
    };

    let mut assembled = assemble::<A>(config, clock, ids).await?;
    let calls = Listening::begin({
        let service = assembled.service();
        |closed| server.serve_with_incoming_shutdown(service, incoming, closed)
    });
    let (health_addr, health) = match health_port {
        Some((incoming, addr)) => {
            let (health, listening) = Health::begin(A::NAME, incoming).await;
            let store = assembled.chassis.store().clone();
            let closed = assembled.closing.subscribe();
            assembled.work.spawn(health.clone().follow(store, closed));
            (Some(addr), Some((health, listening)))
        }
        None => (None, None),
    };
    tracing::info!(samspor.tjeneste = A::NAME, "service answers");
    Ok(Running {
        addr,
        health_addr,
        assembled,
        calls,
        health,
    })
}

fn server(limits: &Limits) -> Server {
    Server::builder()
        .max_concurrent_streams(limits.streams_per_connection)
        // A peer that is gone without a word is noticed.
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .http2_max_header_list_size(16 * 1024)
        .max_frame_size(64 * 1024)
}

async fn listen(addr: SocketAddr) -> Result<(TcpIncoming, SocketAddr), StartError> {
    let fail = |cause| StartError::Listen(addr, cause);
    let listener = TcpListener::bind(addr).await.map_err(fail)?;
    let bound = listener.local_addr().map_err(fail)?;
    Ok((TcpIncoming::from(listener).with_nodelay(Some(true)), bound))
}

/// The health of the service, for whoever starts and routes: no attestation,
/// and nothing else behind this port.
#[derive(Clone)]
struct Health {
    reporter: HealthReporter,
    names: [&'static str; 2],
}

/// How often the database is asked whether it answers.
const LOOK: Duration = Duration::from_secs(5);

impl Health {
    async fn begin(name: &'static str, incoming: TcpIncoming) -> (Self, Listening) {
        let (reporter, service) = tonic_health::server::health_reporter();
        let health = Self {
            reporter,
            names: ["", name],
        };
        // The store was opened a moment ago.
        health.set(true).await;
        let listening = Listening::begin(|closed| {
            Server::builder()
                .add_service(service)
                .serve_with_incoming_shutdown(incoming, closed)
        });
        (health, listening)
    }

    async fn set(&self, ready: bool) {
        let status = if ready {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }

    /// Ready is: the database answers.
    async fn follow(self, store: Store, mut closed: watch::Receiver<bool>) {
        let mut ready = true;
        loop {
            let again = store.clock().now().plus(LOOK);
            tokio::select! {
                () = store.clock().sleep_until(again) => {}
                _ = closed.wait_for(|closed| *closed) => break,
            }
            // Of no interest in any trace.
            let answers = answers(&store).with_subscriber(NoSubscriber::new()).await;
            if answers != ready {
                ready = answers;
                tracing::warn!(samspor.klar = ready, "readiness changed");
                self.set(ready).await;
            }
        }
        self.set(false).await;
    }
}

async fn answers(store: &Store) -> bool {
    let call = Call::own_work("", Formal::Unspecified, "/chassis/helse", "");
    let asked = async {
        let mut tx = store.begin_read(Arc::new(call)).await?;
        tx.one::<(i64,)>("SELECT CAST(1 AS BIGINT)", params![])
            .await
    };
    asked.await.is_ok()
}

impl Running {
    /// What the service keeps, for what is taken in in this process.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.assembled.chassis().store()
    }

    /// What the handlers stand on.
    #[must_use]
    pub fn chassis(&self) -> &Chassis {
        &self.assembled.chassis
    }

    /// Resolves when the service stops answering though nobody told it to: a
    /// defect, after which the process had better begin anew.
    pub async fn broken(&mut self) {
        self.calls.ended().await;
    }

    /// Shuts down: health says NOT_SERVING, the port closes, streams are told
    /// to end, running calls are finished within [`Limits::longest_drain`],
    /// and the store closes.
    pub async fn shutdown(self) {
        let deadline = Instant::now() + self.assembled.limits.longest_drain;
        self.assembled.closing.send_replace(true);
        if let Some((health, _)) = &self.health {
            health.set(false).await;
        }
        if !self.calls.end(deadline).await {
            tracing::warn!("running calls were cut off");
        }
        self.assembled.close(deadline).await;
        if let Some((_, listening)) = self.health {
            listening.end(deadline).await;
        }
    }
}

/// A server on a port.
struct Listening {
    closing: watch::Sender<bool>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Listening {
    fn begin<F>(serve: impl FnOnce(BoxFuture<'static, ()>) -> F) -> Self
    where
        F: Future<Output = Result<(), tonic::transport::Error>> + Send + 'static,
    {
        let (closing, mut closed) = watch::channel(false);
        let closed = async move {
            // A sender that is gone closes too.
            let _ = closed.wait_for(|closed| *closed).await;
        };
        let task = tokio::spawn(serve(closed.boxed()));
        Self { closing, task }
    }

    async fn ended(&mut self) {
        // A finished task may be asked once only.
        if !self.task.is_finished() {
            let _ = (&mut self.task).await;
        }
    }

    /// Closes the port and waits for what runs; false when it was cut off.
    async fn end(mut self, deadline: Instant) -> bool {
        self.closing.send_replace(true);
        let ended = timeout_at(deadline, self.ended()).await.is_ok();
        self.task.abort();
        ended
    }
}
