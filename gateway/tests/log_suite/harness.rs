//! A gateway database per test, replicas on it, and things to write.

use std::{sync::Arc, time::Duration};

use samspor_chassis::{
    id::RandomIds,
    store::{Backend, Store, StoreOptions},
    testing::Database,
    tid::SystemClock,
};
use samspor_gateway::{
    facts::{Applied, ApplyError, Facts},
    log::{self, Entry, Limits, Log, MIGRATIONS, Row, Sequencer, Subject},
    policy::Sources,
};
use samspor_proto::{
    felles::{Aktor, Faktum, Faktumtype, Part, Periode, Rolle, part::Hvem},
    hendelse::{FaktaResponse, NummerertFaktum},
    internt::{Loggfort, Loggpost, Loggtype},
    tilgang::Formal,
};
use sqlx::{AnyConnection, Connection as _, Row as _};

/// The database of a gateway.
pub(crate) trait Gateway {
    /// A gateway process on the database.
    async fn replica(&self) -> Replica;
    /// Another process beside the first; SQLite takes one, so there it is
    /// another log and other memory in the same.
    async fn beside(&self, first: &Replica) -> Replica;
    /// A store whose callers wait this long for locks and connections.
    async fn store(&self, wait: Duration) -> Store;
    /// A connection of somebody else: a lock holder, a forger.
    async fn outsider(&self) -> AnyConnection;
    /// Changes something behind the gateway's back.
    async fn tamper(&self, statement: &'static str);
    /// What `verify` finds.
    async fn report(&self) -> log::Report;
    /// Fails unless the log has so many rows and is whole.
    async fn assert_whole(&self, rows: i64);
    /// The number that a query gives.
    async fn number(&self, query: &'static str) -> i64;
}

impl Gateway for Database {
    async fn replica(&self) -> Replica {
        Replica::on(self.open(MIGRATIONS).await).await
    }

    async fn beside(&self, first: &Replica) -> Replica {
        match self.backend() {
            Backend::Sqlite => Replica::on(first.store.clone()).await,
            Backend::Postgres => self.replica().await,
        }
    }

    async fn store(&self, wait: Duration) -> Store {
        let options = StoreOptions {
            wait,
            ..StoreOptions::default()
        };
        self.open_with(MIGRATIONS, options).await
    }

    async fn outsider(&self) -> AnyConnection {
        AnyConnection::connect(self.url()).await.unwrap()
    }

    async fn tamper(&self, statement: &'static str) {
        let mut outsider = self.outsider().await;
        let changed = sqlx::query(statement).execute(&mut outsider).await.unwrap();
        assert!(changed.rows_affected() > 0, "{statement}");
        outsider.close().await.unwrap();
    }

    async fn report(&self) -> log::Report {
        let pool = sqlx::AnyPool::connect(self.url()).await.unwrap();
        let report = log::verify(&pool, |_| ()).await.unwrap();
        pool.close().await;
        report
    }

    async fn assert_whole(&self, rows: i64) {
        let faults = Vec::new();
        assert_eq!(self.report().await, log::Report { rows, faults });
    }

    async fn number(&self, query: &'static str) -> i64 {
        let mut outsider = self.outsider().await;
        let row = sqlx::query(query).fetch_one(&mut outsider).await.unwrap();
        let number = row.try_get(0).unwrap();
        outsider.close().await.unwrap();
        number
    }
}

/// What one gateway process has.
pub(crate) struct Replica {
    pub(crate) store: Store,
    pub(crate) log: Log,
    pub(crate) facts: Facts,
}

impl Replica {
    /// A process that knows only the address.
    pub(crate) async fn open(url: &str) -> Self {
        let clock = Arc::new(SystemClock);
        let ids = Arc::new(RandomIds::new(clock.clone()));
        let store = Store::open(url, MIGRATIONS, clock, ids).await.unwrap();
        Self::on(store).await
    }

    /// Ends the process, so that another can have the database.
    pub(crate) async fn close(self) {
        self.log.close().await;
        self.store.close().await;
    }

    pub(crate) async fn on(store: Store) -> Self {
        Self::with(store, Sequencer::PATIENCE * 6, Limits::default()).await
    }

    pub(crate) async fn with(store: Store, patience: Duration, limits: Limits) -> Self {
        let sequencer = Sequencer::new(store.clone()).with_patience(patience);
        Self {
            store,
            log: Log::start(sequencer.clone(), limits),
            facts: Facts::open(sequencer, ["rop"], Sources::all_from("rop"))
                .await
                .unwrap(),
        }
    }

    /// Applies facts that follow those applied before.
    pub(crate) async fn state(&self, facts: Vec<Faktum>) -> Applied {
        let first = self.facts.position("rop") + 1;
        self.apply(first, facts).await.unwrap()
    }

    pub(crate) async fn apply(
        &self,
        first: i64,
        facts: Vec<Faktum>,
    ) -> Result<Applied, ApplyError> {
        self.facts.apply("rop", batch(first, facts)).await
    }
}

pub(crate) fn batch(first: i64, facts: Vec<Faktum>) -> FaktaResponse {
    let fakta: Vec<_> = (first..)
        .zip(facts)
        .map(|(nr, faktum)| NummerertFaktum {
            nr,
            faktum: Some(faktum),
            traceparent: String::new(),
        })
        .collect();
    FaktaResponse {
        siste: fakta.last().map_or(first - 1, |last| last.nr),
        fakta,
    }
}

/// Person id number `n`.
pub(crate) fn person(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

pub(crate) fn row(person: &str) -> Row {
    Row {
        person: Some(person.to_owned()),
        ukjent: false,
        content: Loggpost {
            tid: 1_700_000_000_000_000,
            r#type: Loggtype::Innsyn.into(),
            aktor: Some(Aktor {
                enhet: "enheter/rop".to_owned(),
                ansatt: "a17".to_owned(),
                rolle: Rolle::Behandler.into(),
            }),
            formal: Formal::Ytelse.into(),
            metode: "/samspor.rop.v1.JournalService/HentAapentNotat".to_owned(),
            sak: format!("personer/{person}/saker/s1"),
            poster: vec![Loggfort {
                post: format!("personer/{person}/notater/n1"),
                utlevert: 6,
                skjermet: 8,
                ..Loggfort::default()
            }],
            regler: vec!["P1".to_owned()],
            regelversjon: "v1".to_owned(),
            sporings_id: "0123456789abcdef0123456789abcdef".to_owned(),
            ..Loggpost::default()
        },
    }
}

pub(crate) fn subject(person: &str, version: i64) -> Subject {
    Subject {
        person: person.to_owned(),
        version,
    }
}

/// One row about a person, decided on a version of its facts.
pub(crate) fn disclosure(person: &str, version: i64) -> Entry {
    Entry {
        rows: vec![row(person)],
        subjects: vec![subject(person, version)],
    }
}

/// One row about a person, decided on nothing.
pub(crate) fn refusal(person: &str) -> Entry {
    Entry {
        rows: vec![row(person)],
        subjects: Vec::new(),
    }
}

pub(crate) fn unit(id: &str) -> Hvem {
    Hvem::Enhet(id.to_owned())
}

/// A fact without limits.
pub(crate) fn fact(id: &str, subjekt: &str, hvem: Hvem, kind: Faktumtype) -> Faktum {
    Faktum {
        id: id.to_owned(),
        subjekt: subjekt.to_owned(),
        part: Some(Part { hvem: Some(hvem) }),
        r#type: kind.into(),
        ..Faktum::default()
    }
}

/// From and to in whole seconds since 1970.
pub(crate) fn period(fra: Option<i64>, til: Option<i64>) -> Periode {
    let instant = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
    Periode {
        fra: fra.map(instant),
        til: til.map(instant),
    }
}
