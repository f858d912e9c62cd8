//! Requests for a bed and stays of another system, taken in as history.
//!
//! A line of the file is one request with its outcome: refused, needed no more,
//! or granted, with the stay that came of it, which goes on or has ended. It is
//! played through the rules that hold today, each step on its day, so the nights
//! without a bed of any past month and the clock of a person are those of the old
//! system too. What is left is what still holds (docs/adr/0013): relations, clocks,
//! who has which bed, and since when a stay goes on, for who counts. Places are
//! registered before.

mod linje;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(crate) mod prove;

use std::collections::BTreeSet;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    error::{Error, Refusal},
    historie::{Historie, Lagret},
    lager, params,
    store::Tx,
    tid::Tid,
};
use serde_json::Value;

pub use self::linje::Lest;
use crate::{ENHET, natt, opphold};

/// Nights and stays.
#[derive(Debug, Clone)]
pub struct Navhistorie {
    enheter: BTreeSet<String>,
}

impl Navhistorie {
    /// Where these units may answer for a night, beside nav: they see a person
    /// who is hidden from it.
    #[must_use]
    pub fn new(enheter: BTreeSet<String>) -> Self {
        Self { enheter }
    }
}

impl Historie for Navhistorie {
    type Linje = Lest;
    const ENHET: &'static str = ENHET;

    fn les(&self, linje: Value, now: Tid) -> Result<Lest, Refusal> {
        linje::les(linje, &self.enheter, now)
    }

    fn lagre<'t>(
        &'t self,
        tx: &'t mut Tx,
        linjer: Vec<Lest>,
    ) -> BoxFuture<'t, Result<Lagret, Error>> {
        async move {
            // One import at a time: what is new is asked before it is stored.
            tx.lock("historie").await?;
            let mut stored = Lagret::default();
            for (place, line) in linjer.into_iter().enumerate() {
                match ta(tx, line).await {
                    Ok(true) => stored.nye += 1,
                    Ok(false) => {}
                    Err(Error::Refused(refusal)) => stored.avvist.push((place, refusal)),
                    Err(error) => return Err(error),
                }
            }
            Ok(stored)
        }
        .boxed()
    }
}

/// Takes a line; false when it was taken in before. One that is refused has
/// changed nothing.
async fn ta(tx: &mut Tx, line: Lest) -> Result<bool, Error> {
    let Lest { mut post, bodd } = line;
    let known: Option<(String,)> = tx
        .one(
            "SELECT id FROM botilbud WHERE id = $1",
            params![post.id.as_str()],
        )
        .await?;
    if known.is_some() {
        return Ok(false);
    }
    lager::las_person(tx, &post.person).await?;
    if let Some(bodd) = bodd {
        let (stay, place) = opphold::historie::ta(tx, &post.person, &post.enhet, bodd).await?;
        if let Some(granted) = post.innhold.innvilget.as_mut() {
            granted.opphold = stay;
            granted.plass = place;
        }
    }
    lager::legg_til(tx, &post).await?;
    natt::skriv(tx, &post).await?;
    Ok(true)
}
