//! Answers that are streams: decided message by message, logged batch by
//! batch, and ended when the right to the person ends.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use samspor_chassis::tid::Tid;
use samspor_proto::{felles::Feilgrunn, internt::Loggtype, klassifisering::Klasser};
use tokio::sync::{mpsc, watch};
use tonic::{Status, Streaming};

use super::{
    answer::{ATTEMPTS, unsettled},
    judge::Judged,
    passage::{Passage, Subject},
    refusal::Refused,
};

/// Messages that share one log commit, at most.
const BATCH: usize = 64;
/// How long a reader may leave a message untaken.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a decision is good for a message that waits for its reader: until
/// then another replica's news may not have been heard here.
const FRESH: Duration = Duration::from_millis(50);

/// A message of the owner, and what of it may leave.
type Decided = (Bytes, Bytes);

/// What a stream goes on with.
enum Next {
    /// The right to the person must be looked at again.
    Look,
    /// The owner sent something, ended or failed.
    Owner(Result<Option<Bytes>, Status>),
}

impl Passage<'_> {
    /// Opens the stream at the owner. That it was opened is a disclosure: it
    /// is decided on facts that the log checks, and its row is durable before
    /// the caller is told.
    pub(super) async fn open(&mut self) -> Result<(Streaming<Bytes>, Klasser), Refused> {
        self.begin()?;
        let mut could = self.admit_read().await?;
        let upstream = self.upstream()?;
        let request = self.attested(self.body.clone(), could.classes, "")?;
        let answered = upstream.stream(&self.method.path, request).await;
        let owner = answered
            .map_err(|status| Refused::from_service(&upstream.name, &status))?
            .into_inner();
        for _ in 0..ATTEMPTS {
            let entry = Judged::on(self.person(), could.version).entry(self, Loggtype::Innsyn);
            if self.logged(entry).await? {
                return Ok((owner, could.classes));
            }
            could = self.admit_read().await?;
        }
        Err(unsettled())
    }

    /// Passes messages on until the owner ends, the reader leaves, the right
    /// ends or the gateway stops.
    pub(super) async fn pump(
        &mut self,
        owner: Streaming<Bytes>,
        outer: Klasser,
        reader: mpsc::Sender<Result<Bytes, Status>>,
    ) {
        // Kept for the last word, which a reader that stalls must not stop.
        let Ok(last) = reader.clone().reserve_owned().await else {
            return;
        };
        if let Err(ended) = self.pass_on(owner, outer, &reader).await {
            let told = self.log_refusal(ended, Loggtype::Avslag).await;
            last.send(Err(self.gateway.status(told, self.method, Klasser::INGEN)));
        }
    }

    async fn pass_on(
        &mut self,
        mut owner: Streaming<Bytes>,
        outer: Klasser,
        reader: &mpsc::Sender<Result<Bytes, Status>>,
    ) -> Result<(), Refused> {
        let clock = Arc::clone(&self.gateway.clock);
        let mut changes = self.gateway.facts.changes();
        let mut stopping = self.gateway.stopping();
        let mut expired = clock.sleep_until(Tid(self.expires));
        let mut runs_out = clock.sleep_until(self.first_end());
        let mut stalled = clock.sleep_until(Tid(i64::MAX));
        let mut decided: VecDeque<Decided> = VecDeque::new();
        let mut decided_at = clock.now();
        // What the owner sent after the last batch, if that was its end.
        let mut over = None;
        loop {
            let next = tokio::select! {
                // What ends the stream goes before what goes out on it.
                biased;
                () = reader.closed() => return Ok(()),
                () = stopped(&mut stopping) => {
                    return Err(Refused::new(Feilgrunn::Utilgjengelig).with("del", "gatewayen"));
                }
                // What the caller may was said by its token.
                () = &mut expired => return Err(Refused::new(Feilgrunn::RettOpphort)),
                () = &mut runs_out => Next::Look,
                changed = changes.recv() => {
                    // A lagged receiver has missed some changes: look anyway.
                    let ours = changed.as_ref().is_ok_and(|change| {
                        self.person().is_some_and(|person| change.persons.iter().any(|changed| **changed == *person))
                    });
                    if !ours && changed.is_ok() {
                        continue;
                    }
                    Next::Look
                }
                place = reader.reserve(), if !decided.is_empty() => {
                    let (Ok(place), Some((message, body))) = (place, decided.pop_front()) else {
                        return Ok(());
                    };
                    let body = if clock.now().since(decided_at) <= FRESH {
                        Some(body)
                    } else {
                        let again = self.decide_batch(&[message], outer).await?.pop();
                        again.map(|(_, body)| body)
                    };
                    if let Some(body) = body {
                        place.send(Ok(body));
                    }
                    stalled = clock.sleep_until(clock.now().plus(PATIENCE));
                    continue;
                }
                () = &mut stalled, if !decided.is_empty() => {
                    return Err(Refused::new(Feilgrunn::FristUte));
                }
                message = async {
                    match over.take() {
                        Some(ended) => ended,
                        None => owner.message().await,
                    }
                }, if decided.is_empty() => Next::Owner(message),
            };
            match next {
                Next::Look => {
                    if self.still_open().await?.is_none() {
                        return Err(Refused::new(Feilgrunn::RettOpphort));
                    }
                    runs_out = clock.sleep_until(self.first_end());
                }
                Next::Owner(Ok(None)) => return Ok(()),
                Next::Owner(Err(status)) => {
                    return Err(Refused::from_service(&self.method.metode.tjeneste, &status));
                }
                Next::Owner(Ok(Some(first))) => {
                    let mut batch = vec![first];
                    while batch.len() < BATCH
                        && let Some(ready) = owner.message().now_or_never()
                    {
                        let Ok(Some(message)) = ready else {
                            over = Some(ready);
                            break;
                        };
                        batch.push(message);
                    }
                    decided = self.decide_batch(&batch, outer).await?.into();
                    decided_at = clock.now();
                    stalled = clock.sleep_until(clock.now().plus(PATIENCE));
                }
            }
        }
    }

    /// When the first of the subject's facts ends by itself, and the right
    /// perhaps with it.
    fn first_end(&self) -> Tid {
        let facts = self.subject_facts();
        let ends = facts.facts.iter().map(|fact| fact.til);
        Tid(ends.filter(|end| *end > self.now).min().unwrap_or(i64::MAX))
    }

    /// Version of the facts by which the right that opened the stream still
    /// holds; none when it does not.
    async fn still_open(&mut self) -> Result<Option<i64>, Refused> {
        self.look_up().await?;
        let facts = self.subject_facts();
        let open = match self.subject {
            Subject::Person(_) => {
                self.knows(&self.could_read(&facts)) && self.check_case(&facts).is_ok()
            }
            Subject::Unit(_) | Subject::None => true,
        };
        Ok(open.then_some(facts.version))
    }

    /// Decides on a batch of messages and makes its row durable. Messages
    /// whose records are all withheld are not sent.
    async fn decide_batch(
        &mut self,
        batch: &[Bytes],
        outer: Klasser,
    ) -> Result<Vec<Decided>, Refused> {
        let mut read_again = false;
        loop {
            let Some(version) = self.still_open().await? else {
                return Err(Refused::new(Feilgrunn::RettOpphort));
            };
            let mut judged = Judged::on(self.person(), version);
            let mut bodies = Vec::with_capacity(batch.len());
            for message in batch {
                let (first, kept) = (judged.records.len(), judged.kept());
                let records = self.records(message)?;
                self.meet(&records).await?;
                for record in &records {
                    judged.add(self, record);
                }
                if judged.kept() > kept {
                    let body = self.rebuild(message, &judged, first, outer, None)?;
                    bodies.push((message.clone(), body));
                }
            }
            if bodies.is_empty() {
                // The log, which checks the facts, hears nothing of this. What
                // is remembered may be older than what now gives the right,
                // and nobody sends the message again.
                if read_again {
                    return Ok(bodies);
                }
                self.read_again(&judged).await?;
                read_again = true;
            } else if self.logged(judged.entry(self, Loggtype::Innsyn)).await? {
                return Ok(bodies);
            }
        }
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// What a reader gets.
pub(super) type Messages = mpsc::Receiver<Result<Bytes, Status>>;

/// Where the task puts messages and the reader takes them: one message, since
/// what is on its way can no longer be withheld, and the last word.
pub(super) fn channel() -> (mpsc::Sender<Result<Bytes, Status>>, Messages) {
    mpsc::channel(2)
}
