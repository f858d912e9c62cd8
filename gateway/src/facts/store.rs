//! The projection in the gateway's database.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::TryStreamExt as _;
use prost::Message as _;
use samspor_chassis::tid::Tid;
use samspor_proto::{
    felles::{Faktum, Faktumtype, Rolle, part::Hvem},
    hendelse::NummerertFaktum,
    tilgang::{Dataklasse, Formal},
};
use sqlx::{AnyPool, AssertSqlSafe, Row as _, any::AnyRow};

use super::{Applied, ApplyError, Place, memory::Memory};
use crate::log::{Counts, Sequencer, Turn, is_person_id, sql};

/// A subject as the database holds it: read in one statement, so that the
/// facts are those of the version.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) person: String,
    pub(super) version: i64,
    /// Name of the group of subjects that it was ever merged with.
    pub(super) group: Option<String>,
    pub(super) facts: Vec<Faktum>,
}

/// A fact of a feed that can be interpreted.
#[derive(Debug)]
pub(super) struct Incoming {
    nr: i64,
    id: String,
    subjekt: String,
    /// Person that the subject was merged into.
    merged_into: Option<String>,
    bytes: String,
}

impl TryFrom<NummerertFaktum> for Incoming {
    type Error = ApplyError;

    fn try_from(numbered: NummerertFaktum) -> Result<Self, ApplyError> {
        let NummerertFaktum { nr, faktum, .. } = numbered;
        let malformed = ApplyError::Malformed { nr };
        let Some(faktum) = faktum else {
            return Err(malformed);
        };
        let Some(party) = faktum.part.as_ref().and_then(|part| part.hvem.as_ref()) else {
            return Err(malformed);
        };
        let party_is_known = match party {
            Hvem::Enhet(id) | Hvem::Ansatt(id) => !id.is_empty(),
            Hvem::Person(person) => is_person_id(person),
        };
        let kind = Faktumtype::try_from(faktum.r#type).unwrap_or_default();
        // A limit that is not understood must not be taken for none.
        let limits_are_known = Rolle::try_from(faktum.rolle).is_ok()
            && Formal::try_from(faktum.formal).is_ok()
            && (faktum.klasser.iter()).all(|class| Dataklasse::try_from(*class).is_ok())
            && !faktum.post.contains('\n');
        let period = faktum.periode.unwrap_or_default();
        let period_is_known = [period.fra, period.til]
            .into_iter()
            .flatten()
            .all(|instant| Tid::try_from(instant).is_ok());
        if faktum.id.is_empty()
            || faktum.id.contains('\0')
            || !is_person_id(&faktum.subjekt)
            || !party_is_known
            || kind == Faktumtype::Unspecified
            || !limits_are_known
            || !period_is_known
        {
            return Err(malformed);
        }
        let merged_into = match (kind, party) {
            (Faktumtype::Sammenslatt, Hvem::Person(person)) => Some(person.clone()),
            _ => None,
        };
        Ok(Self {
            nr,
            merged_into,
            bytes: BASE64_STANDARD.encode(faktum.encode_to_vec()),
            id: faktum.id,
            subjekt: faktum.subjekt,
        })
    }
}

/// What became of a batch in the database.
pub(super) struct Outcome {
    /// Position before it.
    pub(super) known: i64,
    pub(super) applied: Applied,
    /// Whom it touched.
    pub(super) subjects: Vec<Subject>,
}

/// Last applied number per service.
pub(super) async fn positions(pool: &AnyPool) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query("SELECT tjeneste, nr FROM gw_posisjon")
        .try_map(|row: AnyRow| Ok((row.try_get(0)?, row.try_get(1)?)))
        .fetch_all(pool)
        .await
}

/// Loads every subject into memory. Returns the newest version among them.
///
/// Subjects are read before facts: whoever changes in between is in memory
/// with newer facts than its version says, which the log refuses to accept,
/// and never with older ones. A row of each fact holds nothing but the fact,
/// because the driver copies every value.
pub(super) async fn load(pool: &AnyPool, memory: &mut Memory) -> Result<i64, sqlx::Error> {
    let rows = sqlx::query("SELECT person, versjon, gruppe FROM gw_subjekt")
        .fetch_all(pool)
        .await?;
    let mut subjects = HashMap::with_capacity(rows.len());
    for row in rows {
        let subject = head(&row)?;
        subjects.insert(subject.person.clone(), subject);
    }
    let newest = subjects.values().map(|subject| subject.version).max();

    let mut facts = sqlx::query("SELECT bytes FROM gw_faktum ORDER BY subjekt").fetch(pool);
    let mut current: Option<Subject> = None;
    while let Some(row) = facts.try_next().await? {
        let fact = decoded(row.try_get(0)?)?;
        if current.as_ref().is_none_or(|s| s.person != fact.subjekt)
            && let Some(complete) = std::mem::replace(&mut current, subjects.remove(&fact.subjekt))
        {
            memory.install(&complete);
        }
        if let Some(subject) = &mut current {
            subject.facts.push(fact);
        }
    }
    for complete in current.iter().chain(subjects.values()) {
        memory.install(complete);
    }
    Ok(newest.unwrap_or_default())
}

