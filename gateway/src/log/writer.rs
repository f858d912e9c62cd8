//! Group commit: one task, one transaction for everything that is queued.

use std::collections::{HashMap, HashSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use samspor_chassis::{id::Ids, telemetry};
use samspor_proto::internt::Loggtype;
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::mpsc;

use super::{
    AppendError, Counts, Entry, Message, Pending, Receipt, Row, Sequencer, Subject,
    canonical::{KEY_LENGTH, Personkode, Stored, personkode},
    sequencer::Turn,
    sql,
};

/// Rows of one INSERT at most.
pub(super) const ROWS_PER_INSERT: usize = 16;

/// Person codes that are kept.
const CACHED_CODES: usize = 10_000;

/// Takes what is queued, again and again, until nobody can queue any more.
pub(super) async fn run(mut waiting: mpsc::Receiver<Message>, sequencer: Sequencer, batch: usize) {
    let mut codes = Codes::default();
    let mut taken = Vec::new();
    while waiting.recv_many(&mut taken, batch).await > 0 {
        // Lets callers that are ready to run queue up before the commit.
        tokio::task::yield_now().await;
        while taken.len() < batch
            && let Ok(message) = waiting.try_recv()
        {
            taken.push(message);
        }
        let mut pending = Vec::with_capacity(taken.len());
        for message in taken.drain(..) {
            match message {
                Message::Write(entry) => pending.push(entry),
                Message::Close => waiting.close(),
            }
        }
        commit(&sequencer, pending, &mut codes).await;
    }
}

/// Writes a batch and answers everybody in it.
async fn commit(sequencer: &Sequencer, pending: Vec<Pending>, codes: &mut Codes) {
    let entries: Vec<&Entry> = pending.iter().map(|pending| &pending.entry).collect();
    let outcome = sequencer
        .within_patience(write(sequencer, &entries, codes))
        .await;
    match outcome {
        Ok(answers) => {
            for (pending, answer) in pending.into_iter().zip(answers) {
                // A caller that went away does not need its answer.
                let _ = pending.answer.send(answer);
            }
        }
        Err(error) => {
            let entries = pending.len();
            tracing::error!(
                samspor.feil = %telemetry::variant(&error),
                samspor.antall = entries,
                "access log could not be written"
            );
            *codes = Codes::default();
            for pending in pending {
                let _ = pending.answer.send(Err(AppendError::Unavailable));
            }
        }
    }
}

/// Writes the entries whose facts still hold, and says of each what became of
/// it. The answers are true only because the transaction has been committed.
async fn write(
    sequencer: &Sequencer,
    entries: &[&Entry],
    codes: &mut Codes,
) -> Result<Vec<Result<Receipt, AppendError>>, sqlx::Error> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let mut gate = sequencer.enter().await?;
    let mut turn = gate
        .begin(Counts {
            logg: length(entries.iter().map(|entry| entry.rows.len()).sum()),
            ..Counts::default()
        })
        .await?;

    // INVARIANT: the sequencer row is held, so no fact changes until commit.
    let versions = current_versions(&mut turn, entries).await?;
    let mut answers = Vec::with_capacity(entries.len());
    let mut accepted: Vec<&Row> = Vec::new();
    let mut refused = 0;
    for entry in entries {
        let changed = changed_subjects(&entry.subjects, &versions);
        if changed.is_empty() {
            answers.push(Ok(length(accepted.len())));
            accepted.extend(&entry.rows);
        } else {
            answers.push(Err(AppendError::FactsChanged(changed)));
            refused += entry.rows.len();
        }
    }
    if refused > 0 {
        turn.count(Counts {
            logg: -length(refused),
            ..Counts::default()
        })
        .await?;
    }
    let first = turn.counts.logg - length(accepted.len());
    if accepted.is_empty() {
        turn.rollback().await?;
    } else {
        codes.ensure(&mut turn, &accepted, sequencer.ids()).await?;
        let mut sealed = Vec::with_capacity(accepted.len());
        for (indeks, row) in (first..).zip(accepted) {
            let code = row.person.as_deref().and_then(|person| codes.of(person));
            sealed.push(Stored::seal(row.content.clone(), indeks, code));
        }
        for rows in sealed.chunks(ROWS_PER_INSERT) {
            insert(&mut turn, rows).await?;
        }
        turn.commit().await?;
    }
    gate.sound();
    Ok(answers
        .into_iter()
        .map(|answer| {
            answer.map(|offset| Receipt {
                indeks: first + offset,
            })
        })
        .collect())
}

