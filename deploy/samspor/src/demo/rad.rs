//! What came of a story in one municipality: a row of the table at its end.

use std::collections::BTreeMap;

use samspor_proto::bestillerkontor::Vedtak;
use serde::Serialize;

use super::{
    seen::Seen,
    stage::{Stage, unit_of},
    steps::lines_of,
};

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rad {
    /// Municipality: `Karmøy`.
    pub kommune: String,
    /// Who decided what: unit and lines.
    pub vedtatt: Vec<(String, Vec<String>)>,
    /// Unit with the main responsibility.
    pub hovedansvarlig: String,
    /// Unit that allocates municipal rentals; empty: not asked.
    pub tildeler: String,
    /// Unit that finds a bed for tonight; empty: not asked.
    pub midlertidig: String,
    /// Who read which classes; none: it does not exist for them.
    pub lest: BTreeMap<String, Vec<String>>,
    /// What waits for whom.
    pub venter: Vec<String>,
    /// The mapping that each vedtak stands on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grunnlag: Vec<String>,
    /// How often the person was mapped.
    #[serde(skip_serializing_if = "is_zero")]
    pub kartlegginger: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Rad {
    pub(super) fn of(stage: &Stage<'_>) -> Self {
        Self {
            kommune: stage.municipality.navn.clone(),
            ..Self::default()
        }
    }

    pub(super) fn decided(&mut self, unit: &str, vedtak: &Vedtak) {
        self.vedtatt.push((unit.to_owned(), lines_of(vedtak)));
        unit_of(&vedtak.hovedansvarlig).clone_into(&mut self.hovedansvarlig);
    }

    /// What a unit saw of one record; added to what it saw of others.
    pub(super) fn read(&mut self, unit: &str, view: Option<&Seen>) {
        let classes = self.lest.entry(unit.to_owned()).or_default();
        for (class, _) in view.iter().flat_map(|view| &view.sett) {
            if !classes.contains(class) {
                classes.push(class.clone());
            }
        }
        classes.sort();
    }

    pub(super) fn waits(&mut self, post: &str) {
        if !self.venter.iter().any(|known| known == post) {
            self.venter.push(post.to_owned());
        }
    }

    /// The row, a line for each thing that it says.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |what: &str, text: &str| lines.push(format!("{what:<16} {text}"));
        for (unit, what) in &self.vedtatt {
            say("decided", &format!("{unit}: {}", what.join(", ")));
        }
        say("hovedansvarlig", &self.hovedansvarlig);
        for (unit, classes) in &self.lest {
            let classes = match classes.is_empty() {
                true => "nothing: it does not exist".to_owned(),
                false => classes.join(" "),
            };
            say("read", &format!("{unit}: {classes}"));
        }
        lines
    }

    /// Unit that decided on a line, by what the line is.
    fn decider(&self, line: &str) -> String {
        let mut all = self.vedtatt.iter();
        let found = all.find(|(_, lines)| lines.iter().any(|of| label(of) == line));
        found.map_or_else(String::new, |(unit, _)| unit.clone())
    }

    /// Day by which something is waited for.
    fn due(&self, label: &str) -> String {
        let mut all = self.venter.iter();
        let found = all.find_map(|post| post.strip_prefix(label)?.strip_prefix(" by "));
        found.unwrap_or_default().to_owned()
    }
}

/// `ROP_OPPFOLGING` of `ROP_OPPFOLGING by rop`; `SVAR from rop` of `SVAR from
/// rop by 2027-01-14`.
fn label(of: &str) -> &str {
    of.rsplit_once(" by ").map_or(of, |(label, _)| label)
}

/// The municipalities side by side.
pub(super) fn table(rows: &[Rad]) -> Vec<String> {
    let line = |what: &str, cell: &dyn Fn(&Rad) -> String| {
        let cells = rows.iter().map(|rad| match cell(rad) {
            empty if empty.is_empty() => format!("{:<16}", "–"),
            text => format!("{text:<16}"),
        });
        let cells: Vec<String> = cells.collect();
        format!("{what:<40} {}", cells.join(" "))
            .trim_end()
            .to_owned()
    };
    let mut lines = vec![line("", &|rad| rad.kommune.clone())];
    let every = |of: &dyn Fn(&Rad) -> Vec<String>| {
        let mut all: Vec<String> = Vec::new();
        for text in rows.iter().flat_map(of) {
            if !all.contains(&text) {
                all.push(text);
            }
        }
        all
    };
    let decided = |rad: &Rad| {
        let lines = rad.vedtatt.iter().flat_map(|(_, lines)| lines);
        lines.map(|of| label(of).to_owned()).collect()
    };
    for what in every(&decided) {
        lines.push(line(&format!("decides on {what}"), &|rad| {
            rad.decider(&what)
        }));
    }
    lines.push(line("hovedansvarlig", &|rad| rad.hovedansvarlig.clone()));
    lines.push(line("allocates municipal rentals", &|rad| {
        rad.tildeler.clone()
    }));
    lines.push(line("finds a bed for tonight", &|rad| {
        rad.midlertidig.clone()
    }));
    for unit in every(&|rad| rad.lest.keys().cloned().collect()) {
        let classes = |rad: &Rad| {
            let read = rad.lest.get(&unit).into_iter().flatten();
            let short: Vec<String> = read.map(|class| class.chars().take(3).collect()).collect();
            short.join(" ")
        };
        lines.push(line(&format!("vedtak as read by {unit}"), &classes));
    }
    let waits = |rad: &Rad| rad.venter.iter().map(|of| label(of).to_owned()).collect();
    for what in every(&waits) {
        lines.push(line(&format!("waits: {what}"), &|rad| rad.due(&what)));
    }
    lines.push(
        "BOL dwelling, FUN function, HEL health, TJE services; – none: it does not exist"
            .to_owned(),
    );
    lines
}
