//! SQL of orders.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{self, Tx, etag},
    tid::Tid,
};

use super::{Innhold, Oppdrag, Tilstand};

type Row = (
    String,
    String,
    i64,
    String,
    Option<String>,
    String,
    String,
    String,
    String,
    String,
);

fn les(row: Row) -> Result<Oppdrag, Error> {
    let (
        id,
        person,
        versjon,
        tilstand,
        vedtak,
        linje_id,
        bestiller,
        enhet,
        ansvarlig_enhet,
        innhold,
    ) = row;
    Ok(Oppdrag {
        person,
        id,
        versjon,
        tilstand: Tilstand::fra_kode(&tilstand).ok_or_else(dokument::ukjent_tilstand)?,
        vedtak,
        linje_id,
        bestiller,
        enhet,
        ansvarlig_enhet,
        innhold: dokument::les(&innhold)?,
    })
}

/// For many rows at once, each made by [`rad`].
pub(crate) const INN: &str = "INSERT INTO oppdrag (id, person, versjon, tilstand, vedtak, \
    linje_id, bestiller, enhet, ansvarlig_enhet, innhold, tilbudt, startet, slutt) VALUES ";

/// Where the time of a step is kept that has not been taken: after everything.
const ALDRI: Tid = Tid(i64::MAX);

/// When it started, and when it ended or was declined.
fn tider(oppdrag: &Oppdrag) -> (Tid, Tid) {
    let Innhold {
        besvart,
        avvist,
        startet,
        slutt,
        ..
    } = &oppdrag.innhold;
    let answered = besvart.as_ref().map(|(at, _)| *at);
    let ended = slutt.as_ref().map(|(at, _, _)| *at);
    // What was declined was no order after that, whatever became of the need.
    let ended = avvist.as_ref().map_or(ended, |_| answered);
    (startet.unwrap_or(ALDRI), ended.unwrap_or(ALDRI))
}

/// The row of a record.
pub(crate) fn rad(oppdrag: &Oppdrag) -> Result<store::Row, Error> {
    let (started, ended) = tider(oppdrag);
    Ok(vec![
        oppdrag.id.as_str().into(),
        oppdrag.person.as_str().into(),
        oppdrag.versjon.into(),
        oppdrag.tilstand.kode().into(),
        oppdrag.vedtak.as_deref().into(),
        oppdrag.linje_id.as_str().into(),
        oppdrag.bestiller.as_str().into(),
        oppdrag.enhet.as_str().into(),
        oppdrag.ansvarlig_enhet.as_str().into(),
        dokument::skriv(&oppdrag.innhold)?.into(),
        oppdrag.innhold.tilbudt.into(),
        started.into(),
        ended.into(),
    ])
}

/// The oppdrag of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Oppdrag, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, tilstand, vedtak, linje_id, bestiller, enhet, \
             ansvarlig_enhet, innhold FROM oppdrag WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// Stores a new oppdrag.
pub(crate) async fn sett_inn(tx: &mut Tx, oppdrag: &Oppdrag) -> Result<(), Error> {
    tx.insert(INN, "", vec![rad(oppdrag)?]).await?;
    Ok(())
}

