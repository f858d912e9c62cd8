//! The seven steps of a call, read top to bottom in [`Gateway::unary`]:
//!
//! 1. `border`: what is taken from the caller's headers, and nothing else
//! 2. `identity`: who calls
//! 3. `passage`: for what purpose, about whom
//! 4. `passage`: what is decided before anything is looked up
//! 5. `forward`: the permit becomes an attestation, the call goes on
//! 6. `judge`: every record of the answer for itself
//! 7. `answer`, `stream`: durable log row first, then release
//!
//! Nothing here knows an agency's type: methods, records and classes come from
//! the descriptors, rules from the policy.

mod answer;
mod border;
mod codec;
mod feed;
mod forward;
mod judge;
mod method;
mod passage;
mod quota;
mod refusal;
mod serve;
mod start;
mod stream;
mod trace;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use samspor_chassis::{id::Ids, telemetry, tid::Clock};
use samspor_proto::{
    felles::Feilgrunn,
    klassifisering::{Klasser, Ressurstype},
    tilgang::Handling,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::{Request, Response, Status, metadata::MetadataValue};
use tracing::Instrument as _;

pub use border::{FORMAAL, ROLLE, SAK, TRACE_ID};
pub use forward::Target;
pub use refusal::DOMAIN;
pub use start::{Config, Keys, Running, ServiceTarget, StartError, start};

use self::{
    border::Border, feed::Feeds, forward::Upstream, method::Method, passage::Passage, quota::Quota,
    refusal::Refused,
};
use crate::{
    facts::Facts,
    identity::{Identity, IdentityError},
    log::Log,
    model::Caller,
    page_token::PageKey,
    policy::Policy,
    redaction::Plans,
};

/// The gateway of one process.
pub struct Gateway {
    policy: Arc<Policy>,
    identity: Identity,
    facts: Facts,
    log: Log,
    feeds: Arc<Feeds>,
    methods: HashMap<String, Method>,
    upstreams: BTreeMap<String, Arc<Upstream>>,
    /// Rows that permit some mutation of a record type.
    rows: HashMap<String, Vec<String>>,
    /// Record types by short name.
    ressurser: &'static BTreeMap<String, Ressurstype>,
    plans: Plans,
    page_key: PageKey,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    quota: Quota,
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
    ready: watch::Receiver<bool>,
}

/// A call that has come past the border, with who makes it.
struct Arrival {
    border: Border,
    caller: Caller,
    /// First microsecond in which the caller's token is no longer good.
    expires: i64,
    /// Held until the call has ended: a stopping gateway waits for it.
    place: OwnedSemaphorePermit,
}

impl Gateway {
    /// A unary call, from its headers and bytes to its answer.
    async fn unary(
        self: Arc<Self>,
        path: &str,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Status> {
        let (metadata, _, body) = request.into_parts();
        let headers = metadata.into_headers();
        let (method, arrival) = self.arrive(path, &headers, &self.calls)?;
        let span = trace::server_span(path, &headers, arrival.caller.mesh);
        let trace_id = trace::trace_id(&span);
        let time = arrival
            .border
            .time
            .unwrap_or(border::MAX_TIME)
            .min(border::MAX_TIME);
        let changes = matches!(
            method.tilgang().handling(),
            Handling::Skriv | Handling::Inntak
        );

        let gateway = Arc::clone(&self);
        let owned_path = path.to_owned();
        let owned_id = trace_id.clone();
        let work = async move {
            let method = gateway.method(&owned_path)?;
            let told = |refused, visible| gateway.status(refused, method, visible);
            let mut passage = Passage::enter(&gateway, method, arrival, &body, owned_id)
                .map_err(|refused| told(refused, Klasser::INGEN))?;
            passage
                .answer()
                .await
                .map_err(|refused| told(refused, passage.visible()))
        }
        .instrument(span.clone());

        let answered = if time.is_zero() {
            Err(too_late())
        } else if changes {
            // A mutation runs to its outcome row, whether or not its caller waits.
            match tokio::time::timeout(time, tokio::spawn(work)).await {
                Ok(joined) => joined.unwrap_or_else(|_| Err(Status::internal("internal error"))),
                Err(_) => Err(too_late()),
            }
        } else {
            tokio::time::timeout(time, work)
                .await
                .unwrap_or_else(|_| Err(too_late()))
        };
        finish(&span, &trace_id, answered.map(Response::new))
    }

    /// Steps 1 and 2, the method that is called, and a place among the calls
    /// in flight: a full gateway refuses at once.
    fn arrive(
        &self,
        path: &str,
        headers: &HeaderMap,
        places: &Arc<Semaphore>,
    ) -> Result<(&Method, Arrival), Status> {
        let plain = |refused: Refused| refused.into_status(Klasser::INGEN, None);
        let unavailable =
            |part: &str| plain(Refused::new(Feilgrunn::Utilgjengelig).with("del", part));
        let method = self.method(path)?;
        let place = Arc::clone(places)
            .try_acquire_owned()
            .map_err(|_| unavailable("gatewayen"))?;
        let border = Border::read(headers).map_err(plain)?;
        let identified = self
            .identity
            .caller(
                border.authorization.as_deref(),
                border.rolle.as_deref(),
                self.now() / 1_000_000,
            )
            .map_err(|fault| {
                plain(match fault {
                    IdentityError::Token(fault) => {
                        Refused::new(Feilgrunn::UgyldigToken).with("feil", fault)
                    }
                    IdentityError::Actor(fault) => {
                        Refused::new(Feilgrunn::UkjentAktor).with("felt", fault)
                    }
                })
            })?;
        if !*self.ready.borrow() {
            return Err(unavailable("faktaprojeksjonen"));
        }
        let arrival = Arrival {
            border,
            caller: identified.caller,
            expires: identified.exp.saturating_mul(1_000_000),
            place,
        };
        Ok((method, arrival))
    }

    fn method(&self, path: &str) -> Result<&Method, Status> {
        self.methods
            .get(path)
            .ok_or_else(|| Refused::new(Feilgrunn::UkjentMetode).into_status(Klasser::INGEN, None))
    }

    /// Now, microseconds since 1970.
    fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// The service that answers a method; `route` where a request field names it.
    fn upstream(&self, method: &Method, route: Option<&str>) -> Result<&Arc<Upstream>, Refused> {
        let field = method.tilgang().rute_felt.as_str();
        let name = if field.is_empty() {
            method.metode.tjeneste.as_str()
        } else {
            route.unwrap_or_default()
        };
        self.upstreams.get(name).ok_or_else(|| {
            if field.is_empty() {
                return Refused::new(Feilgrunn::Utilgjengelig).with("del", name);
            }
            let known = self
                .upstreams
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            Refused::field(field, Feilgrunn::FeltUkjentVerdi, &[("gyldige", &known)])
        })
    }

    /// Rows that permit some mutation of a record type.
    fn rows_of(&self, record_type: &str) -> &[String] {
        self.rows.get(record_type).map_or(&[], Vec::as_slice)
    }

    /// A record type by its short name.
    fn ressurs(&self, record_type: &str) -> Option<&'static Ressurstype> {
        self.ressurser.get(record_type)
    }

    /// Becomes true when the gateway stops.
    fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// What a caller of a method is told.
    #[expect(clippy::unused_self, reason = "reads as the gateway's own word")]
    fn status(&self, refused: Refused, method: &Method, visible: Klasser) -> Status {
        refused.into_status(visible, Some(&method.metode.inn))
    }
}

/// Gives the answer its trace id, and the span its outcome.
fn finish<T>(
    span: &tracing::Span,
    trace_id: &str,
    answered: Result<Response<T>, Status>,
) -> Result<Response<T>, Status> {
    let id = MetadataValue::try_from(trace_id).ok().map(|mut id| {
        // New in every answer: not for the connection's compression table.
        id.set_sensitive(true);
        id
    });
    match answered {
        Ok(mut response) => {
            telemetry::record_outcome(span, tonic::Code::Ok);
            if let Some(id) = id {
                response.metadata_mut().insert(TRACE_ID, id);
            }
            Ok(response)
        }
        Err(mut status) => {
            telemetry::record_outcome(span, status.code());
            if let Some(id) = id {
                status.metadata_mut().insert(TRACE_ID, id);
            }
            Err(status)
        }
    }
}

fn too_late() -> Status {
    Refused::new(Feilgrunn::FristUte).into_status(Klasser::INGEN, None)
}

/// 128 random bits in hex.
fn random_id() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness there is no attestation: an empty id is refused.
    if ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).is_err() {
        return String::new();
    }
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// Unary calls, and streams, that one gateway carries at the same time.
const PLACES: u32 = 1024;

/// Longest time that a stopping gateway waits for calls in flight.
const DRAIN: Duration = Duration::from_secs(20);
