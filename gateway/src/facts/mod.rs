//! What is known about persons: the projection of the services' fact feeds
//! and the cache that decisions read.
//!
//! A batch of facts is one transaction that takes the sequencer row of the
//! log first. It gives the touched subjects a new version; a log row checks
//! the version that its decision was made on. So a decision on facts that some
//! replica has changed is never acknowledged, whatever this replica remembers:
//! the log answers `FactsChanged`, the caller refreshes and decides again.
//!
//! Only the facts of those who were lately asked for are in memory. They are
//! read when they are first needed and forgotten when they change.
//!
//! Persons that were merged (`SAMMENSLATT`) are one human: while the merge
//! holds, the facts of each count for the other, restrictions and permits
//! alike, and a change of one is a new version of both. Among the facts of a
//! person SAMMENSLATT names each other id of the same human, whichever was
//! merged into which.

mod merged;
mod store;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use futures::{Stream, StreamExt as _};
use samspor_proto::hendelse::FaktaResponse;
use tokio::sync::{broadcast, mpsc, watch};

use self::store::{Incoming, Outcome};
use crate::{log::Sequencer, model::PersonFacts, policy::Sources};

/// Changes that a subscriber may be behind before it has lost some.
const CHANGES_KEPT: usize = 1024;

/// Persons whose facts are remembered, at most: about 1 kB each.
const REMEMBERED: u64 = 8_192;

/// Messages of a feed that are read ahead, and joined at most, while the
/// projection is cold. Large transactions touch each page of the database
/// fewer times.
const JOINED_WHEN_COLD: usize = 20;

/// The same when the gateway is serving, and the log waits for its turn.
const JOINED_WHEN_SERVING: usize = 2;

/// The facts of all subjects, as this process sees them. Clones share them.
#[derive(Debug, Clone)]
pub struct Facts {
    sequencer: Sequencer,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    remembered: moka::sync::Cache<Box<str>, Arc<PersonFacts>>,
    /// Counts the changes that were forgotten; see [`Facts::read`].
    forgotten: AtomicU64,
    progress: watch::Sender<BTreeMap<String, Progress>>,
    changes: broadcast::Sender<Arc<Change>>,
    sources: Sources,
    /// Version up to which every change of any replica was forgotten here.
    seen: AtomicI64,
}

/// How far the projection of one service's feed has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Last number applied.
    pub position: i64,
    /// Whether the end of the feed has been reached since this process
    /// started, or the projection is taken as it stands.
    pub caught_up: bool,
    /// Whether the end of the feed was ever reached, by any process.
    pub whole: bool,
}

/// Subjects whose facts have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Person ids.
    pub persons: Vec<Arc<str>>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Last number of the feed that has taken effect.
    pub position: i64,
    /// Where it stands in the order of changes; none when nothing was new.
    pub change: Option<Place>,
}

/// Place of a fact change in the order that log rows and changes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Version of the subjects that it touched.
    pub version: i64,
    /// Index of the first log row after it.
    pub indeks: i64,
}

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The first new number does not follow the last applied: facts are
    /// missing. Read the feed again from the position.
    #[error("fact feed continues at {found}, not at {expected}")]
    Gap {
        /// Number that comes next.
        expected: i64,
        /// Number that came.
        found: i64,
    },
    /// A fact without id, subject, party, or of a kind that the contract does
    /// not know or that the service may not state. The feed stops there,
    /// because what it takes away must not be skipped.
    #[error("fact {nr} is malformed")]
    Malformed {
        /// Its number in the feed.
        nr: i64,
    },
    /// The database could not take it. Whether it was committed is not known;
    /// applying it again is harmless.
    #[error(transparent)]
    Storage(#[from] sqlx::Error),
}

impl ApplyError {
    /// The number in the feed at which it stopped.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Gap { found: nr, .. } | Self::Malformed { nr } => Some(*nr),
            Self::Storage(_) => None,
        }
    }
}

/// Why a feed is no longer followed. What was applied stays applied.
#[derive(Debug, thiserror::Error)]
pub enum FollowError<E> {
    /// The feed failed.
    #[error("fact feed failed")]
    Feed(#[source] E),
    /// A batch could not be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl Facts {
    /// Goes on where the database stands. The feeds of these services must be
    /// read to their end before [`Self::caught_up`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open(
        sequencer: Sequencer,
        tjenester: impl IntoIterator<Item = impl Into<String>>,
        sources: Sources,
    ) -> Result<Self, sqlx::Error> {
        let mut progress: BTreeMap<String, Progress> = tjenester
            .into_iter()
            .map(|tjeneste| (tjeneste.into(), Progress::default()))
            .collect();
        for (tjeneste, position, whole) in store::positions(sequencer.readers()).await? {
            let known = progress.entry(tjeneste).or_default();
            known.position = position;
            known.whole = whole;
        }
        let seen = store::newest(sequencer.readers()).await?;
        Ok(Self {
            sequencer,
            shared: Arc::new(Shared {
                remembered: moka::sync::Cache::new(REMEMBERED),
                forgotten: AtomicU64::new(0),
                progress: watch::Sender::new(progress),
                changes: broadcast::Sender::new(CHANGES_KEPT),
                sources,
                seen: AtomicI64::new(seen),
            }),
        })
    }

