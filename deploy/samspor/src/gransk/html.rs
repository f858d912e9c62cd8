//! A review as one page: a lane for each unit on a time axis, and every entry as
//! a row of a table beneath. Without script everything is there; with it the
//! table and the axis are filtered, and any moment shows what was open.

use std::{collections::BTreeMap, fmt::Write as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use samspor_chassis::{domene::kalender::veggklokke, tid::Tid};

use super::{
    tekst,
    tidslinje::{Innslag, Lop, Slag},
    visning::{self, Rapport},
};
use crate::html::{hode, t};

const STIL: &str = include_str!("side.css");
const SKRIPT: &str = include_str!("side.js");

/// Where lanes begin, and how wide and high one is.
const VENSTRE: i64 = 150;
const LENGDE: i64 = 840;
const BANE: i64 = 46;
/// Room above the lanes, for the axis.
const TOPP: i64 = 34;

/// What the browser may do: show the style and run the one script that the page
/// was made with, and nothing over the network.
fn vakt() -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, SKRIPT.as_bytes());
    let digest = BASE64_STANDARD.encode(digest.as_ref());
    format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; script-src 'sha256-{digest}'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n"
    )
}

impl Rapport {
    /// The whole page.
    #[must_use]
    pub fn side(&self) -> String {
        let mut out = hode("Gransking: hva som skjedde", &vakt(), STIL);
        self.om(&mut out);
        self.mangler(&mut out);
        if !self.linje.innslag.is_empty() {
            self.akse(&mut out);
            self.valg(&mut out);
        }
        self.tabell(&mut out);
        self.lopene(&mut out);
        self.postene(&mut out);
        let _ = write!(
            out,
            "</main>\n<script>{SKRIPT}</script>\n</body>\n</html>\n"
        );
        out
    }

