//! SQL of the inbox.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
};

use super::{Oppgave, Tilstand, Type};

type Row = (String, String, i64, String, String, String, String, String);

fn les(row: Row) -> Result<Oppgave, Error> {
    let (id, person, versjon, ansvarlig_enhet, tilstand, type_, post, innhold) = row;
    Ok(Oppgave {
        person,
        id,
        versjon,
        ansvarlig_enhet,
        tilstand: Tilstand::fra_kode(&tilstand).ok_or_else(dokument::ukjent_tilstand)?,
        type_: Type::fra_kode(&type_).ok_or_else(dokument::ukjent_tilstand)?,
        post,
        innhold: dokument::les(&innhold)?,
    })
}

/// The task of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Oppgave, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold \
             FROM oppgave WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// The task of a kind about a record.
pub(crate) async fn om(tx: &mut Tx, type_: Type, post: &str) -> Result<Option<Oppgave>, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold \
             FROM oppgave WHERE type = $1 AND post = $2",
            params![type_.kode(), post],
        )
        .await?;
    row.map(les).transpose()
}

/// Stores a new task. False when there is one already: for the record, or an
/// open one for outreach to the person.
pub(crate) async fn sett_inn(tx: &mut Tx, oppgave: &Oppgave) -> Result<bool, Error> {
    let inserted = tx
        .execute(
            "INSERT INTO oppgave \
             (id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold, ugjort) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            params![
                oppgave.id.as_str(),
                oppgave.person.as_str(),
                oppgave.versjon,
                oppgave.ansvarlig_enhet.as_str(),
                oppgave.tilstand.kode(),
                oppgave.type_.kode(),
                oppgave.post.as_str(),
                dokument::skriv(&oppgave.innhold)?,
                ugjort(oppgave)
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Stores a change of the version that was read; the record has the next.
pub(crate) async fn lagre(tx: &mut Tx, oppgave: &mut Oppgave) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE oppgave SET versjon = versjon + 1, tilstand = $1, innhold = $2, ugjort = $3 \
             WHERE id = $4 AND versjon = $5",
            params![
                oppgave.tilstand.kode(),
                dokument::skriv(&oppgave.innhold)?,
                ugjort(oppgave),
                oppgave.id.as_str(),
                oppgave.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    oppgave.versjon += 1;
    Ok(())
}

/// A deadline runs until what the task asks for is done.
fn ugjort(oppgave: &Oppgave) -> i64 {
    i64::from(oppgave.innhold.frist.is_some() && oppgave.innhold.utfort.is_none())
}

/// Tasks of a kind about a person that are not done, taken or not.
pub(crate) async fn ugjorte(tx: &mut Tx, person: &str, type_: Type) -> Result<Vec<Oppgave>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold \
             FROM oppgave WHERE person = $1 AND type = $2 AND ugjort = 1 ORDER BY id",
            params![person, type_.kode()],
        )
        .await?;
    rows.into_iter().map(les).collect()
}

/// One page of the tasks of a unit that wait, oldest first, of a kind or all.
pub(crate) async fn ventende(
    tx: &mut Tx,
    enhet: &str,
    type_: Option<Type>,
    page: &Page,
) -> Result<(Vec<Oppgave>, String), Error> {
    let kind = type_.map(Type::kode).unwrap_or_default();
    let after = page.after().unwrap_or_default();
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold \
             FROM oppgave WHERE ansvarlig_enhet = $1 AND tilstand = 'APEN' \
             AND ($2 = '' OR type = $2) AND id > $3 ORDER BY id LIMIT $4",
            params![enhet, kind, after, page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
