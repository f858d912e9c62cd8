//! SQL of relations of treatment.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
};

use super::Behandlerforhold;

type Row = (String, String, i64, String, String, String);

fn les(row: Row) -> Result<Behandlerforhold, Error> {
    let (id, person, versjon, ansvarlig_enhet, ansatt, innhold) = row;
    Ok(Behandlerforhold {
        person,
        id,
        versjon,
        ansvarlig_enhet,
        ansatt,
        innhold: dokument::les(&innhold)?,
    })
}

/// The relation of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Behandlerforhold, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, ansatt, innhold FROM behandlerforhold \
             WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// Stores a new relation.
///
/// # Errors
/// `KONFLIKT` when the employee treats the person already.
pub(crate) async fn sett_inn(tx: &mut Tx, forhold: &Behandlerforhold) -> Result<(), Error> {
    let inserted = tx
        .execute(
            "INSERT INTO behandlerforhold \
             (id, person, versjon, ansvarlig_enhet, ansatt, apent, innhold) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (person, ansatt) WHERE apent = 1 DO NOTHING",
            params![
                forhold.id.as_str(),
                forhold.person.as_str(),
                forhold.versjon,
                forhold.ansvarlig_enhet.as_str(),
                forhold.ansatt.as_str(),
                i64::from(forhold.innhold.slutt.is_none()),
                dokument::skriv(&forhold.innhold)?
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(Refusal::conflict("et åpent behandlerforhold").into());
    }
    Ok(())
}

/// Stores a change of the version that was read; the record has the next.
pub(crate) async fn lagre(tx: &mut Tx, forhold: &mut Behandlerforhold) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE behandlerforhold SET versjon = versjon + 1, apent = $1, innhold = $2 \
             WHERE id = $3 AND versjon = $4",
            params![
                i64::from(forhold.innhold.slutt.is_none()),
                dokument::skriv(&forhold.innhold)?,
                forhold.id.as_str(),
                forhold.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    forhold.versjon += 1;
    Ok(())
}

/// Open relations of a person.
pub(crate) async fn apne(tx: &mut Tx, person: &str) -> Result<Vec<Behandlerforhold>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, ansvarlig_enhet, ansatt, innhold FROM behandlerforhold \
             WHERE person = $1 AND apent = 1",
            params![person],
        )
        .await?;
    rows.into_iter().map(les).collect()
}

/// One page of a person's relations, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Behandlerforhold>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, ansvarlig_enhet, ansatt, innhold FROM behandlerforhold \
             WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
