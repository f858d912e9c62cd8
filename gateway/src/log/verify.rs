//! Proof that the log is whole: dense, unchanged, canonical.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_proto::internt::Loggpost;
use sqlx::{AnyPool, Row as _};

use super::{
    canonical::{Stored, leaf_hash},
    read::stored_from,
};

/// Rows that are read at a time.
const PAGE: i64 = 1000;

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Rows that the log says to have; those from 0 up to here were examined.
    pub rows: i64,
    /// What is wrong, by index. Empty: the log is whole.
    pub faults: Vec<Fault>,
}

/// Something wrong with one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Index of the row.
    pub indeks: i64,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What can be wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// There is none at this index.
    Missing,
    /// The bytes are not the encoding of a row.
    Undecodable,
    /// The leaf hash is not that of the bytes.
    Hash,
    /// The bytes are not what encoding their own content gives.
    NotCanonical,
    /// The row is another one's: its content names another index.
    Misplaced,
    /// A column says something else than the content.
    Column,
}

/// Examines every row that was committed when the examination began, and
/// shows those that are whole.
///
/// # Errors
/// When the database could not be read; what is wrong with rows is reported.
pub async fn verify(
    pool: &AnyPool,
    mut whole: impl FnMut(&Loggpost),
) -> Result<Report, sqlx::Error> {
    let rows: i64 = sqlx::query("SELECT logg FROM gw_sekvens WHERE id = 0")
        .fetch_one(pool)
        .await?
        .try_get(0)?;
    let mut faults = Vec::new();
    let mut expected = 0;
    while expected < rows {
        let page = stored_from(pool, expected, PAGE).await?;
        // Rows that were added meanwhile are left for the next time.
        for stored in page.iter().take_while(|stored| stored.indeks < rows) {
            missing(&mut faults, expected..stored.indeks);
            match examine(stored) {
                Ok(content) => whole(&content),
                Err(kind) => faults.push(Fault {
                    indeks: stored.indeks,
                    kind,
                }),
            }
            expected = stored.indeks + 1;
        }
        if page.last().is_none_or(|last| last.indeks >= rows) {
            missing(&mut faults, expected..rows);
            break;
        }
    }
    Ok(Report { rows, faults })
}

fn missing(faults: &mut Vec<Fault>, indices: std::ops::Range<i64>) {
    faults.extend(indices.map(|indeks| Fault {
        indeks,
        kind: FaultKind::Missing,
    }));
}

/// What a row says, or the first thing that is wrong with it.
fn examine(stored: &Stored) -> Result<Loggpost, FaultKind> {
    let Ok(bytes) = BASE64_STANDARD.decode(&stored.bytes) else {
        return Err(FaultKind::Undecodable);
    };
    if BASE64_STANDARD.encode(leaf_hash(&bytes)) != stored.bladsum {
        return Err(FaultKind::Hash);
    }
    let Ok(content) = Loggpost::decode(bytes.as_slice()) else {
        return Err(FaultKind::Undecodable);
    };
    if content.encode_to_vec() != bytes {
        return Err(FaultKind::NotCanonical);
    }
    if content.indeks != stored.indeks {
        return Err(FaultKind::Misplaced);
    }
    let code =
        (!content.personkode.is_empty()).then(|| BASE64_STANDARD.encode(&content.personkode));
    if content.tid != stored.tid || code != stored.personkode {
        return Err(FaultKind::Column);
    }
    Ok(content)
}
