//! Opening a database: one process per SQLite file, connections with the
//! settings that durability asks for, and migrations.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::FutureExt as _;
use sqlx::{
    AnyConnection, AssertSqlSafe, Connection as _, Executor as _, SqlSafeStr as _,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::{Migrate as _, MigrateError, Migration, MigrationType, Migrator},
};

use super::Migrations;

/// Which database it is. Almost nobody needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file of this process.
    Sqlite,
    /// A server, possibly shared with other replicas.
    Postgres,
}

impl Backend {
    /// Value of the telemetry attribute `db.system.name`.
    #[must_use]
    pub const fn system_name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }
}

/// Why a database could not be opened; one line that an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither kind of address.
    #[error("database url must begin with sqlite: or postgres:// and name a file or a server")]
    Url,
    /// SQLite in memory holds nothing.
    #[error("a database in memory keeps nothing; give a file")]
    InMemory,
    /// Another process has the file.
    #[error("database {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The file or its lock file cannot be made or opened.
    #[error("database file {} cannot be opened: {}", .0.display(), .1)]
    File(PathBuf, #[source] io::Error),
    /// The database cannot be reached.
    #[error("database cannot be reached: {0}")]
    Connect(#[source] sqlx::Error),
    /// A migration failed, or was changed after it had been applied.
    #[error("database cannot be migrated: {0}")]
    Migrate(#[source] MigrateError),
}

/// How many connections, and how long a caller waits for one.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// PostgreSQL: most connections of this process, half of them for reads.
    /// Default 16.
    pub connections: u32,
    /// SQLite: connections that read while one writes. Default 4.
    pub readers: u32,
    /// Longest wait for a connection or for a lock, after which the caller
    /// hears LAGER_UTILGJENGELIG. Default 5 s.
    pub wait: Duration,
    /// SQLite: KiB of pages that each connection keeps. Default 2 000; an
    /// import, whose keys lie all over, is twice as fast with more.
    pub page_cache: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            connections: 16,
            readers: 4,
            wait: Duration::from_secs(5),
            page_cache: 2_000,
        }
    }
}

/// An opened database.
pub(super) struct Opened {
    pub(super) backend: Backend,
    pub(super) writers: sqlx::AnyPool,
    pub(super) readers: sqlx::AnyPool,
    pub(super) lock: Option<File>,
}

