//! A trace as a waterfall of text.

use std::collections::BTreeMap;

use samspor_chassis::telemetry::FinishedSpan;

/// Columns that the bars take.
const WIDTH: usize = 40;

/// One line a span, children under their parent, in the order of time.
pub(super) fn waterfall(spans: &[FinishedSpan]) -> Vec<String> {
    let mut children: BTreeMap<&str, Vec<&FinishedSpan>> = BTreeMap::new();
    for span in spans {
        let parent = spans
            .iter()
            .find(|other| Some(other.span_id.as_str()) == span.parent_span_id.as_deref())
            .map_or("", |other| other.span_id.as_str());
        children.entry(parent).or_default().push(span);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|span| span.start);
    }
    let begin = spans
        .iter()
        .map(|span| span.start)
        .min()
        .unwrap_or_default();
    let end = spans
        .iter()
        .map(|span| span.start + span.duration)
        .max()
        .unwrap_or_default();
    let mut lines = Vec::new();
    walk(&children, "", 0, (begin, end), &mut lines);
    lines
}

fn walk(
    children: &BTreeMap<&str, Vec<&FinishedSpan>>,
    of: &str,
    depth: usize,
    whole: (i64, i64),
    lines: &mut Vec<String>,
) {
    for span in children.get(of).into_iter().flatten() {
        let micros = span.duration;
        let label = format!("{}{}", "  ".repeat(depth), short(span));
        let label: String = label.chars().take(62).collect();
        let time = format!("{}.{:03} ms", micros / 1000, micros % 1000);
        lines.push(format!("{label:<62} {time:>11} {}", bar(span, whole)));
        walk(children, &span.span_id, depth + 1, whole, lines);
    }
}

fn short(span: &FinishedSpan) -> String {
    let service = span
        .attribute("samspor.tjeneste")
        .map(|name| format!("[{name}] "))
        .unwrap_or_default();
    let name = span.name.strip_prefix("samspor.").unwrap_or(&span.name);
    let statement = span.attribute("db.query.text").unwrap_or_default();
    let words: Vec<&str> = statement.split_whitespace().take(4).collect();
    if words.is_empty() {
        format!("{service}{name}")
    } else {
        format!("{service}{name}: {}", words.join(" "))
    }
}

fn bar(span: &FinishedSpan, (begin, end): (i64, i64)) -> String {
    let whole = u64::try_from(end - begin).unwrap_or_default().max(1);
    let column = |at: i64| {
        let part = u64::try_from(at - begin).unwrap_or_default() * WIDTH as u64 / whole;
        usize::try_from(part).unwrap_or(WIDTH).min(WIDTH)
    };
    let from = column(span.start).min(WIDTH - 1);
    let to = column(span.start + span.duration).max(from + 1);
    format!("{}{}", " ".repeat(from), "█".repeat(to - from))
}
