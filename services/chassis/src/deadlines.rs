//! Deadlines (frister): each fires once, also after downtime, and says when it
//! was due and when that was noticed.
//!
//! A deadline is stored with its record ([`Tx::set_deadline`]). The [`Ticker`]
//! of each replica sleeps on the injected clock until the next one, claims it
//! by a conditional update and lets the service act in the same transaction:
//! who loses the claim does nothing, and what fails is tried again.
//!
//! When a deadline of so many working days or months is due, the calendar says
//! ([`kalender`](crate::domene::kalender)).

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use samspor_proto::tilgang::Formal;
use tokio::sync::watch;
use tracing::Instrument as _;

pub use crate::store::NewDeadline;
use crate::{
    call::Call,
    error::Error,
    params,
    store::{NewEvent, Store, Tx, trace},
    tid::Tid,
};

/// What a deadline says when it fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is near: the time to warn has come. Not said any more once it is due.
    Near,
    /// It is due and was not cleared.
    Due,
}

/// A deadline that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDeadline {
    /// Name of the record.
    pub post: String,
    /// Person id; empty where the record is about nobody.
    pub person: String,
    /// Kind: `evaluering`.
    pub kind: String,
    /// Near or due.
    pub stage: Stage,
    /// When it is or was due.
    pub due: Tid,
    /// When it fired, which after downtime is later.
    pub detected: Tid,
    /// Unit that owns the record.
    pub eier: String,
    /// Units that hear of it.
    pub mottakere: Vec<String>,
}

/// What a service does when a deadline fires, in the transaction of its claim.
pub type OnDeadline = for<'t> fn(&'t mut Tx, DueDeadline) -> BoxFuture<'t, Result<(), Error>>;

/// Unit of the service that raises an avvik of what nobody saw to. It is told of
/// every broken deadline, and of what else a service addresses to it.
pub const AVVIK: &str = "avvik";

/// What most services do: tell the recipients, `FristNaer` or `FristBrutt`.
pub fn notify(tx: &mut Tx, deadline: &DueDeadline) {
    let broken = deadline.stage == Stage::Due;
    let avvik = broken.then(|| AVVIK.to_owned());
    tx.emit(NewEvent {
        type_: match deadline.stage {
            Stage::Near => "FristNaer",
            Stage::Due => "FristBrutt",
        },
        person: &deadline.person,
        post: &deadline.post,
        eier: &deadline.eier,
        mottakere: deadline.mottakere.iter().cloned().chain(avvik).collect(),
    });
}

/// [`notify`] in the form of [`OnDeadline`].
#[must_use]
#[expect(
    clippy::needless_pass_by_value,
    reason = "the form of `OnDeadline`, whose others keep it"
)]
pub fn notify_recipients(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
    notify(tx, &deadline);
    std::future::ready(Ok(())).boxed()
}

/// Watches the deadlines of a store.
pub struct Ticker {
    store: Store,
    on_deadline: OnDeadline,
}

/// Longest sleep: deadlines that other replicas set are seen within it.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Pause after a failure.
const RETRY: Duration = Duration::from_secs(1);
/// How often what has expired is forgotten.
const PURGE: Duration = Duration::from_hours(1);
/// Deadlines looked at in one go.
const BATCH: i64 = 100;

/// What one look at the deadlines came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticked {
    /// How many fired.
    pub fired: usize,
    /// How many failed and will be tried again.
    pub failed: usize,
    /// When the next one that is known asks for something.
    pub next: Option<Tid>,
}

/// A row of `chassis_frist` that asks for something: post, type, person, eier,
/// mottakere, forfall, neste, traceparent.
type DueRow = (String, String, String, String, String, Tid, Tid, String);

impl Ticker {
    /// A ticker over the deadlines of `store`.
    #[must_use]
    pub fn new(store: Store, on_deadline: OnDeadline) -> Self {
        Self { store, on_deadline }
    }

