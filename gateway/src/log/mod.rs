//! The access log: who saw what of whom, for what purpose, by which rule.
//!
//! A row is durable before anything that it speaks of is released, and it is
//! written while the facts that its decision was made on still are the current
//! ones; otherwise the caller is told to decide again. Rows have a dense index
//! from 0 and are never changed. The person of a row is a code under the
//! person's own key, so that deleting the key unlinks the rows and leaves the
//! log whole.
//!
//! Callers share commits: one task takes what is queued, writes it in one
//! transaction and answers every waiter. Nothing waits for a timer.
//!
//! [`Sequencer`] is what the log shares with the fact projection.

mod canonical;
mod held;
mod read;
mod sequencer;
pub(crate) mod sql;
mod verify;
mod writer;

use samspor_proto::internt::Loggpost;
use tokio::sync::{mpsc, oneshot, watch};

pub use canonical::{leaf_hash, without_person};
pub(crate) use canonical::{personkode, spor};
pub use read::LoggedRow;
pub(crate) use read::rows_of;
pub(crate) use sequencer::{Counts, Turn};
pub use sequencer::{MIGRATIONS, Sequencer};
pub use verify::{Fault, FaultKind, Report, verify};
pub(crate) use writer::decode_key;

/// What a call asks the log to write: all rows or none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    /// One row per person that the call concerns.
    pub rows: Vec<Row>,
    /// Every subject whose facts the decision was made on. Empty for what is
    /// written whatever the facts have become: a refusal, the outcome of a
    /// mutation that has been done.
    pub subjects: Vec<Subject>,
}

/// One row to be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Person id of whom it is about; none: about nobody.
    pub person: Option<String>,
    /// Nothing is known of the person, so the id may be made up: no key is
    /// made for it, and without one the row is about nobody.
    pub ukjent: bool,
    /// Content. The log sets `indeks` and `personkode`, and takes the person
    /// part out of `sak` and of the names in `poster`.
    pub content: Loggpost,
}

/// A subject and the version of its facts that a decision was made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Person id.
    pub person: String,
    /// [`crate::model::PersonFacts::version`].
    pub version: i64,
}

/// Proof that an entry is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Index of the entry's first row; its other rows follow directly.
    pub indeks: i64,
}

/// Why an entry was not acknowledged. In every case nothing may be released.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum AppendError {
    /// The facts of these persons are no longer those of the decision. Nothing
    /// was written: refresh them, decide again, append again.
    #[error("facts have changed since the decision")]
    FactsChanged(Vec<String>),
    /// The queue is full. Nothing was written.
    #[error("access log is overloaded")]
    Overloaded,
    /// The database could not take it (locked, full, gone). Whether it was
    /// written is not known.
    #[error("access log is unavailable")]
    Unavailable,
    /// A person id is not of the form `[0-9A-Za-z-]{1,64}`, or there is no row.
    #[error("malformed entry")]
    Malformed,
}

/// Bounds of the log's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries that may wait; more are refused at once.
    pub queued: usize,
    /// Entries that are written in one transaction at most.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queued: 4096,
            batch: 256,
        }
    }
}

/// The access log of a gateway process. Clones share one writer.
#[derive(Debug, Clone)]
pub struct Log {
    sequencer: Sequencer,
    queue: mpsc::Sender<Message>,
    /// Closed when the writer has ended.
    until_end: watch::Receiver<()>,
}

#[derive(Debug)]
enum Message {
    Write(Pending),
    Close,
}

#[derive(Debug)]
struct Pending {
    entry: Entry,
    answer: oneshot::Sender<Result<Receipt, AppendError>>,
}

impl Log {
    /// Starts the writer task, which ends when the last clone is dropped or
    /// the log is closed.
    #[must_use]
    pub fn start(sequencer: Sequencer, limits: Limits) -> Self {
        let (queue, waiting) = mpsc::channel(limits.queued);
        let (ended, until_end) = watch::channel(());
        let write = writer::run(waiting, sequencer.clone(), limits.batch);
        tokio::spawn(async move {
            write.await;
            drop(ended);
        });
        Self {
            sequencer,
            queue,
            until_end,
        }
    }

    /// Closes the log: what is queued is written, what comes later is refused.
    /// Returns when the writer has ended.
    pub async fn close(&self) {
        // Fails when it is closed already.
        let _ = self.queue.send(Message::Close).await;
        let _ = self.until_end.clone().changed().await;
    }

    /// Writes an entry. Once called it is written even if the caller goes away.
    ///
    /// # Errors
    /// See [`AppendError`]; after an error nothing may be released.
    pub async fn append(&self, mut entry: Entry) -> Result<Receipt, AppendError> {
        prepare(&mut entry)?;
        let (answer, answered) = oneshot::channel();
        self.queue
            .try_send(Message::Write(Pending { entry, answer }))
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => AppendError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => AppendError::Unavailable,
            })?;
        answered.await.unwrap_or(Err(AppendError::Unavailable))
    }

    /// Deletes a person's log key: the rows stay, but nothing tells any longer
    /// whose they are. Later rows get a new key. Returns whether there was one.
    ///
    /// # Errors
    /// When the database could not do it.
    pub async fn forget(&self, person: &str) -> Result<bool, sqlx::Error> {
        self.sequencer
            .within_patience(async {
                let mut gate = self.sequencer.enter().await?;
                let mut turn = gate
                    .begin(Counts {
                        nokler: 1,
                        ..Counts::default()
                    })
                    .await?;
                let deleted = sqlx::query("DELETE FROM gw_personnokkel WHERE person = $1")
                    .bind(person)
                    .execute(&mut *turn.transaction)
                    .await?;
                turn.commit().await?;
                gate.sound();
                Ok(deleted.rows_affected() > 0)
            })
            .await
    }
}

/// Refuses what would spoil a whole batch, and takes persons out of names.
fn prepare(entry: &mut Entry) -> Result<(), AppendError> {
    let persons = entry.rows.iter().filter_map(|row| row.person.as_deref());
    let subjects = entry.subjects.iter().map(|s| s.person.as_str());
    if entry.rows.is_empty() || !persons.chain(subjects).all(is_person_id) {
        return Err(AppendError::Malformed);
    }
    for Row { content, .. } in &mut entry.rows {
        strip_person(&mut content.sak);
        for released in &mut content.poster {
            strip_person(&mut released.post);
        }
    }
    Ok(())
}

fn strip_person(name: &mut String) {
    let stripped = without_person(name);
    if stripped.len() != name.len() {
        *name = stripped.to_owned();
    }
}

pub(crate) fn is_person_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
