//! The bench: a running service, a gateway in miniature that feeds it events,
//! and callers.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{Stream, StreamExt as _, stream::BoxStream};
use http::uri::PathAndQuery;
use prost::Message;
use samspor_chassis::{
    attest::{self, Key},
    client::{MeshClientConfig, TokenSource},
    id::RandomIds,
    server::{Running, ServiceConfig, start},
    store::Store,
    testing::{Database, TestCall, TestClock, request_id},
    tid::Clock as _,
};
use samspor_koordinering::{Koordinering, Settings, nokler::Nokkelring};
use samspor_proto::{
    felles::{Aktor, Faktum, Faktumtype, Feilgrunn, Periode, Rolle, part},
    hendelse::{
        AbonnerRequest, AbonnerResponse, FaktaRequest, FaktaResponse, FolgRequest, FolgResponse,
        Hendelse, ListFristerRequest, ListFristerResponse, ListHendelserRequest,
        ListHendelserResponse,
        hendelse_service_server::{HendelseService, HendelseServiceServer},
    },
    internt::{Attestasjon, Feil},
    koordinering::{SikrePersonRequest, SikrePersonResponse},
    tilgang::Formal,
};
use tokio::sync::watch;
use tonic::{
    Request, Response, Status,
    client::Grpc,
    metadata::{BinaryMetadataValue, MetadataValue},
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Hvem {
    pub(crate) enhet: &'static str,
    pub(crate) ansatt: &'static str,
    pub(crate) rolle: Rolle,
    pub(crate) person: String,
    pub(crate) funksjoner: Vec<String>,
}

impl Hvem {
    pub(crate) fn new(enhet: &'static str, ansatt: &'static str, rolle: Rolle) -> Self {
        Self {
            enhet,
            ansatt,
            rolle,
            person: String::new(),
            funksjoner: Vec::new(),
        }
    }

    /// A caseworker of ROP.
    pub(crate) fn saksbehandler() -> Self {
        Self::new("rop", "a1", Rolle::Saksbehandler)
    }

    /// A caseworker of the koordinerende enhet.
    pub(crate) fn koordinerende() -> Self {
        let mut who = Self::new("koordinering", "k1", Rolle::Saksbehandler);
        who.funksjoner = vec!["koordinerende_enhet".to_owned()];
        who
    }

    /// The person, by resource name.
    pub(crate) fn innbygger(person: &str) -> Self {
        let mut who = Self::new("", "", Rolle::Innbygger);
        let id = person.strip_prefix("personer/").unwrap();
        id.clone_into(&mut who.person);
        who
    }

    pub(crate) fn leder() -> Self {
        Self::new("rop", "leder-1", Rolle::Leder)
    }

    pub(crate) fn beslutter() -> Self {
        Self::new("rop", "beslutter-1", Rolle::Beslutter)
    }
}

/// A refusal, as the gateway reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Avslag {
    pub(crate) grunn: Feilgrunn,
    pub(crate) nokler: BTreeMap<String, String>,
    pub(crate) felt: Vec<(String, Feilgrunn)>,
}

impl Avslag {
    fn read(status: &Status) -> Self {
        let fault = Feil::decode(status.details()).unwrap();
        assert_ne!(fault.grunn(), Feilgrunn::Unspecified, "{status:?}");
        Self {
            grunn: fault.grunn(),
            nokler: fault.nokler.clone().into_iter().collect(),
            felt: fault
                .felt
                .iter()
                .map(|f| (f.felt.clone(), f.grunn()))
                .collect(),
        }
    }
}

pub(crate) struct Benk {
    pub(crate) clock: Arc<TestClock>,
    key: Key,
    channel: Channel,
    running: Running,
    kilde: Kilde,
}

/// A secret of the tests.
pub(crate) fn nokkel(id: &str, byte: u8) -> String {
    format!("{id}:{}", format!("{byte:02x}").repeat(32))
}

pub(crate) fn settings(keys: &str) -> Settings {
    Settings {
        syntetiske: true,
        ..Settings::new(Nokkelring::les(keys).unwrap())
    }
}

