//! SQL of tiltak, and of what was delivered under them.

use samspor_chassis::{
    domene::{Dag, dokument},
    error::Error,
    page::Page,
    params,
    store::Tx,
    tid::Tid,
};

use super::{Tiltak, rules::fra_minutter};

/// Id, person, end, content, minutes met, contacts, contacts not met.
pub(super) type Row = (String, String, Tid, String, i64, i64, i64);

pub(super) const PERSONENS_UKE: &str = "SELECT t.id, t.person, t.frist, t.innhold, \
    (SELECT CAST(COALESCE(SUM(k.minutter), 0) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5 AND k.utfall = 'MOTT'), \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5), \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5 AND k.utfall <> 'MOTT') \
    FROM tiltak t WHERE t.person = $1 AND (t.frist, t.id) > ($2, $3) \
    ORDER BY t.frist, t.id LIMIT $6";

pub(super) const ENHETENS_UKE: &str = "SELECT t.id, t.person, t.frist, t.innhold, \
    (SELECT CAST(COALESCE(SUM(k.minutter), 0) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5 AND k.utfall = 'MOTT'), \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5), \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5 AND k.utfall <> 'MOTT') \
    FROM tiltak t WHERE t.ansvarlig_enhet = $1 AND (t.frist, t.id) > ($2, $3) \
    ORDER BY t.frist, t.id LIMIT $6";

/// One page of what touches a week, of a person or a unit: first what ended
/// first, then what goes on.
pub(super) async fn uke(
    tx: &mut Tx,
    sql: &'static str,
    key: &str,
    monday: Dag,
    page: &Page,
) -> Result<(Vec<Row>, String), Error> {
    let (from, to) = (monday.start(), monday.pluss_dager(7).start());
    // What ended at the first instant of the week had no part in it.
    let first = (from, "z".to_owned());
    let after = page.after().and_then(|token| token.split_once('_'));
    let after = after.and_then(|(end, id)| Some((Tid(end.parse().ok()?), id.to_owned())));
    let (end, id) = after.unwrap_or(first);
    let rows: Vec<Row> = tx
        .all(sql, params![key, end, id, from, to, page.limit()])
        .await?;
    Ok(page.cut(rows, |row| format!("{}_{}", row.2.0, row.0)))
}

/// The person was met under a tiltak; the first time is kept.
pub(crate) async fn mott(tx: &mut Tx, id: &str, tidspunkt: Tid) -> Result<(), Error> {
    tx.execute(
        "UPDATE tiltak SET forst_mott = $2 WHERE id = $1 AND forst_mott > $2",
        params![id, tidspunkt],
    )
    .await?;
    Ok(())
}

/// A contact under a tiltak counts no more: when the person was first met may
/// have been later, or never.
pub(crate) async fn ikke_mott(tx: &mut Tx, id: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE tiltak SET forst_mott = COALESCE((SELECT MIN(k.tidspunkt) FROM kontakt k \
         WHERE k.tiltak = tiltak.id AND k.rettelse = '' AND k.tiltak <> '' AND k.utfall = 'MOTT'), \
         9223372036854775807) WHERE id = $1",
        params![id],
    )
    .await?;
    Ok(())
}

/// Civil days from the order to the first meeting, for each tiltak of the unit under
/// which the person was first met in a period.
pub(crate) async fn ventet(
    tx: &mut Tx,
    enhet: &str,
    fra: Tid,
    til: Tid,
) -> Result<Vec<i32>, Error> {
    let rows: Vec<(String, Tid)> = tx
        .all(
            "SELECT innhold, forst_mott FROM tiltak \
             WHERE ansvarlig_enhet = $1 AND forst_mott >= $2 AND forst_mott < $3",
            params![enhet, fra, til],
        )
        .await?;
    let waited = rows.into_iter().map(|(innhold, met)| {
        let tiltak: Tiltak = dokument::les(&innhold)?;
        Ok(Dag::av(tiltak.bestilt).dager_til(Dag::av(met)).max(0))
    });
    waited.collect()
}

/// Tiltak of the unit that were ordered before an instant and had neither begun
/// nor ended then.
pub(crate) async fn ventet_da(tx: &mut Tx, enhet: &str, da: Tid) -> Result<i64, Error> {
    let row: Option<(i64,)> = tx
        .one(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM tiltak WHERE ansvarlig_enhet = $1 \
             AND forst_mott >= $2 AND frist >= $2 AND fra < $2",
            params![enhet, da],
        )
        .await?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Hours under oppdrag in a period: granted least and most, and delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Timer {
    /// How many oppdrag they are of.
    pub(crate) oppdrag: usize,
    pub(crate) min: f64,
    pub(crate) maks: f64,
    pub(crate) levert: f64,
}

/// Rows that are held at a time.
const PORSJON: i64 = 500;

/// Granted against delivered over everything of the unit that touches a period
/// of whole days.
pub(crate) async fn timer_i(tx: &mut Tx, enhet: &str, fra: Dag, til: Dag) -> Result<Timer, Error> {
    let (from, to) = (fra.start(), til.slutt());
    let mut sum = Timer::default();
    // What ended at the first instant has no part in the period.
    let mut after = (from, "z".to_owned());
    loop {
        let rows: Vec<(String, Tid, String, i64)> = tx
            .all(
                "SELECT t.id, t.frist, t.innhold, \
                 (SELECT CAST(COALESCE(SUM(k.minutter), 0) AS BIGINT) FROM kontakt k \
                  WHERE k.tiltak = t.id AND k.rettelse = '' AND k.tiltak <> '' AND k.tidspunkt >= $4 \
                  AND k.tidspunkt < $5 AND k.utfall = 'MOTT') \
                 FROM tiltak t WHERE t.ansvarlig_enhet = $1 AND (t.frist, t.id) > ($2, $3) \
                 ORDER BY t.frist, t.id LIMIT $6",
                params![enhet, after.0, after.1.as_str(), from, to, PORSJON],
            )
            .await?;
        let Some((id, end, ..)) = rows.last() else {
            return Ok(sum);
        };
        after = (*end, id.clone());
        for (_, _, innhold, minutes) in rows {
            let tiltak: Tiltak = dokument::les(&innhold)?;
            if tiltak.oppdrag.is_empty() {
                continue;
            }
            let (min, max) = tiltak.innvilget_mellom(fra, til);
            sum.oppdrag += usize::from(max > 0.0 || minutes > 0);
            sum.min += min;
            sum.maks += max;
            sum.levert += fra_minutter(minutes);
        }
    }
}
