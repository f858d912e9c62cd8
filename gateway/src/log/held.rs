//! Rows of calls whose caller must not be recognised (`anonym` in the contract).
//!
//! A row of the log stands between rows that tell their time, so its place
//! would tell the time too, however coarse its own is. Such rows are durable in
//! a table of their own, in no order, and join the log when their day has
//! passed, shuffled.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_proto::internt::Loggpost;
use sqlx::Row as _;

use super::{AppendError, Counts, Entry, Log, Row, canonical::Stored, prepare, writer};

impl Log {
    /// Makes rows durable that join the log with [`Self::release`]. Their time
    /// is the first instant of their day, and they are about nobody: the caller
    /// may be found by the person too.
    ///
    /// # Errors
    /// Those of [`Log::append`]; nothing may be released after one.
    pub async fn hold(&self, mut rows: Vec<Row>) -> Result<(), AppendError> {
        for row in &mut rows {
            row.person = None;
        }
        let mut entry = Entry {
            rows,
            ..Entry::default()
        };
        prepare(&mut entry)?;
        let rows = entry.rows;
        let held = self.sequencer.within_patience(async {
            let mut gate = self.sequencer.enter().await?;
            let mut turn = gate.begin(Counts::default()).await?;
            for row in &rows {
                let mut id = [0; 16];
                self.sequencer.ids().random(&mut id);
                sqlx::query("INSERT INTO gw_holdt (id, dag, bytes) VALUES ($1, $2, $3)")
                    .bind(format!("{:032x}", u128::from_be_bytes(id)))
                    .bind(row.content.tid)
                    .bind(BASE64_STANDARD.encode(row.content.encode_to_vec()))
                    .execute(&mut *turn.transaction)
                    .await?;
            }
            turn.commit().await?;
            gate.sound();
            Ok::<_, sqlx::Error>(())
        });
        held.await.map_err(|_| AppendError::Unavailable)
    }

    /// Gives the log the rows of the days before `today` (its first instant,
    /// microseconds since 1970), by their random ids. Returns how many.
    ///
    /// # Errors
    /// When the database could not do it; the rows are held on.
    pub async fn release(&self, today: i64) -> Result<usize, sqlx::Error> {
        let released = self.sequencer.within_long_patience(async {
            let mut gate = self.sequencer.enter().await?;
            let mut turn = gate.begin(Counts::default()).await?;
            let held = sqlx::query("SELECT bytes FROM gw_holdt WHERE dag < $1 ORDER BY dag, id")
                .bind(today)
                .fetch_all(&mut *turn.transaction)
                .await?;
            if held.is_empty() {
                turn.rollback().await?;
                gate.sound();
                return Ok(0);
            }
            let first = turn.counts.logg;
            turn.count(Counts {
                logg: writer::length(held.len()),
                ..Counts::default()
            })
            .await?;
            let mut sealed = Vec::with_capacity(held.len());
            for (indeks, row) in (first..).zip(&held) {
                sealed.push(Stored::seal(decoded(row.try_get(0)?)?, indeks, None));
            }
            for rows in sealed.chunks(writer::ROWS_PER_INSERT) {
                writer::insert(&mut turn, rows).await?;
            }
            sqlx::query("DELETE FROM gw_holdt WHERE dag < $1")
                .bind(today)
                .execute(&mut *turn.transaction)
                .await?;
            turn.commit().await?;
            gate.sound();
            Ok(held.len())
        });
        released.await
    }
}

fn decoded(text: &str) -> Result<Loggpost, sqlx::Error> {
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|error| sqlx::Error::Decode(error.into()))?;
    Loggpost::decode(bytes.as_slice()).map_err(|error| sqlx::Error::Decode(error.into()))
}
