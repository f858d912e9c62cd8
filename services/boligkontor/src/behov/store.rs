//! SQL of what was needed and what there was, and when.

use samspor_chassis::{
    domene::{Dag, dokument},
    error::Error,
    lager::{APENT, Post},
    params,
    store::{Row, Tx},
    tid::Tid,
};
use samspor_proto::boligkontor::{Behovsstatus, Tildelingstype, Tomgangsarsak};

use super::{Onske, Onsket, status, tall::Tom};
use crate::{
    bolig::{self, Bolig, TYPER, typenokkel},
    boligsak::Boligsak,
};

const PA_LISTEN: &str = "PA_LISTEN";
const UAVGJORT: &str = "UAVGJORT";

fn type_av(key: &str) -> Result<Tildelingstype, Error> {
    TYPER
        .into_iter()
        .find(|type_| typenokkel(*type_) == key)
        .ok_or_else(dokument::ukjent_tilstand)
}

/// Columns of what counts of an application.
pub(crate) const INN: &str = "INSERT INTO boligbehov \
    (sak, versjon, person, tildelingstype, status, siden, fra, til, onsket) VALUES ";

/// The values of what counts of an application from one instant to another.
pub(crate) fn rad(
    post: &Post<Boligsak>,
    versjon: i64,
    status: Behovsstatus,
    (fra, til): (Tid, Tid),
) -> Result<Row, Error> {
    let status = match status {
        Behovsstatus::PaListen => PA_LISTEN,
        _ => UAVGJORT,
    };
    Ok(vec![
        post.id.as_str().into(),
        versjon.into(),
        post.person.as_str().into(),
        typenokkel(post.innhold.tildelingstype).into(),
        status.into(),
        post.innhold.mottatt.into(),
        fra.into(),
        til.into(),
        dokument::skriv(&Onsket::av(&post.innhold))?.into(),
    ])
}

/// An application is stored: from now on it counts as it is, or no more.
pub(crate) async fn noter_sak(tx: &mut Tx, post: &Post<Boligsak>) -> Result<(), Error> {
    let now = tx.now();
    tx.execute(
        // Not equal: SQLite would walk all that are open.
        "UPDATE boligbehov SET til = CASE WHEN fra > $1 THEN fra ELSE $1 END \
         WHERE sak = $2 AND til >= $3",
        params![now, post.id.as_str(), APENT],
    )
    .await?;
    let Some(status) = status(post.innhold.tilstand) else {
        return Ok(());
    };
    let row = rad(post, post.versjon, status, (now, APENT))?;
    tx.insert(INN, "", vec![row]).await?;
    Ok(())
}

/// A dwelling is about to change: what it was until now is kept.
pub(crate) async fn noter_bolig(tx: &mut Tx, etter: &Bolig) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO boligtilstand (bolig, tildelingstype, tilstand, fra, til) \
         SELECT id, tildelingstype, tilstand, fra, CASE WHEN fra > $1 THEN fra ELSE $1 END \
         FROM (SELECT id, tildelingstype, tilstand, COALESCE((SELECT MAX(h.til) \
         FROM boligtilstand h WHERE h.bolig = bolig.id), siden) AS fra FROM bolig \
         WHERE id = $2 AND (tildelingstype <> $3 OR tilstand <> $4)) AS for_den",
        params![
            tx.now(),
            etter.id.as_str(),
            typenokkel(etter.tildelingstype()),
            etter.tilstand.kode()
        ],
    )
    .await?;
    Ok(())
}

