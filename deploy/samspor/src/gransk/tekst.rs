//! A review on the terminal, and as rows for programs.

use std::fmt::Write as _;

use samspor_chassis::{domene::kalender::veggklokke, tid::Tid};
use serde_json::{Value, json};

use super::{
    spor::Spor,
    tidslinje::Innslag,
    visning::{self, Rapport},
};

impl Rapport {
    /// As a person reads it.
    #[must_use]
    pub fn tekst(&self) -> String {
        let line = &self.linje;
        let mandate = &line.mandat;
        let mut out = String::new();
        let _ = writeln!(out, "Gransking {}", mandate.navn);
        let _ = writeln!(
            out,
            "periode   {} til {}",
            veggklokke(line.fra),
            veggklokke(line.til)
        );
        let _ = writeln!(out, "enheter   {}", mandate.enheter.join(", "));
        let _ = writeln!(
            out,
            "klasser   {}; mandatet utløper {}",
            mandate.klasser,
            veggklokke(mandate.utloper)
        );
        if !mandate.tekst.is_empty() {
            let _ = writeln!(out, "mandat    {}", mandate.tekst);
        }
        for gap in self.hull() {
            let _ = writeln!(out, "MANGLER   {}", visning::hull(gap));
        }
        for note in self.forbehold() {
            let _ = writeln!(out, "merk      {note}");
        }
        let mut day = String::new();
        for entry in &line.innslag {
            let at = veggklokke(entry.tid);
            let (date, time) = at.split_once(' ').unwrap_or((&at, ""));
            if day != date {
                date.clone_into(&mut day);
                let _ = writeln!(out, "\n{day}");
            }
            self.innslag(&mut out, entry, time);
        }
        if line.innslag.is_empty() {
            out.push_str("\ningenting skjedde i perioden, så langt kildene svarte\n");
        }
        if !line.lop.is_empty() {
            out.push_str("\nFrister og overleveringer\n");
        }
        for run in &line.lop {
            let (from, to) = self.lop(run);
            let due = run
                .forfall
                .map(|at| format!(", forfall {}", veggklokke(at)));
            let broken = run.brutt.map(|at| format!(", BRUTT {}", veggklokke(at)));
            let _ = writeln!(
                out,
                "{:<5} {from} – {to}{}{}  {}: {} ({})",
                run.id,
                due.unwrap_or_default(),
                broken.unwrap_or_default(),
                run.eier,
                run.tekst,
                self.post(&run.post),
            );
        }
        if !line.poster.is_empty() {
            out.push_str("\nPostene, slik de er nå\n");
        }
        for record in &line.poster {
            let _ = writeln!(out, "{}", self.post(&record.navn));
            for (field, value) in &record.felt {
                let _ = writeln!(out, "      {field}: {value}");
            }
        }
        out
    }

    fn innslag(&self, out: &mut String, entry: &Innslag, time: &str) {
        let kind = entry.slag.navn();
        let _ = writeln!(
            out,
            "{time}  {:<16} {kind:<13} {}{}",
            entry.bane,
            entry.tekst,
            match self.poster(entry) {
                (first, _) if first.is_empty() => String::new(),
                (first, 0) => format!(" ({})", first.join(", ")),
                (first, more) => format!(" ({} og {more} til)", first.join(", ")),
            }
        );
        let told = self.fortalt(&entry.fortalt);
        let open = self.apent(entry.tid);
        let about = [
            visning::hvem(entry),
            visning::regler(entry),
            visning::klasser(entry),
            entry.merknader.join(", "),
            if_any("fortalt ", &told),
            if_any("åpent ", &open),
            if_any("spor ", &entry.sporings_id),
            self.spor_av(entry).map(varighet).unwrap_or_default(),
        ];
        let about: Vec<_> = about.into_iter().filter(|part| !part.is_empty()).collect();
        if !about.is_empty() {
            let _ = writeln!(out, "              {}", about.join(" · "));
        }
    }

