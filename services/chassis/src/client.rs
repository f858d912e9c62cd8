//! The client towards the gateway: how a service calls another.
//!
//! [`MeshClient::channel`] gives what a generated client stands on. Each call
//! carries the service's own token, the purpose, the trace and what is left of
//! the deadline. A read that meets UNAVAILABLE is repeated, and so is a write
//! that carries a `request_id`, byte for byte, as far as a budget goes: when
//! much fails, repeating is what keeps it failing.

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::BoxStream};
use http::{HeaderMap, HeaderValue, Request, Response, header::AUTHORIZATION, request::Parts};
use http_body_util::{BodyExt as _, Full};
use prost_reflect::DynamicMessage;
use samspor_proto::{
    felles::Feilgrunn,
    hendelse::{AbonnerRequest, Hendelse, hendelse_service_client::HendelseServiceClient},
    klassifisering::kontrakter,
    tilgang::{Formal, Handling},
};
use tokio::time::{Instant, timeout_at};
use tonic::{
    Code, Status,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::{Service, ServiceExt as _};
use tracing::Instrument as _;

use crate::{
    attest::FRAME_HEAD,
    border::caller_time,
    error::Refusal,
    feeds::Source,
    id::Ids,
    status,
    telemetry::{self, TRACEPARENT},
    tls::{ClientTls, TlsError},
};

tokio::task_local! {
    /// When the caller of the running handler stops waiting. Calls that the
    /// handler makes may not take longer.
    pub(crate) static DEADLINE: Instant;
}

/// Header that states the purpose.
pub const FORMAL: &str = "x-samspor-formaal";

/// Where the service's own access token comes from.
#[derive(Clone)]
pub enum TokenSource {
    /// Always the same.
    Static(String),
    /// A file that something else renews. Looked at again after a second, and
    /// when the gateway refuses what was in it.
    File(PathBuf),
    /// Made when it is needed, for the mesh in one process. Must be quick.
    Made(Arc<dyn Fn() -> String + Send + Sync>),
}

/// Tells the kind and never the token.
impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Static(_) => f.write_str("Static(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Made(_) => f.write_str("Made(…)"),
        }
    }
}

/// How to reach the gateway.
#[derive(Debug, Clone)]
pub struct MeshClientConfig {
    /// `http://host:port` or `https://host:port`.
    pub endpoint: String,
    /// The service's own token.
    pub token: TokenSource,
    /// TLS, for an `https` endpoint.
    pub tls: Option<ClientTls>,
    /// Connections. One is enough unless it is under heavy load: HTTP/2 has
    /// one lock per connection.
    pub connections: usize,
    /// Longest time for a unary call with everything that is repeated.
    pub longest_call: Duration,
}

impl MeshClientConfig {
    /// One connection, ten seconds, no TLS.
    #[must_use]
    pub fn new(endpoint: &str, token: TokenSource) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            token,
            tls: None,
            connections: 1,
            longest_call: Duration::from_secs(10),
        }
    }
}

/// The client could not be made. One line that an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not an address.
    #[error("the gateway's address is not valid: {0}")]
    Endpoint(String),
    /// TLS towards the gateway.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A client towards the gateway. Cheap to clone.
#[derive(Clone)]
pub struct MeshClient(Arc<Inner>);

struct Inner {
    channels: Vec<Channel>,
    next: AtomicUsize,
    token: Token,
    budget: Budget,
    longest_call: Duration,
    ids: Arc<dyn Ids>,
}

impl MeshClient {
    /// A client; it connects when it is first used. `ids` spreads what is
    /// repeated. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the address or the TLS files are not valid.
    pub fn new(config: MeshClientConfig, ids: Arc<dyn Ids>) -> Result<Self, ClientError> {
        let MeshClientConfig {
            endpoint,
            token,
            tls,
            connections,
            longest_call,
        } = config;
        let mut target = Endpoint::from_shared(endpoint.clone())
            .map_err(|_| ClientError::Endpoint(endpoint))?
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            // A stream that waits for events must notice that nobody is there.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true);
        if let Some(tls) = tls {
            target = tls.apply(target)?;
        }
        Ok(Self(Arc::new(Inner {
            channels: (0..connections.max(1))
                .map(|_| target.connect_lazy())
                .collect(),
            next: AtomicUsize::new(0),
            token: Token::new(token),
            budget: Budget::new(),
            longest_call,
            ids,
        })))
    }

    /// What a generated client stands on, for calls with one purpose.
    #[must_use]
    pub fn channel(&self, formal: Formal) -> MeshChannel {
        let name = formal.as_str_name();
        MeshChannel {
            client: self.clone(),
            formal: HeaderValue::from_static(name.strip_prefix("FORMAL_").unwrap_or(name)),
        }
    }

