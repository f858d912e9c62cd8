//! Load of one method over several connections.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use hdrhistogram::Histogram;
use samspor_proto::bestillerkontor::{
    HentVedtakRequest, vedtak_service_client::VedtakServiceClient,
};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

/// Connections that the callers share.
const CONNECTIONS: usize = 4;

/// One round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Calls in flight at most.
    pub(crate) callers: usize,
    /// Calls a second that are offered; none: every caller calls again at
    /// once, so that all of them are in flight.
    pub(crate) rate: Option<u32>,
    pub(crate) length: Duration,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) answered: u64,
    pub(crate) faults: u64,
    /// Microseconds from when each call should have started.
    pub(crate) latency: Histogram<u64>,
    /// Calls in flight on average: the time of all calls over that of the round.
    pub(crate) in_flight: f64,
    pub(crate) took: Duration,
}

/// One call that has ended.
struct Ended {
    good: bool,
    since_due: Duration,
    since_sent: Duration,
}

/// Offers the load. An answer counts when its status is OK and it holds the
/// record that was asked for.
pub(crate) async fn run(
    plan: &Plan,
    address: &str,
    token: Option<&str>,
    name: &str,
) -> Result<Outcome> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let channel = Endpoint::from_shared(format!("http://{address}"))?
            .tcp_nodelay(true)
            .connect()
            .await?;
        clients.push(VedtakServiceClient::new(channel));
    }
    let places = Arc::new(Semaphore::new(plan.callers));
    let mut outcome = Outcome {
        answered: 0,
        faults: 0,
        latency: Histogram::new(3)?,
        in_flight: 0.0,
        took: Duration::ZERO,
    };
    let mut in_flight = Duration::ZERO;
    let mut calls = JoinSet::new();
    let begin = Instant::now();
    for turn in 0_u32.. {
        let due = match plan.rate {
            Some(rate) => begin + Duration::from_secs(1) / rate * turn,
            None => Instant::now(),
        };
        if due >= begin + plan.length {
            break;
        }
        wait_until(due).await;
        let place = Arc::clone(&places).acquire_owned().await?;
        let due = plan.rate.map_or_else(Instant::now, |_| due);
        let client = clients
            .get(usize::try_from(turn)? % CONNECTIONS)
            .context("no client")?
            .clone();
        let request = request(name, token)?;
        let name = name.to_owned();
        calls.spawn(async move {
            let sent = Instant::now();
            let good = call(client, request, &name).await;
            let ended = Ended {
                good,
                since_due: due.elapsed(),
                since_sent: sent.elapsed(),
            };
            drop(place);
            ended
        });
        while let Some(ended) = calls.try_join_next() {
            in_flight += outcome.count(&ended?)?;
        }
    }
    while let Some(ended) = calls.join_next().await {
        in_flight += outcome.count(&ended?)?;
    }
    outcome.took = begin.elapsed();
    outcome.in_flight = in_flight.as_secs_f64() / outcome.took.as_secs_f64();
    if outcome.answered == 0 {
        bail!("no request was answered");
    }
    Ok(outcome)
}

/// Waits for an instant.
pub(crate) async fn wait_until(instant: Instant) {
    if instant > Instant::now() {
        // A wait that ends by its deadline has not failed.
        let _ = tokio::time::timeout_at(instant, std::future::pending::<()>()).await;
    }
}

fn request(name: &str, token: Option<&str>) -> Result<Request<HentVedtakRequest>> {
    let mut request = Request::new(HentVedtakRequest {
        name: name.to_owned(),
        versjon: 0,
    });
    if let Some(token) = token {
        let metadata = request.metadata_mut();
        metadata.insert("authorization", format!("Bearer {token}").parse()?);
        metadata.insert("x-samspor-formaal", "SAKSBEHANDLING".parse()?);
    }
    Ok(request)
}

async fn call(
    mut client: VedtakServiceClient<Channel>,
    request: Request<HentVedtakRequest>,
    name: &str,
) -> bool {
    client.hent_vedtak(request).await.is_ok_and(|answer| {
        answer
            .into_inner()
            .vedtak
            .is_some_and(|vedtak| vedtak.name == name && !vedtak.linjer.is_empty())
    })
}

impl Outcome {
    /// How long a call was in flight, on average.
    pub(crate) fn mean(&self) -> Duration {
        let calls = u32::try_from(self.answered + self.faults).unwrap_or(u32::MAX);
        self.took.mul_f64(self.in_flight) / calls.max(1)
    }

    /// Counts a call, and says for how long it was in flight.
    fn count(&mut self, ended: &Ended) -> Result<Duration> {
        if ended.good {
            self.answered += 1;
            self.latency
                .record(u64::try_from(ended.since_due.as_micros())?.max(1))?;
        } else {
            self.faults += 1;
        }
        Ok(ended.since_sent)
    }
}
