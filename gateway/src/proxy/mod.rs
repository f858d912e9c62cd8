//! The seven steps of a call, read top to bottom in [`Gateway::arrive`]
//! and [`Gateway::unary`]:
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
use samspor_chassis::{id::Ids, tid::Clock};
use samspor_proto::{
    felles::Feilgrunn,
    klassifisering::{Klasser, Ressurstype},
    tilgang::Handling,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::{Response, Status};
use tracing::{Instrument as _, Span};

pub use border::{FORMAAL, ROLLE, SAK, TRACE_ID};
pub use codec::Raw;
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
    /// Rows that permit some mutation of a record type that takes its etag.
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
    /// A unary call that has arrived, from its bytes to its answer.
    async fn unary(
        self: Arc<Self>,
        path: String,
        arrival: Arrival,
        span: Span,
        trace_id: String,
        body: Bytes,
    ) -> Result<Response<Bytes>, Status> {
        let method = self.method(&path).map_err(plain)?;
        let time = arrival.border.time_left();
        let changes = matches!(
            method.tilgang().handling(),
            Handling::Skriv | Handling::Inntak
        );

        let gateway = Arc::clone(&self);
        let work = async move {
            let method = gateway.method(&path).map_err(plain)?;
            let told = |refused, visible| gateway.status(refused, method, visible);
            let mut passage = Passage::enter(&gateway, method, arrival, &body, trace_id)
                .map_err(|refused| told(refused, Klasser::INGEN))?;
            passage
                .answer()
                .await
                .map_err(|refused| told(refused, passage.visible()))
        }
        .instrument(span);

        let answered = if changes {
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
        answered.map(Response::new)
    }

    /// Steps 1 and 2, before anything of the body is read, and a place among
    /// the calls in flight: a full gateway refuses at once.
    fn arrive(&self, method: &Method, headers: &HeaderMap) -> Result<Arrival, Refused> {
        let unavailable = |part: &str| Refused::new(Feilgrunn::Utilgjengelig).with("del", part);
        let places = if method.metode.strom {
            &self.streams
        } else {
            &self.calls
        };
        let place = Arc::clone(places)
            .try_acquire_owned()
            .map_err(|_| unavailable("gatewayen"))?;
        let border = Border::read(headers)?;
        let identified = self
            .identity
            .caller(
                border.authorization.as_deref(),
                border.rolle.as_deref(),
                self.now() / 1_000_000,
            )
            .map_err(|fault| match fault {
                IdentityError::Token(fault) => {
                    Refused::new(Feilgrunn::UgyldigToken).with("feil", fault)
                }
                IdentityError::Actor(fault) => {
                    Refused::new(Feilgrunn::UkjentAktor).with("felt", fault)
                }
            })?;
        if border.time_left().is_zero() {
            return Err(Refused::new(Feilgrunn::FristUte));
        }
        if !*self.ready.borrow() {
            return Err(unavailable("faktaprojeksjonen"));
        }
        Ok(Arrival {
            border,
            caller: identified.caller,
            expires: identified.exp.saturating_mul(1_000_000),
            place,
        })
    }

    fn method(&self, path: &str) -> Result<&Method, Refused> {
        self.methods
            .get(path)
            .ok_or_else(|| Refused::new(Feilgrunn::UkjentMetode))
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

/// What is told before it is known what the caller may know.
fn plain(refused: Refused) -> Status {
    refused.into_status(Klasser::INGEN, None)
}

fn too_late() -> Status {
    plain(Refused::new(Feilgrunn::FristUte))
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
