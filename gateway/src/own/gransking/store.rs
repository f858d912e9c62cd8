//! SQL of mandates, and of whom a trace was about.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_chassis::{
    error::Error,
    params,
    store::{Tx, etag::ensure_affected},
    tid::Tid,
};
use samspor_proto::{
    felles::{Faktum, Faktumtype, part::Hvem},
    internt::Loggpost,
    klassifisering::kontrakter,
    tilgang::Ressurs,
};

use super::Gransking;
use crate::log::{decode_key, personkode, spor};

type Stored = (String, i64, String);

fn read((id, versjon, innhold): Stored) -> Result<Gransking, Error> {
    Ok(Gransking {
        id,
        versjon,
        innhold: serde_json::from_str(&innhold).map_err(Error::internal)?,
    })
}

fn text(gransking: &Gransking) -> Result<String, Error> {
    serde_json::to_string(&gransking.innhold).map_err(Error::internal)
}

pub(super) async fn insert(tx: &mut Tx, gransking: &Gransking) -> Result<(), Error> {
    let text = text(gransking)?;
    tx.execute(
        "INSERT INTO gransking (id, enhet, versjon, innhold) VALUES ($1, $2, $3, $4)",
        params![
            gransking.id.as_str(),
            gransking.innhold.apnet_av.enhet.as_str(),
            gransking.versjon,
            text
        ],
    )
    .await?;
    Ok(())
}

/// Stores the next version.
pub(super) async fn update(tx: &mut Tx, gransking: &Gransking) -> Result<(), Error> {
    let (text, before) = (text(gransking)?, gransking.versjon - 1);
    let changed = tx
        .execute(
            "UPDATE gransking SET versjon = $1, innhold = $2 WHERE id = $3 AND versjon = $4",
            params![gransking.versjon, text, gransking.id.as_str(), before],
        )
        .await?;
    ensure_affected(changed)
}

pub(super) async fn get(tx: &mut Tx, id: &str) -> Result<Option<Gransking>, Error> {
    let row: Option<Stored> = tx
        .one(
            "SELECT id, versjon, innhold FROM gransking WHERE id = $1",
            params![id],
        )
        .await?;
    row.map(read).transpose()
}

