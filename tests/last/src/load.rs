//! Open-loop load of one method, over several connections.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use hdrhistogram::Histogram;
use samspor_proto::bestillerkontor::{
    HentVedtakRequest, vedtak_service_client::VedtakServiceClient,
};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tonic::{Request, transport::Endpoint};

/// Connections that the callers share.
const CONNECTIONS: usize = 4;

/// One round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) callers: usize,
    pub(crate) rate: u64,
    pub(crate) seconds: u64,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) answered: u64,
    pub(crate) faults: u64,
    /// Microseconds from when each request should have started.
    pub(crate) latency: Histogram<u64>,
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
    let total = plan.rate * plan.seconds;
    let begin = Instant::now();
    let mut calls = JoinSet::new();
    let mut outcome = Outcome {
        answered: 0,
        faults: 0,
        latency: Histogram::new(3)?,
    };
    for n in 0..total {
        let due = begin + Duration::from_nanos(1_000_000_000 / plan.rate * n);
        if due > Instant::now() {
            tokio::time::timeout_at(due, std::future::pending::<()>())
                .await
                .unwrap_err_or_default();
        }
        let place = Arc::clone(&places).acquire_owned().await?;
        let turn = usize::try_from(n).unwrap_or_default() % CONNECTIONS;
        let mut client = clients.get(turn).context("no client")?.clone();
        let mut request = Request::new(HentVedtakRequest {
            name: name.to_owned(),
        });
        if let Some(token) = token {
            let metadata = request.metadata_mut();
            metadata.insert("authorization", format!("Bearer {token}").parse()?);
            metadata.insert("x-samspor-formaal", "SAKSBEHANDLING".parse()?);
        }
        let name = name.to_owned();
        calls.spawn(async move {
            let answer = client.hent_vedtak(request).await;
            let good = answer.is_ok_and(|a| {
                a.into_inner()
                    .vedtak
                    .is_some_and(|v| v.name == name && !v.linjer.is_empty())
            });
            drop(place);
            (good, due.elapsed())
        });
        while let Some(done) = calls.try_join_next() {
            count(&mut outcome, done?)?;
        }
    }
    while let Some(done) = calls.join_next().await {
        count(&mut outcome, done?)?;
    }
    if outcome.answered == 0 {
        bail!("no request was answered");
    }
    Ok(outcome)
}

fn count(outcome: &mut Outcome, (good, took): (bool, Duration)) -> Result<()> {
    if good {
        outcome.answered += 1;
        outcome
            .latency
            .record(u64::try_from(took.as_micros())?.max(1))?;
    } else {
        outcome.faults += 1;
    }
    Ok(())
}

/// A wait that ends by its deadline has not failed.
trait Ended {
    fn unwrap_err_or_default(self);
}

impl<T> Ended for Result<T, tokio::time::error::Elapsed> {
    fn unwrap_err_or_default(self) {}
}