/// Stores a change of the version that was read; the record has the next.
pub(crate) async fn lagre(tx: &mut Tx, oppdrag: &mut Oppdrag) -> Result<(), Error> {
    let (started, ended) = tider(oppdrag);
    let affected = tx
        .execute(
            "UPDATE oppdrag SET versjon = versjon + 1, tilstand = $1, ansvarlig_enhet = $2, \
             innhold = $3, startet = $4, slutt = $5, vedtak = $6, linje_id = $7, bestiller = $8 \
             WHERE id = $9 AND versjon = $10",
            params![
                oppdrag.tilstand.kode(),
                oppdrag.ansvarlig_enhet.as_str(),
                dokument::skriv(&oppdrag.innhold)?,
                started,
                ended,
                oppdrag.vedtak.as_deref(),
                oppdrag.linje_id.as_str(),
                oppdrag.bestiller.as_str(),
                oppdrag.id.as_str(),
                oppdrag.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    oppdrag.versjon += 1;
    Ok(())
}

/// The oppdrag of a vedtak that have not ended: those declined wait for
/// another place.
pub(crate) async fn uavsluttede(tx: &mut Tx, vedtak: &str) -> Result<Vec<Oppdrag>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, vedtak, linje_id, bestiller, enhet, \
             ansvarlig_enhet, innhold FROM oppdrag WHERE vedtak = $1 \
             AND tilstand <> 'AVSLUTTET' ORDER BY id",
            params![vedtak],
        )
        .await?;
    rows.into_iter().map(les).collect()
}

/// A person's open orders without a vedtak; those that ended are few.
pub(crate) async fn apne_kortvarige(tx: &mut Tx, person: &str) -> Result<Vec<Oppdrag>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, vedtak, linje_id, bestiller, enhet, \
             ansvarlig_enhet, innhold FROM oppdrag WHERE person = $1 AND vedtak IS NULL",
            params![person],
        )
        .await?;
    let mut records: Vec<Oppdrag> = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    records.retain(Oppdrag::er_apent);
    Ok(records)
}

/// The units that have an open order under a vedtak of the person.
pub(crate) async fn enheter_med_apne(tx: &mut Tx, person: &str) -> Result<BTreeSet<String>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT enhet FROM oppdrag WHERE person = $1 AND vedtak IS NOT NULL \
             AND tilstand IN ('TILBUDT', 'AKSEPTERT', 'STARTET', 'PAUSET')",
            params![person],
        )
        .await?;
    Ok(rows.into_iter().map(|(unit,)| unit).collect())
}

/// All of a person's oppdrag, oldest first.
pub(crate) async fn alle(tx: &mut Tx, person: &str) -> Result<Vec<Oppdrag>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, vedtak, linje_id, bestiller, enhet, \
             ansvarlig_enhet, innhold FROM oppdrag WHERE person = $1",
            params![person],
        )
        .await?;
    let mut records: Vec<Oppdrag> = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    records.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(records)
}

/// One page of a person's oppdrag, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Oppdrag>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, vedtak, linje_id, bestiller, enhet, \
             ansvarlig_enhet, innhold FROM oppdrag \
             WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    side(page, rows)
}

/// One page of what is offered to a unit, oldest first: in a state, or all
/// that is neither declined nor ended.
pub(crate) async fn enhetens(
    tx: &mut Tx,
    enhet: &str,
    tilstand: Option<Tilstand>,
    page: &Page,
) -> Result<(Vec<Oppdrag>, String), Error> {
    let after = page.after().unwrap_or_default();
    let rows: Vec<Row> = match tilstand {
        Some(tilstand) => {
            tx.all(
                "SELECT id, person, versjon, tilstand, vedtak, linje_id, bestiller, enhet, \
                 ansvarlig_enhet, innhold FROM oppdrag \
                 WHERE enhet = $1 AND tilstand = $2 AND id > $3 ORDER BY id LIMIT $4",
                params![enhet, tilstand.kode(), after, page.limit()],
            )
            .await?
        }
        None => {
            tx.all(
                "SELECT id, person, versjon, tilstand, vedtak, linje_id, bestiller, enhet, \
                 ansvarlig_enhet, innhold FROM oppdrag WHERE enhet = $1 \
                 AND tilstand IN ('TILBUDT', 'AKSEPTERT', 'STARTET', 'PAUSET') \
                 AND id > $2 ORDER BY id LIMIT $3",
                params![enhet, after, page.limit()],
            )
            .await?
        }
    };
    side(page, rows)
}

fn side(page: &Page, rows: Vec<Row>) -> Result<(Vec<Oppdrag>, String), Error> {
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
