//! Traces: one from the mesh's own client through gateway, services and SQL,
//! and through the outbox to consumers; and nothing personal in any of it.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::Span,
};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value as Content};
use samspor::demo::{Historie, Style, play};
use samspor_chassis::{
    telemetry::{self, SpanBuffer, TelemetryConfig},
    tid::SystemClock,
};
use samspor_proto::{
    bestillerkontor::*, felles::Rolle, klassifisering::kontrakter, koordinering::*, tilgang::Formal,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, client::Grpc};
use tonic_prost::ProstCodec;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::{
    avvik_forlop, bestiller_forlop, bolig_forlop, gransking, kartlegging, klage_forlop, kommuner,
    koordinering_forlop, mandat, nav_forlop, nodtilgang, rop_forlop,
    scene::{NUMBERS, Scene, ok, refused, request_id},
    vedtak_forlop, worked_cases,
};

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let service = TraceServiceServer::new(collector.clone());
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        (collector, endpoint)
    }

    fn spans(&self) -> Vec<Span> {
        let exports = self.0.lock().unwrap();
        exports
            .iter()
            .flat_map(|export| &export.resource_spans)
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| scope.spans.clone())
            .collect()
    }

    /// Everything that was exported, as text.
    fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

/// Log lines, as they would be written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Telemetry of this process, set up once: all tests of the binary are seen
/// by one collector and write to one log.
pub struct Watch {
    collector: Collector,
    lines: Lines,
    guard: telemetry::Guard,
    /// The last spans, as `samspor up` keeps them.
    pub buffer: SpanBuffer,
}

impl Watch {
    /// Every span until now.
    pub fn spans(&self) -> Vec<Span> {
        self.guard.flush();
        self.collector.spans()
    }
}

pub fn watch() -> &'static Watch {
    static WATCH: OnceLock<Watch> = OnceLock::new();
    WATCH.get_or_init(|| {
        // A runtime of its own: a test's ends with the test.
        let start = || {
            let runtime = Box::leak(Box::new(tokio::runtime::Runtime::new().unwrap()));
            runtime.block_on(async {
                let (collector, endpoint) = Collector::start().await;
                let lines = Lines::default();
                let mut config = TelemetryConfig::new("samspor");
                config.otlp_endpoint = Some(endpoint);
                let buffer = SpanBuffer::new(20_000);
                config.buffer = Some(buffer.clone());
                "trace".clone_into(&mut config.log_filter);
                let writer = lines.clone();
                config.log_writer = Some(BoxMakeWriter::new(move || writer.clone()));
                let guard = telemetry::init(config).unwrap();
                Watch {
                    collector,
                    lines,
                    guard,
                    buffer,
                }
            })
        };
        std::thread::spawn(start).join().unwrap()
    })
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Kind, service and method or statement kind of a span, without ids.
fn label(span: &Span) -> String {
    let name = span.name.trim_start_matches("samspor.");
    let service = said(span, "samspor.tjeneste").map(|service| format!("{service} "));
    let name = format!("{}{name}", service.unwrap_or_default());
    let kind = match span.kind {
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "internal",
    };
    format!("{kind} {name}")
}

/// What a span says of itself by a name.
fn said<'s>(span: &'s Span, key: &str) -> Option<&'s str> {
    span.attributes.iter().find_map(|attribute| {
        let value = attribute.value.as_ref()?.value.as_ref()?;
        let Value::StringValue(text) = value else {
            return None;
        };
        (attribute.key == key).then_some(text.as_str())
    })
}

/// Methods that the gateway or a service has answered with success. A refusal
/// is no error of a span, so it is its code that tells.
fn answered(spans: &[Span]) -> BTreeSet<String> {
    let served = spans.iter().filter(|span| {
        label(span).starts_with("server ") && said(span, "rpc.response.status_code") == Some("OK")
    });
    served.map(|span| format!("/{}", span.name)).collect()
}