/// Versions of all subjects of a batch. A subject without facts has none.
async fn current_versions(
    turn: &mut Turn<'_>,
    entries: &[&Entry],
) -> Result<HashMap<String, i64>, sqlx::Error> {
    let mut persons: Vec<&str> = entries
        .iter()
        .flat_map(|entry| &entry.subjects)
        .map(|subject| subject.person.as_str())
        .collect();
    persons.sort_unstable();
    persons.dedup();

    let mut versions = HashMap::with_capacity(persons.len());
    for (persons, length) in sql::lists(&persons) {
        let text = format!(
            "SELECT person, versjon FROM gw_subjekt WHERE person IN {}",
            sql::values(1, length)
        );
        let query = sqlx::query(AssertSqlSafe(text));
        let rows = sql::bind_list(query, persons.iter().copied(), length)
            .fetch_all(&mut *turn.transaction)
            .await?;
        for row in rows {
            versions.insert(row.try_get(0)?, row.try_get(1)?);
        }
    }
    Ok(versions)
}

/// Persons whose facts are of another version than the decision's.
fn changed_subjects(subjects: &[Subject], versions: &HashMap<String, i64>) -> Vec<String> {
    subjects
        .iter()
        .filter(|subject| {
            let current = versions.get(&subject.person).copied().unwrap_or_default();
            current != subject.version
        })
        .map(|subject| subject.person.clone())
        .collect()
}

/// One statement for up to [`ROWS_PER_INSERT`] rows.
pub(super) async fn insert(turn: &mut Turn<'_>, rows: &[Stored]) -> Result<(), sqlx::Error> {
    let text = format!(
        "INSERT INTO gw_logg (indeks, tid, personkode, spor, bladsum, bytes) VALUES {}",
        sql::values(rows.len(), 6)
    );
    let mut query = sqlx::query(AssertSqlSafe(text));
    for row in rows {
        query = query
            .bind(row.indeks)
            .bind(row.tid)
            .bind(row.personkode.as_deref())
            .bind(row.spor)
            .bind(row.bladsum.as_str())
            .bind(row.bytes.as_str());
    }
    query.execute(&mut *turn.transaction).await?;
    Ok(())
}

/// Codes of persons that were written lately. To be thrown away when a
/// transaction fails, because it may hold codes of keys that were not kept.
#[derive(Default)]
pub(super) struct Codes {
    of: HashMap<String, Personkode>,
    /// Removed keys when the cache was filled.
    generation: i64,
}

impl Codes {
    fn of(&self, person: &str) -> Option<Personkode> {
        self.of.get(person).copied()
    }

    /// Makes the codes of all persons of these rows known, creating the keys
    /// that are missing.
    async fn ensure(
        &mut self,
        turn: &mut Turn<'_>,
        rows: &[&Row],
        ids: &dyn Ids,
    ) -> Result<(), sqlx::Error> {
        // Some replica has removed a key, which must not be used again.
        if self.generation != turn.counts.nokler || self.of.len() > CACHED_CODES {
            self.of.clear();
            self.generation = turn.counts.nokler;
        }
        // The database is asked for whoever a refusal is about, known or not:
        // else the time that it takes would tell which.
        let mut unknown: Vec<&str> = rows
            .iter()
            .filter_map(|row| Some((row.person.as_deref()?, row.content.r#type())))
            .filter(|(person, kind)| *kind == Loggtype::Avslag || !self.of.contains_key(*person))
            .map(|(person, _)| person)
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        let certain: HashSet<&str> = rows
            .iter()
            .filter(|row| !row.ukjent)
            .filter_map(|row| row.person.as_deref())
            .collect();

        for (persons, length) in sql::lists(&unknown) {
            let text = format!(
                "SELECT person, nokkel FROM gw_personnokkel WHERE person IN {}",
                sql::values(1, length)
            );
            let query = sqlx::query(AssertSqlSafe(text));
            let found = sql::bind_list(query, persons.iter().copied(), length)
                .fetch_all(&mut *turn.transaction)
                .await?;
            for row in found {
                let (person, key): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                let key = decode_key(&key)?;
                let code = personkode(&key, &person);
                self.of.insert(person, code);
            }
        }
        let missing: Vec<&str> = unknown
            .into_iter()
            .filter(|person| !self.of.contains_key(*person) && certain.contains(person))
            .collect();
        for persons in missing.chunks(sql::MOST_ROWS) {
            self.create(turn, persons, ids).await?;
        }
        Ok(())
    }

    async fn create(
        &mut self,
        turn: &mut Turn<'_>,
        persons: &[&str],
        ids: &dyn Ids,
    ) -> Result<(), sqlx::Error> {
        let text = format!(
            "INSERT INTO gw_personnokkel (person, nokkel) VALUES {}",
            sql::values(persons.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(sql::recurs(persons.len()));
        for person in persons {
            let mut key = [0; KEY_LENGTH];
            ids.random(&mut key);
            query = query.bind(*person).bind(BASE64_STANDARD.encode(key));
            self.of
                .insert((*person).to_owned(), personkode(&key, person));
        }
        query.execute(&mut *turn.transaction).await?;
        Ok(())
    }
}

pub(crate) fn decode_key(text: &str) -> Result<Vec<u8>, sqlx::Error> {
    BASE64_STANDARD
        .decode(text)
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Numbers of rows are far below 2⁶³.
pub(super) fn length(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
