//! A small trace store of Jaeger's query API, that answers as it is told to.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData},
};
use samspor::gransk::spor::{Talmod, hent};
use samspor_proto::jaeger::{
    GetTraceRequest,
    query_service_server::{QueryService, QueryServiceServer},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lager {
    /// With two spans of the trace in two messages, and one of another system.
    Har,
    /// With more spans than anybody reads.
    Langt,
    /// That it has no such trace.
    Tomt,
    /// With an answer without spans, as some stores say the same.
    Uten,
    /// Never.
    Taust,
    /// Breaks off in the middle.
    Brutt,
    /// With a fault.
    Feil,
}

/// A running one.
pub struct Kjorer {
    pub url: String,
    serving: JoinHandle<()>,
}

impl Kjorer {
    pub fn stopp(&self) {
        self.serving.abort();
    }
}

pub async fn start(lager: Lager) -> Kjorer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(QueryServiceServer::new(Svar(Arc::new(lager))));
    let serving = tokio::spawn(async move {
        server
            .serve_with_incoming(TcpListenerStream::new(listener))
            .await
            .unwrap();
    });
    Kjorer { url, serving }
}

struct Svar(Arc<Lager>);

#[tonic::async_trait]
impl QueryService for Svar {
    type GetTraceStream = stream::BoxStream<'static, Result<TracesData, Status>>;

    async fn get_trace(
        &self,
        request: Request<GetTraceRequest>,
    ) -> Result<Response<Self::GetTraceStream>, Status> {
        let id = request.into_inner().trace_id;
        let trace: Vec<u8> = (0..16)
            .map(|place| u8::from_str_radix(&id[2 * place..2 * place + 2], 16).unwrap())
            .collect();
        let gateway = chunk(
            "gateway",
            &trace,
            "samspor.nav.v1.BotilbudService/MeldIkkeKlart",
            0,
            5_000,
        );
        let foreign = chunk(
            "journalsystem Rusmiddelbruk",
            &trace,
            "GET /pasient/Rusmiddelbruk",
            3_000,
            4_000,
        );
        let other = chunk("nav", &[7; 16], "sql", 0, 9_000);
        let nav = chunk("nav", &trace, "sql", 1_000, 2_000);
        let answers = match *self.0 {
            Lager::Har => vec![Ok(gateway), Ok(foreign), Ok(other), Ok(nav)],
            Lager::Langt => (0..10_001).map(|_| Ok(nav.clone())).collect(),
            Lager::Tomt => return Err(Status::not_found("trace not found")),
            Lager::Uten => vec![],
            Lager::Taust => {
                let never = Duration::from_hours(1);
                tokio::time::timeout(never, std::future::pending::<()>())
                    .await
                    .unwrap_err();
                vec![]
            }
            Lager::Brutt => vec![Ok(gateway), Err(Status::unavailable("gone"))],
            Lager::Feil => return Err(Status::internal("Rusmiddelbruk")),
        };
        Ok(Response::new(stream::iter(answers).boxed()))
    }
}

/// One span, from and to in microseconds after an instant.
fn chunk(service: &str, trace: &[u8], name: &str, from: u64, to: u64) -> TracesData {
    let at = |micros: u64| 1_799_049_600_000_000_000 + micros * 1_000;
    TracesData {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![KeyValue {
                    key: "service.name".to_owned(),
                    value: Some(AnyValue {
                        value: Some(Value::StringValue(service.to_owned())),
                    }),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans: vec![Span {
                    trace_id: trace.to_vec(),
                    span_id: vec![1; 8],
                    name: name.to_owned(),
                    start_time_unix_nano: at(from),
                    end_time_unix_nano: at(to),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
}

/// Impatient, for a store that does not answer.
pub const KORT: Talmod = Talmod {
    hvert: Duration::from_millis(300),
    alle: Duration::from_secs(2),
};

/// Whatever a store does, what it gives is the mesh's own words, and what it does
/// not give has a name.
///
/// Seen red: with the span's name as the store has it, and with spans of another
/// trace.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_gives_spans_or_a_gap() {
    let id = "0af7651916cd43dd8448eb211c80319c";
    for (lager, expected) in [
        (Lager::Har, ""),
        (
            Lager::Langt,
            "har mer enn 10000 for 1 av 1 spor; resten er ikke lest",
        ),
        (Lager::Tomt, "har ikke 1 av 1 spor"),
        (Lager::Uten, "har ikke 1 av 1 spor"),
        (Lager::Taust, "svarte ikke i tide for 1 av 1 spor"),
        (Lager::Brutt, "svarer ikke for 1 av 1 spor"),
        (Lager::Feil, "svarte med en feil for 1 av 1 spor"),
    ] {
        let store = start(lager).await;
        let patience = match lager {
            Lager::Taust => KORT,
            _ => Talmod::default(),
        };
        let (found, gaps) = hent(&store.url, &[id], patience).await.unwrap();
        let why: Vec<_> = gaps.iter().map(|gap| gap.grunn.as_str()).collect();
        assert_eq!(why.join("; "), expected, "{lager:?}");
        let text = format!("{found:?}{gaps:?}");
        assert!(!text.contains("Rusmiddelbruk"), "{text}");
        if lager == Lager::Langt {
            assert_eq!(found[id].antall, 10_000);
        }
        if lager == Lager::Har {
            let trace = &found[id];
            assert_eq!((trace.antall, trace.varighet_us), (3, 5_000));
            let told: Vec<_> = trace
                .spenn
                .iter()
                .map(|span| format!("{} {} {}", span.tjeneste, span.navn, span.varighet_us))
                .collect();
            assert_eq!(
                told,
                [
                    "gateway samspor.nav.v1.BotilbudService/MeldIkkeKlart 5000",
                    "nav sql 1000",
                    "annet annet 1000",
                ]
            );
        }
        store.stopp();
    }

    // Nobody there: one gap, however many traces.
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let (found, gaps) = hent(&gone, &[id, "1af7651916cd43dd8448eb211c80319c"], KORT)
        .await
        .unwrap();
    assert!(found.is_empty());
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].grunn, "svarer ikke");
    for bad in ["", "ikke en adresse", "/sti"] {
        let said = hent(bad, &[id], KORT).await.unwrap_err().to_string();
        assert!(
            said.contains("--spor") && said.contains("http://host:port"),
            "{said}"
        );
    }
    // Nothing is asked where there is nothing to ask about.
    assert_eq!(hent(&gone, &[], KORT).await.unwrap().1, []);
}

/// A store that is slow with every trace holds a review up for so long, and no
/// longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_holds_up_no_review() {
    let store = start(Lager::Taust).await;
    let ids: Vec<String> = (0..200).map(|number| format!("{number:032x}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let begun = tokio::time::Instant::now();
    let (found, gaps) = hent(&store.url, &ids, KORT).await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    assert!(found.is_empty());
    assert_eq!(gaps[0].grunn, "svarte ikke i tide for 200 av 200 spor");
}
