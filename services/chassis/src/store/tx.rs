//! One transaction: what a handler reads, writes and emits.

use std::sync::{Arc, atomic::Ordering};

use samspor_proto::felles::Faktum;
use sqlx::{
    FromRow,
    any::{Any, AnyRow},
};
use tracing::{Instrument as _, Span, info_span};

use super::{
    Params, Store,
    outbox::{DeadlineChange, NewDeadline, NewEvent, Outbox, StoredEvent},
    trace,
};
use crate::{call::Call, domene::Dag, error::Error, params, tid::Tid};

/// Whether a transaction may change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
}

/// One database transaction, the call that it serves, and what it will emit.
///
/// Nothing lasts unless it is saved: a `Tx` that is dropped rolls back, with
/// everything it would have emitted. Handlers under [`Store::write`] do not
/// save; the store does, when they answer.
///
/// A statement that fails ends the transaction on both databases: later
/// statements and the save refuse. Where a unique index may refuse and the
/// handler would go on, write `ON CONFLICT DO NOTHING` and look at the number
/// of affected rows.
///
/// On PostgreSQL two transactions run side by side, and a row that was read
/// may change before the commit: change it with its version or state in the
/// WHERE (see [`etag`](super::etag)), let an index hold the invariant, or take
/// [`Tx::lock`] first.
pub struct Tx {
    store: Store,
    inner: sqlx::Transaction<'static, Any>,
    mode: Mode,
    call: Arc<Call>,
    now: Tid,
    span: Span,
    failed: bool,
    out: Outbox,
    emitted: Emitted,
}

/// What the commit of a transaction is news for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Emitted {
    pub(super) feeds: bool,
    pub(super) deadlines: bool,
}

impl Tx {
    pub(super) async fn begin(store: Store, call: Arc<Call>, mode: Mode) -> Result<Self, Error> {
        let span = if call.anonym {
            Span::none()
        } else {
            info_span!(
                "transaction",
                otel.kind = "client",
                db.system.name = store.backend().system_name(),
                db.operation.name = store.source(mode).1,
            )
        };
        Self::begin_in(span, store, call, mode).await
    }

    /// Begins a transaction under a span; under none, it leaves no trace.
    pub(super) async fn begin_in(
        span: Span,
        store: Store,
        call: Arc<Call>,
        mode: Mode,
    ) -> Result<Self, Error> {
        let now = match (store.clock().now(), call.anonym) {
            (now, false) => now,
            (now, true) => Dag::av(now).start(),
        };
        let (pool, begin) = store.source(mode);
        // On a task of its own: the driver forgets a BEGIN whose caller goes
        // away before it is answered, and the connection would be handed out
        // again inside that transaction.
        let pool = pool.clone();
        let begun = async move { pool.begin_with(begin).await };
        let inner = tokio::spawn(begun.instrument(span.clone()))
            .await
            .map_err(Error::internal)??;
        Ok(Self {
            store,
            inner,
            mode,
            call,
            now,
            span,
            failed: false,
            out: Outbox::default(),
            emitted: Emitted::default(),
        })
    }

    /// The verified call.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// When the transaction began; the same for everything in it. Of a call whose
    /// caller must not be recognised: the day.
    #[must_use]
    pub fn now(&self) -> Tid {
        self.now
    }

    /// What the service was configured with ([`Store::with_settings`]).
    ///
    /// # Errors
    /// A defect where the service was started without.
    pub fn settings<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Error> {
        let settings = self.store.0.settings.get().cloned();
        settings
            .and_then(|settings| settings.downcast().ok())
            .ok_or_else(|| Error::internal("the service was started without its settings"))
    }

    /// A new record id. It tells when it was made, except in a call whose caller
    /// must not be recognised.
    #[must_use]
    pub fn new_id(&self) -> String {
        match self.call.anonym {
            true => self.new_person_id(),
            false => self.store.ids().record().to_string(),
        }
    }

    /// A new person id.
    #[must_use]
    pub fn new_person_id(&self) -> String {
        self.store.ids().person().to_string()
    }

    /// The row that the statement gives; none when it gives none. A second row
    /// is not looked at.
    ///
    /// # Errors
    /// Storage, also when the row does not fit `T`.
    pub async fn one<T>(&mut self, sql: &'static str, params: Params) -> Result<Option<T>, Error>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        self.open()?;
        let query = sqlx::query_as_with::<Any, T, _>(sql, params.into_arguments()?);
        let span = self.statement(sql);
        let result = query
            .fetch_optional(&mut *self.inner)
            .instrument(span)
            .await;
        self.settle(result)
    }

    /// All rows that the statement gives.
    ///
    /// # Errors
    /// Storage, also when a row does not fit `T`.
    pub async fn all<T>(&mut self, sql: &'static str, params: Params) -> Result<Vec<T>, Error>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        self.open()?;
        let query = sqlx::query_as_with::<Any, T, _>(sql, params.into_arguments()?);
        let span = self.statement(sql);
        let result = query.fetch_all(&mut *self.inner).instrument(span).await;
        self.settle(result)
    }

