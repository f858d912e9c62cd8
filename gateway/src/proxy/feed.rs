//! The gateway's own readers of the services' fact feeds.
//!
//! One follower a service keeps the projection current. A forwarded write
//! drains the feed up to the number in its answer before it is answered, so
//! that a caller sees its own writes and a withdrawal holds when it is told.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt as _;
use prost::Message as _;
use samspor_chassis::{telemetry, tid::Clock};
use samspor_proto::{
    felles::{Aktor, Feilgrunn, Rolle},
    hendelse::{FaktaRequest, FaktaResponse},
    internt::Attestasjon,
    tilgang::Formal,
};
use tokio::sync::Mutex;
use tonic::{Code, Request, Status, metadata::MetadataValue};

use super::{forward::Upstream, refusal::Refused};
use crate::facts::{Facts, FollowError};

const PATH: &str = "/samspor.hendelse.v1.HendelseService/Fakta";
/// Microseconds for which the attestation of a feed is good; it is checked
/// when the stream opens.
const ATTESTATION_LIFE: i64 = 20_000_000;
/// Longest time in which the facts of a write are read.
const MAX_DRAIN: Duration = Duration::from_secs(10);
/// Longest pause before a broken feed is opened again.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The fact feeds of all services.
pub(super) struct Feeds {
    facts: Facts,
    clock: Arc<dyn Clock>,
    services: BTreeMap<String, Service>,
}

struct Service {
    upstream: Arc<Upstream>,
    /// One drain at a time: a second would read the same facts again.
    draining: Mutex<()>,
}

impl Feeds {
    pub(super) fn new(
        facts: Facts,
        clock: Arc<dyn Clock>,
        upstreams: &BTreeMap<String, Arc<Upstream>>,
    ) -> Self {
        let services = upstreams
            .iter()
            .map(|(name, upstream)| {
                let service = Service {
                    upstream: Arc::clone(upstream),
                    draining: Mutex::new(()),
                };
                (name.clone(), service)
            })
            .collect();
        Self {
            facts,
            clock,
            services,
        }
    }

    /// Brings the facts of a service into force up to a number.
    ///
    /// # Errors
    /// UTILGJENGELIG when they cannot be read or stored: the write has
    /// happened, and repeating it with the same `request_id` is harmless.
    pub(super) async fn drain(&self, service: &str, number: i64) -> Result<(), Refused> {
        if self.facts.position(service) >= number {
            return Ok(());
        }
        let down = || Refused::new(Feilgrunn::Utilgjengelig).with("del", service);
        let reader = self.services.get(service).ok_or_else(down)?;
        let drained = async {
            let _turn = reader.draining.lock().await;
            let after = self.facts.position(service);
            if after >= number {
                return Ok(());
            }
            self.read(reader, after, number).await.map_err(|_| down())
        };
        let ended = tokio::time::timeout(MAX_DRAIN, drained).await;
        ended.unwrap_or_else(|_| Err(down()))
    }

    /// Follows one service until the process ends.
    pub(super) async fn follow(self: Arc<Self>, name: String) {
        let Some(service) = self.services.get(&name) else {
            return;
        };
        let mut pause = Duration::from_millis(50);
        loop {
            let started = self.clock.now();
            let after = self.facts.position(&name);
            if let Err(fault) = self.read(service, after, 0).await {
                tracing::warn!(
                    samspor.tjeneste = %name,
                    samspor.feil = %telemetry::variant(&fault.code()),
                    "fact feed ended"
                );
                let known = match fault.code() {
                    Code::Unavailable => true,
                    // What it says cannot be taken in. Its writes are not
                    // answered; the others go on, unless it is this service
                    // that says what is closed.
                    Code::DataLoss => !self.facts.closes(&name),
                    _ => false,
                };
                if known {
                    self.facts.unreachable(&name);
                }
            }
            if self.clock.now().0 - started.0 > 10_000_000 {
                pause = Duration::from_millis(50);
            }
            let again = self.clock.now().plus(pause);
            self.clock.sleep_until(again).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn read(&self, service: &Service, after: i64, until: i64) -> Result<(), Status> {
        let name = &service.upstream.name;
        let request = self.request(&service.upstream, after, until);
        let path = http::uri::PathAndQuery::from_static(PATH);
        let stream = service.upstream.stream(&path, request).await?.into_inner();
        let batches = stream.map(|message| {
            FaktaResponse::decode(message?).map_err(|_| Status::internal("fact feed"))
        });
        self.facts
            .follow(name, batches)
            .await
            .map_err(|fault| match fault {
                FollowError::Feed(status) => status,
                FollowError::Apply(fault) => {
                    tracing::error!(
                        samspor.tjeneste = %name,
                        samspor.feil = %telemetry::variant(&fault),
                        samspor.faktum_nr = fault.number(),
                        "facts could not be applied"
                    );
                    Status::data_loss("facts cannot be applied")
                }
            })
    }

    fn request(&self, upstream: &Upstream, etter: i64, til: i64) -> Request<Bytes> {
        let body = Bytes::from(FaktaRequest { etter, til }.encode_to_vec());
        let attestation = Attestasjon {
            mottaker: upstream.name.clone(),
            metode: PATH.to_owned(),
            innholdssum: samspor_chassis::attest::body_sum(&body),
            jti: super::random_id(),
            utloper: self.clock.now().0 + ATTESTATION_LIFE,
            aktor: Some(Aktor {
                enhet: "enheter/gateway".to_owned(),
                rolle: Rolle::System.into(),
                ..Aktor::default()
            }),
            formal: Formal::Kontroll.into(),
            ..Attestasjon::default()
        };
        let signed = samspor_chassis::attest::sign(&upstream.key, &attestation);
        let mut request = Request::new(body);
        request
            .metadata_mut()
            .insert_bin("x-samspor-attest-bin", MetadataValue::from_bytes(&signed));
        request
    }
}
