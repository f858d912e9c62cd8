//! Tables of the file.

use std::fmt::Write as _;

pub(super) fn join(names: impl IntoIterator<Item = impl ToString>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    names.join(", ")
}

pub(super) fn or_dash(text: String) -> String {
    if text.is_empty() {
        "–".to_owned()
    } else {
        text
    }
}

pub(super) fn table(out: &mut String, header: &[String], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .chain([&header.to_vec()])
            .map(|row| row[column].chars().count())
            .max();
        cells.unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut line = |cells: &[String], pad: char| {
        out.push('|');
        for (cell, width) in cells.iter().zip(&widths) {
            let missing = width - cell.chars().count();
            let fill: String = std::iter::repeat_n(pad, missing).collect();
            write!(out, "{pad}{cell}{fill}{pad}|").unwrap();
        }
        out.push('\n');
    };
    line(header, ' ');
    line(
        &widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>(),
        '-',
    );
    for row in rows {
        line(row, ' ');
    }
    out.push('\n');
}

pub(super) fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) fn mark(given: bool) -> String {
    if given { "●" } else { "" }.to_owned()
}