    fn om(&self, out: &mut String) {
        let line = &self.linje;
        let mandate = &line.mandat;
        let instant = |at: Tid| veggklokke(at);
        let mut facts = vec![
            ("Mandat", mandate.navn.clone()),
            ("Hva som skal finnes ut", mandate.tekst.clone()),
            (
                "Periode",
                format!("{} til {}", instant(line.fra), instant(line.til)),
            ),
            ("Enheter som granskes", mandate.enheter.join(", ")),
        ];
        for (number, person) in (1..).zip(&mandate.personer) {
            let said = match mandate.personer.len() {
                1 => person.clone(),
                _ => format!("person {number}: {person}"),
            };
            facts.push(("Person", said));
        }
        facts.extend([
            ("Avvik", mandate.avvik.clone()),
            ("Dataklasser", mandate.klasser.to_string()),
            ("Mandatet utløper", instant(mandate.utloper)),
            ("Laget", instant(self.laget)),
        ]);
        out.push_str("<dl class=\"om\">\n");
        for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", t(name), t(value));
        }
        out.push_str(
            "</dl>\n<p>Tidene er norsk tid. Granskingens egne oppslag er ikke med; de står i \
             innsynsloggen.</p>\n",
        );
        for note in self.forbehold() {
            let _ = writeln!(out, "<p>{}</p>", t(&note));
        }
        out.push_str("</header>\n");
    }

    fn mangler(&self, out: &mut String) {
        let gaps: Vec<String> = self.hull().map(visning::hull).collect();
        if gaps.is_empty() {
            out.push_str("<p class=\"hel\">Alle kilder svarte.</p>\n");
            return;
        }
        out.push_str(
            "<section class=\"hull\" aria-labelledby=\"hull\">\n<h2 id=\"hull\">Dette mangler</h2>\n\
             <p>Tidslinjen er ikke hel. Det som står under, er det kildene som svarte, sier.</p>\n<ul>\n",
        );
        for gap in gaps {
            let _ = writeln!(out, "<li>{}</li>", t(&gap));
        }
        out.push_str("</ul>\n</section>\n");
    }

    /// First and last instant on the axis: of the entries, with some air.
    fn utsnitt(&self) -> (i64, i64) {
        let times = self.linje.innslag.iter().map(|entry| entry.tid.0);
        let first = times.clone().min().unwrap_or(self.linje.fra.0);
        let last = times.max().unwrap_or(self.linje.til.0);
        let air = ((last - first) / 50).max(500_000);
        (first - air, last + air)
    }

    fn akse(&self, out: &mut String) {
        let line = &self.linje;
        let (first, last) = self.utsnitt();
        let x = |at: i64| {
            let part = i128::from(at.clamp(first, last) - first) * i128::from(LENGDE);
            VENSTRE + i64::try_from(part / i128::from(last - first)).unwrap_or(0)
        };
        let lanes = i64::try_from(line.baner.len()).unwrap_or(0);
        let height = TOPP + lanes * BANE + 8;
        let width = VENSTRE + LENGDE + 10;
        let _ = writeln!(
            out,
            "<section aria-labelledby=\"akse\">\n<h2 id=\"akse\">Tidsakse</h2>\n<div class=\"rull\" \
             role=\"region\" aria-label=\"Tidsakse\" tabindex=\"0\">\n<svg id=\"linje\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"aksetittel aksetekst\" \
             data-fra=\"{first}\" data-til=\"{last}\" data-venstre=\"{VENSTRE}\" data-lengde=\"{LENGDE}\">\n\
             <title id=\"aksetittel\">Hva hver enhet gjorde, over tid</title>\n\
             <desc id=\"aksetekst\">{}</desc>",
            t(&self.opplest())
        );
        for (at, label) in merker(first, last) {
            let x = x(at);
            let _ = writeln!(
                out,
                "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{height}\" class=\"rute\"/>\
                 <text x=\"{x}\" y=\"16\" class=\"i\">{}</text>",
                TOPP - 8,
                t(&label)
            );
        }
        for (number, lane) in (0..).zip(&line.baner) {
            let top = TOPP + number * BANE;
            let _ = writeln!(
                out,
                "<rect x=\"0\" y=\"{top}\" width=\"{width}\" height=\"{BANE}\" class=\"bane{}\"/>\
                 <text x=\"8\" y=\"{}\">{}</text>",
                number % 2,
                top + BANE / 2 + 5,
                t(lane)
            );
            for run in line.lop.iter().filter(|run| run.eier == *lane) {
                strek(out, run, top + BANE - 6, &x);
            }
        }
        let mut stacked: BTreeMap<(usize, i64), i64> = BTreeMap::new();
        for (number, entry) in (1..).zip(&line.innslag) {
            let Some(lane) = line.baner.iter().position(|lane| *lane == entry.bane) else {
                continue;
            };
            let x = x(entry.tid.0);
            let count = stacked.entry((lane, x / 8)).or_default();
            let step = [0, -1, 1, -2, 2];
            let turn = usize::try_from(*count % 5).unwrap_or(0);
            *count += 1;
            let y = TOPP + i64::try_from(lane).unwrap_or(0) * BANE + BANE / 2 - 3
                + step.get(turn).copied().unwrap_or(0) * 7;
            let _ = writeln!(
                out,
                "<a href=\"#i{number}\" tabindex=\"-1\" data-nr=\"{number}\"><path d=\"{}\" class=\"m-{}\">\
                 <title>{} {}: {}</title></path></a>",
                figur(entry.slag, x, y),
                entry.slag.kode(),
                t(&veggklokke(entry.tid)),
                t(&entry.bane),
                t(&entry.tekst)
            );
        }
        let _ = writeln!(
            out,
            "<line id=\"markor\" x1=\"0\" y1=\"{}\" x2=\"0\" y2=\"{height}\" class=\"markor\" visibility=\"hidden\"/>\n\
             </svg>\n</div>\n<ul class=\"nokkel\">",
            TOPP - 8
        );
        for kind in self.slag() {
            let _ = writeln!(
                out,
                "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"{}\" class=\"m-{}\"/></svg>{}</li>",
                figur(kind, 8, 8),
                kind.kode(),
                t(kind.navn())
            );
        }
        out.push_str(
            "</ul>\n<p class=\"forklaring\">Strekene nederst i en bane er overleveringer som var åpne; \
             de tykke er frister etter at de var brutt.</p>\n</section>\n",
        );
    }

    /// Kinds that occur.
    fn slag(&self) -> impl Iterator<Item = Slag> {
        Slag::ALLE
            .into_iter()
            .filter(|kind| self.linje.innslag.iter().any(|entry| entry.slag == *kind))
    }

    /// What somebody hears who does not see the axis; the table has every entry.
    fn opplest(&self) -> String {
        let count = |lane: &String| {
            let entries = self
                .linje
                .innslag
                .iter()
                .filter(|entry| entry.bane == *lane);
            format!("{lane}: {}", entries.count())
        };
        let lanes: Vec<_> = self.linje.baner.iter().map(count).collect();
        format!(
            "{} innslag: {}. Hvert innslag står i tabellen under.",
            self.linje.innslag.len(),
            lanes.join(", ")
        )
    }

    /// Controls, which the script shows: without it they do nothing.
    fn valg(&self, out: &mut String) {
        let all = self.linje.innslag.len();
        out.push_str(
            "<form id=\"valg\" class=\"valg\" aria-label=\"Vis bare noe\" hidden>\n\
             <fieldset><legend>Enheter</legend>\n",
        );
        for (number, lane) in self.linje.baner.iter().enumerate() {
            let _ = writeln!(
                out,
                "<label><input type=\"checkbox\" name=\"bane\" value=\"{number}\" checked> {}</label>",
                t(lane)
            );
        }
        out.push_str("</fieldset>\n<fieldset><legend>Slag</legend>\n");
        for kind in self.slag() {
            let _ = writeln!(
                out,
                "<label><input type=\"checkbox\" name=\"slag\" value=\"{}\" checked> {}</label>",
                kind.kode(),
                t(kind.navn())
            );
        }
        let _ = writeln!(
            out,
            "</fieldset>\n<p><label for=\"sok\">Inneholder</label> <input type=\"search\" id=\"sok\" \
             name=\"sok\" autocomplete=\"off\" aria-describedby=\"antall\"> \
             <button type=\"reset\">Vis alt</button></p>\n\
             <p id=\"antall\" role=\"status\">Viser {all} av {all}</p>\n\
             <p><label for=\"oyeblikk\">Øyeblikk</label> <input type=\"range\" id=\"oyeblikk\" min=\"1\" \
             max=\"{all}\" value=\"1\" aria-describedby=\"apent\"></p>\n\
             <output id=\"apent\" for=\"oyeblikk\">Flytt til et øyeblikk for å se hva som var åpent da.</output>\n\
             </form>"
        );
    }

    fn tabell(&self, out: &mut String) {
        out.push_str(
            "<section aria-labelledby=\"innslag\">\n<h2 id=\"innslag\">Hva som skjedde</h2>\n",
        );
        if self.linje.innslag.is_empty() {
            out.push_str(
                "<p>Ingenting skjedde i perioden, så langt kildene svarte.</p>\n</section>\n",
            );
            return;
        }
        out.push_str(
            "<div class=\"rull\" role=\"region\" aria-label=\"Tabell: hva som skjedde\" tabindex=\"0\">\n\
             <table id=\"alt\">\n<caption>Hva som skjedde, i rekkefølge</caption>\n<thead>\n<tr>\
             <th scope=\"col\">Tid</th><th scope=\"col\">Enhet</th><th scope=\"col\">Slag</th>\
             <th scope=\"col\">Hva</th><th scope=\"col\">Hvem, og etter hvilke regler</th>\
             <th scope=\"col\">Fortalt</th><th scope=\"col\">Åpent da</th></tr>\n</thead>\n",
        );
        let mut day = String::new();
        for (number, entry) in (1..).zip(&self.linje.innslag) {
            let at = veggklokke(entry.tid);
            let (date, time) = at.split_once(' ').unwrap_or((&at, ""));
            if day != date {
                let end = if day.is_empty() { "" } else { "</tbody>\n" };
                date.clone_into(&mut day);
                let _ = writeln!(
                    out,
                    "{end}<tbody>\n<tr class=\"dag\"><th colspan=\"7\" scope=\"rowgroup\">{}</th></tr>",
                    t(&day)
                );
            }
            self.rad_i_tabell(out, number, entry, time);
        }
        out.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    }

    fn rad_i_tabell(&self, out: &mut String, number: usize, entry: &Innslag, time: &str) {
        let lane = self.linje.baner.iter().position(|lane| *lane == entry.bane);
        let _ = write!(
            out,
            "<tr id=\"i{number}\" data-nr=\"{number}\" data-bane=\"{}\" data-slag=\"{}\" data-tid=\"{}\">\
             <th scope=\"row\"><time datetime=\"{}\">{}</time></th><td>{}</td>\
             <td><span class=\"slag m-{1}\">{}</span></td><td>{}",
            lane.unwrap_or_default(),
            entry.slag.kode(),
            entry.tid.0,
            entry.tid,
            t(time),
            t(&entry.bane),
            t(entry.slag.navn()),
            t(&entry.tekst)
        );
        let (first, more) = self.poster(entry);
        for post in first {
            let _ = write!(out, "<br><code>{}</code>", t(&post));
        }
        if more > 0 {
            let _ = write!(out, "<br>og {more} til");
        }
        let notes = [visning::klasser(entry), entry.merknader.join(", ")];
        for note in notes.iter().filter(|note| !note.is_empty()) {
            let _ = write!(out, "<br><small>{}</small>", t(note));
        }
        self.spennene(out, entry);
        out.push_str("</td><td>");
        let formal = entry.formal.to_lowercase();
        let who = [visning::hvem(entry), formal, visning::regler(entry)];
        let who: Vec<String> = who
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| t(part))
            .collect();
        out.push_str(&who.join("<br>"));
        if !entry.sporings_id.is_empty() {
            let _ = write!(
                out,
                "<br><small>spor <code>{}</code></small>",
                t(&entry.sporings_id)
            );
        }
        let _ = writeln!(
            out,
            "</td><td>{}</td><td>{}</td></tr>",
            t(&self.fortalt(&entry.fortalt)),
            t(&self.apent(entry.tid))
        );
    }

    /// How long the call took, and where.
    fn spennene(&self, out: &mut String, entry: &Innslag) {
        let Some(trace) = self.spor_av(entry) else {
            return;
        };
        let _ = write!(
            out,
            "<details><summary>{}, fra {}</summary><ol>",
            t(&tekst::varighet(trace)),
            t(&veggklokke(trace.start))
        );
        for span in &trace.spenn {
            let name = span.navn.strip_prefix("samspor.").unwrap_or(&span.navn);
            let _ = write!(
                out,
                "<li>{}: {} {},{:03} ms{}</li>",
                t(&span.tjeneste),
                t(name),
                span.varighet_us / 1_000,
                span.varighet_us % 1_000,
                if span.feilet { ", feilet" } else { "" }
            );
        }
        out.push_str("</ol></details>");
    }

    fn lopene(&self, out: &mut String) {
        for (deadline, title, note) in [
            (
                false,
                "Overleveringer",
                "Det som ble lagt i noens hender, fra det ble lagt der til det ble besvart.",
            ),
            (
                true,
                "Frister",
                "Hver frist fra den ble satt til den var holdt, flyttet eller tatt bort.",
            ),
        ] {
            let runs: Vec<&Lop> = self
                .linje
                .lop
                .iter()
                .filter(|run| run.frist == deadline)
                .collect();
            let _ = write!(
                out,
                "<section>\n<details open>\n<summary><h2>{title} ({})</h2></summary>\n<p>{note}</p>\n",
                runs.len()
            );
            if !runs.is_empty() {
                self.loptabell(out, title, &runs);
            }
            out.push_str("</details>\n</section>\n");
        }
    }

    fn loptabell(&self, out: &mut String, title: &str, runs: &[&Lop]) {
        let _ = writeln!(
            out,
            "<div class=\"rull\" role=\"region\" aria-label=\"Tabell: {title}\" tabindex=\"0\">\n<table>\n\
             <caption>{title}</caption>\n<thead>\n<tr><th scope=\"col\">Nr.</th><th scope=\"col\">Hva</th>\
             <th scope=\"col\">Enhet</th><th scope=\"col\">Fortalt</th><th scope=\"col\">Fra</th>\
             <th scope=\"col\">Til</th><th scope=\"col\">Forfall</th></tr>\n</thead>\n<tbody>"
        );
        for run in runs {
            let (from, to) = self.lop(run);
            let broken = run.brutt.map(|at| format!(" · brutt {}", veggklokke(at)));
            let _ = writeln!(
                out,
                "<tr class=\"lop\" data-id=\"{}\" data-tekst=\"{}\" data-fra=\"{}\" data-til=\"{}\">\
                 <th scope=\"row\">{0}</th><td>{1}<br><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td>\
                 <td>{}</td><td>{}{}</td></tr>",
                t(&run.id),
                t(&run.tekst),
                run.fra.0,
                run.til.map(|end| end.0.to_string()).unwrap_or_default(),
                t(&self.post(&run.post)),
                t(&run.eier),
                t(&self.fortalt(&run.fortalt)),
                t(&from),
                t(&to),
                t(&run.forfall.map(veggklokke).unwrap_or_default()),
                t(&broken.unwrap_or_default())
            );
        }
        out.push_str("</tbody>\n</table>\n</div>\n");
    }

    fn postene(&self, out: &mut String) {
        if self.linje.poster.is_empty() {
            return;
        }
        out.push_str(
            "<section aria-labelledby=\"poster\">\n<h2 id=\"poster\">Postene</h2>\n\
             <p>Så langt mandatet rekker.</p>\n",
        );
        for record in &self.linje.poster {
            let _ = writeln!(
                out,
                "<details>\n<summary><code>{}</code></summary>\n<dl>",
                t(&self.post(&record.navn))
            );
            for (field, value) in &record.felt {
                let _ = writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", t(field), t(value));
            }
            out.push_str("</dl>\n</details>\n");
        }
        out.push_str("</section>\n");
    }
}

