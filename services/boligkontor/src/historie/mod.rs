//! Housing cases of another system, taken in as history.
//!
//! A line of the file is one application with what came of it: undecided,
//! refused, taken back, waiting, or a tenancy that goes on or has ended. It is
//! played through the same rules that hold today, each step on the day on which
//! it happened, so the queue of any past day and the expected time are those of
//! the old system's cases too. What is left is what still holds
//! (docs/adr/0013): relations, clocks, who has which dwelling. Dwellings are
//! taken in before, by `ImporterBoliger`.

mod fil;
mod linje;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(crate) mod prove;

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::Virkninger,
    error::{Error, FieldFaults, Refusal},
    historie::{Historie, Lagret},
    lager::{self, APENT, Innhold as _},
    params,
    store::{Row, Tx},
    tid::Tid,
};
use samspor_proto::boligkontor::Behovsstatus;
use serde_json::Value;

use self::linje::{Leie, Lest};
use crate::{
    ENHET, Regler, behov,
    bolig::{self, Bolig, typenokkel},
    boligsak::{self, Boligsak, Tilstand},
    leieforhold::Leieforhold,
    reservasjon::Reservasjon,
};

/// Housing cases with their tenancies.
#[derive(Debug, Clone)]
pub struct Bolighistorie {
    tildelere: BTreeMap<String, Vec<String>>,
    regler: Regler,
}

impl Bolighistorie {
    /// For a municipality with these rules, where these units allocate
    /// dwellings, by type.
    #[must_use]
    pub fn new(tildelere: BTreeMap<String, Vec<String>>, regler: Regler) -> Self {
        Self { tildelere, regler }
    }
}

impl Historie for Bolighistorie {
    type Linje = Lest;
    const ENHET: &'static str = ENHET;

    fn les(&self, linje: Value, now: Tid) -> Result<Lest, Refusal> {
        linje::les(linje, &self.tildelere, &self.regler, now)
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
            let mut chunk = Bunke::default();
            for (place, line) in linjer.into_iter().enumerate() {
                match chunk.ta(tx, line).await {
                    Ok(true) => stored.nye += 1,
                    Ok(false) => {}
                    Err(Error::Refused(refusal)) => stored.avvist.push((place, refusal)),
                    Err(error) => return Err(error),
                }
            }
            chunk.lagre(tx).await?;
            Ok(stored)
        }
        .boxed()
    }
}

/// Rows of a chunk, and what they have taken.
#[derive(Default)]
struct Bunke {
    saker: BTreeSet<String>,
    /// Who stands on which list.
    koer: BTreeSet<(String, &'static str)>,
    /// Dwellings that were looked up, by number in the register.
    boliger: BTreeMap<String, Bolig>,
    /// When a dwelling was let, by its id.
    leid: BTreeMap<String, Vec<(Tid, Tid)>>,
    rader: Rader,
    virkninger: Virkninger,
}

#[derive(Default)]
struct Rader {
    sak: Vec<Row>,
    versjon: Vec<Row>,
    ko: Vec<Row>,
    behov: Vec<Row>,
    reservasjon: Vec<Row>,
    leieforhold: Vec<Row>,
    belegg: Vec<Row>,
}

impl Bunke {
    /// Takes a line; false when it was taken in before. One that is refused has
    /// changed nothing.
    async fn ta(&mut self, tx: &mut Tx, line: Lest) -> Result<bool, Error> {
        let Lest {
            sak,
            ventet,
            leie,
            gjelder,
        } = line;
        if self.saker.contains(&sak.id) || boligsak::store::finnes(tx, &sak.id).await? {
            return Ok(false);
        }
        lager::las_person(tx, &sak.person).await?;
        let queue = (sak.person.clone(), typenokkel(sak.innhold.tildelingstype));
        let waits = sak.innhold.tilstand == Tilstand::Godkjent;
        if waits
            && (self.koer.contains(&queue) || boligsak::store::annen_pa_listen(tx, &sak).await?)
        {
            let other = "en godkjent boligsak for personen i samme kø";
            return Err(Refusal::conflict(other).into());
        }
        if let Some(leie) = leie {
            self.ta_leie(tx, leie).await?;
        }
        if waits {
            self.koer.insert(queue);
        }
        let undecided = sak.innhold.uavgjort();
        let row = behov::store::rad(&sak, 0, Behovsstatus::Uavgjort, undecided)?;
        self.rader.behov.push(row);
        if let Some((fra, til)) = ventet {
            let row = behov::store::rad(&sak, 1, Behovsstatus::PaListen, (fra, til))?;
            self.rader.behov.push(row);
            let allocated = sak.innhold.tilstand == Tilstand::Tildelt;
            let row = boligsak::store::korad(&sak, (fra, til), allocated)?;
            self.rader.ko.push(row);
        }
        self.rader.versjon.push(boligsak::store::versjonsrad(&sak)?);
        self.rader.sak.push(lager::rad(&sak)?);
        self.saker.insert(sak.id);
        self.virkninger.og(gjelder);
        Ok(true)
    }

