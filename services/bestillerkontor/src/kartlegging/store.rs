//! SQL of mappings.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
};

use super::{Kartlegging, Tilstand, Utgave};

type Row = (String, String, i64, String, String, String, i64, String);
type UtgaveRow = (i64, String, String);

fn les_utgave((nr, tilstand, innhold): UtgaveRow) -> Result<Utgave, Error> {
    Ok(Utgave {
        nr: i32::try_from(nr).unwrap_or(i32::MAX),
        tilstand: Tilstand::fra_kode(&tilstand).ok_or_else(dokument::ukjent_tilstand)?,
        innhold: dokument::les(&innhold)?,
    })
}

fn les(row: Row) -> Result<Kartlegging, Error> {
    let (id, person, versjon, ansvarlig_enhet, soknad, tilstand, utgave, innhold) = row;
    Ok(Kartlegging {
        person,
        id,
        versjon,
        ansvarlig_enhet,
        soknad,
        utgave: les_utgave((utgave, tilstand, innhold))?,
    })
}

/// The mapping of that person with that id, in the edition that holds.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Kartlegging, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, soknad, tilstand, utgave, innhold \
             FROM kartlegging WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// The newest mapping of a person that was completed.
pub(crate) async fn siste_ferdige(tx: &mut Tx, person: &str) -> Result<Option<Kartlegging>, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, soknad, tilstand, utgave, innhold \
             FROM kartlegging WHERE person = $1 AND tilstand = 'FERDIG' ORDER BY id DESC LIMIT 1",
            params![person],
        )
        .await?;
    row.map(les).transpose()
}

/// An edition that does not hold: an earlier one, or the next.
pub(crate) async fn utgave(tx: &mut Tx, id: &str, nr: i32) -> Result<Utgave, Error> {
    let row: Option<UtgaveRow> = tx
        .one(
            "SELECT utgave, tilstand, innhold FROM kartlegging_utgave \
             WHERE kartlegging = $1 AND utgave = $2",
            params![id, i64::from(nr)],
        )
        .await?;
    les_utgave(row.ok_or_else(Refusal::not_found)?)
}

/// The edition after the one that holds, while it is being mapped.
pub(crate) async fn neste(tx: &mut Tx, id: &str) -> Result<Option<Utgave>, Error> {
    let row: Option<UtgaveRow> = tx
        .one(
            "SELECT utgave, tilstand, innhold FROM kartlegging_utgave \
             WHERE kartlegging = $1 AND tilstand = 'PAGAR'",
            params![id],
        )
        .await?;
    row.map(les_utgave).transpose()
}

/// Stores a new mapping.
pub(crate) async fn sett_inn(tx: &mut Tx, kartlegging: &Kartlegging) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO kartlegging \
         (id, person, versjon, ansvarlig_enhet, soknad, tilstand, utgave, innhold) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            kartlegging.id.as_str(),
            kartlegging.person.as_str(),
            kartlegging.versjon,
            kartlegging.ansvarlig_enhet.as_str(),
            kartlegging.soknad.as_str(),
            kartlegging.utgave.tilstand.kode(),
            i64::from(kartlegging.utgave.nr),
            dokument::skriv(&kartlegging.utgave.innhold)?
        ],
    )
    .await?;
    Ok(())
}

/// Stores a change of the version that was read, also one of another edition
/// alone; the record has the next version.
pub(crate) async fn lagre(tx: &mut Tx, kartlegging: &mut Kartlegging) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE kartlegging SET versjon = versjon + 1, tilstand = $1, utgave = $2, \
             innhold = $3 WHERE id = $4 AND versjon = $5",
            params![
                kartlegging.utgave.tilstand.kode(),
                i64::from(kartlegging.utgave.nr),
                dokument::skriv(&kartlegging.utgave.innhold)?,
                kartlegging.id.as_str(),
                kartlegging.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    kartlegging.versjon += 1;
    Ok(())
}

/// Stores an edition that does not hold.
pub(crate) async fn lagre_utgave(tx: &mut Tx, id: &str, utgave: &Utgave) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO kartlegging_utgave (kartlegging, utgave, tilstand, innhold) \
         VALUES ($1, $2, $3, $4) \
         ON CONFLICT (kartlegging, utgave) DO UPDATE SET innhold = excluded.innhold",
        params![
            id,
            i64::from(utgave.nr),
            utgave.tilstand.kode(),
            dokument::skriv(&utgave.innhold)?
        ],
    )
    .await?;
    Ok(())
}

/// The next edition holds: it leaves its place, and the one before it takes
/// one.
pub(crate) async fn skift(tx: &mut Tx, id: &str, neste: i32, for_: &Utgave) -> Result<(), Error> {
    let affected = tx
        .execute(
            "DELETE FROM kartlegging_utgave WHERE kartlegging = $1 AND utgave = $2",
            params![id, i64::from(neste)],
        )
        .await?;
    etag::ensure_affected(affected)?;
    lagre_utgave(tx, id, for_).await
}

/// Units with an open order on the vedtak that answers an application.
pub(crate) async fn leverer(tx: &mut Tx, soknad: &str) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT DISTINCT o.enhet FROM vedtak v JOIN oppdrag o ON o.vedtak = v.id \
             WHERE v.soknad = $1 AND o.tilstand IN ('TILBUDT', 'AKSEPTERT', 'STARTET', 'PAUSET') \
             ORDER BY o.enhet",
            params![soknad],
        )
        .await?;
    Ok(rows.into_iter().map(|(unit,)| unit).collect())
}

/// One page of a person's mappings, newest first, in the editions that hold.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Kartlegging>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, ansvarlig_enhet, soknad, tilstand, utgave, innhold \
             FROM kartlegging WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
