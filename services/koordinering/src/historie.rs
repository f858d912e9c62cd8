//! Persons of another system, taken in before their history.
//!
//! A line has the old system's reference and an identity number. The person
//! gets an id as by SikrePerson and is in use from then; the answer is which id
//! the reference has, and never whether it was new. No fact, no event.

use std::sync::Arc;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::fodselsnummer::{Fodselsnummer, Regler},
    error::{Error, FieldFaults, Refusal},
    historie::{Historie, Lagret, som},
    store::Tx,
    tid::Tid,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ENHET, Settings,
    person::{rules, store},
};

/// Persons.
#[derive(Clone)]
pub struct Personhistorie {
    settings: Arc<Settings>,
}

impl Personhistorie {
    /// With the keys and rules of the service.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
        }
    }
}

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Linje {
    #[serde(rename = "ref")]
    referanse: String,
    fodselsnummer: String,
}

/// A person.
pub struct Lest {
    referanse: String,
    nummer: Fodselsnummer,
}

impl Historie for Personhistorie {
    type Linje = Lest;
    const ENHET: &'static str = ENHET;
    const NUMMERFELT: Option<&'static str> = Some("fodselsnummer");

    fn les(&self, linje: Value, now: Tid) -> Result<Lest, Refusal> {
        let linje: Linje = som(linje)?;
        let mut faults = FieldFaults::new();
        if linje.referanse.trim().is_empty() {
            faults.missing("ref");
        }
        faults.finish()?;
        let regler = Regler::ved(now, self.settings.syntetiske);
        Ok(Lest {
            referanse: linje.referanse,
            nummer: rules::les_nummer(&linje.fodselsnummer, regler)?,
        })
    }

    fn lagre<'t>(
        &'t self,
        tx: &'t mut Tx,
        linjer: Vec<Lest>,
    ) -> BoxFuture<'t, Result<Lagret, Error>> {
        async move {
            // One import at a time: two would wait for each other's numbers.
            tx.lock("historie").await?;
            let (refs, numbers): (Vec<_>, Vec<_>) = linjer
                .into_iter()
                .map(|Lest { referanse, nummer }| (referanse, nummer))
                .unzip();
            let persons = store::sikre_i_bruk(tx, &self.settings, &numbers).await?;
            let mut stored = Lagret::default();
            for (referanse, (person, new)) in refs.into_iter().zip(persons) {
                stored.nye += u64::from(new);
                stored
                    .svar
                    .push(json!({ "ref": referanse, "person": person }));
            }
            Ok(stored)
        }
        .boxed()
    }
}
