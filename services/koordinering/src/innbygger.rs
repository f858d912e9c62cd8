//! The person acts on the own records, and for whom the person represents.

use samspor_chassis::{
    error::{Error, Refusal},
    store::Tx,
};
use samspor_proto::felles::Rolle;

use crate::{
    person::{self, Person},
    representasjon,
};

/// An INNBYGGER acts on the own person, or on a person whom a mandate that
/// holds says the INNBYGGER represents, each under any of its ids. The gateway
/// has decided that already; a withdrawn or widened rule there must not make
/// one person's will another's.
///
/// # Errors
/// `IKKE_FUNNET` for another person.
pub(crate) async fn egen_eller_representert(tx: &mut Tx, id: &str) -> Result<(), Error> {
    let Some(own) = innbygger(tx).await? else {
        return Ok(());
    };
    let other = person::store::hent(tx, id).await?;
    if own.rot() == other.rot() {
        return Ok(());
    }
    let now = tx.now();
    for id in person::store::alle_ider(tx, &other).await? {
        for mandate in representasjon::store::om(tx, &id).await? {
            let by = person::store::hent(tx, &mandate.innhold.representant).await?;
            if mandate.gjelder(now) && by.rot() == own.rot() {
                return Ok(());
            }
        }
    }
    Err(Refusal::not_found().into())
}

/// Whether the caller is the person, under any id.
pub(crate) async fn er_selv(tx: &mut Tx, id: &str) -> Result<bool, Error> {
    let Some(own) = innbygger(tx).await? else {
        return Ok(false);
    };
    Ok(own.rot() == person::store::hent(tx, id).await?.rot())
}

/// The person who calls; none in any other role.
async fn innbygger(tx: &mut Tx) -> Result<Option<Person>, Error> {
    let actor = &tx.call().actor;
    if actor.rolle != Rolle::Innbygger {
        return Ok(None);
    }
    let own = actor.person.clone().ok_or_else(Refusal::not_found)?;
    Ok(Some(person::store::hent(tx, &own).await?))
}
