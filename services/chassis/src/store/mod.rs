//! The store: one transaction per call, on SQLite or PostgreSQL.
//!
//! A mutation runs in one transaction that holds the state rows, the events
//! and facts that it emits, its deadlines, the attestation that it uses up and
//! the answer for whoever repeats its `request_id`. Either all of it is there
//! or nothing is (I8). SQL is written once for both databases: `$1`
//! placeholders, TEXT and BIGINT, `CAST(count(*) AS BIGINT)` for aggregates.
//!
//! ```no_run
//! # use samspor_chassis::{params, store::Tx, error::{Error, Refusal}};
//! async fn navn(tx: &mut Tx, id: &str) -> Result<String, Error> {
//!     let row: Option<(String,)> = tx.one("SELECT navn FROM bolig WHERE id = $1", params![id]).await?;
//!     Ok(row.ok_or_else(Refusal::not_found)?.0)
//! }
//! ```

pub mod etag;
mod idempotency;
mod open;
mod outbox;
mod params;
pub(crate) mod trace;
mod tx;

use std::{
    any::Any,
    fs::File,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::future::BoxFuture;
use prost::Message;
use tokio::sync::watch;

pub(crate) use self::outbox::{EVENTS, FACTS};
use self::{
    idempotency::{Claim, Claimed},
    tx::{Emitted, Mode},
};
pub use self::{
    open::{Backend, OpenError, StoreOptions},
    outbox::{NewDeadline, NewEvent, Row, Value},
    params::Params,
    tx::Tx,
};
use crate::{call::Call, error::Error, id::Ids, tid::Clock};

/// Numbered migrations of a service, in order: name and SQL. Never edited
/// after landing; the database remembers their checksums.
pub type Migrations = &'static [(&'static str, &'static str)];

/// A database of one service. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    backend: Backend,
    writers: sqlx::AnyPool,
    readers: sqlx::AnyPool,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    /// What the service configured for its handlers.
    settings: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// Raised after each commit of events or facts.
    emissions: watch::Sender<u64>,
    /// Raised after each commit of deadlines.
    deadline_changes: watch::Sender<u64>,
    /// Transactions that have written and were committed.
    commits: AtomicU64,
    /// Held for as long as the SQLite file is ours.
    _lock: Option<File>,
}

/// An answered mutation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written<R> {
    /// The answer.
    pub svar: R,
    /// Number of the last fact that it stated, 0 for none; for
    /// `x-samspor-fakta-nr`.
    pub fakta_nr: i64,
    /// The answer was given before to the same request.
    pub gjentatt: bool,
}

impl Store {
    /// Opens and migrates a database: `sqlite:path` or `postgres://…`.
    ///
    /// # Errors
    /// One line that an operator can act on, also when another process has the
    /// SQLite file.
    pub async fn open(
        url: &str,
        migrations: Migrations,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, OpenError> {
        Self::open_with(url, migrations, StoreOptions::default(), clock, ids).await
    }

    /// [`Store::open`] with other limits.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(
        url: &str,
        migrations: Migrations,
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, OpenError> {
        let opened = open::open(url, migrations, options).await?;
        Ok(Self(Arc::new(Inner {
            backend: opened.backend,
            writers: opened.writers,
            readers: opened.readers,
            clock,
            ids,
            settings: OnceLock::new(),
            emissions: watch::Sender::new(0),
            deadline_changes: watch::Sender::new(0),
            commits: AtomicU64::new(0),
            _lock: opened.lock,
        })))
    }

    /// Gives the handlers of the service what it was configured with, such as
    /// keys; they read it with [`Tx::settings`]. Once, before the first call;
    /// a second time changes nothing.
    #[must_use]
    pub fn with_settings<T: Send + Sync + 'static>(self, settings: T) -> Self {
        let _ = self.0.settings.set(Arc::new(settings));
        self
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// Connections that may write, for the rare transaction that is not one
    /// call's. On SQLite there is one: hold it briefly.
    #[must_use]
    pub fn writers(&self) -> &sqlx::AnyPool {
        &self.0.writers
    }

    /// Connections for single reading statements outside a call.
    #[must_use]
    pub fn readers(&self) -> &sqlx::AnyPool {
        &self.0.readers
    }

    /// The clock of the service.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The ids of the service.
    #[must_use]
    pub fn ids(&self) -> &Arc<dyn Ids> {
        &self.0.ids
    }

    /// Carries out a mutation once: uses up the attestation and the
    /// `request_id` of the call, runs the handler and saves, all in one
    /// transaction. The same request with the same content is answered as
    /// before without running the handler. A call whose caller must not be
    /// recognised uses nothing up: its handler sees to it that a repeat changes
    /// nothing.
    ///
    /// ```no_run
    /// # use std::sync::Arc; use futures::FutureExt as _;
    /// # use samspor_chassis::{call::Call, error::Error, store::{Store, Tx}};
    /// # use samspor_proto::felles::Kvittering;
    /// # async fn registrer(tx: &mut Tx) -> Result<Kvittering, Error> { todo!() }
    /// # async fn f(store: Store, call: Arc<Call>, request_id: &str) -> Result<(), Error> {
    /// let written = store.write(call, request_id, |tx| registrer(tx).boxed()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What the handler refuses; REQUEST_ID_GJENBRUKT for another content;
    /// MANGLER_ATTESTASJON for an attestation that was used before; storage.
    /// Nothing is stored then.
    pub async fn write<R, H>(
        &self,
        call: Arc<Call>,
        request_id: &str,
        handler: H,
    ) -> Result<Written<R>, Error>
    where
        R: Message + Default,
        H: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<R, Error>>,
    {
        let claim = Claim::new(&call, request_id)?;
        if call.anonym {
            // The row of what was used up would stand, for a week, between rows
            // that tell their time.
            return Box::pin(self.work(call, handler)).await;
        }
        let mut tx = self.begin(call).await?;
        match once(&mut tx, &claim, handler).await {
            Ok(written) => {
                tx.commit().await?;
                Ok(written)
            }
            Err(error) => {
                tx.roll_back().await;
                Err(error)
            }
        }
    }

    /// Answers a read in one read-only transaction: everything it sees is of
    /// one instant.
    ///
    /// # Errors
    /// What the handler refuses; storage.
    pub async fn read<R, H>(&self, call: Arc<Call>, handler: H) -> Result<R, Error>
    where
        H: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<R, Error>>,
    {
        self.run(self.begin_read(call).await?, handler)
            .await
            .map(|written| written.svar)
    }

    /// Carries out the service's own work in one transaction. It uses nothing
    /// up: whoever calls this has another way to do it once, in the same
    /// transaction.
    ///
    /// # Errors
    /// What the handler refuses; storage. Nothing is stored then.
    pub async fn work<R, H>(&self, call: Arc<Call>, handler: H) -> Result<Written<R>, Error>
    where
        H: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<R, Error>>,
    {
        self.run(self.begin(call).await?, handler).await
    }

    /// Begins a transaction that is saved with [`Tx::save`] or not at all.
    ///
    /// # Errors
    /// Storage.
    pub async fn begin(&self, call: Arc<Call>) -> Result<Tx, Error> {
        Tx::begin(self.clone(), call, Mode::Write).await
    }

    /// Begins a transaction that can only read.
    ///
    /// # Errors
    /// Storage.
    pub async fn begin_read(&self, call: Arc<Call>) -> Result<Tx, Error> {
        Tx::begin(self.clone(), call, Mode::Read).await
    }

    /// [`Store::begin_read`] for looking whether there is anything to do. It
    /// leaves no trace: most looks find nothing.
    pub(crate) async fn begin_look(&self, call: Arc<Call>) -> Result<Tx, Error> {
        Tx::begin_in(tracing::Span::none(), self.clone(), call, Mode::Read).await
    }

    /// Forgets used attestations and kept answers that have expired.
    ///
    /// # Errors
    /// Storage.
    pub async fn purge(&self, call: Arc<Call>) -> Result<(), Error> {
        loop {
            let purged = self
                .work(call.clone(), |tx| Box::pin(idempotency::purge(tx)))
                .await?;
            if purged.svar == 0 {
                return Ok(());
            }
        }
    }

    /// Writing transactions that this process has committed; on SQLite each is
    /// one wait for the disk.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::Relaxed)
    }