    /// As a program reads it: a JSON object a line, each with one key that says
    /// what it is.
    #[must_use]
    pub fn json(&self) -> String {
        let line = &self.linje;
        let mandate = &line.mandat;
        let mut rows = vec![json!({"gransking": {
            "navn": mandate.navn, "mandat": mandate.tekst, "enheter": mandate.enheter,
            "personer": mandate.personer, "avvik": mandate.avvik,
            "klasser": mandate.klasser.to_string(), "utloper": mandate.utloper.to_string(),
            "fra": line.fra.to_string(), "til": line.til.to_string(),
            "laget": self.laget.to_string(),
        }})];
        let gaps = self
            .hull()
            .map(|gap| json!({"hull": {"kilde": gap.kilde, "hva": gap.hva, "grunn": gap.grunn}}));
        rows.extend(gaps);
        rows.extend(self.forbehold().iter().map(|note| json!({"merk": note})));
        rows.extend(
            line.innslag
                .iter()
                .map(|entry| json!({"innslag": self.rad(entry)})),
        );
        let instant = |at: Option<Tid>| at.map(|at| at.to_string());
        rows.extend(line.lop.iter().map(|run| {
            json!({"lop": {
                "id": run.id, "frist": run.frist, "tekst": run.tekst, "post": run.post,
                "eier": run.eier, "fortalt": run.fortalt, "fra": run.fra.to_string(),
                "til": instant(run.til), "forfall": instant(run.forfall),
                "brutt": instant(run.brutt),
            }})
        }));
        rows.extend(line.poster.iter().map(|record| {
            let fields: serde_json::Map<_, _> = record
                .felt
                .iter()
                .map(|(field, value)| (field.clone(), Value::from(value.as_str())))
                .collect();
            json!({"post": {"navn": record.navn, "felt": fields}})
        }));
        let mut out = String::new();
        for row in rows {
            let _ = writeln!(out, "{row}");
        }
        out
    }

    fn rad(&self, entry: &Innslag) -> Value {
        let open: Vec<&str> = self
            .linje
            .apne(entry.tid)
            .map(|run| run.id.as_str())
            .collect();
        let who = entry.hvem.as_ref().map(|who| {
            json!({"enhet": who.enhet, "ansatt": who.ansatt, "rolle": who.rolle, "direkte": entry.direkte})
        });
        let trace = self.spor_av(entry).map(|trace| {
            let spans = trace.spenn.iter().map(|span| {
                json!({
                    "start": span.start.to_string(), "varighet_us": span.varighet_us,
                    "tjeneste": span.tjeneste, "navn": span.navn, "feilet": span.feilet,
                })
            });
            json!({
                "start": trace.start.to_string(), "varighet_us": trace.varighet_us,
                "antall": trace.antall, "spenn": spans.collect::<Vec<_>>(),
            })
        });
        json!({
            "tid": entry.tid.to_string(), "enhet": entry.bane, "slag": entry.slag.kode(),
            "tekst": entry.tekst, "type": entry.type_, "poster": entry.poster, "hvem": who,
            "formal": entry.formal, "regler": entry.regler, "regelversjon": entry.regelversjon,
            "sporings_id": entry.sporings_id, "fortalt": entry.fortalt,
            "utlevert": entry.utlevert.to_string(), "skjermet": entry.skjermet.to_string(),
            "merknader": entry.merknader, "apent": open, "spor": trace,
        })
    }
}

fn if_any(word: &str, text: &str) -> String {
    match text.is_empty() {
        true => String::new(),
        false => format!("{word}{text}"),
    }
}

/// How long a trace took, and in how many steps.
pub(super) fn varighet(trace: &Spor) -> String {
    let steps = match trace.antall {
        1 => "ett ledd".to_owned(),
        count => format!("{count} ledd"),
    };
    let micros = trace.varighet_us;
    format!("{},{:03} ms i {steps}", micros / 1_000, micros % 1_000)
}
