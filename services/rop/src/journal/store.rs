//! SQL of the journal.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::Tx,
};

use super::{Notat, Slag};

type Row = (String, String, String, String, Option<String>);

fn les(slag: Slag, (id, person, ansvarlig_enhet, innhold, rettet_av): Row) -> Result<Notat, Error> {
    Ok(Notat {
        person,
        id,
        slag,
        ansvarlig_enhet,
        rettet_av,
        innhold: dokument::les(&innhold)?,
    })
}

/// The note of that kind and person with that id.
pub(crate) async fn hent(tx: &mut Tx, slag: Slag, person: &str, id: &str) -> Result<Notat, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, ansvarlig_enhet, innhold, \
             (SELECT MAX(r.id) FROM notat r WHERE r.retter = notat.id AND r.retter <> '') \
             FROM notat WHERE id = $1 AND person = $2 AND slag = $3",
            params![id, person, slag.kode()],
        )
        .await?;
    les(slag, row.ok_or_else(Refusal::not_found)?)
}

/// Stores a note.
pub(crate) async fn sett_inn(tx: &mut Tx, notat: &Notat) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO notat (id, person, slag, ansvarlig_enhet, innhold, retter) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        params![
            notat.id.as_str(),
            notat.person.as_str(),
            notat.slag.kode(),
            notat.ansvarlig_enhet.as_str(),
            dokument::skriv(&notat.innhold)?,
            notat.innhold.retter.as_deref().unwrap_or_default()
        ],
    )
    .await?;
    Ok(())
}

/// One page of a person's notes of a kind, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    slag: Slag,
    person: &str,
    page: &Page,
) -> Result<(Vec<Notat>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, ansvarlig_enhet, innhold, \
             (SELECT MAX(r.id) FROM notat r WHERE r.retter = notat.id AND r.retter <> '') \
             FROM notat WHERE person = $1 AND slag = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
            params![person, slag.kode(), dokument::nyeste(page), page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let notes = rows.into_iter().map(|row| les(slag, row));
    Ok((notes.collect::<Result<_, _>>()?, next))
}