impl Benk {
    pub(crate) async fn start(database: &Database) -> Self {
        Self::start_with(database, settings(&nokkel("a", 1))).await
    }

    pub(crate) async fn start_with(database: &Database, settings: Settings) -> Self {
        let key = Key::new(&std::array::from_fn(|n| u8::try_from(n).unwrap())).unwrap();
        let kilde = Kilde::start().await;
        let mut config = ServiceConfig::new(database.url(), key.clone()).with_settings(settings);
        config.gateway = Some(MeshClientConfig::new(
            &kilde.endpoint,
            TokenSource::Static("token".to_owned()),
        ));
        let clock = database.clock().clone();
        let ids = Arc::new(RandomIds::new(clock.clone()));
        let running = start::<Koordinering>(config, clock.clone(), ids)
            .await
            .unwrap();
        let channel = Endpoint::from_shared(format!("http://{}", running.addr))
            .unwrap()
            .connect_lazy();
        Self {
            clock,
            key,
            channel,
            running,
            kilde,
        }
    }

    pub(crate) async fn shutdown(self) {
        self.running.shutdown().await;
    }

    pub(crate) fn store(&self) -> &Store {
        self.running.chassis().store()
    }

    /// One unary call: `("PersonService/HentPerson", request)`.
    pub(crate) async fn call<Q, R>(&self, who: &Hvem, method: &str, request: Q) -> Result<R, Avslag>
    where
        Q: Message + Default + Clone + 'static,
        R: Message + Default + 'static,
    {
        let path = format!("/samspor.koordinering.v1.{method}");
        let request = self.attested(who, &path, request);
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<Q, R>::default();
        let path = PathAndQuery::try_from(path).unwrap();
        match grpc.unary(request, path, codec).await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(Avslag::read(&status)),
        }
    }

    fn attested<Q: Message>(&self, who: &Hvem, path: &str, message: Q) -> Request<Q> {
        let permit = Attestasjon {
            mottaker: "koordinering".to_owned(),
            metode: path.to_owned(),
            innholdssum: attest::body_sum(&message.encode_to_vec()),
            jti: request_id(),
            utloper: self.clock.now().plus(Duration::from_secs(20)).0,
            sporings_id: TRACE.to_owned(),
            aktor: Some(Aktor {
                enhet: if who.enhet.is_empty() {
                    String::new()
                } else {
                    format!("enheter/{}", who.enhet)
                },
                ansatt: who.ansatt.to_owned(),
                rolle: who.rolle.into(),
            }),
            aktor_person: who.person.clone(),
            formal: Formal::Samordning.into(),
            funksjoner: who.funksjoner.clone(),
            ..Attestasjon::default()
        };
        let mut request = Request::new(message);
        let signed = attest::sign(&self.key, &permit);
        let metadata = request.metadata_mut();
        metadata.insert_bin(
            "x-samspor-attest-bin",
            BinaryMetadataValue::from_bytes(&signed),
        );
        let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
        metadata.insert("traceparent", MetadataValue::try_from(traceparent).unwrap());
        request
    }

    /// A person with the synthetic number `n`.
    pub(crate) async fn person(&self, n: u32) -> String {
        self.sikre(&Hvem::saksbehandler(), &nummer(n))
            .await
            .unwrap()
    }

    pub(crate) async fn sikre(&self, who: &Hvem, number: &str) -> Result<String, Avslag> {
        let request = SikrePersonRequest {
            request_id: request_id(),
            fodselsnummer: number.to_owned(),
        };
        let answer: SikrePersonResponse =
            self.call(who, "PersonService/SikrePerson", request).await?;
        Ok(answer.person)
    }

    /// All facts up to now, as the gateway reads them.
    pub(crate) async fn fakta(&self) -> Vec<Faktum> {
        let path = "/samspor.hendelse.v1.HendelseService/Fakta";
        let who = Hvem::new("gateway", "", Rolle::System);
        let request = self.attested(&who, path, FaktaRequest::default());
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<FaktaRequest, FaktaResponse>::default();
        let mut batches = grpc
            .server_streaming(request, PathAndQuery::from_static(path), codec)
            .await
            .unwrap()
            .into_inner();
        let mut facts = Vec::new();
        loop {
            let batch = batches.message().await.unwrap().unwrap();
            facts.extend(batch.fakta.into_iter().filter_map(|fact| fact.faktum));
            if i64::try_from(facts.len()).unwrap() >= batch.siste {
                return facts;
            }
        }
    }

    /// The facts of a person that hold now, in the words of a test:
    /// `SPERRING nav`.
    pub(crate) async fn gjelder(&self, person: &str) -> Vec<String> {
        let id = person.strip_prefix("personer/").unwrap();
        let now = self.clock.now();
        let mut last = BTreeMap::new();
        for fact in self.fakta().await {
            last.insert(fact.id.clone(), fact);
        }
        let mut held: Vec<String> = last
            .into_values()
            .filter(|fact| fact.subjekt == id && holds(fact.periode.as_ref(), now.0))
            .map(|fact| words(&fact))
            .collect();
        held.sort();
        held
    }

    /// Types of the events that were addressed to a unit.
    pub(crate) async fn hendelser(&self, enhet: &str) -> Vec<String> {
        let sql = "SELECT h.type FROM chassis_hendelse_mottaker m \
                   JOIN chassis_hendelse h ON h.nr = m.hendelse WHERE m.mottaker = $1 ORDER BY m.hendelse";
        let call = TestCall::new("koordinering").build();
        let mut tx = self.store().begin_read(call).await.unwrap();
        let rows: Vec<(String,)> = tx.all(sql, samspor_chassis::params![enhet]).await.unwrap();
        rows.into_iter().map(|(kind,)| kind).collect()
    }

    /// Bestillerkontor tells of an oppdrag; returns when it had its effect.
    pub(crate) async fn oppdrag(&self, type_: &str, person: &str, post: &str, eier: &str) {
        let nr = self.kilde.tell(type_, person, post, eier);
        let sql = "SELECT nr FROM chassis_posisjon WHERE kilde = 'bestillerkontor'";
        until(|| async {
            let call = TestCall::new("koordinering").build();
            let mut tx = self.store().begin_read(call).await.unwrap();
            let row: Option<(i64,)> = tx.one(sql, samspor_chassis::params![]).await.unwrap();
            row.is_some_and(|(position,)| position >= nr)
        })
        .await;
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn holds(period: Option<&Periode>, now: i64) -> bool {
    let micros =
        |stamp: &prost_types::Timestamp| stamp.seconds * 1_000_000 + i64::from(stamp.nanos) / 1_000;
    let Some(period) = period else { return true };
    period.fra.as_ref().is_none_or(|fra| micros(fra) <= now)
        && period.til.as_ref().is_none_or(|til| now < micros(til))
}

fn words(fact: &Faktum) -> String {
    let kind = fact.r#type().as_str_name();
    let kind = kind.strip_prefix("FAKTUMTYPE_").unwrap();
    let party = match fact.part.as_ref().and_then(|part| part.hvem.clone()) {
        Some(part::Hvem::Enhet(id)) => id,
        Some(part::Hvem::Ansatt(id)) => format!("ansatt {id}"),
        Some(part::Hvem::Person(id)) => format!("personer/{id}"),
        None => String::new(),
    };
    if fact.r#type() == Faktumtype::Samtykke {
        let classes: Vec<&str> = fact
            .klasser()
            .map(samspor_proto::klassifisering::kortnavn)
            .collect();
        return format!("{kind} {party} {}", classes.join("|"));
    }
    format!("{kind} {party}")
}

