//! What of a person goes on, over all kinds of records.

use samspor_chassis::{
    error::Error,
    lager::{self, Innhold},
    store::Tx,
};

use crate::{
    botilbud::Botilbud, brukererfaring::Brukererfaring, forvaltning::Forvaltning,
    henvendelse::Henvendelse, livsopphold::Livsopphold, opphold::Opphold, rad::Rad,
    utestengelse::Utestengelse,
};

async fn noen<I: Innhold>(tx: &mut Tx, person: &str, enhet: &str) -> Result<bool, Error> {
    let open = lager::apne::<I>(tx, person).await?;
    Ok(open.iter().any(|post| post.enhet == enhet))
}

/// Whether something of the person goes on at the unit.
pub(crate) async fn noe_pagar(tx: &mut Tx, person: &str, enhet: &str) -> Result<bool, Error> {
    Ok(noen::<Botilbud>(tx, person, enhet).await?
        || noen::<Opphold>(tx, person, enhet).await?
        || noen::<Utestengelse>(tx, person, enhet).await?
        || noen::<Henvendelse>(tx, person, enhet).await?
        || noen::<Rad>(tx, person, enhet).await?
        || noen::<Livsopphold>(tx, person, enhet).await?
        || noen::<Forvaltning>(tx, person, enhet).await?
        || noen::<Brukererfaring>(tx, person, enhet).await?)
}
