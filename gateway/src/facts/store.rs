//! The projection in the gateway's database.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_chassis::tid::Tid;
use samspor_proto::{
    felles::{Faktum, Faktumtype, Rolle, part::Hvem},
    hendelse::NummerertFaktum,
    tilgang::{Dataklasse, Formal},
};
use sqlx::{Any, AnyPool, AssertSqlSafe, Executor, Row as _, any::AnyRow};

use super::{Applied, ApplyError, Place, merged::Subjects};
use crate::log::{Counts, Sequencer, Turn, is_person_id, sql};
use crate::policy::Sources;

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

impl Incoming {
    /// A fact that a service states, if it can be interpreted and believed.
    pub(super) fn read(
        tjeneste: &str,
        numbered: NummerertFaktum,
        sources: &Sources,
    ) -> Result<Self, ApplyError> {
        let NummerertFaktum { nr, faktum, .. } = numbered;
        let malformed = ApplyError::Malformed { nr };
        let Some(faktum) = faktum else {
            return Err(malformed);
        };
        let Some(party) = faktum.part.as_ref().and_then(|part| part.hvem.as_ref()) else {
            return Err(malformed);
        };
        let party_is_known = match party {
            Hvem::Ansatt(id) => !id.is_empty(),
            Hvem::Enhet(id) => !id.is_empty() && faktum.enhet.is_empty(),
            Hvem::Person(person) => is_person_id(person) && faktum.enhet.is_empty(),
        };
        let kind = Faktumtype::try_from(faktum.r#type).unwrap_or_default();
        // What is given to one employee is given in one unit.
        let in_a_unit = [Faktumtype::Gransker, Faktumtype::Nodtilgang];
        let unit_is_known = !in_a_unit.contains(&kind) || !faktum.enhet.is_empty();
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
            || !unit_is_known
            || !sources.may_state(tjeneste, kind)
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
    /// Person ids of those whose facts it changed.
    pub(super) changed: Vec<Arc<str>>,
}

/// Last applied number per service, and whether its feed was ever read to its
/// end.
pub(super) async fn positions(pool: &AnyPool) -> Result<Vec<(String, i64, bool)>, sqlx::Error> {
    sqlx::query("SELECT tjeneste, nr, helt FROM gw_posisjon")
        .try_map(|row: AnyRow| {
            let whole: i64 = row.try_get(2)?;
            Ok((row.try_get(0)?, row.try_get(1)?, whole == 1))
        })
        .fetch_all(pool)
        .await
}

/// Remembers that the feed of a service was read to its end.
pub(super) async fn put_whole(pool: &AnyPool, tjeneste: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO gw_posisjon (tjeneste, nr, helt) VALUES ($1, 0, 1) \
         ON CONFLICT (tjeneste) DO UPDATE SET helt = 1",
    )
    .bind(tjeneste)
    .execute(pool)
    .await?;
    Ok(())
}

/// Version of the newest change.
pub(super) async fn newest(pool: &AnyPool) -> Result<i64, sqlx::Error> {
    sqlx::query("SELECT fakta FROM gw_sekvens WHERE id = 0")
        .try_map(|row: AnyRow| row.try_get(0))
        .fetch_one(pool)
        .await
}

/// These persons and everybody in their groups.
pub(super) async fn read(pool: &AnyPool, persons: &[&str]) -> Result<Subjects, sqlx::Error> {
    let mut subjects = Subjects::new();
    for (persons, length) in sql::lists(persons) {
        // One statement, so that the facts are those of the version. Each
        // person is looked up, whatever the database believes of its tables.
        let text = format!(
            "WITH spurt (person) AS (VALUES {}), \
             alle (person) AS (SELECT person FROM spurt \
                UNION SELECT m.person FROM spurt \
                   JOIN gw_subjekt k ON k.person = spurt.person \
                   JOIN gw_subjekt m ON m.gruppe = k.gruppe) \
             SELECT s.person, s.versjon, s.gruppe, f.bytes FROM alle \
                JOIN gw_subjekt s ON s.person = alle.person \
                LEFT JOIN gw_faktum f ON f.subjekt = s.person",
            sql::values(length, 1)
        );
        let query = sqlx::query(AssertSqlSafe(text));
        let rows = sql::bind_list(query, persons.iter().copied(), length)
            .fetch_all(pool)
            .await?;
        for row in rows {
            add(&mut subjects, &row)?;
        }
    }
    Ok(subjects)
}

fn add(subjects: &mut Subjects, row: &AnyRow) -> Result<(), sqlx::Error> {
    let person: &str = row.try_get(0)?;
    if !subjects.contains_key(person) {
        let subject = Subject {
            person: person.to_owned(),
            version: row.try_get(1)?,
            group: row.try_get(2)?,
            facts: Vec::new(),
        };
        subjects.insert(person.to_owned(), subject);
    }
    let fact: Option<&str> = row.try_get(3)?;
    if let (Some(subject), Some(text)) = (subjects.get_mut(person), fact) {
        let bytes = BASE64_STANDARD
            .decode(text)
            .map_err(|error| sqlx::Error::Decode(error.into()))?;
        let fact =
            Faktum::decode(bytes.as_slice()).map_err(|error| sqlx::Error::Decode(error.into()))?;
        subject.facts.push(fact);
    }
    Ok(())
}

/// Everybody whose facts have changed after a version, and the newest version
/// among them.
pub(super) async fn changed_since<'c>(
    connection: impl Executor<'c, Database = Any>,
    version: i64,
) -> Result<(Vec<Arc<str>>, i64), sqlx::Error> {
    let rows = sqlx::query("SELECT person, versjon FROM gw_subjekt WHERE versjon > $1")
        .bind(version)
        .fetch_all(connection)
        .await?;
    let mut persons = Vec::with_capacity(rows.len());
    let mut newest = version;
    for row in rows {
        persons.push(row.try_get::<&str, _>(0)?.into());
        newest = newest.max(row.try_get(1)?);
    }
    Ok((persons, newest))
}

/// Applies what is new of a batch, in one transaction.
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
            changed: Vec::new(),
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

    let (changed, _) = changed_since(&mut *turn.transaction, version - 1).await?;
    turn.commit().await?;
    gate.sound();
    let applied = Applied {
        position,
        change: Some(place),
    };
    Ok(Outcome {
        known,
        applied,
        changed,
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