/// Waits for something that happens by itself, without sleeping.
pub(crate) async fn until<F: Future<Output = bool>>(check: impl Fn() -> F) {
    let wait = async {
        while !check().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect("it did not happen");
}

/// The synthetic number (month + 80) of the n-th test person.
pub(crate) fn nummer(n: u32) -> String {
    numbers("019090", n)
}

/// The synthetic D-nummer (day + 40, month + 80) of the n-th test person.
pub(crate) fn d_nummer(n: u32) -> String {
    numbers("419090", n)
}

fn numbers(date: &str, n: u32) -> String {
    let with_control = |individ: u32| {
        let nine = format!("{date}{individ:03}");
        let mut digits: Vec<u32> = nine.chars().map(|c| c.to_digit(10).unwrap()).collect();
        for weights in [
            &[3, 7, 6, 1, 8, 9, 4, 5, 2][..],
            &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2][..],
        ] {
            let sum: u32 = weights.iter().zip(&digits).map(|(w, d)| w * d).sum();
            digits.push((11 - sum % 11) % 11);
        }
        let fits = digits.iter().all(|digit| *digit < 10);
        fits.then(|| digits.iter().map(ToString::to_string).collect::<String>())
    };
    (0..500)
        .filter_map(with_control)
        .nth(usize::try_from(n).unwrap())
        .unwrap()
}

