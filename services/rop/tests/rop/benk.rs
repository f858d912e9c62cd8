//! The bench: a running service, the events of bestillerkontor, and callers.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::BoxStream};
use http::uri::PathAndQuery;
use prost::Message;
use samspor_chassis::{
    attest::{self, Key},
    client::{MeshClientConfig, TokenSource},
    id::RandomIds,
    params,
    server::{Running, ServiceConfig, start},
    testing::{Database, TestCall, TestClock, request_id},
    tid::Clock as _,
};
use samspor_proto::{
    bestillerkontor::{HentOppdragRequest, HentOppdragResponse, Oppdrag},
    felles::{Aktor, Faktum, Faktumtype, Feilgrunn, Rolle, part},
    hendelse::{
        AbonnerRequest, AbonnerResponse, FaktaRequest, FaktaResponse, FolgRequest, FolgResponse,
        Hendelse, ListFristerRequest, ListFristerResponse, ListHendelserRequest,
        ListHendelserResponse,
        hendelse_service_server::{HendelseService, HendelseServiceServer},
    },
    internt::{Attestasjon, Feil},
    rop,
    tilgang::Formal,
};
use samspor_rop::Rop;
use tonic::{
    Request, Response, Status,
    body::Body,
    client::Grpc,
    codegen::Service,
    metadata::{BinaryMetadataValue, MetadataValue},
    server::{NamedService, UnaryService},
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A request knows its method and its answer.
pub(crate) trait Metode: Message + Default + Clone + 'static {
    const STI: &'static str;
    type Svar: Message + Default + 'static;
}

macro_rules! metoder {
    ($($service:literal { $($method:literal $request:ident $response:ident;)+ })+) => {$($(
        impl Metode for rop::$request {
            const STI: &'static str = concat!("/samspor.rop.v1.", $service, "/", $method);
            type Svar = rop::$response;
        }
    )+)+};
}

