//! Answers that are streams: decided message by message, logged batch by
//! batch, and ended when the right to the person ends.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use samspor_chassis::tid::Tid;
use samspor_proto::{felles::Feilgrunn, internt::Loggtype, klassifisering::Klasser};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::{
    judge::Judged,
    passage::{Passage, Subject},
    refusal::Refused,
};

/// Messages that share one log commit, at most.
const BATCH: usize = 64;
/// Messages that wait for a slow reader, at most.
const WAITING: usize = 16;

impl Passage<'_> {
    /// Opens the stream at the owner.
    pub(super) async fn open(&mut self) -> Result<(Streaming<Bytes>, Klasser), Refused> {
        self.begin()?;
        let could = self.admit_read()?;
        let upstream = self.upstream()?;
        let request = self.attested(self.body.clone(), could.classes, "")?;
        let answered = upstream.stream(&self.method.path, request).await;
        let response = answered.map_err(|status| Refused::from_service(&upstream.name, &status))?;
        Ok((response.into_inner(), could.classes))
    }

    /// Passes messages on until the owner ends, the reader leaves, the right
    /// ends or the gateway stops.
    pub(super) async fn pump(
        &mut self,
        mut owner: Streaming<Bytes>,
        outer: Klasser,
        reader: mpsc::Sender<Result<Bytes, Status>>,
    ) {
        let mut changes = self.gateway.facts.changes();
        let mut stopping = self.gateway.stopping();
        let clock = Arc::clone(&self.gateway.clock);
        let mut expired = clock.sleep_until(Tid(self.expires));
        let ended = loop {
            let first = tokio::select! {
                () = reader.closed() => return,
                _ = stopping.wait_for(|stop| *stop) => {
                    break Refused::new(Feilgrunn::Utilgjengelig).with("del", "gatewayen");
                }
                // What the caller may was said by its token.
                () = &mut expired => break Refused::new(Feilgrunn::RettOpphort),
                changed = changes.recv() => {
                    // A lagged receiver has missed some changes: look anyway.
                    let ours = changed.as_ref().is_ok_and(|change| {
                        self.person().is_some_and(|person| change.persons.iter().any(|changed| **changed == *person))
                    });
                    if (ours || changed.is_err()) && self.still_open().is_none() {
                        break Refused::new(Feilgrunn::RettOpphort);
                    }
                    continue;
                }
                message = owner.message() => message,
            };
            let mut batch = match first {
                Ok(Some(message)) => vec![message],
                Ok(None) => return,
                Err(status) => break Refused::from_service(&self.method.metode.tjeneste, &status),
            };
            while batch.len() < BATCH
                && let Some(Ok(Some(message))) = owner.message().now_or_never()
            {
                batch.push(message);
            }
            match self.decide_batch(&batch, outer).await {
                Ok(bodies) => {
                    for body in bodies {
                        if reader.send(Ok(body)).await.is_err() {
                            return;
                        }
                    }
                }
                Err(refused) => break refused,
            }
        };
        let told = self.log_refusal(ended, Loggtype::Avslag).await;
        let _ = reader
            .send(Err(self.gateway.status(told, self.method, Klasser::INGEN)))
            .await;
    }

    /// Version of the facts by which the right that opened the stream still
    /// holds; none when it does not.
    fn still_open(&mut self) -> Option<i64> {
        self.now = self.gateway.now();
        let facts = self.subject_facts();
        let open = match self.subject {
            Subject::Person(_) => {
                self.knows(&self.could_read(&facts)) && self.check_case(&facts).is_ok()
            }
            Subject::Unit(_) | Subject::None => true,
        };
        open.then_some(facts.version)
    }

    /// Decides on a batch of messages and makes its row durable. Messages
    /// whose records are all withheld are not sent.
    async fn decide_batch(
        &mut self,
        batch: &[Bytes],
        outer: Klasser,
    ) -> Result<Vec<Bytes>, Refused> {
        loop {
            let Some(version) = self.still_open() else {
                return Err(Refused::new(Feilgrunn::RettOpphort));
            };
            let mut judged = Judged::on(self.person(), version);
            let mut bodies = Vec::with_capacity(batch.len());
            for message in batch {
                let (first, kept) = (judged.records.len(), judged.kept());
                for record in &self.records(message)? {
                    judged.add(self, record);
                }
                if judged.kept() > kept {
                    bodies.push(self.rebuild(message, &judged, first, outer, None)?);
                }
            }
            if bodies.is_empty() || self.logged(judged.entry(self, Loggtype::Innsyn)).await? {
                return Ok(bodies);
            }
        }
    }
}

/// What a reader gets.
pub(super) type Messages = mpsc::Receiver<Result<Bytes, Status>>;

/// Where the task puts messages and the reader takes them.
pub(super) fn channel() -> (mpsc::Sender<Result<Bytes, Status>>, Messages) {
    mpsc::channel(WAITING)
}