    /// Fires deadlines when their time comes, until `closing` says so.
    pub async fn run(self, mut closing: watch::Receiver<bool>) {
        let mut changed = self.store.deadline_changes();
        let mut purge_at = Tid(i64::MIN);
        while !*closing.borrow() {
            // Marked as seen before looking, so that no change is missed.
            changed.mark_unchanged();
            let now = self.store.clock().now();
            let mut next = now.plus(LOOK_AGAIN);
            match self.tick().await {
                Ok(ticked) if ticked.failed == 0 => next = next.min(ticked.next.unwrap_or(next)),
                Ok(_) => next = now.plus(RETRY),
                Err(error) => {
                    tracing::warn!(samspor.feil = error.kind(), "deadlines cannot be read");
                    next = now.plus(RETRY);
                }
            }
            if now >= purge_at {
                purge_at = now.plus(PURGE);
                if let Err(error) = self.store.purge(own_call("", "")).await {
                    tracing::warn!(samspor.feil = error.kind(), "purge failed");
                }
            }
            tokio::select! {
                () = self.store.clock().sleep_until(next) => {}
                _ = changed.changed() => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }

    /// Fires what is due now.
    ///
    /// # Errors
    /// Storage, when the deadlines cannot be read. What fails for one deadline
    /// is logged and counted, and the others go on.
    pub async fn tick(&self) -> Result<Ticked, Error> {
        let now = self.store.clock().now();
        let mut ticked = Ticked {
            fired: 0,
            failed: 0,
            next: None,
        };
        let mut after = (Tid(i64::MIN), String::new(), String::new());
        loop {
            let rows = self.due(now, &after).await?;
            let last = rows.last().map(|row| (row.6, row.0.clone(), row.1.clone()));
            let Some(last) = last else {
                break;
            };
            after = last;
            for row in rows {
                let kind = row.1.clone();
                match self.fire(row).await {
                    Ok(fired) => ticked.fired += usize::from(fired),
                    Err(error) => {
                        ticked.failed += 1;
                        tracing::error!(
                            samspor.fristtype = kind,
                            samspor.feil = error.kind(),
                            "deadline failed to fire and is tried again"
                        );
                    }
                }
            }
        }
        ticked.next = self.next_after(now).await?;
        Ok(ticked)
    }

    async fn due(&self, now: Tid, after: &(Tid, String, String)) -> Result<Vec<DueRow>, Error> {
        let (neste, post, kind) = after.clone();
        let mut tx = self.store.begin_look(own_call("", "")).await?;
        let rows = tx
            .all(
                "SELECT post, type, person, eier, mottakere, forfall, neste, traceparent \
                 FROM chassis_frist WHERE neste <= $1 AND (neste, post, type) > ($2, $3, $4) \
                 ORDER BY neste, post, type LIMIT $5",
                params![now, neste, post, kind, BATCH],
            )
            .await?;
        tx.save().await?;
        Ok(rows)
    }

    async fn next_after(&self, now: Tid) -> Result<Option<Tid>, Error> {
        let mut tx = self.store.begin_look(own_call("", "")).await?;
        let row: Option<(Tid,)> = tx
            .one(
                "SELECT neste FROM chassis_frist WHERE neste > $1 ORDER BY neste LIMIT 1",
                params![now],
            )
            .await?;
        tx.save().await?;
        Ok(row.map(|(next,)| next))
    }

    /// Claims one deadline and lets the service act. False when another
    /// replica had it, or it was changed meanwhile.
    async fn fire(&self, row: DueRow) -> Result<bool, Error> {
        let (post, kind, person, eier, mottakere, due, neste, traceparent) = row;
        let span = tracing::info_span!("deadline", samspor.fristtype = kind, samspor.enhet = eier);
        trace::continue_trace(&span, &traceparent);
        let call = own_call(&eier, &traceparent);
        async move {
            let mut tx = self.store.begin(call).await?;
            let detected = tx.now();
            let stage = if detected < due {
                Stage::Near
            } else {
                Stage::Due
            };
            let (claim, run) = match stage {
                Stage::Near => (
                    "UPDATE chassis_frist SET neste = forfall, varslet = $1 \
                     WHERE post = $2 AND type = $3 AND neste = $4 AND forfall = $5",
                    "UPDATE chassis_fristlop SET varslet = $1 \
                     WHERE post = $2 AND type = $3 AND avsluttet IS NULL",
                ),
                Stage::Due => (
                    "UPDATE chassis_frist SET neste = NULL, brutt = $1 \
                     WHERE post = $2 AND type = $3 AND neste = $4 AND forfall = $5",
                    "UPDATE chassis_fristlop SET brutt = $1 \
                     WHERE post = $2 AND type = $3 AND avsluttet IS NULL",
                ),
            };
            let claimed = tx
                .execute(
                    claim,
                    params![detected, post.as_str(), kind.as_str(), neste, due],
                )
                .await?;
            if claimed == 0 {
                tx.roll_back().await;
                return Ok(false);
            }
            tx.execute(run, params![detected, post.as_str(), kind.as_str()])
                .await?;
            let mottakere = mottakere.split_whitespace().map(str::to_owned).collect();
            let deadline = DueDeadline {
                post,
                person,
                kind,
                stage,
                due,
                detected,
                eier,
                mottakere,
            };
            (self.on_deadline)(&mut tx, deadline).await?;
            tx.save().await?;
            Ok(true)
        }
        .instrument(span)
        .await
    }
}

fn own_call(enhet: &str, traceparent: &str) -> Arc<Call> {
    Arc::new(Call::own_work(
        enhet,
        Formal::Oppfolging,
        "/chassis/frist",
        traceparent,
    ))
}