metoder! {
    "KontaktService" {
        "RegistrerKontakt" RegistrerKontaktRequest RegistrerKontaktResponse;
        "HentKontakt" HentKontaktRequest HentKontaktResponse;
        "AnnullerKontakt" AnnullerKontaktRequest AnnullerKontaktResponse;
        "ListKontakter" ListKontakterRequest ListKontakterResponse;
    }
    "JournalService" {
        "SkrivAapentNotat" SkrivAapentNotatRequest SkrivAapentNotatResponse;
        "SkrivBegrensetNotat" SkrivBegrensetNotatRequest SkrivBegrensetNotatResponse;
        "HentAapentNotat" HentAapentNotatRequest HentAapentNotatResponse;
        "HentBegrensetNotat" HentBegrensetNotatRequest HentBegrensetNotatResponse;
        "ListAapneNotater" ListAapneNotaterRequest ListAapneNotaterResponse;
        "ListBegrensedeNotater" ListBegrensedeNotaterRequest ListBegrensedeNotaterResponse;
    }
    "RisikovurderingService" {
        "RegistrerRisikovurdering" RegistrerRisikovurderingRequest RegistrerRisikovurderingResponse;
        "HentGjeldendeRisikovurdering" HentGjeldendeRisikovurderingRequest HentGjeldendeRisikovurderingResponse;
        "HentRisikovurdering" HentRisikovurderingRequest HentRisikovurderingResponse;
        "ListRisikovurderinger" ListRisikovurderingerRequest ListRisikovurderingerResponse;
    }
    "KriseplanService" {
        "SkrivKriseplan" SkrivKriseplanRequest SkrivKriseplanResponse;
        "HentKriseplan" HentKriseplanRequest HentKriseplanResponse;
        "ListKriseplaner" ListKriseplanerRequest ListKriseplanerResponse;
    }
    "BehandlingService" {
        "TildelBehandler" TildelBehandlerRequest TildelBehandlerResponse;
        "AvsluttBehandler" AvsluttBehandlerRequest AvsluttBehandlerResponse;
        "ListBehandlere" ListBehandlereRequest ListBehandlereResponse;
    }
    "PlanleggingService" {
        "PlanleggKontakt" PlanleggKontaktRequest PlanleggKontaktResponse;
        "AvlysKontakt" AvlysKontaktRequest AvlysKontaktResponse;
        "ListPlanlagteKontakter" ListPlanlagteKontakterRequest ListPlanlagteKontakterResponse;
    }
    "LavterskelService" {
        "RegistrerLavterskel" RegistrerLavterskelRequest RegistrerLavterskelResponse;
        "ListLavterskel" ListLavterskelRequest ListLavterskelResponse;
    }
    "BehandlingsplanService" {
        "SkrivBehandlingsplan" SkrivBehandlingsplanRequest SkrivBehandlingsplanResponse;
        "HentBehandlingsplan" HentBehandlingsplanRequest HentBehandlingsplanResponse;
        "ListBehandlingsplaner" ListBehandlingsplanerRequest ListBehandlingsplanerResponse;
    }
    "HovedforlopService" {
        "SettHovedforlop" SettHovedforlopRequest SettHovedforlopResponse;
        "AvsluttHovedforlop" AvsluttHovedforlopRequest AvsluttHovedforlopResponse;
        "ListHovedforlop" ListHovedforlopRequest ListHovedforlopResponse;
    }
    "KontaktplanService" {
        "OpprettKontaktplan" OpprettKontaktplanRequest OpprettKontaktplanResponse;
        "MeldKontaktsteg" MeldKontaktstegRequest MeldKontaktstegResponse;
        "EndreNaklasse" EndreNaklasseRequest EndreNaklasseResponse;
        "AvsluttKontaktplan" AvsluttKontaktplanRequest AvsluttKontaktplanResponse;
        "ListKontaktplaner" ListKontaktplanerRequest ListKontaktplanerResponse;
    }
    "TilbakemeldingService" {
        "GiTilbakemelding" GiTilbakemeldingRequest GiTilbakemeldingResponse;
        "BesvarTilbakemelding" BesvarTilbakemeldingRequest BesvarTilbakemeldingResponse;
        "HentTilbakemelding" HentTilbakemeldingRequest HentTilbakemeldingResponse;
        "ListTilbakemeldinger" ListTilbakemeldingerRequest ListTilbakemeldingerResponse;
        "ListUbesvarteTilbakemeldinger" ListUbesvarteTilbakemeldingerRequest ListUbesvarteTilbakemeldingerResponse;
    }
    "PrimaerkontaktService" {
        "TildelPrimaerkontakt" TildelPrimaerkontaktRequest TildelPrimaerkontaktResponse;
        "AvsluttPrimaerkontakt" AvsluttPrimaerkontaktRequest AvsluttPrimaerkontaktResponse;
        "ListPrimaerkontakter" ListPrimaerkontakterRequest ListPrimaerkontakterResponse;
        "ListBelastning" ListBelastningRequest ListBelastningResponse;
    }
    "TiltakService" {
        "OpprettTiltak" OpprettTiltakRequest OpprettTiltakResponse;
        "OppdaterTiltak" OppdaterTiltakRequest OppdaterTiltakResponse;
        "AvsluttTiltak" AvsluttTiltakRequest AvsluttTiltakResponse;
        "HentTiltak" HentTiltakRequest HentTiltakResponse;
        "ListTiltak" ListTiltakRequest ListTiltakResponse;
        "ListLeveringer" ListLeveringerRequest ListLeveringerResponse;
        "ListEnhetensLeveringer" ListEnhetensLeveringerRequest ListEnhetensLeveringerResponse;
    }
    "AktivitetstilbudService" {
        "RegistrerAktivitetstilbud" RegistrerAktivitetstilbudRequest RegistrerAktivitetstilbudResponse;
        "AvsluttAktivitetstilbud" AvsluttAktivitetstilbudRequest AvsluttAktivitetstilbudResponse;
        "HentAktivitetstilbud" HentAktivitetstilbudRequest HentAktivitetstilbudResponse;
        "ListAktivitetstilbud" ListAktivitetstilbudRequest ListAktivitetstilbudResponse;
    }
    "StatistikkService" {
        "HentStatistikk" HentStatistikkRequest HentStatistikkResponse;
        "PubliserStatistikk" PubliserStatistikkRequest PubliserStatistikkResponse;
        "HentPublisertStatistikk" HentPublisertStatistikkRequest HentPublisertStatistikkResponse;
    }
    "PlandekningService" {
        "HentPlandekning" HentPlandekningRequest HentPlandekningResponse;
        "ListPlanmangler" ListPlanmanglerRequest ListPlanmanglerResponse;
    }
    "OppfolgingService" {
        "ApneOppfolging" ApneOppfolgingRequest ApneOppfolgingResponse;
        "BekreftOppfolging" BekreftOppfolgingRequest BekreftOppfolgingResponse;
        "AvsluttOppfolging" AvsluttOppfolgingRequest AvsluttOppfolgingResponse;
        "HentOppfolging" HentOppfolgingRequest HentOppfolgingResponse;
        "ListOppfolginger" ListOppfolgingerRequest ListOppfolgingerResponse;
    }
    "InnboksService" {
        "ListOppgaver" ListOppgaverRequest ListOppgaverResponse;
        "KvitterOppgave" KvitterOppgaveRequest KvitterOppgaveResponse;
    }
}