/// A handover while it was open; a deadline from when it was broken.
fn strek(out: &mut String, run: &Lop, y: i64, x: &impl Fn(i64) -> i64) {
    let (from, class) = match (run.frist, run.brutt) {
        (true, None) => return,
        (true, Some(_)) => (run.forfall.unwrap_or(run.fra), "brutt"),
        (false, _) => (run.fra, "apen"),
    };
    let (from, to) = (x(from.0), x(run.til.map_or(i64::MAX, |end| end.0)));
    let _ = writeln!(
        out,
        "<line x1=\"{from}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" class=\"{class}\"><title>{} {}</title></line>",
        to.max(from + 2),
        t(&run.id),
        t(&run.tekst)
    );
}

/// Every kind has a shape of its own, so that none rests on its colour.
fn figur(kind: Slag, x: i64, y: i64) -> String {
    match kind {
        Slag::Beslutning => format!("M{x} {}l7 7l-7 7l-7 -7z", y - 7),
        Slag::Overlevering => format!("M{} {}l12 6l-12 6z", x - 5, y - 6),
        Slag::Hendelse => format!("M{} {y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z", x - 5),
        Slag::Endring => format!("M{} {}h10v10h-10z", x - 5, y - 5),
        Slag::Innsyn => format!(
            "M{} {y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0zm3 0a2 2 0 1 1 4 0a2 2 0 1 1 -4 0z",
            x - 5
        ),
        Slag::Avslag => format!("M{} {}h12v12h-12zm3 5v2h6v-2z", x - 6, y - 6),
        Slag::FristNaer => format!("M{x} {}l6 11h-12z", y - 6),
        Slag::FristBrutt => format!(
            "M{} {}l4 4l4 -4l2 2l-4 4l4 4l-2 2l-4 -4l-4 4l-2 -2l4 -4l-4 -4z",
            x - 4,
            y - 6
        ),
        Slag::Avvik => format!("M{} {}h4v8h-4zm0 10h4v3h-4z", x - 2, y - 7),
        Slag::Nodtilgang => format!("M{} {}h4v4h4v4h-4v4h-4v-4h-4v-4h4z", x - 2, y - 6),
    }
}

