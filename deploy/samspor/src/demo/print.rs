//! How the demo is told: to a person at a terminal, or to a machine.

#![expect(clippy::print_stdout, reason = "the demo's output is its purpose")]

use std::io::IsTerminal as _;

use serde::Serialize;

use super::{rad::Rad, seen::Seen};

/// Longest answer of a brief step, in characters.
const LINE: usize = 120;

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A person; colour where the output is a terminal.
    Text,
    /// A machine: one JSON object a line.
    Json,
    /// Nobody; who plays it reads what was told.
    Silent,
}

/// One thing that somebody did, and what came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Step {
    /// Number, from 1.
    pub nr: usize,
    /// Municipality: `karmoy`.
    pub kommune: String,
    /// Who: unit and role.
    pub hvem: String,
    /// What they did.
    pub hva: String,
    /// For what purpose.
    pub formal: String,
    /// What came back, in a line.
    pub svar: String,
    /// Whether it was refused.
    pub avslatt: bool,
    /// What was seen and withheld of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub innhold: Option<Seen>,
    /// Trace id.
    pub sporing: String,
}

/// Tells the demo.
pub(super) struct Printer {
    style: Style,
    colour: bool,
    /// A line a step, without what was seen.
    brief: bool,
    /// What was told.
    pub(super) steps: Vec<Step>,
}

impl Printer {
    pub(super) fn new(style: Style, brief: bool) -> Self {
        let colour = std::io::stdout().is_terminal() && style == Style::Text;
        Self {
            style,
            colour,
            brief,
            steps: Vec::new(),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn progress(&self, what: &str) {
        if self.style == Style::Text {
            println!("… {what}");
        }
    }

    pub(super) fn opening(&self, title: &str, figures: &[String]) {
        match self.style {
            Style::Text => {
                println!("{}\n", self.paint("1", title));
                for line in figures {
                    println!("{}", self.paint("2", line));
                }
            }
            Style::Json => println!(
                "{}",
                serde_json::json!({"historie": title, "bakgrunn": figures})
            ),
            Style::Silent => {}
        }
    }

    /// What came of it in one municipality, for a machine.
    pub(super) fn row(&self, rad: &Rad) {
        if self.style == Style::Json {
            println!("{}", serde_json::json!({"utfall": rad}));
        }
    }

    pub(super) fn chapter(&self, title: &str) {
        if self.style == Style::Text {
            println!("\n{}", self.paint("1;36", title));
        }
    }

    pub(super) fn step(&mut self, mut step: Step) {
        step.nr = self.steps.len() + 1;
        match self.style {
            Style::Text => self.tell(&step),
            Style::Json => println!("{}", serde_json::to_string(&step).unwrap_or_default()),
            Style::Silent => {}
        }
        self.steps.push(step);
    }

    fn tell(&self, step: &Step) {
        let mark = if step.avslatt {
            self.paint("31", "✗")
        } else {
            self.paint("32", "✓")
        };
        if self.brief {
            let svar: String = step.svar.chars().take(LINE).collect();
            println!(
                "{mark} {} {}: {}",
                step.hvem,
                step.hva,
                self.paint("2", &svar)
            );
            return;
        }
        let purpose = if step.formal.is_empty() {
            String::new()
        } else {
            format!(" [{}]", step.formal)
        };
        println!(
            "{:>3}. {} {}{}",
            step.nr,
            self.paint("1", &step.hvem),
            step.hva,
            self.paint("2", &purpose)
        );
        println!("     {mark} {}", step.svar);
        if let Some(seen) = &step.innhold {
            for (class, fields) in &seen.sett {
                println!(
                    "       {} {:<14} {}",
                    self.paint("32", "saw"),
                    class,
                    fields.join(", ")
                );
            }
            for withheld in &seen.skjermet {
                println!("       {} {withheld}", self.paint("33", "withheld"));
            }
        }
    }

    pub(super) fn lines(&self, title: &str, lines: &[String]) {
        match self.style {
            Style::Text => {
                println!("\n{}", self.paint("1;36", title));
                for line in lines {
                    println!("     {line}");
                }
            }
            Style::Json => println!("{}", serde_json::json!({"tittel": title, "linjer": lines})),
            Style::Silent => {}
        }
    }

    pub(super) fn waterfall(&self, lines: &[String], trace: &str) {
        self.lines(&format!("The decision as one trace, {trace}"), lines);
    }

    pub(super) fn closing(&self) {
        if self.style == Style::Text {
            println!(
                "\n{}",
                self.paint(
                    "2",
                    "Try it yourself: `samspor up --data karmoy`, then grpcurl as in README.md."
                )
            );
        }
    }
}