    /// Facts of a person as they are remembered, if they are. They may be
    /// older than what another replica has applied; the log tells.
    #[must_use]
    pub fn remembered(&self, person: &str) -> Option<Arc<PersonFacts>> {
        self.shared.remembered.get(person)
    }

    /// Facts of a person, with those of the persons that it is merged with,
    /// remembered or read. A person without any has none, at version 0.
    ///
    /// # Errors
    /// When the database cannot be read or a stored fact cannot be decoded.
    pub async fn get(&self, person: &str) -> Result<Arc<PersonFacts>, sqlx::Error> {
        match self.remembered(person) {
            Some(known) => Ok(known),
            None => self.refresh(person).await,
        }
    }

    /// Facts of several persons, in few statements.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_all<'p>(
        &self,
        persons: impl IntoIterator<Item = &'p str>,
    ) -> Result<HashMap<&'p str, Arc<PersonFacts>>, sqlx::Error> {
        let mut facts = HashMap::new();
        let mut missing = Vec::new();
        for person in persons {
            match self.remembered(person) {
                Some(known) => drop(facts.insert(person, known)),
                None => missing.push(person),
            }
        }
        if !missing.is_empty() {
            facts.extend(self.read(&missing).await?);
        }
        Ok(facts)
    }

    /// Reads a person's facts from the database.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn refresh(&self, person: &str) -> Result<Arc<PersonFacts>, sqlx::Error> {
        let mut read = self.read(&[person]).await?;
        Ok(read.remove(person).unwrap_or_default())
    }

    /// Reads facts from the database and remembers them.
    async fn read<'p>(
        &self,
        persons: &[&'p str],
    ) -> Result<HashMap<&'p str, Arc<PersonFacts>>, sqlx::Error> {
        let forgotten = self.shared.forgotten.load(Ordering::SeqCst);
        let subjects = store::read(self.sequencer.readers(), persons).await?;
        let read: HashMap<_, _> = persons
            .iter()
            .map(|person| (*person, Arc::new(merged::facts_of(person, &subjects))))
            .collect();
        // Whoever guesses ids must not drive out those who are known.
        for (person, facts) in read.iter().filter(|(_, facts)| facts.version > 0) {
            let person: Box<str> = (*person).into();
            self.shared.remembered.insert(person, Arc::clone(facts));
        }
        // What changed while it was read may be older than the change.
        if self.shared.forgotten.load(Ordering::SeqCst) != forgotten {
            for person in persons {
                self.shared.remembered.invalidate(*person);
            }
        }
        Ok(read)
    }

    /// Applies a batch of a service's feed: numbers that were applied before
    /// are skipped, whichever replica did it. The service has caught up when
    /// the batch reaches the end of its feed.
    ///
    /// The log waits while a batch is applied: see [`Self::follow`].
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn apply(&self, tjeneste: &str, batch: FaktaResponse) -> Result<Applied, ApplyError> {
        let FaktaResponse { fakta, siste } = batch;
        let incoming = fakta
            .into_iter()
            .map(|fact| Incoming::read(tjeneste, fact, &self.shared.sources))
            .collect::<Result<Vec<_>, _>>()?;
        let in_memory = self.position(tjeneste);
        let Outcome {
            known,
            applied,
            changed,
        } = self
            .sequencer
            .within_long_patience(store::apply(&self.sequencer, tjeneste, incoming))
            .await?;
        if known > in_memory {
            // Another has applied some of it, which is yet to be forgotten here.
            self.poll_changes().await?;
        }
        self.forget(changed);
        if let Some(Place { version, .. }) = applied.change {
            // Spares the next poll what is forgotten already.
            let _ = self.shared.seen.compare_exchange(
                version - 1,
                version,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
        let at_end = applied.position >= siste;
        if at_end && !self.progress_of(tjeneste).whole {
            store::put_whole(self.sequencer.writers(), tjeneste).await?;
        }
        self.shared.progress.send_modify(|progress| {
            let progress = progress.entry(tjeneste.to_owned()).or_default();
            progress.position = progress.position.max(applied.position);
            progress.caught_up |= at_end;
            progress.whole |= at_end;
        });
        Ok(applied)
    }

    /// Applies a service's feed until it ends or fails. Reading goes on while
    /// a batch is applied, and what has come meanwhile is applied at once.
    ///
    /// # Errors
    /// When the feed fails or something of it cannot be applied.
    pub async fn follow<E>(
        &self,
        tjeneste: &str,
        feed: impl Stream<Item = Result<FaktaResponse, E>>,
    ) -> Result<(), FollowError<E>> {
        let (ahead, mut waiting) = mpsc::channel(JOINED_WHEN_COLD);
        let read = async move {
            futures::pin_mut!(feed);
            loop {
                let next = tokio::select! {
                    // Nobody applies any longer.
                    () = ahead.closed() => return Ok(()),
                    next = feed.next() => next,
                };
                let Some(batch) = next else { return Ok(()) };
                let batch = batch.map_err(FollowError::Feed)?;
                if ahead.send(batch).await.is_err() {
                    return Ok(());
                }
            }
        };
        let apply = async move {
            let mut taken = Vec::new();
            loop {
                let most = if self.caught_up() {
                    JOINED_WHEN_SERVING
                } else {
                    JOINED_WHEN_COLD
                };
                if waiting.recv_many(&mut taken, most).await == 0 {
                    return Ok(());
                }
                let mut joined = FaktaResponse::default();
                for FaktaResponse { fakta, siste } in taken.drain(..) {
                    joined.fakta.extend(fakta);
                    joined.siste = siste;
                }
                self.apply(tjeneste, joined).await?;
            }
        };
        let (read, applied): (_, Result<(), ApplyError>) = tokio::join!(read, apply);
        applied?;
        read
    }

    /// Subjects whose facts change from now on, whichever replica did it. A
    /// subscriber that lags must take every subject as changed.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Arc<Change>> {
        self.shared.changes.subscribe()
    }

    /// Forgets what other replicas have changed. Returns how many subjects
    /// that were.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn poll_changes(&self) -> Result<usize, sqlx::Error> {
        let seen = self.shared.seen.load(Ordering::Acquire);
        let (persons, newest) = store::changed_since(self.sequencer.readers(), seen).await?;
        let changed = persons.len();
        self.forget(persons);
        self.shared.seen.fetch_max(newest, Ordering::AcqRel);
        Ok(changed)
    }

    /// How far the projection of each service has come, and a way to wait for it.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<BTreeMap<String, Progress>> {
        self.shared.progress.subscribe()
    }

    /// Last number of a service's feed that has been applied; 0: none.
    #[must_use]
    pub fn position(&self, tjeneste: &str) -> i64 {
        self.progress_of(tjeneste).position
    }

    fn progress_of(&self, tjeneste: &str) -> Progress {
        let progress = self.shared.progress.borrow();
        progress.get(tjeneste).copied().unwrap_or_default()
    }

    /// A service cannot be reached. What is known of it is taken as it stands,
    /// if its feed was ever read to its end: a write is answered only when its
    /// facts are applied, so nothing that anybody was told is missing.
    pub fn unreachable(&self, tjeneste: &str) {
        if self.progress_of(tjeneste).whole {
            self.shared.progress.send_modify(|progress| {
                progress.entry(tjeneste.to_owned()).or_default().caught_up = true;
            });
        }
    }

    /// Whether a service may state facts that close.
    #[must_use]
    pub fn closes(&self, tjeneste: &str) -> bool {
        self.shared.sources.close(tjeneste)
    }

    /// Waits until a service's feed has been applied up to a number.
    pub async fn reached(&self, tjeneste: &str, nr: i64) {
        let mut progress = self.progress();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = progress
            .wait_for(|progress| {
                progress
                    .get(tjeneste)
                    .is_some_and(|progress| progress.position >= nr)
            })
            .await;
    }

    /// Whether every service's feed has been read to its end. Until then the
    /// gateway is not serving.
    #[must_use]
    pub fn caught_up(&self) -> bool {
        self.shared
            .progress
            .borrow()
            .values()
            .all(|progress| progress.caught_up)
    }

    /// Forgets the facts of these persons, and tells the subscribers.
    fn forget(&self, persons: Vec<Arc<str>>) {
        if persons.is_empty() {
            return;
        }
        // INVARIANT: counted before anything is forgotten, and after the change
        // was committed: whoever remembers older facts either sees the count
        // and forgets them, or remembered them before they are forgotten here.
        self.shared.forgotten.fetch_add(1, Ordering::SeqCst);
        for person in &persons {
            self.shared.remembered.invalidate(&**person);
        }
        // Nobody need be listening.
        let _ = self.shared.changes.send(Arc::new(Change { persons }));
    }
}
