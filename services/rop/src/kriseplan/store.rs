//! SQL of crisis plans.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
};

use super::Kriseplan;
use crate::plandekning;

type Row = (String, String, i64, i64, String, i64, String);

fn les(row: Row) -> Result<Kriseplan, Error> {
    let (id, person, versjon, nr, ansvarlig_enhet, nyeste, innhold) = row;
    Ok(Kriseplan {
        person,
        id,
        versjon,
        nr,
        ansvarlig_enhet,
        nyeste: nyeste == 1,
        innhold: dokument::les(&innhold)?,
    })
}

/// The version of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Kriseplan, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, nr, ansvarlig_enhet, nyeste, innhold FROM kriseplan \
             WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// The person's newest version.
pub(crate) async fn nyeste(tx: &mut Tx, person: &str) -> Result<Option<Kriseplan>, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, nr, ansvarlig_enhet, nyeste, innhold FROM kriseplan \
             WHERE person = $1 AND nyeste = 1",
            params![person],
        )
        .await?;
    row.map(les).transpose()
}

/// Stores a new version.
pub(crate) async fn sett_inn(tx: &mut Tx, plan: &Kriseplan) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO kriseplan (id, person, versjon, nr, ansvarlig_enhet, nyeste, innhold) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            plan.id.as_str(),
            plan.person.as_str(),
            plan.versjon,
            plan.nr,
            plan.ansvarlig_enhet.as_str(),
            i64::from(plan.nyeste),
            dokument::skriv(&plan.innhold)?
        ],
    )
    .await?;
    plandekning::oppdater(tx, &plan.person).await
}

/// Stores that it was replaced.
pub(crate) async fn lagre_erstattet(tx: &mut Tx, plan: &Kriseplan) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE kriseplan SET versjon = versjon + 1, nyeste = $1 \
             WHERE id = $2 AND versjon = $3",
            params![i64::from(plan.nyeste), plan.id.as_str(), plan.versjon],
        )
        .await?;
    etag::ensure_affected(affected)
}

/// One page of a person's versions, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Kriseplan>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, nr, ansvarlig_enhet, nyeste, innhold FROM kriseplan \
             WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
