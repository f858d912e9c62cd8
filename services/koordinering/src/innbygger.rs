//! The person acts on the own records only.

use samspor_chassis::{
    error::{Error, Refusal},
    store::Tx,
};
use samspor_proto::felles::Rolle;

use crate::person;

/// An INNBYGGER acts on the own person, under any of its ids. The gateway has
/// decided that already; a withdrawn or widened rule there must not make one
/// person's will another's.
///
/// # Errors
/// `IKKE_FUNNET` for another person.
pub(crate) async fn bare_egen(tx: &mut Tx, id: &str) -> Result<(), Error> {
    let actor = &tx.call().actor;
    if actor.rolle != Rolle::Innbygger {
        return Ok(());
    }
    let own = actor.person.clone().ok_or_else(Refusal::not_found)?;
    let (own, other) = (
        person::store::hent(tx, &own).await?,
        person::store::hent(tx, id).await?,
    );
    if own.rot() == other.rot() {
        Ok(())
    } else {
        Err(Refusal::not_found().into())
    }
}