/// A person and everybody in its group.
pub(super) async fn of_person(pool: &AnyPool, person: &str) -> Result<Vec<Subject>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT s.person, s.versjon, s.gruppe, f.bytes \
         FROM gw_subjekt s LEFT JOIN gw_faktum f ON f.subjekt = s.person \
         WHERE s.person = $1 \
            OR s.gruppe = (SELECT g.gruppe FROM gw_subjekt g WHERE g.person = $1) \
         ORDER BY s.person",
    )
    .bind(person)
    .fetch_all(pool)
    .await?;
    subjects(&rows)
}

/// Everybody whose facts have changed after a version.
pub(super) async fn changed_since(
    pool: &AnyPool,
    version: i64,
) -> Result<Vec<Subject>, sqlx::Error> {
    let rows = sqlx::query(CHANGED_SINCE)
        .bind(version)
        .fetch_all(pool)
        .await?;
    subjects(&rows)
}

const CHANGED_SINCE: &str = "SELECT s.person, s.versjon, s.gruppe, f.bytes \
     FROM gw_subjekt s LEFT JOIN gw_faktum f ON f.subjekt = s.person \
     WHERE s.versjon > $1 ORDER BY s.person";

fn subjects(rows: &[AnyRow]) -> Result<Vec<Subject>, sqlx::Error> {
    let mut subjects = Vec::new();
    for row in rows {
        add(&mut subjects, row)?;
    }
    Ok(subjects)
}

/// Adds a row to the subject that it is about, which is the last or a new one.
fn add(subjects: &mut Vec<Subject>, row: &AnyRow) -> Result<(), sqlx::Error> {
    let person: &str = row.try_get(0)?;
    if subjects.last().is_none_or(|last| last.person != person) {
        subjects.push(head(row)?);
    }
    let fact: Option<&str> = row.try_get(3)?;
    if let (Some(subject), Some(text)) = (subjects.last_mut(), fact) {
        subject.facts.push(decoded(text)?);
    }
    Ok(())
}

fn head(row: &AnyRow) -> Result<Subject, sqlx::Error> {
    Ok(Subject {
        person: row.try_get(0)?,
        version: row.try_get(1)?,
        group: row.try_get(2)?,
        facts: Vec::new(),
    })
}

fn decoded(text: &str) -> Result<Faktum, sqlx::Error> {
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|error| sqlx::Error::Decode(error.into()))?;
    Faktum::decode(bytes.as_slice()).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Applies what is new of a batch, in one transaction. Returns the subjects
/// that it gave a new version, with all their facts.
pub(super) async fn apply(
    sequencer: &Sequencer,
    tjeneste: &str,
    batch: Vec<Incoming>,
) -> Result<Outcome, ApplyError> {
    let mut gate = sequencer.enter().await?;
    let mut turn = gate
        .begin(Counts {
            fakta: 1,
            ..Counts::default()
        })
        .await?;
    let version = turn.counts.fakta;

    let known = position(&mut turn, tjeneste).await?;
    let (position, new) = match after(known, batch) {
        Ok(new) => new,
        Err(gap) => {
            turn.rollback().await?;
            gate.sound();
            return Err(gap);
        }
    };
    if new.is_empty() {
        turn.rollback().await?;
        gate.sound();
        return Ok(Outcome {
            known,
            applied: Applied {
                position,
                change: None,
            },
            subjects: Vec::new(),
        });
    }

    let mut touched = former_subjects(&mut turn, tjeneste, &new).await?;
    touched.extend(new.iter().map(|fact| fact.subjekt.clone()));
    put_facts(&mut turn, tjeneste, &new).await?;
    put_versions(&mut turn, &touched, version).await?;
    for fact in &new {
        if let Some(target) = &fact.merged_into {
            put_versions(&mut turn, &BTreeSet::from([target.clone()]), version).await?;
            merge(&mut turn, &fact.subjekt, target).await?;
        }
    }
    let place = Place {
        version,
        indeks: turn.counts.logg,
    };
    spread_to_groups(&mut turn, version).await?;
    put_position(&mut turn, tjeneste, position).await?;

    // One row at a time: a large batch touches many persons.
    let mut subjects = Vec::new();
    let mut rows = sqlx::query(CHANGED_SINCE)
        .bind(version - 1)
        .fetch(&mut *turn.transaction);
    while let Some(row) = rows.try_next().await? {
        add(&mut subjects, &row)?;
    }
    drop(rows);
    turn.commit().await?;
    gate.sound();
    let applied = Applied {
        position,
        change: Some(place),
    };
    Ok(Outcome {
        known,
        applied,
        subjects,
    })
}

