//! An overview as one page: charts as SVG, each with its table, without script.

use std::fmt::Write as _;

use super::rapport::{Avsnitt, Rapport};
use crate::html::{hode, t};

/// Where bars begin, how long the longest is, and the width of all.
const VENSTRE: i64 = 190;
const LENGDE: i64 = 400;
const BREDDE: i64 = 680;
/// A bar, and what is between two.
const STOLPE: i64 = 22;
const LUFT: i64 = 12;
/// A narrow bar, of those that stand together.
const SMAL: i64 = 14;

/// A number with a thin space between thousands.
fn tall(number: i64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// The whole page.
pub(crate) fn side(report: &Rapport) -> String {
    let mut out = hode(&report.tittel, "", "");
    for line in &report.om {
        let _ = writeln!(out, "<p>{}</p>", t(line));
    }
    out.push_str("</header>\n<dl class=\"nokkeltall\">\n");
    for (name, number) in &report.nokkeltall {
        let _ = writeln!(
            out,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            t(name),
            tall(*number)
        );
    }
    out.push_str("</dl>\n");
    for (number, section) in (1..).zip(&report.avsnitt) {
        avsnitt(&mut out, section, number);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn avsnitt(out: &mut String, section: &Avsnitt, number: usize) {
    let _ = writeln!(
        out,
        "<section aria-labelledby=\"a{number}\">\n<h2 id=\"a{number}\">{}</h2>\n<p>{}</p>",
        t(section.tittel),
        t(section.forklaring)
    );
    if section.rader.is_empty() {
        out.push_str("<p>Ingen.</p>\n</section>\n");
        return;
    }
    if section.tegnet > 0 {
        diagram(out, section, number);
    }
    tabell(out, section);
    out.push_str("</section>\n");
}

/// What somebody hears who does not see the chart: every number that is drawn.
fn opplest(section: &Avsnitt) -> String {
    let row = |(name, numbers): &(String, Vec<i64>)| {
        let parts = section.kolonner.iter().zip(numbers).take(section.tegnet);
        let parts: Vec<String> = parts
            .map(|(column, number)| format!("{} {number}", column.to_lowercase()))
            .collect();
        format!("{name}: {}.", parts.join(", "))
    };
    section.rader.iter().map(row).collect::<Vec<_>>().join(" ")
}

fn diagram(out: &mut String, section: &Avsnitt, number: usize) {
    let drawn =
        |numbers: &[i64]| -> Vec<i64> { numbers.iter().take(section.tegnet).copied().collect() };
    let reach = |numbers: &[i64]| match section.stablet {
        true => drawn(numbers).iter().sum(),
        false => drawn(numbers).into_iter().max().unwrap_or(0),
    };
    let most = section.rader.iter().map(|(_, numbers)| reach(numbers));
    let most = most.max().unwrap_or(0).max(1);
    let length = |number: i64| number * LENGDE / most;
    let bars = i64::try_from(section.tegnet).unwrap_or(1);
    let row = match section.stablet || section.tegnet == 1 {
        true => STOLPE,
        false => SMAL * bars,
    };
    let rows = i64::try_from(section.rader.len()).unwrap_or(0);
    let height = rows * (row + LUFT) + LUFT;
    let _ = writeln!(
        out,
        "<figure>\n<svg viewBox=\"0 0 {BREDDE} {height}\" role=\"img\" \
         aria-labelledby=\"t{number} d{number}\">\n<title id=\"t{number}\">{}</title>\n\
         <desc id=\"d{number}\">{}</desc>",
        t(section.tittel),
        t(&opplest(section))
    );
    for (place, (name, numbers)) in (0..).zip(&section.rader) {
        let top = LUFT + place * (row + LUFT);
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" class=\"navn\">{}</text>",
            VENSTRE - 10,
            top + row / 2 + 5,
            t(name)
        );
        let numbers = drawn(numbers);
        if section.stablet {
            stablet(out, &numbers, top, &length);
        } else {
            let each = row / bars;
            for (series, one) in (0..).zip(&numbers) {
                let y = top + series * each;
                let _ = writeln!(
                    out,
                    "<rect x=\"{VENSTRE}\" y=\"{y}\" width=\"{}\" height=\"{}\" class=\"s{series}\"/>\
                     <text x=\"{}\" y=\"{}\" class=\"tall\">{}</text>",
                    length(*one),
                    each - 2,
                    VENSTRE + length(*one) + 6,
                    y + each / 2 + 4,
                    tall(*one)
                );
            }
        }
    }
    let _ = writeln!(
        out,
        "<line x1=\"{VENSTRE}\" y1=\"0\" x2=\"{VENSTRE}\" y2=\"{height}\" class=\"akse\"/>\n</svg>"
    );
    if section.tegnet > 1 {
        out.push_str("<figcaption>\n<ul class=\"nokkel\">\n");
        for (series, column) in section.kolonner.iter().take(section.tegnet).enumerate() {
            let _ = writeln!(
                out,
                "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect width=\"12\" \
                 height=\"12\" class=\"s{series}\"/></svg>{}</li>",
                t(column)
            );
        }
        out.push_str("</ul>\n</figcaption>\n");
    }
    out.push_str("</figure>\n");
}

/// One bar of parts, with the number in each that has room for it, and the sum.
fn stablet(out: &mut String, numbers: &[i64], top: i64, length: &impl Fn(i64) -> i64) {
    let mut before = 0;
    for (series, one) in numbers.iter().enumerate() {
        let (from, to) = (length(before), length(before + one));
        before += one;
        if *one == 0 {
            continue;
        }
        let _ = writeln!(
            out,
            "<rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{STOLPE}\" class=\"s{series}\"/>",
            VENSTRE + from,
            (to - from).max(2)
        );
        if to - from >= 12 * i64::try_from(tall(*one).chars().count()).unwrap_or(1) {
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" class=\"i s{series}i\">{}</text>",
                VENSTRE + i64::midpoint(from, to),
                top + STOLPE / 2 + 5,
                tall(*one)
            );
        }
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" class=\"tall\">{}</text>",
        VENSTRE + length(before) + 6,
        top + STOLPE / 2 + 5,
        tall(before)
    );
}

fn tabell(out: &mut String, section: &Avsnitt) {
    let title = t(section.tittel);
    let _ = write!(
        out,
        "<div class=\"rull\" role=\"region\" aria-label=\"Tabell: {title}\" tabindex=\"0\">\n\
         <table>\n<caption>{title}</caption>\n<thead>\n<tr><th scope=\"col\">{}</th>",
        t(section.rad)
    );
    for column in &section.kolonner {
        let _ = write!(out, "<th scope=\"col\">{}</th>", t(column));
    }
    out.push_str("</tr>\n</thead>\n<tbody>\n");
    for (name, numbers) in &section.rader {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", t(name));
        for number in numbers {
            let _ = write!(out, "<td>{}</td>", tall(*number));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behov::rapport::tests::{maned, oversikt, som_forventet};

    #[test]
    fn a_page_is_whole_by_itself() {
        for (file, report) in [
            ("behov/forventet/eksakt.html", Rapport::eksakt(&oversikt())),
            (
                "behov/forventet/publisert.html",
                Rapport::publisert(&maned()),
            ),
        ] {
            let page = side(&report);
            som_forventet(file, &page);
            for outside in ["http:", "https:", "<script", "<link", "url(", "@import"] {
                assert!(!page.contains(outside), "{outside}");
            }
            let drawn = report.avsnitt.iter().filter(|one| one.tegnet > 0).count();
            assert_eq!(page.matches("role=\"img\"").count(), drawn);
            assert_eq!(page.matches("<desc ").count(), drawn);
            assert!(page.contains("31.01.2025"));
        }
    }

    /// Seen red: without `t` in `tabell`.
    #[test]
    fn what_is_told_is_text_and_no_markup() {
        let mut report = Rapport::publisert(&maned());
        "<b>\"&'".clone_into(&mut report.tittel);
        if let Some(section) = report.avsnitt.first_mut() {
            section.rader = vec![("<script>".to_owned(), vec![1, 2, 3])];
        }
        let page = side(&report);
        assert!(!page.contains("<b>") && !page.contains("<script"));
        assert!(page.contains("<title>&lt;b&gt;&quot;&amp;&#39;</title>"));
        assert!(page.contains("<th scope=\"row\">&lt;script&gt;</th>"));
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1\u{202f}000")] {
            assert_eq!(tall(number), text);
        }
        assert_eq!(tall(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
