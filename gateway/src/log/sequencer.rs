//! The sequencer row of the gateway's database.
//!
//! Log batches and fact changes are transactions that take this row before
//! they read or write anything else. They therefore happen one after another,
//! across all replicas: a log row that is written with a fact version is
//! written while that version is the current one.

use std::{sync::Arc, time::Duration};

use samspor_chassis::{
    id::Ids,
    store::{Backend, Migrations, Store},
};
use sqlx::{Any, AnyPool, Connection as _, Row as _, Transaction, pool::PoolConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Tables of the gateway: (name, SQL), in order.
/// One text for SQLite and PostgreSQL.
pub const MIGRATIONS: Migrations = &[
    (
        "0001_logg_og_fakta",
        include_str!("../../migrations/0001_logg_og_fakta.sql"),
    ),
    (
        "0002_nodtilgang",
        include_str!("../../migrations/0002_nodtilgang.sql"),
    ),
    (
        "0003_rolle_og_helt",
        include_str!("../../migrations/0003_rolle_og_helt.sql"),
    ),
    (
        "0004_holdt",
        include_str!("../../migrations/0004_holdt.sql"),
    ),
    (
        "0005_gransking",
        include_str!("../../migrations/0005_gransking.sql"),
    ),
];

/// The one sequencer of a gateway process. Clones share it.
#[derive(Debug, Clone)]
pub struct Sequencer {
    store: Store,
    patience: Duration,
    gate: Arc<Mutex<()>>,
}

impl Sequencer {
    /// How long a transaction may take before it is given up.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// Sequencer of the gateway's database, with [`Self::PATIENCE`].
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            patience: Self::PATIENCE,
            gate: Arc::default(),
        }
    }

    /// The same sequencer with another patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Where reads without a transaction come from.
    pub(crate) fn readers(&self) -> &AnyPool {
        self.store.readers()
    }

    /// For the single statement that needs no turn.
    pub(crate) fn writers(&self) -> &AnyPool {
        self.store.writers()
    }

    pub(crate) fn ids(&self) -> &dyn Ids {
        &**self.store.ids()
    }

    /// Runs one sequenced piece of work; gives it up when patience ends.
    ///
    /// # Errors
    /// Those of the work; [`sqlx::Error::PoolTimedOut`] when given up. An
    /// error does not say that nothing was committed.
    pub(crate) async fn within_patience<T, E: From<sqlx::Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        give_up_after(self.patience, work).await
    }

    /// [`Self::within_patience`] for a large piece of work, which must come to
    /// an end also on a slow machine.
    pub(crate) async fn within_long_patience<T, E: From<sqlx::Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        give_up_after(self.patience * 12, work).await
    }

    /// Waits for the turn of this process's sequenced writers, so that they
    /// wait for one another here and not on connections of the database.
    pub(crate) async fn enter(&self) -> Result<Gate, sqlx::Error> {
        let turn = Arc::clone(&self.gate).lock_owned().await;
        let connection = self.store.writers().acquire().await?;
        Ok(Gate {
            connection: Some(connection),
            begin: match self.store.backend() {
                Backend::Sqlite => "BEGIN IMMEDIATE",
                // Each statement after the sequencer's must see what was
                // committed while it waited, whatever the default is.
                Backend::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
            },
            _turn: turn,
        })
    }
}

async fn give_up_after<T, E: From<sqlx::Error>>(
    patience: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(patience, work).await {
        Ok(result) => result,
        Err(_elapsed) => Err(sqlx::Error::PoolTimedOut.into()),
    }
}

/// The writing connection, held by one writer at a time.
pub(crate) struct Gate {
    connection: Option<PoolConnection<Any>>,
    begin: &'static str,
    _turn: OwnedMutexGuard<()>,
}

impl Gate {
    /// Begins a transaction and takes the sequencer row, counting it up.
    pub(crate) async fn begin(&mut self, step: Counts) -> Result<Turn<'_>, sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let transaction = connection.begin_with(self.begin).await?;
        let mut turn = Turn {
            transaction,
            counts: Counts::default(),
        };
        turn.count(step).await?;
        Ok(turn)
    }

    /// Says that the transaction ended as it should, so that the connection
    /// can serve the next writer. Else it is dropped with the gate: it may be
    /// broken, or in the middle of a statement that nobody waits for.
    pub(crate) fn sound(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

/// The counters of the sequencer row, or a step of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows of the access log; the next index.
    pub(crate) logg: i64,
    /// Fact changes; the version of the latest.
    pub(crate) fakta: i64,
    /// Removed person keys.
    pub(crate) nokler: i64,
}

/// A transaction that holds the sequencer row. Dropped: rolled back.
pub(crate) struct Turn<'gate> {
    pub(crate) transaction: Transaction<'gate, Any>,
    /// Counters after the steps so far.
    pub(crate) counts: Counts,
}

impl Turn<'_> {
    /// Counts on (or back, within the same transaction).
    pub(crate) async fn count(&mut self, step: Counts) -> Result<(), sqlx::Error> {
        let row = sqlx::query(
            "UPDATE gw_sekvens SET logg = logg + $1, fakta = fakta + $2, nokler = nokler + $3 \
             WHERE id = 0 RETURNING logg, fakta, nokler",
        )
        .bind(step.logg)
        .bind(step.fakta)
        .bind(step.nokler)
        .fetch_one(&mut *self.transaction)
        .await?;
        self.counts = Counts {
            logg: row.try_get(0)?,
            fakta: row.try_get(1)?,
            nokler: row.try_get(2)?,
        };
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await
    }

    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.transaction.rollback().await
    }
}
