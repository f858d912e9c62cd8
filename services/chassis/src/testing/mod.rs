//! What tests of services need: databases of both kinds, calls, a clock that
//! stands still and ids from a seed. Behind the feature `testing`.
//!
//! A test that takes a [`Database`] runs on both:
//!
//! ```ignore
//! samspor_chassis::on_both_databases! { a_vedtak_is_kept }
//!
//! async fn a_vedtak_is_kept(database: Database) {
//!     let store = database.open(MIGRATIONS).await;
//!     …
//! }
//! ```
//!
//! On PostgreSQL it runs on a cluster that the harness starts from local
//! server binaries; without them it says SKIPPED, or fails where
//! `SAMSPOR_REQUIRE_POSTGRES=1`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness fails by panicking"
)]

pub mod angrep;
pub mod boligoppgaver;
pub mod plans;
mod postgres;

use std::sync::Arc;

use samspor_proto::{
    felles::{Aktor, Rolle},
    internt::Attestasjon,
    tilgang::Formal,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    call::Call,
    id::{Ids as _, RandomIds},
    store::{Backend, Migrations, Store, StoreOptions},
    tid::SystemClock,
};
pub use crate::{
    id::SeededIds,
    tid::{Clock, TestClock, Tid},
};

/// 2026-10-01T08:00:00Z, a Thursday: when tests begin.
pub const START: Tid = Tid(1_790_841_600_000_000);

/// An empty database of one test; gone when it is dropped.
pub struct Database {
    backend: Backend,
    url: String,
    clock: Arc<TestClock>,
    _holder: Holder,
}

#[expect(dead_code, reason = "held until the test ends")]
enum Holder {
    Folder(TempDir),
    Cluster(postgres::TestDatabase),
}

/// An empty SQLite database.
///
/// # Panics
/// When there is no temporary folder.
#[must_use]
pub fn sqlite() -> Database {
    let folder = tempfile::tempdir().expect("temporary folder");
    Database {
        backend: Backend::Sqlite,
        url: format!("sqlite:{}", folder.path().join("test.db").display()),
        clock: Arc::new(TestClock::new(START)),
        _holder: Holder::Folder(folder),
    }
}

/// An empty PostgreSQL database; none, with a line that says so, when there
/// are no server binaries.
///
/// # Panics
/// When there are none and `SAMSPOR_REQUIRE_POSTGRES=1`, and when a cluster
/// cannot be started from those there are.
#[must_use]
pub fn postgres() -> Option<Database> {
    let database = postgres::create()?;
    Some(Database {
        backend: Backend::Postgres,
        url: database.url(),
        clock: Arc::new(TestClock::new(START)),
        _holder: Holder::Cluster(database),
    })
}

impl Database {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The clock of every store that is opened on it; it stands at [`START`].
    #[must_use]
    pub fn clock(&self) -> &Arc<TestClock> {
        &self.clock
    }

    /// A store on it. On PostgreSQL there may be several, as replicas have.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn open(&self, migrations: Migrations) -> Store {
        self.open_with(migrations, StoreOptions::default()).await
    }

    /// [`Database::open`] with other limits.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn open_with(&self, migrations: Migrations, options: StoreOptions) -> Store {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let ids = Arc::new(RandomIds::new(clock.clone()));
        Store::open_with(&self.url, migrations, options, clock, ids)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A verified call for a test, with a new attestation each time.
#[derive(Debug, Clone)]
pub struct TestCall {
    attestasjon: Attestasjon,
    traceparent: String,
}

impl TestCall {
    /// SAKSBEHANDLER `ansatt-1` of a unit, for SAKSBEHANDLING.
    #[must_use]
    pub fn new(enhet: &str) -> Self {
        Self {
            attestasjon: Attestasjon {
                metode: "/samspor.test.v1.TestService/Test".to_owned(),
                utloper: i64::MAX,
                aktor: Some(Aktor {
                    enhet: format!("enheter/{enhet}"),
                    ansatt: "ansatt-1".to_owned(),
                    rolle: Rolle::Saksbehandler.into(),
                }),
                formal: Formal::Saksbehandling.into(),
                ..Attestasjon::default()
            },
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        }
    }

    /// By another employee.
    #[must_use]
    pub fn ansatt(mut self, ansatt: &str) -> Self {
        ansatt.clone_into(&mut self.attestasjon.aktor.get_or_insert_default().ansatt);
        self
    }

    /// In another role.
    #[must_use]
    pub fn rolle(mut self, rolle: Rolle) -> Self {
        self.attestasjon.aktor.get_or_insert_default().rolle = rolle.into();
        self
    }

    /// By the person herself, as INNBYGGER.
    #[must_use]
    pub fn innbygger(mut self, person: &str) -> Self {
        self.attestasjon.aktor = Some(Aktor {
            rolle: Rolle::Innbygger.into(),
            ..Aktor::default()
        });
        person.clone_into(&mut self.attestasjon.aktor_person);
        self
    }

    /// To another method.
    #[must_use]
    pub fn metode(mut self, metode: &str) -> Self {
        metode.clone_into(&mut self.attestasjon.metode);
        self
    }

    /// With a request that has another content.
    #[must_use]
    pub fn innhold(mut self, message: &[u8]) -> Self {
        self.attestasjon.innholdssum = message.to_vec().into();
        self
    }

    /// With this attestation id, instead of a new one.
    #[must_use]
    pub fn jti(mut self, jti: &str) -> Self {
        jti.clone_into(&mut self.attestasjon.jti);
        self
    }

    /// With an attestation that expires then.
    #[must_use]
    pub fn utloper(mut self, utloper: Tid) -> Self {
        self.attestasjon.utloper = utloper.0;
        self
    }

    /// With any other change.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Attestasjon)) -> Self {
        change(&mut self.attestasjon);
        self
    }

    /// Within another trace.
    #[must_use]
    pub fn traceparent(mut self, traceparent: &str) -> Self {
        traceparent.clone_into(&mut self.traceparent);
        self
    }

    /// The call. Each has an attestation id of its own unless one was set.
    #[must_use]
    pub fn build(&self) -> Arc<Call> {
        let mut attestasjon = self.attestasjon.clone();
        if attestasjon.jti.is_empty() {
            attestasjon.jti = request_id();
        }
        Arc::new(Call::for_test(attestasjon, &self.traceparent))
    }
}

/// A `request_id` that nobody has used.
#[must_use]
pub fn request_id() -> String {
    let ids = RandomIds::new(Arc::new(SystemClock));
    let mut bytes = [0; 16];
    ids.random(&mut bytes);
    Uuid::from_bytes(bytes).to_string()
}

/// Generates, for each `async fn test(database: Database)`, a test on SQLite
/// and one on PostgreSQL, and a function `hver` that runs them all one after
/// the other, each on a database of its own.
#[macro_export]
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {
        /// Every test of this file, one after the other.
        #[allow(dead_code, reason = "for whoever looks at what all of them run")]
        pub(crate) async fn hver(database: fn() -> $crate::testing::Database) {
            $(Box::pin($test(database())).await;)+
        }

        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::testing::sqlite()).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    if let Some(database) = $crate::testing::postgres() {
                        super::$test(database).await;
                    }
                }
            )+
        }
    };
}
