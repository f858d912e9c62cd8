//! What the pages have in common: one file each, which a browser shows without
//! network, fonts or anything else; light and dark, and on paper.

/// Style of every page.
const STIL: &str = include_str!("side.css");

/// Text as it stands between tags and in attributes.
#[must_use]
pub(crate) fn t(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

/// A page until its heading, which is its title. `meta` is markup.
#[must_use]
pub(crate) fn hode(title: &str, meta: &str, style: &str) -> String {
    let title = t(title);
    format!(
        "<!doctype html>\n<html lang=\"nb\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n{meta}\
         <title>{title}</title>\n<style>\n{STIL}{style}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n"
    )
}