/// The edges of one trace, as (parent, child).
fn edges(spans: &[Span], trace: &str) -> BTreeSet<(String, String)> {
    let ours: Vec<&Span> = spans
        .iter()
        .filter(|span| hex(&span.trace_id) == trace)
        .collect();
    ours.iter()
        .map(|child| {
            let parent = ours
                .iter()
                .find(|span| span.span_id == child.parent_span_id);
            (
                parent.map_or_else(|| "—".to_owned(), |span| label(span)),
                label(child),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_runs_from_the_client_to_the_consumer() {
    let Watch {
        collector, guard, ..
    } = watch();
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    drop(case);
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let answer: samspor::desk::Answer<SikrePersonResponse> = desk
        .call(
            "koordinering.v1.PersonService/SikrePerson",
            SikrePersonRequest {
                request_id: request_id(),
                fodselsnummer: NUMBERS[1].to_owned(),
            },
        )
        .await;
    assert!(answer.result.is_ok());

    // The decision's trace goes on in the consumers: wait for what they do.
    let decided = "bestillerkontor.v1.VedtakService/FattVedtak";
    let expected = expected(decided);
    // The spans are those of every test of the process: this decision's alone.
    let log = scene.log().await;
    let trace = log.iter().find(|row| row.metode.ends_with(decided));
    let trace = &trace.unwrap().sporings_id;
    let mut found = BTreeSet::new();
    for _ in 0..100 {
        guard.flush();
        found = edges(&collector.spans(), trace);
        if found == expected {
            break;
        }
        wait().await;
    }
    assert_eq!(found, expected);
}

/// Every edge of a decision's trace, from the client to the consumers.
fn expected(decided: &str) -> BTreeSet<(String, String)> {
    let client = format!("client {decided}");
    let server = |service: &str| format!("server {service} {decided}");
    let [transaction, sql] = ["client transaction", "client sql"].map(str::to_owned);
    let consumer = "consumer bestillerkontor consume".to_owned();
    BTreeSet::from([
        // The caller calls the gateway, and the gateway the owner.
        ("—".to_owned(), client.clone()),
        (client.clone(), server("gateway")),
        (server("gateway"), client.clone()),
        (client, server("bestillerkontor")),
        (server("bestillerkontor"), transaction.clone()),
        (transaction.clone(), sql),
        // What was committed goes on where it is consumed.
        (transaction.clone(), consumer.clone()),
        (consumer, transaction),
    ])
}

/// A page of 200 records that the caller may all see is one call to the owner
/// and one entry of the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_page_is_one_call_and_one_log_entry() {
    let Watch {
        collector, guard, ..
    } = watch();
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    for _ in 0..200 {
        let request = MottaSoknadRequest {
            parent: person.clone(),
            request_id: request_id(),
            eget_onske: "Faste folk.".to_owned(),
            kanal: Kanal::Oppmote.into(),
            gjelder: vec![Tjenestetype::RopOppfolging.into()],
            ..Default::default()
        };
        ok::<_, MottaSoknadResponse>(
            &inntak,
            "bestillerkontor.v1.SoknadService/MottaSoknad",
            request,
        )
        .await;
    }
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let method = "bestillerkontor.v1.SoknadService/ListSoknader";
    let request = ListSoknaderRequest {
        parent: person,
        page_size: 200,
        ..Default::default()
    };
    let answer: samspor::desk::Answer<ListSoknaderResponse> = desk.call(method, request).await;
    assert_eq!(answer.result.unwrap().soknader.len(), 200);
    // Consumers go on reading their feeds meanwhile.
    let log = scene.log().await;
    let rows = log.iter().filter(|row| row.metode.ends_with(method));
    assert_eq!(rows.count(), 1);
    let mut calls = 0;
    for _ in 0..100 {
        guard.flush();
        let spans = collector.spans();
        let by = |kind: &str| {
            let wanted = format!("{kind} {method}");
            let ours = spans
                .iter()
                .filter(|span| hex(&span.trace_id) == answer.trace_id);
            ours.filter(move |span| label(span) == wanted)
        };
        let gateway: Vec<_> = by("server gateway").map(|span| &span.span_id).collect();
        calls = by("client")
            .filter(|span| gateway.contains(&&span.parent_span_id))
            .count();
        if calls > 0 {
            break;
        }
        wait().await;
    }
    assert_eq!(calls, 1);
}

/// Time for the exporter: the collector has no notification.
async fn wait() {
    tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>())
        .await
        .unwrap_err();
}

const CANARY_NUMBER: &str = "01819010435";
const CANARY_NAME: &str = "Kanari Kvitterson";

/// What other tests play one by one: in one mesh, and those that share a person
/// each in a mesh of its own.
async fn lives(scene: &Scene) {
    Box::pin(bestiller_forlop::soknader(scene)).await;
    Box::pin(bestiller_forlop::bestilt(scene)).await;
    Box::pin(vedtak_forlop::forkastet(scene)).await;
    Box::pin(vedtak_forlop::endret(scene)).await;
    Box::pin(klage_forlop::klaget(scene)).await;
    Box::pin(koordinering_forlop::viljen(scene)).await;
    Box::pin(koordinering_forlop::registeret(scene)).await;
    Box::pin(koordinering_forlop::vernet(scene)).await;
    Box::pin(klage_forlop::tall()).await;
    Box::pin(rop_forlop::lives()).await;
    Box::pin(nav_forlop::lives()).await;
    Box::pin(bolig_forlop::lives()).await;
    Box::pin(avvik_forlop::lives()).await;
    Box::pin(kommuner::whole_cases()).await;
    Box::pin(kartlegging::mapped_once(&Scene::start().await)).await;
    Box::pin(kartlegging::wrong_form(&Scene::start().await)).await;
    Box::pin(nodtilgang::glass(&Scene::start().await)).await;
    Box::pin(mandat::review(&Scene::start().await)).await;
    Box::pin(gransking::lives()).await;
    Box::pin(worked_cases::on_behalf(&Scene::start().await)).await;
}

/// Calls every method of every contract, as several callers, with a name and a
/// number in every text that is not the name of a resource. Gathers what the
/// refusals say; returns how many calls were made.
async fn every_method(scene: &Scene, person: &str, told: &mut String) -> usize {
    let contracts = kontrakter();
    let desks = [
        scene
            .desk("bestillerkontor", Rolle::Saksbehandler, Formal::Unspecified)
            .await,
        scene
            .desk("rop", Rolle::Behandler, Formal::Unspecified)
            .await,
        scene.desk("nav", Rolle::Inntak, Formal::Unspecified).await,
        scene
            .desk("koordinering", Rolle::Leder, Formal::Unspecified)
            .await,
        scene.person_desk(person).await,
    ];
    let mut calls = 0;
    for method in contracts.metoder.values() {
        let path = method.sti.trim_start_matches("/samspor.");
        let name = contracts
            .ressurser
            .get(&method.tilgang.ressurs)
            .map_or_else(String::new, |record| record.ressurs.monster.clone())
            .replace("personer/{person}", person)
            .replace("{enhet}", "bestillerkontor");
        let (name, _) = name
            .split_once('{')
            .map_or((name.as_str(), ""), |parts| parts);
        let name = match method.tilgang.navn_felt.as_str() {
            "parent" => name.rsplitn(3, '/').last().unwrap_or_default().to_owned(),
            _ => format!("{name}00000000-0000-7000-8000-000000000001"),
        };
        for desk in &desks {
            for formal in method.tilgang.formal().take(1) {
                let desk = desk.with_purpose(formal);
                let request = filled(&method.inn, &method.tilgang.navn_felt, &name, 0);
                calls += 1;
                let status = if method.strom {
                    desk.stream::<_, ()>(path, request).await.err()
                } else {
                    desk.call::<_, ()>(path, request).await.result.err()
                };
                if let Some(status) = status {
                    told.push_str(&format!("{status:?}"));
                }
            }
        }
    }
    calls
}

/// A request with the canaries wherever a text can stand.
fn filled(
    message: &MessageDescriptor,
    name_field: &str,
    name: &str,
    depth: usize,
) -> DynamicMessage {
    let mut out = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let value = match field.kind() {
            Kind::String if field.name() == name_field => Content::String(name.to_owned()),
            Kind::String if field.name() == "request_id" => Content::String(request_id()),
            Kind::String if field.name() == "page_token" => continue,
            Kind::String => Content::String(format!("{CANARY_NAME} {CANARY_NUMBER}")),
            Kind::Enum(_) => Content::EnumNumber(1),
            Kind::Bool => Content::Bool(true),
            Kind::Int32 => Content::I32(1),
            Kind::Message(inner) if depth < 4 && !inner.full_name().starts_with("google.") => {
                Content::Message(filled(&inner, "", "", depth + 1))
            }
            _ => continue,
        };
        if field.is_map() {
            continue;
        }
        let value = match field.is_list() {
            true => Content::List(vec![value]),
            false => value,
        };
        out.set_field(&field, value);
    }
    out
}

/// A caller from outside gets a root of its own, linked to what it sent, and
/// the trace id back; nothing personal is in any span or log line, whichever
/// method is answered with success.
///
/// Seen red: with methods that nothing plays.
#[tokio::test(flavor = "multi_thread")]
async fn telemetry_holds_no_personal_data() -> Result<(), Vec<String>> {
    let Watch {
        collector,
        lines,
        guard,
        ..
    } = watch();
    let scene = Scene::start().await;

    let case = scene.case(NUMBERS[0]).await;
    let journal = scene.journal(&case.person).await;
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let bad: samspor::desk::Answer<SikrePersonResponse> = desk
        .call(
            "koordinering.v1.PersonService/SikrePerson",
            SikrePersonRequest {
                request_id: request_id(),
                fodselsnummer: "01819010002".to_owned(),
            },
        )
        .await;
    let mut told = format!("{:?}", bad.result.unwrap_err());
    // Refused before a rule is asked: seen red with the rules asked without a purpose.
    let request = SikrePersonRequest {
        request_id: request_id(),
        fodselsnummer: NUMBERS[0].to_owned(),
    };
    let wrong = desk.with_purpose(Formal::Statistikk);
    let method = "koordinering.v1.PersonService/SikrePerson";
    refused::<_, SikrePersonResponse>(&wrong, method, request).await;
    drop(journal);
    let calls = every_method(&scene, &case.person, &mut told).await;
    assert!(calls > 150, "{calls} calls");
    // What succeeds, and what follows of it: the stories of the demo, and lives
    // through every service.
    for story in [Historie::K4, Historie::KartlagtEnGang] {
        Box::pin(play(story, None, Style::Silent, None, None))
            .await
            .unwrap();
    }
    Box::pin(lives(&scene)).await;

    guard.flush();
    let spans = collector.spans();
    let answered = answered(&spans);
    let (anonymous, known): (Vec<_>, Vec<_>) = kontrakter()
        .metoder
        .values()
        .partition(|method| method.tilgang.anonym);
    let never = known
        .iter()
        .filter(|method| !answered.contains(&method.sti))
        .map(|method| format!("{} was never answered with success", method.sti));
    let mut faults: Vec<String> = never.collect();
    // Of those whose caller must not be recognised nothing is told at all.
    let told_of = anonymous.iter().filter(|method| {
        let name = method.sti.trim_start_matches('/');
        spans
            .iter()
            .any(|span| said(span, "rpc.method") == Some(name))
    });
    faults.extend(told_of.map(|method| format!("a span tells of {}", method.sti)));
    let person = case.person.trim_start_matches("personer/");
    let spans = collector.text();
    let log = String::from_utf8_lossy(&lines.0.lock().unwrap()).into_owned();
    assert!(
        spans.contains("SikrePerson"),
        "the scan has something to scan"
    );
    for canary in [
        NUMBERS[0],
        "01819010002",
        "Faste folk",
        "Jeg drikker",
        "Redusert rusbruk",
        "utviklingshemming",
        "bor hos kjente",
        "sofa",
        "rusbruk",
        "Rusmiddelbruk",
        "Fortrolig",
        CANARY_NAME,
        CANARY_NUMBER,
        person,
    ] {
        let number_or_name = canary.starts_with("018") || canary == CANARY_NAME;
        for (place, text, scanned) in [
            ("span", &spans, true),
            ("log line", &log, true),
            ("error", &told, number_or_name),
        ] {
            if scanned && text.contains(canary) {
                faults.push(format!("{canary} in a {place}"));
            }
        }
    }
    if log.contains("policy could not be evaluated") {
        faults.push("a rule was asked that could not be evaluated".to_owned());
    }
    // The text of a panic is kept out of telemetry, and so out of sight.
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Outside callers do not continue a trace, they are linked to it: the answer
/// tells a trace id that is not theirs, and its root links to theirs.
///
/// Seen red: with the caller's trace continued, and with no link.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_from_outside_gets_a_linked_trace_of_its_own() {
    let Watch {
        collector, guard, ..
    } = watch();
    let scene = Scene::on(Arc::new(SystemClock), |options| {
        options.continues_traces = false;
    })
    .await;
    let claims = samspor::mesh::employee("bestillerkontor", "x", Rolle::Saksbehandler);
    let token = scene.mesh.token(&claims).unwrap();
    let mut request = Request::new(SikrePersonRequest {
        request_id: request_id(),
        fodselsnummer: NUMBERS[0].to_owned(),
    });
    let theirs = "4bf92f3577b34da6a3ce929d0e0e4736";
    let metadata = request.metadata_mut();
    metadata.insert("authorization", format!("Bearer {token}").parse().unwrap());
    metadata.insert("x-samspor-formaal", "SAKSBEHANDLING".parse().unwrap());
    let parent = format!("00-{theirs}-00f067aa0ba902b7-01");
    metadata.insert("traceparent", parent.parse().unwrap());
    let mut client = Grpc::new(scene.mesh.channel().await.unwrap());
    client.ready().await.unwrap();
    let path = "/samspor.koordinering.v1.PersonService/SikrePerson";
    let codec = ProstCodec::<SikrePersonRequest, SikrePersonResponse>::default();
    let response = client.unary(request, path.parse().unwrap(), codec).await;
    let response = response.unwrap();
    let id = response.metadata().get("x-samspor-trace-id").unwrap();
    let id = id.to_str().unwrap();
    assert_ne!(id, theirs);
    let mut links = Vec::new();
    for _ in 0..100 {
        guard.flush();
        let spans = collector.spans();
        assert!(spans.iter().all(|span| hex(&span.trace_id) != theirs));
        let mut roots = spans
            .iter()
            .filter(|span| hex(&span.trace_id) == id && span.parent_span_id.is_empty());
        if let Some(root) = roots.next() {
            links = root.links.iter().map(|link| hex(&link.trace_id)).collect();
            break;
        }
        wait().await;
    }
    assert_eq!(links, [theirs]);
}

/// Answers and refusals alike.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_its_trace() {
    let scene = Scene::start().await;
    let token = scene
        .mesh
        .token(&samspor::mesh::employee(
            "bestillerkontor",
            "x",
            Rolle::Saksbehandler,
        ))
        .unwrap();
    let mut request = Request::new(SikrePersonRequest {
        request_id: request_id(),
        fodselsnummer: NUMBERS[0].to_owned(),
    });
    request
        .metadata_mut()
        .insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
        .metadata_mut()
        .insert("x-samspor-formaal", "SAKSBEHANDLING".parse().unwrap());
    let mut client = Grpc::new(scene.mesh.channel().await.unwrap());
    client.ready().await.unwrap();
    let path = "/samspor.koordinering.v1.PersonService/SikrePerson"
        .parse()
        .unwrap();
    let codec = ProstCodec::<SikrePersonRequest, SikrePersonResponse>::default();
    let response = client.unary(request, path, codec).await.unwrap();
    let id = response
        .metadata()
        .get("x-samspor-trace-id")
        .unwrap()
        .to_str()
        .unwrap();
    assert_eq!(id.len(), 32);
    let desk = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let refused: samspor::desk::Answer<HentPersonResponse> = desk
        .call(
            "koordinering.v1.PersonService/HentPerson",
            HentPersonRequest {
                name: response.into_inner().person,
            },
        )
        .await;
    assert!(refused.result.is_err());
    assert_eq!(refused.trace_id.len(), 32);
}
