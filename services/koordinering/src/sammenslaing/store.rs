//! SQL of merges.

use samspor_chassis::{
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use sqlx::{FromRow, Row as _, any::AnyRow};

use super::Sammenslaing;
use crate::{
    kolonne,
    tosteg::{Kolonner, Steg},
};

/// A row as it stands; what it means is read afterwards.
struct Row {
    id: String,
    versjon: i64,
    gjenstar: String,
    duplikat: String,
    begrunnelse: String,
    foreslatt: Tid,
    foreslatt_av: String,
    tilstand: Kolonner,
    krysser_fra: Option<Tid>,
}

impl FromRow<'_, AnyRow> for Row {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            versjon: row.try_get("versjon")?,
            gjenstar: row.try_get("gjenstar")?,
            duplikat: row.try_get("duplikat")?,
            begrunnelse: row.try_get("begrunnelse")?,
            foreslatt: row.try_get("foreslatt")?,
            foreslatt_av: row.try_get("foreslatt_av")?,
            tilstand: Kolonner::les(row)?,
            krysser_fra: row.try_get("krysser_fra")?,
        })
    }
}

fn read(row: Row) -> Result<Sammenslaing, Error> {
    Ok(Sammenslaing {
        tilstand: row.tilstand.tilstand()?,
        foreslatt: Steg {
            hvem: kolonne::les(&row.foreslatt_av)?,
            tid: row.foreslatt,
        },
        id: row.id,
        versjon: row.versjon,
        gjenstar: row.gjenstar,
        duplikat: row.duplikat,
        begrunnelse: row.begrunnelse,
        krysser_fra: row.krysser_fra,
    })
}

/// A new proposal.
///
/// # Errors
/// KONFLIKT when one of the two is in another.
pub(super) async fn opprett(tx: &mut Tx, merge: &Sammenslaing) -> Result<(), Error> {
    let conflict = || Refusal::conflict("et forslag om sammenslåing av en av personene");
    for id in [&merge.gjenstar, &merge.duplikat] {
        if forslag_om(tx, id).await?.is_some() {
            return Err(conflict().into());
        }
    }
    let inserted = tx
        .execute(
            "INSERT INTO sammenslaing (id, versjon, gjenstar, duplikat, begrunnelse, foreslatt, \
             foreslatt_av, tilstand) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT DO NOTHING",
            params![
                merge.id.as_str(),
                merge.versjon,
                merge.gjenstar.as_str(),
                merge.duplikat.as_str(),
                merge.begrunnelse.as_str(),
                merge.foreslatt.tid,
                kolonne::skriv(&merge.foreslatt.hvem)?,
                merge.tilstand.navn()
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(conflict().into());
    }
    Ok(())
}

/// Stores the step that was taken.
pub(super) async fn lagre(tx: &mut Tx, merge: &mut Sammenslaing) -> Result<(), Error> {
    let state = Kolonner::av(&merge.tilstand)?;
    let affected = tx
        .execute(
            "UPDATE sammenslaing SET versjon = versjon + 1, tilstand = $3, avgjort = $4, \
             avgjort_av = $5, forslag = $6, forslag_av = $7, forslag_begrunnelse = $8, \
             opphevet = $9, opphevet_av = $10, krysser_fra = $11 WHERE id = $1 AND versjon = $2",
            params![
                merge.id.as_str(),
                merge.versjon,
                state.tilstand,
                state.avgjort,
                state.avgjort_av,
                state.forslag,
                state.forslag_av,
                state.forslag_begrunnelse,
                state.opphevet,
                state.opphevet_av,
                merge.krysser_fra
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    merge.versjon += 1;
    Ok(())
}

/// One merge into the person.
///
/// # Errors
/// `IKKE_FUNNET` when there is no such merge.
pub(super) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Sammenslaing, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT * FROM sammenslaing WHERE gjenstar = $1 AND id = $2",
            params![person, id],
        )
        .await?;
    read(row.ok_or_else(Refusal::not_found)?)
}

/// Merges into the person, newest first.
pub(super) async fn list(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<Vec<Sammenslaing>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT * FROM sammenslaing WHERE gjenstar = $1 AND ($2 = '' OR id < $2) \
             ORDER BY id DESC LIMIT $3",
            params![person, page.after().unwrap_or_default(), page.limit()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// The other id of the open proposal in which an id is.
pub(crate) async fn forslag_om(tx: &mut Tx, person: &str) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT CASE WHEN gjenstar = $1 THEN duplikat ELSE gjenstar END FROM sammenslaing \
             WHERE tilstand = 'FORESLATT' AND (gjenstar = $1 OR duplikat = $1)",
            params![person],
        )
        .await?;
    Ok(row.map(|(other,)| other))
}

/// The merges that make these ids one person.
pub(super) async fn av(tx: &mut Tx, ider: &[String]) -> Result<Vec<Sammenslaing>, Error> {
    let mut merges = Vec::new();
    for id in ider {
        let row: Option<Row> = tx
            .one(
                "SELECT * FROM sammenslaing WHERE duplikat = $1 \
                 AND tilstand IN ('GJELDENDE', 'OPPHEVING_FORESLATT')",
                params![id.as_str()],
            )
            .await?;
        merges.extend(row.map(read).transpose()?);
    }
    Ok(merges)
}