    /// The dwelling exists, nobody else rents it then, and where the tenancy goes
    /// on it can be had.
    async fn ta_leie(&mut self, tx: &mut Tx, leie: Leie) -> Result<(), Error> {
        let Leie {
            nokkel,
            mut reservasjon,
            mut leieforhold,
        } = leie;
        let known = match self.boliger.get(&nokkel) {
            Some(known) => Some(known.clone()),
            None => bolig::store::med_nokkel(tx, &nokkel).await?,
        };
        let mut faults = FieldFaults::new();
        let Some(mut dwelling) = known else {
            let form = "nummeret til en bolig i registeret; les inn boligene først";
            faults.form("leieforhold.bolig", form);
            return Err(refused(faults));
        };
        let goes_on = leieforhold.innhold.apen();
        let from = leieforhold.innhold.fra();
        let until = match goes_on {
            true => APENT,
            false => leieforhold.innhold.avsluttet.unwrap_or(APENT),
        };
        let here = self.leid.get(&dwelling.id);
        let twice = here.is_some_and(|all| all.iter().any(|(a, b)| *a < until && from < *b));
        if twice || leid(tx, &dwelling.id, (from, until)).await? {
            let told = "noen annen leide boligen i denne tiden";
            faults.contradicts("leieforhold.fra", "leieforhold.bolig", told);
            return Err(refused(faults));
        }
        if goes_on {
            for (verb, state) in [
                ("ReserverBolig", bolig::Tilstand::Reservert),
                (bolig::rules::KONTRAKT, bolig::Tilstand::Utleid),
            ] {
                if bolig::rules::krev(verb, dwelling.tilstand).is_err() {
                    let state = dwelling.tilstand.kode();
                    let form = format_args!("en bolig som er LEDIG; denne er {state}");
                    faults.form("leieforhold.bolig", form);
                    return Err(refused(faults));
                }
                dwelling = bolig::rpc::flytt(tx, dwelling, verb, state, None).await?;
            }
            let name = leieforhold.name();
            let row = vec![dwelling.id.as_str().into(), name.into(), from.into()];
            self.rader.belegg.push(row);
        }
        for post in [
            &mut reservasjon.innhold.bolig,
            &mut leieforhold.innhold.bolig,
        ] {
            post.clone_from(&dwelling.id);
        }
        if leieforhold.innhold.husleie == 0 {
            leieforhold.innhold.husleie = dwelling.innhold.egenskaper.husleie;
        }
        let all = self.leid.entry(dwelling.id.clone()).or_default();
        all.push((from, until));
        self.boliger.insert(nokkel, dwelling);
        self.rader.reservasjon.push(lager::rad(&reservasjon)?);
        self.rader.leieforhold.push(lager::rad(&leieforhold)?);
        Ok(())
    }

    async fn lagre(self, tx: &mut Tx) -> Result<(), Error> {
        let Rader {
            sak,
            versjon,
            ko,
            behov,
            reservasjon,
            leieforhold,
            belegg,
        } = self.rader;
        for (into, rows) in [
            (Boligsak::SQL.inn, sak),
            (boligsak::store::VERSJON_INN, versjon),
            (boligsak::store::KO_INN, ko),
            (behov::store::INN, behov),
            (Reservasjon::SQL.inn, reservasjon),
            (Leieforhold::SQL.inn, leieforhold),
            ("INSERT INTO belegg (bolig, post, siden) VALUES ", belegg),
        ] {
            tx.insert(into, "", rows).await?;
        }
        self.virkninger.utfor(tx);
        Ok(())
    }
}

/// Whether somebody rented the dwelling in a period.
async fn leid(tx: &mut Tx, bolig: &str, (fra, til): (Tid, Tid)) -> Result<bool, Error> {
    let row: Option<(i64,)> = tx
        .one(
            "SELECT CAST(1 AS BIGINT) FROM leieforhold WHERE nokkel = $1 AND fra < $2 \
             AND (tilstand = 'APEN' OR frist > $3) LIMIT 1",
            params![bolig, til, fra],
        )
        .await?;
    Ok(row.is_some())
}

fn refused(faults: FieldFaults) -> Error {
    match faults.finish() {
        Err(refusal) => refusal.into(),
        Ok(()) => Error::internal("a fault is no refusal"),
    }
}