/// Applications that were open at an instant: one range of an index, of those
/// that were open then or closed later.
pub(super) async fn onsker(tx: &mut Tx, at: Tid) -> Result<Vec<Onske>, Error> {
    let rows: Vec<(String, String, String, i64, String)> = tx
        .all(
            "SELECT person, tildelingstype, status, siden, onsket FROM boligbehov \
             WHERE til > $1 AND fra <= $1",
            params![at],
        )
        .await?;
    rows.into_iter()
        .map(|(person, type_, status, siden, onsket)| {
            Ok(Onske {
                person,
                type_: type_av(&type_)?,
                status: match status.as_str() {
                    PA_LISTEN => Behovsstatus::PaListen,
                    _ => Behovsstatus::Uavgjort,
                },
                siden: Tid(siden),
                onsket: dokument::les(&onsket)?,
            })
        })
        .collect()
}

/// Dwellings by type and state at an instant: those that have been so since, and
/// those that became something else later.
pub(super) async fn beholdning(
    tx: &mut Tx,
    at: Tid,
) -> Result<Vec<(Tildelingstype, bolig::Tilstand, i64)>, Error> {
    type Rad = (String, String, i64);
    let mut rows: Vec<Rad> = tx
        .all(
            "SELECT tildelingstype, tilstand, CAST(COUNT(*) AS BIGINT) FROM boligtilstand \
             WHERE til > $1 AND fra <= $1 GROUP BY tildelingstype, tilstand",
            params![at],
        )
        .await?;
    let since: Vec<Rad> = tx
        .all(
            "SELECT tildelingstype, tilstand, CAST(COUNT(*) AS BIGINT) FROM bolig \
             WHERE siden <= $1 AND NOT EXISTS (SELECT 1 FROM boligtilstand h \
             WHERE h.bolig = bolig.id AND h.til > $1) GROUP BY tildelingstype, tilstand",
            params![at],
        )
        .await?;
    rows.extend(since);
    rows.into_iter()
        .map(|(type_, state, count)| {
            let state = bolig::Tilstand::fra_kode(&state).ok_or_else(dokument::ukjent_tilstand)?;
            Ok((type_av(&type_)?, state, count))
        })
        .collect()
}

macro_rules! tom {
    ($til:literal) => {
        concat!(
            "SELECT COALESCE((SELECT h.tildelingstype FROM boligtilstand h \
             WHERE h.bolig = t.bolig AND h.til > $1 ORDER BY h.til LIMIT 1), b.tildelingstype), \
             t.arsak, t.fra, t.til, t.kostnad_per_dag \
             FROM tomgang t JOIN bolig b ON b.id = t.bolig WHERE t.fra <= $1 AND ",
            $til
        )
    };
}

/// Periods of standing empty that reach into a time: those that ended in it or
/// later, and those that go on.
pub(super) async fn tomgang(tx: &mut Tx, fra: Dag, at: Tid) -> Result<Vec<Tom>, Error> {
    type Rad = (String, String, i64, Option<i64>, i64);
    let mut rows: Vec<Rad> = tx.all(tom!("t.til > $2"), params![at, fra.start()]).await?;
    let goes_on: Vec<Rad> = tx.all(tom!("t.til IS NULL"), params![at]).await?;
    rows.extend(goes_on);
    rows.into_iter()
        .map(|(type_, cause, from, to, cost)| {
            let arsak: Tomgangsarsak = bolig::store::arsak(&cause)?;
            Ok(Tom {
                type_: type_av(&type_)?,
                arsak,
                fra: Tid(from),
                til: to.map(Tid).filter(|to| *to <= at),
                kostnad_per_dag: cost,
            })
        })
        .collect()
}

/// Keeps a published month. False where it was published before.
pub(super) async fn publiser(tx: &mut Tx, maned: &str, innhold: String) -> Result<bool, Error> {
    let stored = tx
        .execute(
            "INSERT INTO publisert_behov (maned, innhold) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            params![maned, innhold],
        )
        .await?;
    Ok(stored == 1)
}

/// A published month.
pub(super) async fn publisert(tx: &mut Tx, maned: &str) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT innhold FROM publisert_behov WHERE maned = $1",
            params![maned],
        )
        .await?;
    Ok(row.map(|(innhold,)| innhold))
}
