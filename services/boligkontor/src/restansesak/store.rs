//! SQL of the joint cases of one tenancy.

use samspor_chassis::{domene::dokument, error::Error, params, store::Tx};

use super::Restansesak;

/// All that were opened about a tenancy of the person, in no order.
pub(crate) async fn om(
    tx: &mut Tx,
    person: &str,
    leieforhold: &str,
) -> Result<Vec<Restansesak>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT innhold FROM restansesak WHERE person = $1 AND nokkel = $2",
            params![person, leieforhold],
        )
        .await?;
    rows.into_iter()
        .map(|(innhold,)| dokument::les(&innhold))
        .collect()
}
