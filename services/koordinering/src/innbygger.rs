//! The person acts on the own records, and for whom the person represents.

use samspor_chassis::{
    error::{Error, Refusal},
    store::Tx,
};
use samspor_proto::felles::Rolle;

use crate::{person, representasjon};

/// An INNBYGGER acts on the own person, under any of its ids, or on a person
/// whom a mandate that holds says the INNBYGGER represents. The gateway has
/// decided that already; a withdrawn or widened rule there must not make one
/// person's will another's.
///
/// # Errors
/// `IKKE_FUNNET` for another person.
pub(crate) async fn egen_eller_representert(tx: &mut Tx, id: &str) -> Result<(), Error> {
    let actor = &tx.call().actor;
    if actor.rolle != Rolle::Innbygger {
        return Ok(());
    }
    let own = actor.person.clone().ok_or_else(Refusal::not_found)?;
    let (own, other) = (
        person::store::hent(tx, &own).await?,
        person::store::hent(tx, id).await?,
    );
    let now = tx.now();
    let mandates = representasjon::store::om(tx, id).await?;
    let represents = mandates
        .iter()
        .any(|mandate| mandate.gjelder(now) && mandate.innhold.representant == own.id);
    if own.rot() == other.rot() || represents {
        Ok(())
    } else {
        Err(Refusal::not_found().into())
    }
}