/// Who calls, and which service the permit is for.
pub(crate) struct Hvem {
    pub(crate) mottaker: &'static str,
    aktor: Aktor,
    person: String,
}

impl Hvem {
    /// Employee `r1` of a unit.
    pub(crate) fn enhet(id: &str) -> Self {
        Self::ansatt(id, "r1", Rolle::Behandler)
    }

    /// An employee of a unit, in a role.
    pub(crate) fn ansatt(enhet: &str, ansatt: &str, rolle: Rolle) -> Self {
        Self {
            mottaker: "rop",
            aktor: Aktor {
                enhet: format!("enheter/{enhet}"),
                ansatt: ansatt.into(),
                rolle: rolle.into(),
            },
            person: String::new(),
        }
    }

    /// The person, by resource name.
    pub(crate) fn innbygger(person: &str) -> Self {
        Self {
            mottaker: "rop",
            aktor: Aktor {
                rolle: Rolle::Innbygger.into(),
                ..Aktor::default()
            },
            person: person.strip_prefix("personer/").unwrap().into(),
        }
    }
}

/// A refusal, as the gateway reads it.
#[derive(Debug)]
pub(crate) struct Avslag {
    pub(crate) grunn: Feilgrunn,
    pub(crate) nokler: BTreeMap<String, String>,
    pub(crate) felt: Vec<(String, Feilgrunn)>,
}

impl Avslag {
    fn read(status: &Status) -> Self {
        let fault = Feil::decode(status.details()).unwrap();
        assert_ne!(fault.grunn(), Feilgrunn::Unspecified, "{status:?}");
        let felt = fault.felt.iter().map(|f| (f.felt.clone(), f.grunn()));
        Self {
            grunn: fault.grunn(),
            felt: felt.collect(),
            nokler: fault.nokler.into_iter().collect(),
        }
    }
}

/// One field of each record.
pub(crate) fn navn<T>(records: &[T], field: impl Fn(&T) -> &String) -> Vec<&String> {
    records.iter().map(field).collect()
}

pub(crate) struct Benk {
    pub(crate) clock: Arc<TestClock>,
    key: Key,
    channel: Channel,
    running: Running,
    /// What bestillerkontor answers when it is asked for an oppdrag.
    pub(crate) oppdrag: Oppdragene,
}

impl Benk {
    pub(crate) async fn start(database: &Database) -> Self {
        Self::start_with(database, &[]).await
    }

    /// A service to which bestillerkontor has events to tell: type and record.
    pub(crate) async fn start_with(database: &Database, told: &[(&str, String)]) -> Self {
        let granted = Oppdragene::default();
        let key = Key::new(&std::array::from_fn(|n| u8::try_from(n).unwrap())).unwrap();
        let mut config = ServiceConfig::new(database.url(), key.clone());
        config.gateway = Some(MeshClientConfig::new(
            &Kilde::start(told, granted.clone()).await,
            TokenSource::Static("token".to_owned()),
        ));
        let clock = database.clock().clone();
        let ids = Arc::new(RandomIds::new(clock.clone()));
        let running = start::<Rop>(config, clock.clone(), ids).await.unwrap();
        let channel = Endpoint::from_shared(format!("http://{}", running.addr))
            .unwrap()
            .connect_lazy();
        Self {
            clock,
            key,
            channel,
            running,
            oppdrag: granted,
        }
    }