/// What of a batch follows a position without a gap, the latest of each fact,
/// and the position after it.
fn after(position: i64, batch: Vec<Incoming>) -> Result<(i64, Vec<Incoming>), ApplyError> {
    let by_number: BTreeMap<i64, Incoming> = batch
        .into_iter()
        .filter(|fact| fact.nr > position)
        .map(|fact| (fact.nr, fact))
        .collect();
    let mut reached = position;
    let mut latest: BTreeMap<String, Incoming> = BTreeMap::new();
    for (nr, fact) in by_number {
        let expected = reached + 1;
        if nr != expected {
            return Err(ApplyError::Gap {
                expected,
                found: nr,
            });
        }
        reached = nr;
        latest.insert(fact.id.clone(), fact);
    }
    Ok((reached, latest.into_values().collect()))
}

async fn position(turn: &mut Turn<'_>, tjeneste: &str) -> Result<i64, sqlx::Error> {
    let row = sqlx::query("SELECT nr FROM gw_posisjon WHERE tjeneste = $1")
        .bind(tjeneste)
        .fetch_optional(&mut *turn.transaction)
        .await?;
    row.map_or(Ok(0), |row| row.try_get(0))
}

async fn put_position(
    turn: &mut Turn<'_>,
    tjeneste: &str,
    position: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO gw_posisjon (tjeneste, nr) VALUES ($1, $2) \
         ON CONFLICT (tjeneste) DO UPDATE SET nr = excluded.nr",
    )
    .bind(tjeneste)
    .bind(position)
    .execute(&mut *turn.transaction)
    .await?;
    Ok(())
}

/// Subjects that these facts were about so far.
async fn former_subjects(
    turn: &mut Turn<'_>,
    tjeneste: &str,
    facts: &[Incoming],
) -> Result<BTreeSet<String>, sqlx::Error> {
    let mut subjects = BTreeSet::new();
    for (facts, length) in sql::lists(facts) {
        // A look-up for each id, whatever PostgreSQL thinks of a table that it
        // has not analysed: it would read every fact of the service for each
        // list. The list is first, so that its numbers begin with $1.
        let text = format!(
            "WITH kjent (id) AS (VALUES {}) SELECT \
             (SELECT f.subjekt FROM gw_faktum f WHERE f.tjeneste = ${} AND f.id = kjent.id) \
             FROM kjent",
            sql::values(length, 1),
            length + 1
        );
        let ids = facts.iter().map(|fact| fact.id.as_str());
        let rows = sql::bind_list(sqlx::query(AssertSqlSafe(text)), ids, length)
            .bind(tjeneste)
            .fetch_all(&mut *turn.transaction)
            .await?;
        for row in rows {
            subjects.extend(row.try_get::<Option<String>, _>(0)?);
        }
    }
    Ok(subjects)
}

async fn put_facts(
    turn: &mut Turn<'_>,
    tjeneste: &str,
    facts: &[Incoming],
) -> Result<(), sqlx::Error> {
    for facts in facts.chunks(sql::MOST_ROWS) {
        let text = format!(
            "INSERT INTO gw_faktum (tjeneste, id, subjekt, bytes) VALUES {} \
             ON CONFLICT (tjeneste, id) DO UPDATE \
             SET subjekt = excluded.subjekt, bytes = excluded.bytes",
            sql::values(facts.len(), 4)
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(sql::recurs(facts.len()));
        for fact in facts {
            query = query
                .bind(tjeneste)
                .bind(fact.id.as_str())
                .bind(fact.subjekt.as_str())
                .bind(fact.bytes.as_str());
        }
        query.execute(&mut *turn.transaction).await?;
    }
    Ok(())
}

async fn put_versions(
    turn: &mut Turn<'_>,
    persons: &BTreeSet<String>,
    version: i64,
) -> Result<(), sqlx::Error> {
    let persons: Vec<&str> = persons.iter().map(String::as_str).collect();
    for persons in persons.chunks(sql::MOST_ROWS) {
        let text = format!(
            "INSERT INTO gw_subjekt (person, versjon) VALUES {} \
             ON CONFLICT (person) DO UPDATE SET versjon = excluded.versjon",
            sql::values(persons.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(sql::recurs(persons.len()));
        for person in persons {
            query = query.bind(*person).bind(version);
        }
        query.execute(&mut *turn.transaction).await?;
    }
    Ok(())
}

/// Puts two persons and their groups into one group. Groups never part again,
/// even if the merge is ended: that costs only versions too many.
async fn merge(turn: &mut Turn<'_>, one: &str, other: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE gw_subjekt SET gruppe = $1 WHERE person IN ($1, $2) \
            OR gruppe IN (SELECT g.gruppe FROM gw_subjekt g WHERE g.person IN ($1, $2))",
    )
    .bind(one)
    .bind(other)
    .execute(&mut *turn.transaction)
    .await?;
    Ok(())
}

/// Gives the version also to those in a group with somebody who has it.
async fn spread_to_groups(turn: &mut Turn<'_>, version: i64) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE gw_subjekt SET versjon = $1 WHERE versjon < $1 AND gruppe IN \
            (SELECT g.gruppe FROM gw_subjekt g WHERE g.versjon = $1 AND g.gruppe IS NOT NULL)",
    )
    .bind(version)
    .execute(&mut *turn.transaction)
    .await?;
    Ok(())
}