    /// A number below `most`, to spread what would happen at once.
    pub(crate) fn spread(&self, most: Duration) -> Duration {
        let mut random = [0; 2];
        self.0.ids.random(&mut random);
        most * u32::from(u16::from_le_bytes(random)) / u32::from(u16::MAX)
    }
}

/// The token as a header, from whatever source.
struct Token {
    source: TokenSource,
    read: Mutex<Option<(Instant, HeaderValue)>>,
}

impl Token {
    /// How long a file's content is trusted.
    const FRESH: Duration = Duration::from_secs(1);

    fn new(source: TokenSource) -> Self {
        Self {
            source,
            read: Mutex::new(None),
        }
    }

    async fn header(&self) -> Option<HeaderValue> {
        let text = match &self.source {
            TokenSource::Static(token) => token.clone(),
            TokenSource::Made(make) => make(),
            TokenSource::File(path) => {
                let last = self.locked().clone();
                if let Some((when, header)) = &last
                    && when.elapsed() < Self::FRESH
                {
                    return Some(header.clone());
                }
                match tokio::fs::read_to_string(path).await {
                    Ok(text) => text,
                    // While it is being replaced, the one before still serves.
                    Err(_) => return last.map(|(_, header)| header),
                }
            }
        };
        let mut header = HeaderValue::try_from(format!("Bearer {}", text.trim())).ok()?;
        header.set_sensitive(true);
        *self.locked() = Some((Instant::now(), header.clone()));
        Some(header)
    }

    /// The gateway refused the token: look again.
    fn refused(&self) {
        *self.locked() = None;
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Option<(Instant, HeaderValue)>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Repeating is paid for: a failure costs ten times what a success earns, and
/// nothing is repeated while less than half is left (as gRPC's own throttling).
struct Budget(AtomicI64);

impl Budget {
    const FULL: i64 = 100;
    const FAILURE: i64 = 10;

    fn new() -> Self {
        Self(AtomicI64::new(Self::FULL))
    }

    fn earn(&self) {
        self.change(1);
    }

    /// Pays for a failure; tells whether it may be repeated.
    fn pay(&self) -> bool {
        self.change(-Self::FAILURE) > Self::FULL / 2
    }

    fn change(&self, by: i64) -> i64 {
        let step = |held: i64| held.saturating_add(by).clamp(0, Self::FULL);
        let before = self.0.update(Ordering::Relaxed, Ordering::Relaxed, step);
        step(before)
    }
}

/// A channel to the gateway with one purpose. Cheap to clone.
#[derive(Clone)]
pub struct MeshChannel {
    client: MeshClient,
    formal: HeaderValue,
}

impl Service<Request<Body>> for MeshChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let channel = self.clone();
        let span = telemetry::client_span("gateway", request.uri().path());
        Box::pin(
            async move {
                let result = channel.send(request).await;
                let code = match &result {
                    Ok(response) => Status::from_header_map(response.headers())
                        .map_or(Code::Ok, |status| status.code()),
                    Err(status) => status.code(),
                };
                telemetry::record_outcome(&tracing::Span::current(), code);
                result
            }
            .instrument(span),
        )
    }
}

/// Tries at most, the first included.
const TRIES: u32 = 4;

impl MeshChannel {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let method = Method::of(parts.uri.path(), &body);
        let deadline = self.deadline(&parts.headers, method.streams);
        parts.headers.insert(FORMAL, self.formal.clone());
        if let Some(traceparent) =
            telemetry::current_traceparent().and_then(|text| HeaderValue::try_from(text).ok())
        {
            parts.headers.insert(TRACEPARENT, traceparent);
        }

