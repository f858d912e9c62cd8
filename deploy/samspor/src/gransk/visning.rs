//! How a timeline is said: the words that the text, the page and the rows for
//! programs have in common.

use std::collections::BTreeMap;

use samspor_chassis::{domene::kalender::veggklokke, tid::Tid};

use super::{
    grunnlag::Hull,
    spor::Spor,
    tidslinje::{Innslag, Lop, Tidslinje},
};

/// A timeline, and what makes it finer.
#[derive(Debug, Clone, PartialEq)]
pub struct Rapport {
    /// The timeline.
    pub linje: Tidslinje,
    /// Spans by trace id: they refine times, and nothing rests on them.
    pub spor: BTreeMap<String, Spor>,
    /// Traces that could not be had.
    pub sporhull: Vec<Hull>,
    /// When it was made.
    pub laget: Tid,
}

impl Rapport {
    /// A timeline without spans.
    #[must_use]
    pub fn uten_spor(linje: Tidslinje, laget: Tid) -> Self {
        Self {
            linje,
            spor: BTreeMap::new(),
            sporhull: Vec::new(),
            laget,
        }
    }

    /// Everything that is missing.
    pub(super) fn hull(&self) -> impl Iterator<Item = &Hull> {
        self.linje.hull.iter().chain(&self.sporhull)
    }

    /// The spans of an entry that is a call: what came of it elsewhere, or later,
    /// only shares its trace.
    pub(super) fn spor_av(&self, entry: &Innslag) -> Option<&Spor> {
        self.spor.get(&entry.sporings_id).filter(|_| entry.direkte)
    }

    /// A record without its person part; where the mandate names several
    /// persons, with which of them.
    pub(super) fn post(&self, name: &str) -> String {
        let persons = &self.linje.mandat.personer;
        for (number, person) in (1..).zip(persons) {
            if let Some(rest) = name
                .strip_prefix(person.as_str())
                .and_then(|rest| rest.strip_prefix('/'))
            {
                return match persons.len() {
                    1 => rest.to_owned(),
                    _ => format!("person {number}: {rest}"),
                };
            }
        }
        name.to_owned()
    }

    /// Who was told: a unit by its id, the person as such or by the number.
    pub(super) fn fortalt(&self, told: &[String]) -> String {
        let persons = &self.linje.mandat.personer;
        let names = told.iter().map(|to| {
            let number = persons.iter().position(|person| person == to);
            match (to.starts_with("personer/"), number) {
                (false, _) => to.clone(),
                (true, Some(place)) if persons.len() > 1 => format!("person {}", place + 1),
                (true, _) => "personen".to_owned(),
            }
        });
        names.collect::<Vec<_>>().join(", ")
    }

    /// The first records of an entry, and how many more there are.
    pub(super) fn poster(&self, entry: &Innslag) -> (Vec<String>, usize) {
        const ROOM: usize = 3;
        let first = entry.poster.iter().take(ROOM).map(|post| self.post(post));
        (first.collect(), entry.poster.len().saturating_sub(ROOM))
    }

    /// The last moment that it tells of.
    fn slutt(&self) -> String {
        let end = self.linje.til.min(self.laget);
        let which = match end == self.linje.til {
            true => "da perioden sluttet",
            false => "da rapporten ble laget",
        };
        format!("{which}, {}", veggklokke(end))
    }

    /// From when until when something went on.
    pub(super) fn lop(&self, run: &Lop) -> (String, String) {
        let open = || format!("åpen {}", self.slutt());
        (veggklokke(run.fra), run.til.map_or_else(open, veggklokke))
    }

    /// What holds for the whole: how far back it reaches, and of when each part
    /// tells.
    pub(super) fn forbehold(&self) -> Vec<String> {
        let line = &self.linje;
        let mut notes = vec![
            format!(
                "Overleveringer som ble åpnet før {}, er ikke med: mandatet rekker ikke lenger tilbake.",
                veggklokke(line.mandat.fra)
            ),
            format!(
                "Frister og overleveringer står slik de var {}.",
                self.slutt()
            ),
        ];
        if !line.mandat.avvik.is_empty() {
            notes.push(
                "Stegene i avviket er lest av avviket selv; hvem som tok dem, og etter hvilken regel, \
                 sier kallene ved siden av. Meldingen selv, og den som svarte uten navn, har ingen kall her."
                    .to_owned(),
            );
        }
        if !line.poster.is_empty() {
            notes.push(format!(
                "Postene står slik de var da rapporten ble laget, {}, også det som ble endret etter perioden.",
                veggklokke(self.laget)
            ));
        }
        notes
    }

    /// Ids of what was open, as far as a line has room.
    pub(super) fn apent(&self, at: Tid) -> String {
        const ROOM: usize = 12;
        let ids: Vec<&str> = self.linje.apne(at).map(|run| run.id.as_str()).collect();
        match ids.get(..ROOM) {
            Some(first) if ids.len() > ROOM => {
                format!("{} og {} til", first.join(" "), ids.len() - ROOM)
            }
            _ => ids.join(" "),
        }
    }
}

/// Who acted: `bk-2 (BESLUTTER)`, or where the trace began.
pub(super) fn hvem(entry: &Innslag) -> String {
    let Some(who) = &entry.hvem else {
        return String::new();
    };
    let name = match (who.ansatt.is_empty(), who.enhet.is_empty()) {
        (false, _) => who.ansatt.clone(),
        (true, false) => format!("systemet til {}", who.enhet),
        (true, true) => "personen".to_owned(),
    };
    let role = match who.rolle.is_empty() {
        true => String::new(),
        false => format!(" ({})", who.rolle),
    };
    match entry.direkte {
        true => format!("{name}{role}"),
        false => format!("sporet begynte med et kall fra {name}{role}"),
    }
}

/// By which rules, and which version of them.
pub(super) fn regler(entry: &Innslag) -> String {
    let rules = entry.regler.join(", ");
    match (rules.is_empty(), entry.regelversjon.is_empty()) {
        (true, _) => String::new(),
        (false, true) => rules,
        (false, false) => format!("{rules} · versjon {}", entry.regelversjon),
    }
}

/// What a call released and withheld.
pub(super) fn klasser(entry: &Innslag) -> String {
    let mut parts = Vec::new();
    if !entry.utlevert.er_tom() {
        parts.push(format!("utlevert {}", entry.utlevert));
    }
    if !entry.skjermet.er_tom() {
        parts.push(format!("skjermet {}", entry.skjermet));
    }
    parts.join(", ")
}

/// A gap in one sentence.
pub(super) fn hull(gap: &Hull) -> String {
    format!("{}: {} mangler: {}", gap.kilde, gap.hva, gap.grunn)
}
