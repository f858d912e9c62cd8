//! Calls, from the rows of the access log. A call that changes has two: its
//! intent, before it is forwarded, and its outcome. A call about several persons
//! has one of each for every person.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use samspor_chassis::tid::Tid;
use samspor_proto::klassifisering::Klasser;

use super::{
    grunnlag::{Aktor, Innsyn},
    ord,
};

/// One call through the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kall {
    /// First row.
    pub(super) indeks: i64,
    pub(super) tid: Tid,
    /// When its outcome was written; none: it reads, or its outcome is not known.
    pub(super) slutt: Option<Tid>,
    pub(super) aktor: Aktor,
    pub(super) formal: String,
    pub(super) metode: String,
    pub(super) poster: Vec<String>,
    pub(super) utlevert: Klasser,
    pub(super) skjermet: Klasser,
    pub(super) regler: Vec<String>,
    pub(super) regelversjon: String,
    pub(super) avslatt: bool,
    pub(super) skriver: bool,
    pub(super) sporings_id: String,
    /// What was read of the log ends before its outcome must have been written.
    avskaret: bool,
    egen_relasjon: bool,
    representant: bool,
    /// Persons of the rows that were written last, and when these were.
    personer: BTreeSet<String>,
    skrevet: Tid,
}

/// A call without a known outcome was over after so long: an attestation has
/// expired, and the owner had its time.
pub(super) const LENGST: Duration = Duration::from_secs(30);

impl Kall {
    /// Service that the method belongs to.
    pub(super) fn tjeneste(&self) -> &str {
        ord::metode(&self.metode).map_or("", |method| &method.tjeneste)
    }

    /// What a reader should know of it.
    pub(super) fn merknader(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.egen_relasjon {
            notes.push("relasjonen som åpnet, var laget av samme ansatte");
        }
        if self.representant {
            notes.push("en representant handlet for personen");
        }
        if self.skriver && !self.avslatt && self.slutt.is_none() {
            notes.push(match self.avskaret {
                true => "utfallet er ikke logget før perioden sluttet",
                false => "utfallet er ikke logget",
            });
        }
        notes
    }

    fn av(row: Innsyn, lest_til: Tid) -> Self {
        let skriver = ord::skriver(&row.metode);
        Self {
            indeks: row.indeks,
            tid: row.tid,
            // Who was not known before the answer has no intent.
            slutt: (skriver && row.utfall).then_some(row.tid),
            aktor: row.aktor,
            formal: row.formal,
            metode: row.metode,
            poster: row.poster,
            utlevert: row.utlevert,
            skjermet: row.skjermet,
            regler: row.regler,
            regelversjon: row.regelversjon,
            avslatt: row.avslatt,
            skriver,
            sporings_id: row.sporings_id,
            egen_relasjon: row.egen_relasjon,
            representant: row.representant,
            avskaret: lest_til < row.tid.plus(LENGST),
            personer: BTreeSet::from([row.person]),
            skrevet: row.tid,
        }
    }

    /// Whether a row is of the same moment of this call, about another person:
    /// the gateway gives all of them one instant.
    fn samme(&self, row: &Innsyn) -> bool {
        row.tid == self.skrevet
            && row.avslatt == self.avslatt
            && !self.personer.contains(&row.person)
    }

    fn legg_til(&mut self, row: Innsyn) {
        self.skrevet = row.tid;
        self.personer.insert(row.person);
        self.utlevert |= row.utlevert;
        self.skjermet |= row.skjermet;
        self.egen_relasjon |= row.egen_relasjon;
        self.representant |= row.representant;
        for (list, new) in [
            (&mut self.poster, row.poster),
            (&mut self.regler, row.regler),
        ] {
            for one in new {
                if !list.contains(&one) {
                    list.push(one);
                }
            }
        }
    }

    /// Its outcome.
    fn avslutt(&mut self, row: Innsyn) {
        self.slutt = Some(row.tid);
        self.avslatt = row.avslatt;
        self.personer.clear();
        self.legg_til(row);
    }
}

/// Calls in the order of the log, as far as it was read. What the review itself
/// reads is not part of what it reviews.
pub(super) fn kall(mut rows: Vec<Innsyn>, own: &str, lest_til: Tid) -> Vec<Kall> {
    rows.retain(|row| own.is_empty() || row.sak != own);
    rows.sort_by(|a, b| (a.indeks, &a.person).cmp(&(b.indeks, &b.person)));
    rows.dedup();
    let mut calls: Vec<Kall> = Vec::new();
    let mut last: BTreeMap<(String, String, Aktor), usize> = BTreeMap::new();
    for row in rows {
        let key = (
            row.sporings_id.clone(),
            row.metode.clone(),
            row.aktor.clone(),
        );
        // Without a trace nothing says that two rows are one call.
        let earlier = last.get(&key).filter(|_| !row.sporings_id.is_empty());
        if let Some(call) = earlier.and_then(|place| calls.get_mut(*place)) {
            if call.samme(&row) {
                call.legg_til(row);
                continue;
            }
            if call.skriver && !call.avslatt && call.slutt.is_none() {
                call.avslutt(row);
                continue;
            }
        }
        last.insert(key, calls.len());
        calls.push(Kall::av(row, lest_til));
    }
    calls
}