        let mut wait = Duration::from_millis(20);
        for tries_left in (0..TRIES).rev() {
            let answer = self.attempt(&parts, body.clone(), deadline).await;
            let Some(code) = failure(&answer) else {
                self.client.0.budget.earn();
                return answer;
            };
            let pause = wait + self.client.spread(wait);
            let in_time = deadline.is_none_or(|deadline| Instant::now() + pause < deadline);
            // An answer that is not UNAVAILABLE says nothing about the load.
            let repeat = code == Code::Unavailable && self.client.0.budget.pay();
            if !(repeat && method.repeatable && in_time && tries_left > 0) {
                return answer;
            }
            tracing::info!(samspor.antall = TRIES - tries_left, "retried");
            pause_for(pause).await;
            wait *= 2;
        }
        Err(status::internal())
    }

    async fn attempt(
        &self,
        parts: &Parts,
        body: Bytes,
        deadline: Option<Instant>,
    ) -> Result<Response<Body>, Status> {
        let inner = &self.client.0;
        let mut request = Request::new(Body::new(Full::new(body)));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        *request.version_mut() = parts.version;
        *request.headers_mut() = parts.headers.clone();
        let token = inner.token.header().await.ok_or_else(|| {
            tracing::error!("the access token of the service cannot be read");
            status::internal()
        })?;
        request.headers_mut().insert(AUTHORIZATION, token);
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            // Eight digits of milliseconds are more than a day.
            let left = HeaderValue::try_from(format!("{}m", left.as_millis().min(99_999_999)))
                .map_err(|_| status::internal())?;
            request.headers_mut().insert("grpc-timeout", left);
        }

        let place = inner.next.fetch_add(1, Ordering::Relaxed) % inner.channels.len();
        let mut channel = inner
            .channels
            .get(place)
            .cloned()
            .ok_or_else(status::internal)?;
        let call = async { channel.ready().await?.call(request).await };
        let answer = match deadline {
            Some(deadline) => timeout_at(deadline, call)
                .await
                .map_err(|_| Status::from(Refusal::new(Feilgrunn::FristUte)))?,
            None => call.await,
        };
        let response = answer.map_err(|error| {
            Status::from(if is_timeout(&error) {
                Refusal::new(Feilgrunn::FristUte)
            } else {
                Refusal::new(Feilgrunn::Utilgjengelig).with("del", "gateway")
            })
        })?;
        if Status::from_header_map(response.headers())
            .is_some_and(|status| status.code() == Code::Unauthenticated)
        {
            inner.token.refused();
        }
        Ok(response)
    }

    /// The earliest of the caller's, the handler's and the client's own. A
    /// stream has one only when its caller gave it one.
    fn deadline(&self, headers: &HeaderMap, streams: bool) -> Option<Instant> {
        let now = Instant::now();
        let given = caller_time(headers).map(|time| now + time);
        if streams {
            return given;
        }
        let own = now + self.client.0.longest_call;
        let outer = DEADLINE.try_with(|deadline| *deadline).ok();
        [Some(own), given, outer].into_iter().flatten().min()
    }
}

/// Events of other services arrive through the gateway, as any answer does.
impl Source for MeshClient {
    fn abonner<'s>(
        &'s self,
        from: &'s str,
        enhet: &'s str,
        etter: i64,
    ) -> BoxFuture<'s, Result<BoxStream<'static, Result<Hendelse, Status>>, Status>> {
        let request = AbonnerRequest {
            parent: format!("enheter/{enhet}"),
            tjeneste: from.to_owned(),
            etter,
        };
        let mut client = HendelseServiceClient::new(self.channel(Formal::Samordning));
        async move {
            let events = client.abonner(request).await?.into_inner();
            let events = events.map(|event| {
                event?
                    .hendelse
                    .ok_or_else(|| Status::new(Code::DataLoss, ""))
            });
            Ok(events.boxed())
        }
        .boxed()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "milliseconds between two tries, within a deadline that the wire measures in real time"
)]
async fn pause_for(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// The transport measures `grpc-timeout` too, and may be the first to notice.
fn is_timeout(error: &tonic::transport::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The code of an answer that is a failure already; none while it may still
/// turn out well.
fn failure(answer: &Result<Response<Body>, Status>) -> Option<Code> {
    let code = match answer {
        Ok(response) => Status::from_header_map(response.headers())?.code(),
        Err(status) => status.code(),
    };
    (code != Code::Ok).then_some(code)
}

/// What the contract says about repeating a call.
struct Method {
    streams: bool,
    repeatable: bool,
}

impl Method {
    fn of(path: &str, body: &[u8]) -> Self {
        let Some(method) = kontrakter().metoder.get(path) else {
            return Self {
                streams: false,
                repeatable: false,
            };
        };
        let repeatable = match method.tilgang.handling() {
            // A stream is taken up again by whoever knows how far it came.
            Handling::Les | Handling::List => !method.strom,
            Handling::Skriv | Handling::Inntak => body
                .get(FRAME_HEAD..)
                .and_then(|message| DynamicMessage::decode(method.inn.clone(), message).ok())
                .and_then(|message| {
                    let id = message.get_field_by_name("request_id")?;
                    Some(!id.as_str()?.is_empty())
                })
                .unwrap_or(false),
            Handling::Unspecified => false,
        };
        Self {
            streams: method.strom,
            repeatable,
        }
    }
}
