//! A small agency to call, and a caller that holds the gateway's key.
//!
//! The agency answers `NodtilgangService` in its own way: a session is a row,
//! and what a list does is chosen by its page token.

use std::{
    convert::Infallible,
    io::Write,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use prost::Message;
use samspor_chassis::{
    attest::{self, Key},
    deadlines::DueDeadline,
    error::{Error, Refusal},
    id::SeededIds,
    params,
    server::{Agency, Assembled, Chassis, Limits, Running, ServiceConfig, assemble, start},
    store::{Migrations, NewDeadline, NewEvent, Tx},
    telemetry::{SpanBuffer, TelemetryConfig},
    tid::{Clock, TestClock, Tid},
};
use samspor_proto::{
    felles::{Aktor, Feilgrunn, Rolle},
    gateway::{
        AvsluttNodtilgangRequest, AvsluttNodtilgangResponse, GjennomgaNodtilgangRequest,
        GjennomgaNodtilgangResponse, ListNodtilgangerRequest, ListNodtilgangerResponse, Nodtilgang,
        StartNodtilgangRequest, StartNodtilgangResponse, nodtilgang_service_server,
    },
    internt::Attestasjon,
    tilgang::Formal,
};
use tokio::sync::Semaphore;
use tonic::{Code, Status, body::Body, service::Routes, transport::Channel};
use tower::{Service as _, ServiceExt as _};
use uuid::Uuid;

pub(crate) const START: &str = "/samspor.gateway.v1.NodtilgangService/StartNodtilgang";
pub(crate) const AVSLUTT: &str = "/samspor.gateway.v1.NodtilgangService/AvsluttNodtilgang";
pub(crate) const LIST: &str = "/samspor.gateway.v1.NodtilgangService/ListNodtilganger";
pub(crate) const ABONNER: &str = "/samspor.hendelse.v1.HendelseService/Abonner";

/// A name that no output may hold.
pub(crate) const CANARY: &str = "Kari Canary";
/// A person whose id no output may hold.
pub(crate) const PERSON: &str = "personer/0b0a1e52-54a8-4a08-8b3d-8d3a8a4f0e10";

/// Where handlers wait, and how often they ran.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) entered: Semaphore,
    pub(crate) release: Semaphore,
    pub(crate) ran: AtomicUsize,
}

impl Hold {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            entered: Semaphore::new(0),
            release: Semaphore::new(0),
            ran: AtomicUsize::new(0),
        })
    }

    pub(crate) fn ran(&self) -> usize {
        self.ran.load(Ordering::SeqCst)
    }
}

pub(crate) struct Demo {
    chassis: Chassis,
}

impl Demo {
    pub(crate) fn over(chassis: Chassis) -> Self {
        Self { chassis }
    }
}

impl Agency for Demo {
    const NAME: &'static str = "rop";

    fn migrations() -> Migrations {
        &[(
            "001_prove",
            "CREATE TABLE prove (id TEXT PRIMARY KEY, person TEXT NOT NULL)",
        )]
    }

    fn routes(chassis: Chassis) -> Routes {
        Routes::new(nodtilgang_service_server::NodtilgangServiceServer::new(
            Self { chassis },
        ))
    }

    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        tx.settings::<Arc<Hold>>().unwrap().entered.add_permits(1);
        panic!("{CANARY} is late: {}", deadline.post)
    }
}

samspor_chassis::rpc! {
    impl nodtilgang_service_server::NodtilgangService for Demo {
        write start_nodtilgang(StartNodtilgangRequest) -> StartNodtilgangResponse = begin;
        write avslutt_nodtilgang(AvsluttNodtilgangRequest) -> AvsluttNodtilgangResponse = end;
        write gjennomga_nodtilgang(GjennomgaNodtilgangRequest) -> GjennomgaNodtilgangResponse = review;
        read list_nodtilganger(ListNodtilgangerRequest) -> ListNodtilgangerResponse = list;
    }
}

async fn begin(
    tx: &mut Tx,
    request: StartNodtilgangRequest,
) -> Result<StartNodtilgangResponse, Error> {
    tx.settings::<Arc<Hold>>()?
        .ran
        .fetch_add(1, Ordering::SeqCst);
    let id = tx.new_id();
    tx.execute(
        "INSERT INTO prove (id, person) VALUES ($1, $2)",
        params![id.as_str(), request.parent.as_str()],
    )
    .await?;
    let name = format!("{}/nodtilganger/{id}", request.parent);
    if request.varighet_minutter > 0 {
        tx.set_deadline(NewDeadline {
            post: name.clone(),
            person: String::new(),
            kind: "gjennomgang",
            due: tx.now().plus(Duration::from_mins(1)),
            warn: None,
            eier: "rop".to_owned(),
            mottakere: Vec::new(),
        });
    }
    tx.emit(NewEvent {
        type_: "NodtilgangStartet",
        person: "0b0a1e52-54a8-4a08-8b3d-8d3a8a4f0e10",
        post: &name,
        eier: "rop",
        mottakere: vec!["bom".to_owned()],
    });
    Ok(StartNodtilgangResponse {
        nodtilgang: Some(Nodtilgang {
            name,
            enhet: tx.call().actor.enhetsnavn(),
            ansatt: tx.call().actor.ansatt.clone(),
            ..Nodtilgang::default()
        }),
    })
}

