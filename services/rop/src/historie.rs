//! Contacts of another system, taken in as history.
//!
//! They are held to what a contact is held to when it is registered, but for
//! what only the day itself can ask: it may be old, and needs no reason for
//! being late. A historical contact is told to nobody and states no fact; an
//! offer that is to be made again on a day to come waits as any other, with its
//! clock (docs/adr/0013).

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::{Aktor, Dag, dokument, navn, virkning::Virkninger},
    error::{Error, FieldFaults, Refusal},
    historie::{Historie, Lagret, post_id, som},
    store::{Row, Tx},
    tid::Tid,
};
use samspor_proto::{
    felles::{Hjemmel, Rolle},
    rop::{Kontakttype, Kontaktutfall, RegistrerKontaktRequest},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    ENHET,
    kontakt::{
        Kontakt,
        rules::{self, Krav},
        store,
    },
};

/// Contacts of the unit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kontakthistorie;

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Linje {
    /// Reference in the old system.
    #[serde(rename = "ref")]
    referanse: String,
    /// Person id.
    person: String,
    r#type: String,
    utfall: String,
    /// RFC 3339.
    tidspunkt: String,
    hjemmel: Basis,
    /// Employee id of whoever registered it.
    #[serde(default)]
    ansatt: String,
    #[serde(default)]
    ansatte: Vec<String>,
    #[serde(default)]
    minutter: i32,
    #[serde(default)]
    notat: String,
    #[serde(default)]
    sted: String,
    #[serde(default)]
    nytt_tilbud: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basis {
    lov: String,
    paragraf: String,
}

/// A contact, and what runs on from it.
pub struct Lest {
    rad: Row,
    /// Where an offer waits for a day to come.
    ventende: Option<Virkninger>,
}

impl Historie for Kontakthistorie {
    type Linje = Lest;
    const ENHET: &'static str = ENHET;

    fn les(&self, linje: Value, now: Tid) -> Result<Lest, Refusal> {
        let linje: Linje = som(linje)?;
        let mut faults = FieldFaults::new();
        let person = navn::les_person(&navn::person(&linje.person), "person", &mut faults);
        if linje.referanse.trim().is_empty() {
            faults.missing("ref");
        }
        let tidspunkt: Option<Tid> = linje.tidspunkt.parse().ok();
        if tidspunkt.is_none() {
            faults.form("tidspunkt", "RFC 3339: 2019-03-01T12:30:00Z");
        }
        let type_ = Kontakttype::from_str_name(&format!("KONTAKTTYPE_{}", linje.r#type));
        let utfall = Kontaktutfall::from_str_name(&format!("KONTAKTUTFALL_{}", linje.utfall));
        let request = RegistrerKontaktRequest {
            r#type: type_.unwrap_or_default().into(),
            utfall: utfall.unwrap_or_default().into(),
            tidspunkt: tidspunkt.map(Into::into),
            notat: linje.notat,
            sted: linje.sted,
            nytt_tilbud: linje.nytt_tilbud,
            hjemmel: Some(Hjemmel {
                lov: linje.hjemmel.lov,
                paragraf: linje.hjemmel.paragraf,
            }),
            minutter: linje.minutter,
            ansatte: linje.ansatte,
            ..Default::default()
        };
        let av = Aktor {
            enhet: ENHET.to_owned(),
            ansatt: linje.ansatt,
            rolle: Rolle::Miljo,
        };
        let read = rules::les(&request, &person, &av, now, Krav::HISTORIE, &mut faults);
        faults.finish()?;
        let Some(read) = read else {
            return Err(Refusal::not_found());
        };
        let id = post_id("rop/kontakt", &linje.referanse, read.tidspunkt);
        let (kontakt, ut) = rules::registrer(read, person, id, &[]);
        let waits = kontakt
            .innhold
            .nytt_tilbud
            .is_some_and(|day| day >= Dag::av(now));
        let ventende = waits.then(|| Virkninger {
            frister: ut.frister,
            ..Virkninger::new()
        });
        Ok(Lest {
            rad: rad(&kontakt, waits).map_err(|_| Refusal::not_found())?,
            ventende,
        })
    }

    fn lagre<'t>(
        &'t self,
        tx: &'t mut Tx,
        linjer: Vec<Lest>,
    ) -> BoxFuture<'t, Result<Lagret, Error>> {
        async move {
            let mut stored = Lagret::default();
            let mut rows = Vec::with_capacity(linjer.len());
            for line in linjer {
                let Some(runs_on) = line.ventende else {
                    rows.push(line.rad);
                    continue;
                };
                // Alone: only what is new gets its clock.
                if store::sett_inn_rader(tx, vec![line.rad]).await? == 1 {
                    stored.nye += 1;
                    runs_on.utfor(tx);
                }
            }
            stored.nye += store::sett_inn_rader(tx, rows).await?;
            Ok(stored)
        }
        .boxed()
    }
}

fn rad(kontakt: &Kontakt, apent: bool) -> Result<Row, Error> {
    Ok(vec![
        kontakt.id.as_str().into(),
        kontakt.person.as_str().into(),
        kontakt.ansvarlig_enhet.as_str().into(),
        kontakt.utfall.kode().into(),
        kontakt.tidspunkt.into(),
        i64::from(apent).into(),
        dokument::skriv(&kontakt.innhold)?.into(),
        i64::from(kontakt.innhold.minutter).into(),
        kontakt.innhold.tiltak.as_str().into(),
    ])
}