/// The gateway in miniature: events that bestillerkontor addresses to
/// koordinering. Everybody else is silent.
#[derive(Clone)]
struct Kilde {
    endpoint: String,
    told: Arc<Mutex<Vec<Hendelse>>>,
    news: watch::Sender<()>,
}

impl Kilde {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let kilde = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            told: Arc::default(),
            news: watch::Sender::new(()),
        };
        let server = Server::builder()
            .add_service(HendelseServiceServer::new(kilde.clone()))
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(server);
        kilde
    }

    fn tell(&self, type_: &str, person: &str, post: &str, eier: &str) -> i64 {
        let mut told = self.told.lock().unwrap();
        let nr = i64::try_from(told.len()).unwrap() + 1;
        told.push(Hendelse {
            name: format!("{person}/hendelser/{}", request_id()),
            nr,
            r#type: type_.to_owned(),
            post: post.to_owned(),
            eier: format!("enheter/{eier}"),
            ..Hendelse::default()
        });
        self.news.send_replace(());
        nr
    }

    fn after(self, etter: i64) -> impl Stream<Item = Hendelse> {
        let news = self.news.subscribe();
        futures::stream::unfold((self, news, etter), |(kilde, mut news, etter)| async move {
            loop {
                news.mark_unchanged();
                let place = usize::try_from(etter).unwrap();
                let next = kilde.told.lock().unwrap().get(place).cloned();
                match next {
                    Some(event) => return Some((event, (kilde, news, etter + 1))),
                    None => news.changed().await.ok()?,
                }
            }
        })
    }
}

#[tonic::async_trait]
impl HendelseService for Kilde {
    type AbonnerStream = BoxStream<'static, Result<AbonnerResponse, Status>>;
    type FolgStream = BoxStream<'static, Result<FolgResponse, Status>>;
    type FaktaStream = BoxStream<'static, Result<FaktaResponse, Status>>;

    async fn abonner(
        &self,
        request: Request<AbonnerRequest>,
    ) -> Result<Response<Self::AbonnerStream>, Status> {
        let request = request.into_inner();
        if request.tjeneste != "bestillerkontor" {
            return Ok(Response::new(futures::stream::pending().boxed()));
        }
        let events = self.clone().after(request.etter).map(|event| {
            Ok(AbonnerResponse {
                hendelse: Some(event),
            })
        });
        Ok(Response::new(events.boxed()))
    }

    async fn folg(&self, _: Request<FolgRequest>) -> Result<Response<Self::FolgStream>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn fakta(&self, _: Request<FaktaRequest>) -> Result<Response<Self::FaktaStream>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn list_hendelser(
        &self,
        _: Request<ListHendelserRequest>,
    ) -> Result<Response<ListHendelserResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn list_frister(
        &self,
        _: Request<ListFristerRequest>,
    ) -> Result<Response<ListFristerResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
}
