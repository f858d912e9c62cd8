//! Reading the log.

use std::ops::Range;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_proto::internt::Loggpost;
use sqlx::{Row as _, any::AnyRow};

use super::{
    Log,
    canonical::{Stored, personkode},
    writer::decode_key,
};

/// A row as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedRow {
    /// Canonical bytes, which the leaf hash covers.
    pub bytes: Vec<u8>,
    /// What they say.
    pub content: Loggpost,
}

impl Log {
    /// Rows about a person, newest first: at most `limit` with an index below
    /// `before` (none: from the newest).
    ///
    /// # Errors
    /// When the database could not be read or a row cannot be decoded.
    pub async fn rows_of(
        &self,
        person: &str,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<LoggedRow>, sqlx::Error> {
        let always = i64::MIN..i64::MAX;
        rows_of(self.sequencer.readers(), person, always, before, limit).await
    }

    /// Rows in order: at most `limit` from `index`.
    ///
    /// # Errors
    /// When the database could not be read or a row cannot be decoded.
    pub async fn rows_from(&self, index: i64, limit: i64) -> Result<Vec<LoggedRow>, sqlx::Error> {
        stored_from(self.sequencer.readers(), index, limit)
            .await?
            .iter()
            .map(|stored| decode(&stored.bytes))
            .collect()
    }
}

/// Rows about a person in a period (microseconds since 1970), newest first: at
/// most `limit` with an index below `before` (none: from the newest).
///
/// # Errors
/// When the database could not be read or a row cannot be decoded.
pub(crate) async fn rows_of(
    readers: &sqlx::AnyPool,
    person: &str,
    period: Range<i64>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<LoggedRow>, sqlx::Error> {
    let key = sqlx::query("SELECT nokkel FROM gw_personnokkel WHERE person = $1")
        .bind(person)
        .fetch_optional(readers)
        .await?;
    let Some(key) = key else {
        return Ok(Vec::new());
    };
    let key = decode_key(key.try_get(0)?)?;
    let code = BASE64_STANDARD.encode(personkode(&key, person));
    let rows = sqlx::query(
        "SELECT bytes FROM gw_logg WHERE personkode = $1 AND indeks < $2 \
             AND tid >= $3 AND tid < $4 ORDER BY indeks DESC LIMIT $5",
    )
    .bind(code)
    .bind(before.unwrap_or(i64::MAX))
    .bind(period.start)
    .bind(period.end)
    .bind(limit)
    .fetch_all(readers)
    .await?;
    rows.iter().map(|row| decode(row.try_get(0)?)).collect()
}

/// Rows in order, as the table holds them.
pub(super) async fn stored_from(
    pool: &sqlx::AnyPool,
    index: i64,
    limit: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    sqlx::query(
        "SELECT indeks, tid, personkode, spor, bladsum, bytes FROM gw_logg \
         WHERE indeks >= $1 ORDER BY indeks LIMIT $2",
    )
    .bind(index)
    .bind(limit)
    .try_map(|row: AnyRow| {
        Ok(Stored {
            indeks: row.try_get(0)?,
            tid: row.try_get(1)?,
            personkode: row.try_get(2)?,
            spor: row.try_get(3)?,
            bladsum: row.try_get(4)?,
            bytes: row.try_get(5)?,
        })
    })
    .fetch_all(pool)
    .await
}

fn decode(text: &str) -> Result<LoggedRow, sqlx::Error> {
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|error| sqlx::Error::Decode(error.into()))?;
    let content =
        Loggpost::decode(bytes.as_slice()).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(LoggedRow { bytes, content })
}
