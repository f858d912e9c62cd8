//! What happens when a deadline fires.

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    deadlines::{DueDeadline, Stage, notify},
    error::Error,
    store::{NewEvent, Tx},
};

use crate::{person, samtykke};

/// An id that was never used is forgotten; a consent that ran out is told of
/// as that; anything else is told of as a deadline.
pub(crate) fn ved_frist(tx: &mut Tx, frist: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
    async move {
        match (frist.kind.as_str(), frist.stage) {
            (person::FRIST_UBRUKT, Stage::Due) => {
                person::store::slett_ubrukt(tx, &frist.person).await?;
            }
            (samtykke::FRIST_UTLOP, Stage::Due) => tx.emit(NewEvent {
                type_: "SamtykkeUtlopt",
                person: &frist.person,
                post: &frist.post,
                eier: &frist.eier,
                mottakere: frist.mottakere,
            }),
            _ => notify(tx, &frist),
        }
        Ok(())
    }
    .boxed()
}
