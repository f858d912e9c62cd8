//! SQL of what is counted, and of what was published.

use samspor_chassis::{domene::dokument, error::Error, params, store::Tx, tid::Tid};

use super::Hendt;
use crate::avvik::Avvik;

/// Keeps what happened in one change of an avvik.
pub(super) async fn noter(tx: &mut Tx, avvik: &Avvik, all: &[(Tid, Hendt)]) -> Result<(), Error> {
    let row = |(nr, (tid, hendt)): (i64, &(Tid, Hendt))| {
        Ok(vec![
            (*tid).into(),
            avvik.id.as_str().into(),
            avvik.versjon.into(),
            nr.into(),
            dokument::skriv(hendt)?.into(),
        ])
    };
    let rows: Vec<_> = (0..).zip(all).map(row).collect::<Result<_, Error>>()?;
    if !rows.is_empty() {
        let into = "INSERT INTO avvikstall (tid, avvik, versjon, nr, innhold) VALUES ";
        tx.insert(into, "", rows).await?;
    }
    Ok(())
}

/// What counts from one instant until another.
pub(super) async fn i_perioden(tx: &mut Tx, (fra, til): (Tid, Tid)) -> Result<Vec<Hendt>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT innhold FROM avvikstall WHERE tid >= $1 AND tid < $2",
            params![fra, til],
        )
        .await?;
    rows.iter().map(|(row,)| dokument::les(row)).collect()
}

/// Keeps a published month. False where it was published before.
pub(super) async fn publiser(tx: &mut Tx, maned: &str, innhold: String) -> Result<bool, Error> {
    let stored = tx
        .execute(
            "INSERT INTO publisert_avvikstall (maned, innhold) VALUES ($1, $2) \
             ON CONFLICT DO NOTHING",
            params![maned, innhold],
        )
        .await?;
    Ok(stored == 1)
}

/// A published month.
pub(super) async fn publisert(tx: &mut Tx, maned: &str) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT innhold FROM publisert_avvikstall WHERE maned = $1",
            params![maned],
        )
        .await?;
    Ok(row.map(|(innhold,)| innhold))
}
