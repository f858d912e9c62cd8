//! SQL of mappings.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::Tx,
};

use super::Kartlegging;

type Row = (String, String, i64, String, String, String);

fn les(row: Row) -> Result<Kartlegging, Error> {
    let (id, person, versjon, ansvarlig_enhet, soknad, innhold) = row;
    Ok(Kartlegging {
        person,
        id,
        versjon,
        ansvarlig_enhet,
        soknad,
        innhold: dokument::les(&innhold)?,
    })
}

/// The mapping of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Kartlegging, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, soknad, innhold FROM kartlegging \
             WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// Stores a new mapping.
pub(crate) async fn sett_inn(tx: &mut Tx, kartlegging: &Kartlegging) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO kartlegging (id, person, versjon, ansvarlig_enhet, soknad, innhold) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        params![
            kartlegging.id.as_str(),
            kartlegging.person.as_str(),
            kartlegging.versjon,
            kartlegging.ansvarlig_enhet.as_str(),
            kartlegging.soknad.as_str(),
            dokument::skriv(&kartlegging.innhold)?
        ],
    )
    .await?;
    Ok(())
}

/// One page of a person's mappings, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Kartlegging>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, ansvarlig_enhet, soknad, innhold FROM kartlegging \
             WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
