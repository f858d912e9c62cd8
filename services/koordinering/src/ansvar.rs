//! Read model: which unit answers for each open need of a person, as the
//! events say that others address to this unit. It exists for one question, asked before an address protection: would an open need lose its
//! responsible unit? The need itself stays a column at its owner (I3).
//!
//! It is as new as the last event that was applied: a need that is taken on in
//! the moment before a protection is confirmed is not seen, and must be handed
//! over afterwards by whoever is mandated.

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{error::Error, params, store::Tx};
use samspor_proto::hendelse::Hendelse;

use crate::person;

/// Records that are an open need until an event of these ends it. An oppdrag
/// that was declined is still one: its orderer answers for it.
const BEHOV: [&str; 3] = ["boligsaker", "oppdrag", "soknader"];
const AVSLUTTENDE: [&str; 7] = [
    "BoligsakAvslatt",
    "BoligsakTildelt",
    "BoligsakTrukket",
    "OppdragAvsluttet",
    "SoknadTrukket",
    "SoknadHenlagt",
    "SoknadVedtatt",
];

/// Applies an event of another service: marks the person as known there, so
/// that the id is not purged, and follows the responsible unit of each need.
/// The owner of such an event is the unit that answers for the need
/// from then on.
pub(crate) fn bruk(tx: &mut Tx, hendelse: Hendelse) -> BoxFuture<'_, Result<(), Error>> {
    async move {
        let Some(person) = person_of(&hendelse) else {
            return Ok(());
        };
        person::store::merk_brukt(tx, person).await?;
        if !collection(&hendelse.post).is_some_and(|kind| BEHOV.contains(&kind)) {
            return Ok(());
        }
        if AVSLUTTENDE.contains(&hendelse.r#type.as_str()) {
            tx.execute(
                "DELETE FROM ansvar WHERE post = $1",
                params![hendelse.post.as_str()],
            )
            .await?;
        } else {
            let enhet = hendelse
                .eier
                .strip_prefix("enheter/")
                .unwrap_or(&hendelse.eier);
            tx.execute(
                "INSERT INTO ansvar (post, person, enhet) VALUES ($1, $2, $3) \
                 ON CONFLICT (post) DO UPDATE SET enhet = excluded.enhet",
                params![hendelse.post.as_str(), person, enhet],
            )
            .await?;
        }
        Ok(())
    }
    .boxed()
}

/// The person of an event's name: `personer/{person}/hendelser/{id}`.
fn person_of(hendelse: &Hendelse) -> Option<&str> {
    hendelse.name.strip_prefix("personer/")?.split('/').next()
}

/// Collection of a record's name: `oppdrag` of `personer/{p}/oppdrag/{id}`.
fn collection(post: &str) -> Option<&str> {
    post.strip_prefix("personer/")?.split('/').nth(1)
}

/// The units that answer for open needs under an id, each once.
pub(crate) async fn ansvarlige(tx: &mut Tx, person: &str) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT DISTINCT enhet FROM ansvar WHERE person = $1 ORDER BY enhet",
            params![person],
        )
        .await?;
    Ok(rows.into_iter().map(|(unit,)| unit).collect())
}