pub(super) async fn open(
    url: &str,
    migrations: Migrations,
    options: StoreOptions,
) -> Result<Opened, OpenError> {
    sqlx::any::install_default_drivers();
    let (backend, url, lock) = if let Some(file) = url.strip_prefix("sqlite:") {
        let path = sqlite_path(file)?;
        let lock = lock_file(&path)?;
        let address = format!("sqlite:{}?mode=rwc", encode_path(&path)?);
        (Backend::Sqlite, address, Some(lock))
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        // A service has more statements than the driver keeps by itself.
        let more = if url.contains('?') { '&' } else { '?' };
        let address = format!("{url}{more}statement-cache-capacity=500");
        (Backend::Postgres, address, None)
    } else {
        return Err(OpenError::Url);
    };
    let address: AnyConnectOptions = url.parse().map_err(|_| OpenError::Url)?;

    let mut connection = AnyConnection::connect_with(&address)
        .await
        .map_err(OpenError::Connect)?;
    prepare(&mut connection, backend, Access::Write, options)
        .await
        .map_err(OpenError::Connect)?;
    migrate(&mut connection, backend, migrations)
        .await
        .map_err(OpenError::Migrate)?;
    connection.close().await.map_err(OpenError::Connect)?;

    let pool = |access, connections| {
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(options.wait)
            .test_before_acquire(false)
            .max_lifetime(None)
            .before_acquire(|connection, meta| usable(connection, meta.idle_for).boxed())
            .after_connect(move |connection, _| {
                prepare(connection, backend, access, options).boxed()
            })
            .connect_lazy_with(address.clone())
    };
    let (writers, readers) = match backend {
        Backend::Sqlite => (pool(Access::Write, 1), pool(Access::Read, options.readers)),
        Backend::Postgres => {
            // Apart, so that reads in great number never keep a write waiting.
            let each = options.connections.div_ceil(2);
            (pool(Access::Write, each), pool(Access::Read, each))
        }
    };
    Ok(Opened {
        backend,
        writers,
        readers,
        lock,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// Settings of a new connection. Words and numbers of this file only, so the
/// text is safe.
async fn prepare(
    connection: &mut AnyConnection,
    backend: Backend,
    access: Access,
    options: StoreOptions,
) -> Result<(), sqlx::Error> {
    let StoreOptions {
        wait, page_cache, ..
    } = options;
    let millis = wait.as_millis();
    let settings = match backend {
        // FULL: a commit is on the disk when it is acknowledged (I8).
        Backend::Sqlite => format!(
            "PRAGMA busy_timeout = {millis}; PRAGMA journal_mode = WAL; \
             PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{page_cache}; \
             PRAGMA query_only = {};",
            i32::from(access == Access::Read),
        ),
        Backend::Postgres => {
            // A commit is on the disk when it is acknowledged (I8), whatever
            // the role or the database has as its default.
            format!(
                "SET lock_timeout = {millis}; SET idle_in_transaction_session_timeout = 60000; \
                 SELECT set_config('synchronous_commit', 'on', false) \
                    WHERE current_setting('synchronous_commit') IN ('off', 'local');"
            )
        }
    };
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(settings)))
        .await?;
    Ok(())
}

/// A connection goes out again only when no transaction is left on it (SQLite
/// ends one by itself on a full disk, which confuses the driver's count) and,
/// after a pause, when the server still answers.
async fn usable(connection: &mut AnyConnection, idle_for: Duration) -> Result<bool, sqlx::Error> {
    const FRESH: Duration = Duration::from_secs(10);
    if connection.is_in_transaction() {
        return Ok(false);
    }
    Ok(idle_for < FRESH || connection.ping().await.is_ok())
}

fn sqlite_path(file: &str) -> Result<PathBuf, OpenError> {
    let file = file.strip_prefix("//").unwrap_or(file);
    if file == ":memory:" || file.contains("mode=memory") {
        return Err(OpenError::InMemory);
    }
    if file.is_empty() || file.contains('?') {
        return Err(OpenError::Url);
    }
    Ok(PathBuf::from(file))
}

/// The path as the driver reads it: it decodes percent signs and ends the path
/// at a question mark.
fn encode_path(path: &Path) -> Result<String, OpenError> {
    let path = path.to_str().ok_or(OpenError::Url)?;
    Ok(path.replace('%', "%25").replace('#', "%23"))
}

/// Takes the lock that keeps a second process from the file, and makes the
/// file readable for its owner alone.
fn lock_file(path: &Path) -> Result<File, OpenError> {
    let fail = |error| OpenError::File(path.to_owned(), error);
    let mut open = OpenOptions::new();
    open.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = open.open(PathBuf::from(name)).map_err(fail)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => return Err(fail(error)),
    }
    open.open(path).map_err(fail)?;
    Ok(lock)
}

const CHASSIS: Migrations = &[
    ("001_chassis", include_str!("migrations/001_chassis.sql")),
    ("002_mottaker", include_str!("migrations/002_mottaker.sql")),
    (
        "003_frist_rekke",
        include_str!("migrations/003_frist_rekke.sql"),
    ),
    ("004_fristlop", include_str!("migrations/004_fristlop.sql")),
];

/// Where a migration says so, SQLite keeps the rows of a table in the order of
/// its key. PostgreSQL has no such tables, and does without.
const SAMLET: &str = " WITHOUT ROWID";

/// Applies what is new. The chassis and the service count each on their own.
async fn migrate(
    connection: &mut AnyConnection,
    backend: Backend,
    service: Migrations,
) -> Result<(), MigrateError> {
    let runs = [("chassis_migrering", CHASSIS), ("migrering", service)]
        .map(|(table, migrations)| migrator(table, backend, migrations));
    for run in runs {
        let result = run.run_direct(None, connection, false).await;
        if result.is_err() {
            // It locks the server's database and leaves the lock on failure.
            let _ = connection.unlock().await;
        }
        result?;
    }
    Ok(())
}

fn migrator(table: &'static str, backend: Backend, migrations: Migrations) -> Migrator {
    let migrations = migrations
        .iter()
        .zip(1..)
        .map(|((name, sql), version)| {
            let sql = match backend {
                Backend::Postgres if sql.contains(SAMLET) => {
                    AssertSqlSafe(sql.replace(SAMLET, "")).into_sql_str()
                }
                _ => sql.into_sql_str(),
            };
            let kind = MigrationType::Simple;
            Migration::new(version, (*name).into(), kind, sql, false)
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name(table);
    migrator
}
