//! Following the events of other services, each with its effect exactly once.
//!
//! A feed is one ordered stream, read by number from an outbox whose numbers
//! are taken in the order of commits. The position is a row that moves up in
//! the transaction of the effect: a duplicate moves nothing and has no effect,
//! and a crash leaves both or neither. Numbers are those of the service's
//! outbox, so a hole in them is what was addressed to others, or what the
//! gateway withholds, and does not tell which.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use samspor_proto::{hendelse::Hendelse, tilgang::Formal};
use tokio::sync::watch;
use tonic::Status;
use tracing::Instrument as _;

use crate::{
    call::Call,
    error::Error,
    params,
    store::{Store, Tx, trace},
};

/// The effect of one event, in the transaction that moves the position. It
/// must end in Ok for an event that concerns it not, and for one that its
/// state has outgrown: an error is tried again until it succeeds, and holds
/// back the events behind it.
pub type Apply = for<'t> fn(&'t mut Tx, Hendelse) -> BoxFuture<'t, Result<(), Error>>;

/// Follows the events that one service addresses to one unit.
#[derive(Clone, Copy)]
pub struct Consumer {
    /// Service whose events are followed: `bestillerkontor`.
    pub from: &'static str,
    /// Unit whose feed it is, and as which the effect acts: `rop`.
    pub enhet: &'static str,
    /// The effect of one event.
    pub apply: Apply,
}

/// Where the events of other services come from.
pub trait Source: Send + Sync + 'static {
    /// Events that `from` addressed to `enhet`, after number `etter`, then
    /// live.
    fn abonner<'s>(
        &'s self,
        from: &'s str,
        enhet: &'s str,
        etter: i64,
    ) -> BoxFuture<'s, Result<BoxStream<'static, Result<Hendelse, Status>>, Status>>;
}

/// What one event came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Applied {
    /// It had its effect.
    Effect,
    /// It had had its effect before.
    Before,
}

/// First and longest pause after a failure; doubled in between.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// Runs one consumer on a store.
pub struct Runner {
    store: Store,
    consumer: Consumer,
    source: Arc<dyn Source>,
}

impl Runner {
    /// A runner of `consumer`, which keeps its effects and its position in
    /// `store`.
    #[must_use]
    pub fn new(store: Store, consumer: Consumer, source: Arc<dyn Source>) -> Self {
        Self {
            store,
            consumer,
            source,
        }
    }

    /// Follows the feed until `closing` becomes true or its sender is gone. An
    /// effect that has begun is brought to its end.
    pub async fn run(self, mut closing: watch::Receiver<bool>) {
        let mut pause = PAUSE.0;
        while !*closing.borrow() {
            let progress = self.follow(&mut closing).await;
            match progress {
                Ok(()) => pause = PAUSE.0,
                // Once is nothing: a replica was replaced.
                Err(kind) if pause == PAUSE.0 => tracing::debug!(
                    samspor.tjeneste = self.consumer.from,
                    samspor.mottaker = self.consumer.enhet,
                    samspor.feil = kind,
                    "consumer stopped and begins again"
                ),
                Err(kind) => tracing::warn!(
                    samspor.tjeneste = self.consumer.from,
                    samspor.mottaker = self.consumer.enhet,
                    samspor.feil = kind,
                    "consumer stopped and begins again"
                ),
            }
            let until = self.store.clock().now().plus(pause);
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => return,
                () = self.store.clock().sleep_until(until) => {}
            }
            if progress.is_err() {
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }

    /// Follows one stream to its end. Ok when it worked before it ended: an event
    /// had its effect, or it stood for a while although nothing was told. A quiet
    /// feed ends each time its token runs out, and that is no failure.
    async fn follow(&self, closing: &mut watch::Receiver<bool>) -> Result<(), &'static str> {
        let position = self.position().await.map_err(|error| error.kind())?;
        let Consumer { from, enhet, .. } = self.consumer;
        let opened = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return Ok(()),
            opened = self.source.abonner(from, enhet, position) => opened,
        };
        let mut events = opened.map_err(|status| word(&status))?;
        let begun = self.store.clock().now();
        let mut effects = false;
        let ended = loop {
            let event = tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => return Ok(()),
                event = events.next() => event,
            };
            let event = match event {
                None => break "ended",
                Some(Err(status)) => break word(&status),
                Some(Ok(event)) => event,
            };
            match self.apply(event).await {
                Ok(Applied::Effect) => effects = true,
                Ok(Applied::Before) => {}
                Err(error) => return Err(error.kind()),
            }
        };
        let stood = self.store.clock().now().since(begun) > PAUSE.1;
        if effects || stood { Ok(()) } else { Err(ended) }
    }

    /// Number of the last event that had its effect; 0 for none.
    async fn position(&self) -> Result<i64, Error> {
        let Consumer { from, enhet, .. } = self.consumer;
        let mut tx = self.store.begin(self.own_call("")).await?;
        let row: Option<(i64,)> = tx
            .one(
                "SELECT nr FROM chassis_posisjon WHERE kilde = $1 AND enhet = $2",
                params![from, enhet],
            )
            .await?;
        if row.is_none() {
            tx.execute(
                "INSERT INTO chassis_posisjon (kilde, enhet, nr) VALUES ($1, $2, 0) \
                 ON CONFLICT (kilde, enhet) DO NOTHING",
                params![from, enhet],
            )
            .await?;
        }
        tx.save().await?;
        Ok(row.map_or(0, |row| row.0))
    }

    /// Gives one event its effect, if it is the next.
    async fn apply(&self, event: Hendelse) -> Result<Applied, Error> {
        let Consumer { from, enhet, apply } = self.consumer;
        let span = tracing::info_span!(
            "consume",
            otel.kind = "consumer",
            messaging.operation.name = "process",
            messaging.destination.name = enhet,
            samspor.tjeneste = from,
            samspor.hendelsestype = event.r#type,
            samspor.hendelse_nr = event.nr,
        );
        trace::continue_trace(&span, &event.traceparent);
        let call = self.own_call(&event.traceparent);
        async move {
            let mut tx = self.store.begin(call).await?;
            let moved = tx
                .execute(
                    "UPDATE chassis_posisjon SET nr = $3 WHERE kilde = $1 AND enhet = $2 AND nr < $3",
                    params![from, enhet, event.nr],
                )
                .await?;
            if moved == 0 {
                tx.roll_back().await;
                return Ok(Applied::Before);
            }
            if let Err(error) = apply(&mut tx, event).await {
                tx.roll_back().await;
                return Err(error);
            }
            tx.save().await?;
            Ok(Applied::Effect)
        }
        .instrument(span)
        .await
    }

    fn own_call(&self, traceparent: &str) -> Arc<Call> {
        Arc::new(Call::own_work(
            self.consumer.enhet,
            Formal::Samordning,
            "/chassis/hendelse",
            traceparent,
        ))
    }
}

/// A status as a word for the log.
fn word(status: &Status) -> &'static str {
    use tonic::Code;
    match status.code() {
        Code::Unavailable => "unavailable",
        Code::PermissionDenied | Code::Unauthenticated | Code::NotFound => "refused",
        Code::Cancelled | Code::DeadlineExceeded => "cancelled",
        _ => "failed",
    }
}