/// Mandates of a unit before an id, newest first: ids grow with time.
pub(super) async fn newest(
    tx: &mut Tx,
    unit: &str,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Gransking>, Error> {
    let rows: Vec<Stored> = tx
        .all(
            "SELECT id, versjon, innhold FROM gransking WHERE enhet = $1 AND id < $2 \
             ORDER BY id DESC LIMIT $3",
            params![unit, before.unwrap_or("~"), limit],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// What the calls of a trace were about.
#[derive(Debug, Default)]
pub(super) struct Sporet {
    /// Ids of persons.
    pub personer: Vec<String>,
    /// Names of avvik.
    pub avvik: Vec<String>,
}

/// What the calls of a trace in a period were about; none when the log has no
/// such call. The log knows a person and a case by a code alone, so each one's
/// code is made and compared. Whoever is strictly protected is left out without
/// a word: a mandate does not tell that they exist.
pub(super) async fn sporet(
    tx: &mut Tx,
    (trace, fra, til): (&str, Tid, Tid),
) -> Result<Option<Sporet>, Error> {
    let rows: Vec<(String, String)> = tx
        .all(
            "SELECT personkode, bytes FROM gw_logg WHERE spor = $1 AND spor <> 0 \
             AND tid >= $2 AND tid < $3 AND personkode IS NOT NULL",
            params![spor(trace), fra, til],
        )
        .await?;
    let mut calls: BTreeMap<String, Vec<Loggpost>> = BTreeMap::new();
    for (code, bytes) in rows {
        let bytes = BASE64_STANDARD.decode(bytes).map_err(Error::internal)?;
        let row = Loggpost::decode(bytes.as_slice()).map_err(Error::internal)?;
        if row.sporings_id == trace {
            calls.entry(code).or_default().push(row);
        }
    }
    if calls.is_empty() {
        return Ok(None);
    }
    let keys: Vec<(String, String)> = tx
        .all("SELECT person, nokkel FROM gw_personnokkel", params![])
        .await?;
    let mut found = Sporet::default();
    for (subject, key) in keys {
        let key = decode_key(&key)?;
        let code = BASE64_STANDARD.encode(personkode(&key, &subject));
        let Some(rows) = calls.get(&code) else {
            continue;
        };
        match sak(&subject, rows) {
            Some(case) if case.starts_with("avvik/") => found.avvik.push(case),
            Some(_) => {}
            None if strictly_protected(tx, &subject).await? => {}
            None => found.personer.push(subject),
        }
    }
    found.personer.sort_unstable();
    found.avvik.sort_unstable();
    // A trace of the protected alone is answered as one that nobody knows.
    let empty = found.personer.is_empty() && found.avvik.is_empty();
    Ok((!empty).then_some(found))
}

/// The case that an id is of, by the method of a call about it; none: it is a
/// person's.
fn sak(subject: &str, rows: &[Loggpost]) -> Option<String> {
    let contracts = kontrakter();
    rows.iter().find_map(|row| {
        let method = contracts.metoder.get(&row.metode)?;
        let Ressurs { monster, .. } = &contracts.ressurser.get(&method.tilgang.ressurs)?.ressurs;
        let (collection, _) = monster.split_once("/{sak}")?;
        Some(format!("{collection}/{subject}"))
    })
}

async fn strictly_protected(tx: &mut Tx, person: &str) -> Result<bool, Error> {
    let facts: Vec<(String,)> = tx
        .all(
            "SELECT bytes FROM gw_faktum WHERE subjekt = $1",
            params![person],
        )
        .await?;
    for (bytes,) in facts {
        let fact = fact(&bytes)?;
        if fact.r#type() == Faktumtype::AdresseStrengtFortrolig && !ended(&fact, tx.now()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ids that are merged with these persons now. The mandate opens them as it
/// opens those that it names: a merge carries what opens. Whoever is strictly
/// protected is left out here too.
pub(super) async fn merged_with(tx: &mut Tx, persons: &[String]) -> Result<Vec<String>, Error> {
    let mut all = persons.to_vec();
    let mut place = 0;
    while let Some(person) = all.get(place).cloned() {
        place += 1;
        let facts: Vec<(String, String)> = tx
            .all(
                "SELECT f.subjekt, f.bytes FROM gw_subjekt s \
                    JOIN gw_subjekt m ON m.gruppe = s.gruppe \
                    JOIN gw_faktum f ON f.subjekt = m.person \
                 WHERE s.person = $1 ORDER BY f.subjekt, f.id",
                params![person.as_str()],
            )
            .await?;
        for (subject, bytes) in facts {
            let fact = fact(&bytes)?;
            let merged = fact.r#type() == Faktumtype::Sammenslatt
                && begun(&fact, tx.now())
                && !ended(&fact, tx.now());
            let Some(Hvem::Person(into)) = fact.part.and_then(|part| part.hvem) else {
                continue;
            };
            let other = match (subject == person, into == person) {
                (true, _) => into,
                (_, true) => subject,
                _ => continue,
            };
            if merged && !all.contains(&other) && !strictly_protected(tx, &other).await? {
                all.push(other);
            }
        }
    }
    Ok(all.split_off(persons.len()))
}

fn fact(stored: &str) -> Result<Faktum, Error> {
    let bytes = BASE64_STANDARD.decode(stored).map_err(Error::internal)?;
    Faktum::decode(bytes.as_slice()).map_err(Error::internal)
}

/// Whether a fact holds no more. One that says it unreadably holds.
fn ended(fact: &Faktum, now: Tid) -> bool {
    let until = fact.periode.and_then(|period| period.til);
    until.is_some_and(|until| Tid::try_from(until).is_ok_and(|until| until <= now))
}

/// Whether a fact has begun to hold. One that says it unreadably has not.
fn begun(fact: &Faktum, now: Tid) -> bool {
    let from = fact.periode.and_then(|period| period.fra);
    from.is_none_or(|from| Tid::try_from(from).is_ok_and(|from| from <= now))
}