async fn end(
    _: &mut Tx,
    request: AvsluttNodtilgangRequest,
) -> Result<AvsluttNodtilgangResponse, Error> {
    panic!("{CANARY} {}", request.name)
}

async fn review(
    _: &mut Tx,
    _: GjennomgaNodtilgangRequest,
) -> Result<GjennomgaNodtilgangResponse, Error> {
    Err(Refusal::transition("AKTIV", &["AvsluttNodtilgang"]).into())
}

async fn list(
    tx: &mut Tx,
    request: ListNodtilgangerRequest,
) -> Result<ListNodtilgangerResponse, Error> {
    let hold = tx.settings::<Arc<Hold>>()?;
    hold.ran.fetch_add(1, Ordering::SeqCst);
    match request.page_token.as_str() {
        "vent" => {
            hold.entered.add_permits(1);
            hold.release
                .acquire()
                .await
                .map_err(Error::internal)?
                .forget();
        }
        "finnes ikke" => return Err(Refusal::not_found().into()),
        "feil" => return Err(Error::internal(CANARY)),
        _ => {}
    }
    let rows: Vec<(String,)> = tx
        .all("SELECT id FROM prove ORDER BY id", params![])
        .await?;
    Ok(ListNodtilgangerResponse {
        nodtilganger: rows
            .into_iter()
            .map(|(id,)| Nodtilgang {
                name: id,
                ..Nodtilgang::default()
            })
            .collect(),
        next_page_token: String::new(),
    })
}

/// A running agency.
pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) hold: Arc<Hold>,
    pub(crate) key: Key,
    pub(crate) channel: Channel,
    jti: AtomicU64,
    pub(crate) files: tempfile::TempDir,
}

pub(crate) fn key(seed: u8) -> Key {
    Key::new(&std::array::from_fn(|n| u8::try_from(n).unwrap() ^ seed)).unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same agency without a port, on a store of its own.
    pub(crate) async fn assembled(&self, limits: Limits) -> Assembled {
        let url = format!("sqlite:{}", self.files.path().join("own.db").display());
        let ids = Arc::new(SeededIds::new(1, self.clock.clone()));
        let mut config = ServiceConfig::new(&url, key(1)).with_settings(self.hold.clone());
        config.limits = limits;
        assemble::<Demo>(config, self.clock.clone(), ids)
            .await
            .unwrap()
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ServiceConfig)) -> Self {
        observed();
        let files = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new(Tid(1_790_000_000_000_000)));
        let hold = Hold::new();
        let url = format!("sqlite:{}", files.path().join("rop.db").display());
        let mut config = ServiceConfig::new(&url, key(1)).with_settings(hold.clone());
        change(&mut config);
        let ids = Arc::new(SeededIds::new(7, clock.clone()));
        let running = start::<Demo>(config, clock.clone(), ids).await.unwrap();
        let channel = Channel::from_shared(format!("http://{}", running.addr))
            .unwrap()
            .connect_lazy();
        Self {
            running,
            clock,
            hold,
            key: key(1),
            channel,
            jti: AtomicU64::new(0),
            files,
        }
    }

    /// A permit for a call, as the gateway would make it.
    pub(crate) fn permit(&self, path: &str, message: &[u8]) -> Attestasjon {
        let jti = self.jti.fetch_add(1, Ordering::SeqCst);
        Attestasjon {
            mottaker: "rop".into(),
            metode: path.into(),
            innholdssum: attest::body_sum(message),
            jti: Uuid::from_u64_pair(1, jti).to_string(),
            utloper: self.clock.now().plus(Duration::from_secs(10)).0,
            sporings_id: trace_id(),
            aktor: Some(Aktor {
                enhet: "enheter/rop".into(),
                ansatt: "a-17".into(),
                rolle: Rolle::Behandler.into(),
            }),
            formal: Formal::Ytelse.into(),
            omfang: PERSON.into(),
            regel: "P2".into(),
            ..Attestasjon::default()
        }
    }

    /// The request of an attested call.
    pub(crate) fn attested(&self, path: &str, message: &impl Message) -> Request<Body> {
        let message = message.encode_to_vec();
        let permit = self.permit(path, &message);
        self.signed(&permit, path, &framed(0, &message))
    }

    /// The request of a call with a permit of any kind.
    pub(crate) fn signed(&self, permit: &Attestasjon, path: &str, frame: &[u8]) -> Request<Body> {
        let mut request = plain(path, frame);
        request
            .headers_mut()
            .insert(attest::HEADER, attest::header_value(&self.key, permit));
        request
    }

    /// Makes a call in the right way.
    pub(crate) async fn call<R: Message + Default>(
        &self,
        path: &str,
        message: &impl Message,
    ) -> Result<R, Status> {
        let request = self.attested(path, message);
        self.send(request).await.decode()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.channel, request).await
    }
}