    /// Closes every connection, after what is running has ended.
    pub async fn close(&self) {
        self.0.writers.close().await;
        self.0.readers.close().await;
    }

    /// Changes when this process has committed events or facts: a reason to
    /// look again. Other replicas are not heard.
    pub(crate) fn emissions(&self) -> watch::Receiver<u64> {
        self.0.emissions.subscribe()
    }

    /// Changes when this process has committed a change of deadlines.
    pub(crate) fn deadline_changes(&self) -> watch::Receiver<u64> {
        self.0.deadline_changes.subscribe()
    }

    async fn run<R, H>(&self, mut tx: Tx, handler: H) -> Result<Written<R>, Error>
    where
        H: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<R, Error>>,
    {
        match handler(&mut tx).await {
            Ok(svar) => Ok(Written {
                svar,
                fakta_nr: tx.save().await?,
                gjentatt: false,
            }),
            Err(error) => {
                tx.roll_back().await;
                Err(error)
            }
        }
    }

    /// Where transactions come from, and the words that begin them.
    fn source(&self, mode: Mode) -> (&sqlx::AnyPool, &'static str) {
        match (self.0.backend, mode) {
            (Backend::Sqlite, Mode::Write) => (&self.0.writers, "BEGIN IMMEDIATE"),
            (Backend::Sqlite, Mode::Read) => (&self.0.readers, "BEGIN"),
            (Backend::Postgres, Mode::Write) => (&self.0.writers, "BEGIN"),
            (Backend::Postgres, Mode::Read) => (
                &self.0.readers,
                "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            ),
        }
    }

    fn wake_on_drop(&self, emitted: Emitted) -> impl Drop + use<> {
        struct Wake(Store, Emitted);
        impl Drop for Wake {
            fn drop(&mut self) {
                let Self(store, emitted) = self;
                if emitted.feeds {
                    store.0.emissions.send_modify(|count| *count += 1);
                }
                if emitted.deadlines {
                    store.0.deadline_changes.send_modify(|count| *count += 1);
                }
            }
        }
        Wake(self.clone(), emitted)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("backend", &self.0.backend)
            .finish_non_exhaustive()
    }
}

async fn once<R, H>(tx: &mut Tx, claim: &Claim, handler: H) -> Result<Written<R>, Error>
where
    R: Message + Default,
    H: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<R, Error>>,
{
    if let Claimed::Answered { svar, fakta_nr } = claim.take(tx).await? {
        return Ok(Written {
            svar: idempotency::decode(&svar)?,
            fakta_nr,
            gjentatt: true,
        });
    }
    let svar = handler(tx).await?;
    let fakta_nr = tx.flush().await?;
    claim.answer(tx, &svar, fakta_nr).await?;
    Ok(Written {
        svar,
        fakta_nr,
        gjentatt: false,
    })
}
