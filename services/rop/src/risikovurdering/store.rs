//! SQL of risk assessments.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};

use super::Risikovurdering;

type Row = (String, String, i64, String, i64, Tid, String);

fn les(row: Row) -> Result<Risikovurdering, Error> {
    let (id, person, versjon, ansvarlig_enhet, nyeste, utloper, innhold) = row;
    Ok(Risikovurdering {
        person,
        id,
        versjon,
        ansvarlig_enhet,
        nyeste: nyeste == 1,
        utloper,
        innhold: dokument::les(&innhold)?,
    })
}

/// The assessment of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Risikovurdering, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, nyeste, utloper, innhold \
             FROM risikovurdering WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// The person's assessment that is not replaced, expired or not.
pub(crate) async fn nyeste(tx: &mut Tx, person: &str) -> Result<Option<Risikovurdering>, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, nyeste, utloper, innhold \
             FROM risikovurdering WHERE person = $1 AND nyeste = 1",
            params![person],
        )
        .await?;
    row.map(les).transpose()
}

/// Stores a new assessment.
pub(crate) async fn sett_inn(tx: &mut Tx, vurdering: &Risikovurdering) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO risikovurdering \
         (id, person, versjon, ansvarlig_enhet, nyeste, utloper, innhold) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            vurdering.id.as_str(),
            vurdering.person.as_str(),
            vurdering.versjon,
            vurdering.ansvarlig_enhet.as_str(),
            i64::from(vurdering.nyeste),
            vurdering.utloper,
            dokument::skriv(&vurdering.innhold)?
        ],
    )
    .await?;
    Ok(())
}

/// Stores that it was replaced.
pub(crate) async fn lagre_erstattet(tx: &mut Tx, vurdering: &Risikovurdering) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE risikovurdering SET versjon = versjon + 1, nyeste = $1, utloper = $2 \
             WHERE id = $3 AND versjon = $4",
            params![
                i64::from(vurdering.nyeste),
                vurdering.utloper,
                vurdering.id.as_str(),
                vurdering.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)
}

/// One page of a person's assessments, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Risikovurdering>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, ansvarlig_enhet, nyeste, utloper, innhold \
             FROM risikovurdering WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