pub(crate) fn start_request() -> StartNodtilgangRequest {
    StartNodtilgangRequest {
        parent: PERSON.into(),
        request_id: "0198c5a4-9a3e-7d52-b55d-5c9c3a5f0001".into(),
        begrunnelse: CANARY.into(),
        ..StartNodtilgangRequest::default()
    }
}

pub(crate) fn list_request(token: &str) -> ListNodtilgangerRequest {
    ListNodtilgangerRequest {
        parent: "enheter/rop".into(),
        page_token: token.into(),
        ..ListNodtilgangerRequest::default()
    }
}

/// A message as it travels: flag, length, bytes.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(flag);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(message);
    frame.freeze()
}

/// A call without a permit.
pub(crate) fn plain(path: &str, frame: &[u8]) -> Request<Body> {
    Request::post(path)
        .version(http::Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Full::new(Bytes::copy_from_slice(frame))))
        .unwrap()
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn decode<R: Message + Default>(self) -> Result<R, Status> {
        if self.status.code() == Code::Ok {
            Ok(R::decode(&self.body[5..]).unwrap())
        } else {
            Err(self.status)
        }
    }

    pub(crate) fn grunn(&self) -> Option<Feilgrunn> {
        samspor_chassis::status::grunn(&self.status)
    }
}

pub(crate) async fn send(channel: &Channel, mut request: Request<Body>) -> Answer {
    let path = request.uri().path().to_owned();
    *request.uri_mut() = format!("http://rop{path}").parse().unwrap();
    let mut channel = channel.clone();
    let response = channel.ready().await.unwrap().call(request).await.unwrap();
    whole(response).await
}

/// An answer with everything that belongs to it.
pub(crate) async fn whole(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let status = Status::from_header_map(&parts.headers)
        .or_else(|| Status::from_header_map(collected.trailers()?))
        .unwrap();
    Answer {
        status,
        headers: parts.headers,
        body: collected.to_bytes(),
    }
}

/// Serves any function on a port of this machine; ends with the test.
pub(crate) async fn serve<F, Fut>(answer: F) -> String
where
    F: Fn(Request<Body>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let service = tower::service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    tokio::spawn(tonic::transport::Server::builder().serve_with_incoming(service, incoming));
    format!("http://{addr}")
}

/// An empty answer.
pub(crate) fn ok() -> Response<Body> {
    let frame = http_body::Frame::data(framed(0, b""));
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let frames = [
        Ok::<_, Status>(frame),
        Ok(http_body::Frame::trailers(trailers)),
    ];
    Response::builder()
        .header("content-type", "application/grpc")
        .body(Body::new(http_body_util::StreamBody::new(
            futures::stream::iter(frames),
        )))
        .unwrap()
}

/// Everything that the process has logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Telemetry of this process, set up once.
pub(crate) struct Observed {
    pub(crate) log: Log,
    pub(crate) spans: SpanBuffer,
    _guard: samspor_chassis::telemetry::Guard,
}

pub(crate) fn observed() -> &'static Observed {
    static OBSERVED: OnceLock<Observed> = OnceLock::new();
    OBSERVED.get_or_init(|| {
        let log = Log::default();
        let spans = SpanBuffer::new(10_000);
        let mut config = TelemetryConfig::new("test");
        "trace".clone_into(&mut config.log_filter);
        config.buffer = Some(spans.clone());
        let writer = log.clone();
        config.log_writer = Some(tracing_subscriber::fmt::writer::BoxMakeWriter::new(
            move || writer.clone(),
        ));
        // Without the panic hook, which would hide what a failing test says.
        let (dispatch, guard) = samspor_chassis::telemetry::build(config).unwrap();
        tracing::dispatcher::set_global_default(dispatch).unwrap();
        Observed {
            log,
            spans,
            _guard: guard,
        }
    })
}

/// A trace of its own for every permit of the process: all worlds of the binary
/// are seen by one span buffer.
fn trace_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("abc{:029x}", NEXT.fetch_add(1, Ordering::Relaxed))
}
