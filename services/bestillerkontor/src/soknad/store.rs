//! SQL of applications.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{self, Tx, etag},
    tid::Tid,
};

use super::{Soknad, Tilstand};

type Row = (String, String, i64, String, String, String);

fn les((id, person, versjon, tilstand, ansvarlig_enhet, innhold): Row) -> Result<Soknad, Error> {
    Ok(Soknad {
        person,
        id,
        versjon,
        tilstand: Tilstand::fra_kode(&tilstand).ok_or_else(dokument::ukjent_tilstand)?,
        ansvarlig_enhet,
        innhold: dokument::les(&innhold)?,
    })
}

/// For many rows at once, each made by [`rad`].
pub(crate) const INN: &str = "INSERT INTO soknad (id, person, versjon, tilstand, ansvarlig_enhet, innhold, mottatt, \
     forelopig, vedtatt) VALUES ";

/// Where the time of a step is kept that has not been taken: after everything.
const ALDRI: Tid = Tid(i64::MAX);

/// When the person had a preliminary answer, and when it was decided.
fn tider(soknad: &Soknad) -> (Tid, Tid) {
    let decided = soknad.innhold.avsluttet.as_ref().map(|(at, _)| *at);
    let decided = decided.filter(|_| soknad.tilstand == Tilstand::Vedtatt);
    (
        soknad.innhold.forelopig_svar.unwrap_or(ALDRI),
        decided.unwrap_or(ALDRI),
    )
}

/// The row of a record.
pub(crate) fn rad(soknad: &Soknad) -> Result<store::Row, Error> {
    let (answered, decided) = tider(soknad);
    Ok(vec![
        soknad.id.as_str().into(),
        soknad.person.as_str().into(),
        soknad.versjon.into(),
        soknad.tilstand.kode().into(),
        soknad.ansvarlig_enhet.as_str().into(),
        dokument::skriv(&soknad.innhold)?.into(),
        soknad.innhold.mottatt.into(),
        answered.into(),
        decided.into(),
    ])
}

/// The application of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Soknad, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, tilstand, ansvarlig_enhet, innhold FROM soknad \
             WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// Stores a new application.
pub(crate) async fn sett_inn(tx: &mut Tx, soknad: &Soknad) -> Result<(), Error> {
    tx.insert(INN, "", vec![rad(soknad)?]).await?;
    Ok(())
}

/// Stores a change of the version that was read; the record has the next.
pub(crate) async fn lagre(tx: &mut Tx, soknad: &mut Soknad) -> Result<(), Error> {
    let (answered, decided) = tider(soknad);
    let affected = tx
        .execute(
            "UPDATE soknad SET versjon = versjon + 1, tilstand = $1, ansvarlig_enhet = $2, \
             innhold = $3, forelopig = $4, vedtatt = $5 WHERE id = $6 AND versjon = $7",
            params![
                soknad.tilstand.kode(),
                soknad.ansvarlig_enhet.as_str(),
                dokument::skriv(&soknad.innhold)?,
                answered,
                decided,
                soknad.id.as_str(),
                soknad.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    soknad.versjon += 1;
    Ok(())
}

/// One page of a person's applications, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Soknad>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, ansvarlig_enhet, innhold FROM soknad \
             WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    side(page, rows)
}

/// A person's applications that are open.
pub(crate) async fn apne(tx: &mut Tx, person: &str) -> Result<Vec<Soknad>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, ansvarlig_enhet, innhold FROM soknad \
             WHERE person = $1 AND tilstand IN ('MOTTATT', 'UNDER_KARTLEGGING', 'KLAR')",
            params![person],
        )
        .await?;
    rows.into_iter().map(les).collect()
}

/// One page of a unit's applications, oldest first: those in a state, or all
/// that are open.
pub(crate) async fn enhetens(
    tx: &mut Tx,
    enhet: &str,
    tilstand: Option<Tilstand>,
    page: &Page,
) -> Result<(Vec<Soknad>, String), Error> {
    let after = page.after().unwrap_or_default();
    let rows: Vec<Row> = match tilstand {
        Some(tilstand) => {
            tx.all(
                "SELECT id, person, versjon, tilstand, ansvarlig_enhet, innhold FROM soknad \
                 WHERE ansvarlig_enhet = $1 AND tilstand = $2 AND id > $3 ORDER BY id LIMIT $4",
                params![enhet, tilstand.kode(), after, page.limit()],
            )
            .await?
        }
        None => {
            tx.all(
                "SELECT id, person, versjon, tilstand, ansvarlig_enhet, innhold FROM soknad \
                 WHERE ansvarlig_enhet = $1 \
                 AND tilstand IN ('MOTTATT', 'UNDER_KARTLEGGING', 'KLAR') \
                 AND id > $2 ORDER BY id LIMIT $3",
                params![enhet, after, page.limit()],
            )
            .await?
        }
    };
    side(page, rows)
}

fn side(page: &Page, rows: Vec<Row>) -> Result<(Vec<Soknad>, String), Error> {
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
