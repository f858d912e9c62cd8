//! SQL of what the unit has heard of oppdrag.

use samspor_chassis::{error::Error, params, store::Tx};

/// An oppdrag goes on, unless it is known to have ended. False when it has.
pub(crate) async fn pagar(tx: &mut Tx, person: &str, oppdrag: &str) -> Result<bool, Error> {
    tx.execute(
        "INSERT INTO kjent_oppdrag (navn, person, apent) VALUES ($1, $2, 1) \
         ON CONFLICT (navn) DO NOTHING",
        params![oppdrag, person],
    )
    .await?;
    let row: Option<(i64,)> = tx
        .one(
            "SELECT apent FROM kjent_oppdrag WHERE navn = $1",
            params![oppdrag],
        )
        .await?;
    Ok(row.is_some_and(|(open,)| open == 1))
}

/// An oppdrag has ended, for good.
pub(crate) async fn slutt(tx: &mut Tx, person: &str, oppdrag: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO kjent_oppdrag (navn, person, apent) VALUES ($1, $2, 0) \
         ON CONFLICT (navn) DO UPDATE SET apent = 0",
        params![oppdrag, person],
    )
    .await?;
    Ok(())
}

/// Whether an oppdrag of the person goes on.
pub(crate) async fn har_apent(tx: &mut Tx, person: &str) -> Result<bool, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT navn FROM kjent_oppdrag WHERE person = $1 AND apent = 1 \
             ORDER BY navn LIMIT 1",
            params![person],
        )
        .await?;
    Ok(row.is_some())
}
