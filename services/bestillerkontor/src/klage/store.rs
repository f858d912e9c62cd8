//! SQL of klager.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
};

use super::{Klage, Tilstand};

type Row = (String, String, i64, String, String, String, String);

fn les(row: Row) -> Result<Klage, Error> {
    let (id, person, versjon, tilstand, ansvarlig_enhet, vedtak, innhold) = row;
    Ok(Klage {
        person,
        id,
        versjon,
        tilstand: Tilstand::fra_kode(&tilstand).ok_or_else(dokument::ukjent_tilstand)?,
        ansvarlig_enhet,
        vedtak,
        innhold: dokument::les(&innhold)?,
    })
}

/// The klage of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Klage, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, tilstand, ansvarlig_enhet, vedtak, innhold FROM klage \
             WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// Stores a new klage.
///
/// # Errors
/// `KONFLIKT` when the vedtak has an open one.
pub(crate) async fn sett_inn(tx: &mut Tx, klage: &Klage) -> Result<(), Error> {
    let inserted = tx
        .execute(
            "INSERT INTO klage (id, person, versjon, tilstand, ansvarlig_enhet, vedtak, innhold) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            params![
                klage.id.as_str(),
                klage.person.as_str(),
                klage.versjon,
                klage.tilstand.kode(),
                klage.ansvarlig_enhet.as_str(),
                klage.vedtak.as_str(),
                dokument::skriv(&klage.innhold)?
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(Refusal::conflict("en åpen klage over vedtaket").into());
    }
    Ok(())
}

/// Stores a change of the version that was read; the record has the next.
pub(crate) async fn lagre(tx: &mut Tx, klage: &mut Klage) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE klage SET versjon = versjon + 1, tilstand = $1, innhold = $2 \
             WHERE id = $3 AND versjon = $4",
            params![
                klage.tilstand.kode(),
                dokument::skriv(&klage.innhold)?,
                klage.id.as_str(),
                klage.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    klage.versjon += 1;
    Ok(())
}

/// One page of a person's klager, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Klage>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, ansvarlig_enhet, vedtak, innhold FROM klage \
             WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
