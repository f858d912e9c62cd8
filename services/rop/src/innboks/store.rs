//! SQL of the inbox.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
};
use samspor_proto::felles::Feilgrunn;

use super::{Oppgave, Tilstand, Type};

type Row = (String, String, i64, String, String, String, String, String);

/// A row of the work list, with its place in it.
type Ventende = (
    i64,
    String,
    String,
    i64,
    String,
    String,
    String,
    String,
    String,
);

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
             (id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold, venter, frist) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            params![
                oppgave.id.as_str(),
                oppgave.person.as_str(),
                oppgave.versjon,
                oppgave.ansvarlig_enhet.as_str(),
                oppgave.tilstand.kode(),
                oppgave.type_.kode(),
                oppgave.post.as_str(),
                dokument::skriv(&oppgave.innhold)?,
                i64::from(oppgave.venter()),
                oppgave.innhold.frist
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Stores a change of the version that was read; the record has the next.
pub(crate) async fn lagre(tx: &mut Tx, oppgave: &mut Oppgave) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE oppgave SET versjon = versjon + 1, tilstand = $1, innhold = $2, venter = $3, \
             frist = $4 WHERE id = $5 AND versjon = $6",
            params![
                oppgave.tilstand.kode(),
                dokument::skriv(&oppgave.innhold)?,
                i64::from(oppgave.venter()),
                oppgave.innhold.frist,
                oppgave.id.as_str(),
                oppgave.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    oppgave.versjon += 1;
    Ok(())
}

/// Tasks of a kind about a person that are not done, taken or not.
pub(crate) async fn ugjorte(tx: &mut Tx, person: &str, type_: Type) -> Result<Vec<Oppgave>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold \
             FROM oppgave WHERE person = $1 AND type = $2 AND venter = 1 ORDER BY id",
            params![person, type_.kode()],
        )
        .await?;
    rows.into_iter().map(les).collect()
}

/// One page of the tasks of a unit that wait, that which breaks next first, of a
/// kind or all.
pub(crate) async fn ventende(
    tx: &mut Tx,
    enhet: &str,
    type_: Option<Type>,
    page: &Page,
) -> Result<(Vec<Oppgave>, String), Error> {
    let (frist, after) = match page.after() {
        None => (i64::MIN, ""),
        Some(key) => key
            .split_once('|')
            .and_then(|(due, id)| Some((due.parse().ok()?, id)))
            .ok_or_else(|| Refusal::new(Feilgrunn::UgyldigSidetoken))?,
    };
    let rows: Vec<Ventende> = match type_ {
        Some(type_) => {
            tx.all(
                "SELECT frist, id, person, versjon, ansvarlig_enhet, tilstand, type, post, \
                 innhold FROM oppgave WHERE ansvarlig_enhet = $1 AND type = $2 AND venter = 1 \
                 AND (frist, id) > ($3, $4) ORDER BY frist, id LIMIT $5",
                params![enhet, type_.kode(), frist, after, page.limit()],
            )
            .await?
        }
        None => {
            tx.all(
                "SELECT frist, id, person, versjon, ansvarlig_enhet, tilstand, type, post, \
                 innhold FROM oppgave WHERE ansvarlig_enhet = $1 AND venter = 1 \
                 AND (frist, id) > ($2, $3) ORDER BY frist, id LIMIT $4",
                params![enhet, frist, after, page.limit()],
            )
            .await?
        }
    };
    let (rows, next) = page.cut(rows, |row| format!("{}|{}", row.0, row.1));
    let tasks = rows.into_iter().map(
        |(_, id, person, versjon, enhet, tilstand, type_, post, innhold)| {
            les((id, person, versjon, enhet, tilstand, type_, post, innhold))
        },
    );
    Ok((tasks.collect::<Result<_, _>>()?, next))
}