    /// Runs a statement and tells how many rows it changed.
    ///
    /// # Errors
    /// Storage.
    pub async fn execute(&mut self, sql: &'static str, params: Params) -> Result<u64, Error> {
        self.open()?;
        let query = sqlx::query_with::<Any, _>(sql, params.into_arguments()?);
        let span = self.statement(sql);
        let result = query.execute(&mut *self.inner).instrument(span).await;
        Ok(self.settle(result)?.rows_affected())
    }

    /// Inserts rows of one width, several in a statement: `into` ends with
    /// `VALUES `, `tail` may say what to do on conflict. Gives the number of
    /// rows that were inserted.
    ///
    /// # Errors
    /// Storage.
    pub async fn insert(
        &mut self,
        into: &'static str,
        tail: &'static str,
        rows: Vec<super::Row>,
    ) -> Result<u64, Error> {
        super::outbox::insert(self, into, tail, rows).await
    }

    /// Waits until no other transaction holds `key` and holds it until the end
    /// of this one. For rules over several rows that no index can hold. On
    /// SQLite every write transaction is alone already. Take several keys in
    /// one order everywhere.
    ///
    /// # Errors
    /// Storage; unavailable when another holds it too long.
    pub async fn lock(&mut self, key: &str) -> Result<(), Error> {
        if self.store.backend() == super::Backend::Postgres {
            let lock =
                "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, 0))) AS las";
            self.execute(lock, params![key]).await?;
        }
        Ok(())
    }

    /// Emits an event when the transaction is saved.
    pub fn emit(&mut self, event: NewEvent<'_>) {
        self.emit_at(event, self.now());
    }

    /// The same of what happened then.
    pub fn emit_at(&mut self, event: NewEvent<'_>, tid: Tid) {
        let id = self.new_id();
        self.out.events.push(StoredEvent::new(id, event, tid));
    }

    /// States a fact towards the gateway when the transaction is saved. A fact
    /// with the id of an earlier one replaces it.
    pub fn fact(&mut self, fact: Faktum) {
        self.out.facts.push(fact);
    }

    /// Sets a deadline when the transaction is saved; one of the same record
    /// and kind is replaced and starts anew.
    pub fn set_deadline(&mut self, deadline: NewDeadline) {
        self.out.deadlines.push(DeadlineChange::Set(deadline));
    }

    /// Clears a deadline when the transaction is saved; nothing happens when
    /// there is none.
    pub fn clear_deadline(&mut self, post: &str, kind: &'static str) {
        self.out.deadlines.push(DeadlineChange::Clear {
            post: post.to_owned(),
            kind,
        });
    }

    /// Saves everything at once: rows, deadlines, events, facts. Gives the
    /// number of the last fact that it stated, 0 for none. After an error
    /// nothing is saved (a lost connection during the commit alone leaves that
    /// open; the `request_id` tells).
    ///
    /// # Errors
    /// Storage; a defect where a statement had failed before, or a read
    /// transaction emits.
    pub async fn save(mut self) -> Result<i64, Error> {
        let fakta_nr = self.flush().await?;
        self.commit().await?;
        Ok(fakta_nr)
    }

    /// Takes everything back. Dropping does the same, later.
    pub async fn roll_back(self) {
        let Self { inner, span, .. } = self;
        if let Err(cause) = inner.rollback().instrument(span).await {
            tracing::debug!(error = %cause, "rollback failed; the connection is dropped");
        }
    }

    /// Writes what was emitted, so that only the commit is left.
    pub(super) async fn flush(&mut self) -> Result<i64, Error> {
        self.open()?;
        let out = std::mem::take(&mut self.out);
        if out.is_empty() {
            return Ok(0);
        }
        if self.mode == Mode::Read {
            return Err(Error::internal("a read transaction emits"));
        }
        self.emitted.feeds |= !out.events.is_empty() || !out.facts.is_empty();
        self.emitted.deadlines |= !out.deadlines.is_empty();
        out.write(self).await
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        let Self {
            store,
            inner,
            mode,
            span,
            failed,
            emitted,
            ..
        } = self;
        debug_assert!(!failed, "flush has checked");
        // Also when the caller goes away in the middle of the commit.
        let _wake = store.wake_on_drop(emitted);
        inner.commit().instrument(span).await?;
        if mode == Mode::Write {
            store.0.commits.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Traceparent that rows of this transaction carry.
    pub(super) fn traceparent(&self) -> String {
        trace::traceparent(&self.span).unwrap_or_else(|| self.call.traceparent.clone())
    }

    fn statement(&self, sql: &'static str) -> Span {
        #[cfg(any(test, feature = "testing"))]
        crate::testing::plans::ran(sql);
        if self.span.is_none() {
            return Span::none();
        }
        info_span!(
            parent: &self.span,
            "sql",
            otel.kind = "client",
            db.system.name = self.store.backend().system_name(),
            db.query.text = sql,
        )
    }

    fn open(&self) -> Result<(), Error> {
        if self.failed {
            return Err(Error::internal(
                "an earlier statement of the transaction failed",
            ));
        }
        Ok(())
    }

    fn settle<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, Error> {
        self.failed |= result.is_err();
        Ok(result?)
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx")
            .field("mode", &self.mode)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