    /// Stops the service; another may open its store.
    pub(crate) async fn stopp(self) {
        self.running.shutdown().await;
    }

    /// One unary call.
    pub(crate) async fn kall<Q: Metode>(&self, who: &Hvem, request: Q) -> Result<Q::Svar, Avslag> {
        let request = self.attested(who, Q::STI, request);
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<Q, Q::Svar>::default();
        let path = PathAndQuery::from_static(Q::STI);
        match grpc.unary(request, path, codec).await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(Avslag::read(&status)),
        }
    }

    /// What ROP is answered, a second after what was before: records have an
    /// order in time.
    pub(crate) async fn ok<Q: Metode>(&self, request: Q) -> Q::Svar {
        self.clock.advance(Duration::from_secs(1));
        self.kall(&Hvem::enhet("rop"), request).await.unwrap()
    }

    /// How ROP is refused.
    pub(crate) async fn avslag<Q: Metode>(&self, request: Q) -> Avslag {
        match self.kall(&Hvem::enhet("rop"), request).await {
            Ok(_) => panic!("not refused: {}", Q::STI),
            Err(refusal) => refusal,
        }
    }

    fn attested<Q: Message>(&self, who: &Hvem, path: &str, message: Q) -> Request<Q> {
        let permit = Attestasjon {
            mottaker: who.mottaker.to_owned(),
            metode: path.to_owned(),
            innholdssum: attest::body_sum(&message.encode_to_vec()),
            jti: request_id(),
            utloper: self.clock.now().plus(Duration::from_secs(20)).0,
            sporings_id: TRACE.to_owned(),
            aktor: Some(who.aktor.clone()),
            aktor_person: who.person.clone(),
            formal: Formal::Ytelse.into(),
            utforere: vec!["rop".into(), "bom".into()],
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

    /// Who treats a person now by the facts that the gateway reads, and who
    /// assigned them: `t7 by r1`.
    pub(crate) async fn behandlere(&self, person: &str) -> Vec<String> {
        let held = self.fakta(person).await.into_iter();
        let held = held.filter(|fact| fact.r#type() == Faktumtype::Behandler);
        held.map(
            |fact| match fact.part.as_ref().and_then(|p| p.hvem.clone()) {
                Some(part::Hvem::Ansatt(id)) => format!("{id} by {}", fact.opprettet_av),
                other => panic!("{other:?} treats"),
            },
        )
        .collect()
    }

    /// Facts about a person that hold now.
    pub(crate) async fn fakta(&self, person: &str) -> Vec<Faktum> {
        let path = "/samspor.hendelse.v1.HendelseService/Fakta";
        let mut who = Hvem::enhet("gateway");
        who.aktor.ansatt.clear();
        who.aktor.rolle = Rolle::System.into();
        let request = self.attested(&who, path, FaktaRequest::default());
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<FaktaRequest, FaktaResponse>::default();
        let path = PathAndQuery::from_static(path);
        let response = grpc.server_streaming(request, path, codec).await.unwrap();
        let mut batches = response.into_inner();
        let (mut last, mut count) = (BTreeMap::new(), 0);
        loop {
            let batch = batches.message().await.unwrap().unwrap();
            count += i64::try_from(batch.fakta.len()).unwrap();
            let facts = batch.fakta.into_iter().filter_map(|fact| fact.faktum);
            last.extend(facts.map(|fact| (fact.id.clone(), fact)));
            if count >= batch.siste {
                break;
            }
        }
        let open = |fact: &Faktum| fact.periode.as_ref().is_none_or(|held| held.til.is_none());
        let held = last.into_values();
        held.filter(|fact| person.ends_with(&fact.subjekt) && open(fact))
            .collect()
    }

    /// Commits of the service's store.
    pub(crate) fn commits(&self) -> u64 {
        self.running.chassis().store().commits()
    }

    /// Types of the events that were addressed to a unit.
    pub(crate) async fn hendelser(&self, enhet: &str) -> Vec<String> {
        let sql = "SELECT h.type FROM chassis_hendelse_mottaker m \
                   JOIN chassis_hendelse h ON h.nr = m.hendelse WHERE m.mottaker = $1 ORDER BY m.hendelse";
        let store = self.running.chassis().store();
        let call = TestCall::new("rop").build();
        let mut tx = store.begin_read(call).await.unwrap();
        let rows: Vec<(String,)> = tx.all(sql, params![enhet]).await.unwrap();
        rows.into_iter().map(|(kind,)| kind).collect()
    }

    /// Returns when so many events of bestillerkontor had their effect.
    pub(crate) async fn har_lest(&self, count: usize) {
        let sql = "SELECT nr FROM chassis_posisjon WHERE kilde = 'bestillerkontor'";
        let store = self.running.chassis().store();
        until(|| async {
            let call = TestCall::new("rop").build();
            let mut tx = store.begin_read(call).await.unwrap();
            let row: Option<(i64,)> = tx.one(sql, params![]).await.unwrap();
            row.is_some_and(|(position,)| usize::try_from(position).unwrap() >= count)
        })
        .await;
    }
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

/// The gateway in miniature: what bestillerkontor tells, and then silence.
struct Kilde(Vec<Hendelse>);

impl Kilde {
    async fn start(told: &[(&str, String)], granted: Oppdragene) -> String {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let events = (1..).zip(told).map(|(nr, (type_, post))| Hendelse {
            name: format!("{post}/hendelser/{}", request_id()),
            nr,
            r#type: (*type_).to_owned(),
            post: post.clone(),
            eier: "enheter/rop".to_owned(),
            ..Hendelse::default()
        });
        let server = Server::builder()
            .add_service(HendelseServiceServer::new(Self(events.collect())))
            .add_service(granted)
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(server);
        format!("http://{address}")
    }
}

/// What HentOppdrag answers, by name.
#[derive(Clone, Default)]
pub(crate) struct Oppdragene(Arc<Mutex<BTreeMap<String, Oppdrag>>>);

impl Oppdragene {
    pub(crate) fn sett(&self, oppdrag: Oppdrag) {
        self.0.lock().unwrap().insert(oppdrag.name.clone(), oppdrag);
    }
}

impl NamedService for Oppdragene {
    const NAME: &'static str = "samspor.bestillerkontor.v1.OppdragService";
}

impl UnaryService<HentOppdragRequest> for Oppdragene {
    type Response = HentOppdragResponse;
    type Future = std::future::Ready<Result<Response<HentOppdragResponse>, Status>>;

    fn call(&mut self, request: Request<HentOppdragRequest>) -> Self::Future {
        let known = self
            .0
            .lock()
            .unwrap()
            .get(&request.into_inner().name)
            .cloned();
        std::future::ready(match known {
            Some(oppdrag) => Ok(Response::new(HentOppdragResponse {
                oppdrag: Some(oppdrag),
            })),
            None => Err(Status::not_found("")),
        })
    }
}

impl Service<http::Request<Body>> for Oppdragene {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = self.clone();
        async move {
            assert!(request.uri().path().ends_with("/HentOppdrag"));
            let codec = ProstCodec::<HentOppdragResponse, HentOppdragRequest>::default();
            Ok(tonic::server::Grpc::new(codec).unary(method, request).await)
        }
        .boxed()
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
        assert_eq!(request.tjeneste, "bestillerkontor");
        let place = usize::try_from(request.etter).unwrap();
        let answer = |event: &Hendelse| AbonnerResponse {
            hendelse: Some(event.clone()),
        };
        let rest: Vec<_> = self.0[place..].iter().map(answer).map(Ok).collect();
        let silence = futures::stream::pending();
        Ok(Response::new(
            futures::stream::iter(rest).chain(silence).boxed(),
        ))
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