/// At most nine instants of the axis, with the clock or the day.
fn merker(first: i64, last: i64) -> Vec<(i64, String)> {
    const SEKUND: i64 = 1_000_000;
    const TIME: i64 = 3_600 * SEKUND;
    const DOGN: i64 = 24 * TIME;
    let steps = [1, 5, 15, 60, 300, 900, 3_600, 3 * 3_600, 12 * 3_600].map(|step| step * SEKUND);
    let days = [1, 2, 7, 14, 30, 90, 365].map(|step| step * DOGN);
    let wanted = (last - first) / 8;
    let step = steps
        .into_iter()
        .chain(days)
        .find(|step| *step >= wanted)
        .unwrap_or((wanted / DOGN + 1) * DOGN);
    let mut marks = Vec::new();
    let mut at = (first.div_euclid(step) + 1) * step;
    while at < last && marks.len() < 9 {
        let clock = veggklokke(Tid(at));
        let (date, time) = clock.split_once(' ').unwrap_or((&clock, ""));
        let time: String = time
            .chars()
            .take(if step < 60 * SEKUND { 8 } else { 5 })
            .collect();
        let label = match step {
            step if step >= DOGN => date.to_owned(),
            step if step >= TIME => {
                let day: String = date.chars().skip(5).collect();
                format!("{day} {time}")
            }
            _ => time,
        };
        marks.push((at, label));
        at += step;
    }
    marks
}
