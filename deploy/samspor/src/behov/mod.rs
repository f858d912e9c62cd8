//! `samspor behov`: the overview of housing need, asked through the gateway as
//! any client asks: exact for a unit that allocates, or a published month; on the
//! terminal, as CSV, or as one file of HTML with charts.

#![expect(clippy::print_stdout, reason = "a command line talks to its user")]

pub(crate) mod html;
mod rapport;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, Result};
use samspor_proto::{
    boligkontor::{
        HentBehovsoversiktRequest, HentBehovsoversiktResponse, HentPublisertBehovRequest,
        HentPublisertBehovResponse,
    },
    tilgang::Formal,
};

pub use self::rapport::Rapport;
#[cfg(test)]
pub(crate) use self::rapport::tests::som_forventet;
pub(crate) use self::rapport::{AVRUNDET, Avsnitt};
use crate::desk::{Answer, Desk, TokenSource};

/// Who keeps the overview.
const PARENT: &str = "enheter/boligkontor";

/// Which overview.
#[derive(Debug, Clone)]
pub enum Av {
    /// The exact one, now.
    Na,
    /// The exact one of a day that has passed, `YYYY-MM-DD`.
    Dag(String),
    /// The published one of a month, `YYYY-MM`.
    Maned(String),
}

/// What becomes of it.
#[derive(Debug, Clone)]
pub enum Til {
    /// Tables on the terminal.
    Tabell,
    /// Rows that a program reads; in a file, or on the terminal.
    Csv(Option<PathBuf>),
    /// One file that a browser shows without anything else.
    Html(PathBuf),
}

impl Til {
    /// As the command was told.
    #[must_use]
    pub fn av(csv: Option<Option<PathBuf>>, html: Option<PathBuf>) -> Self {
        match (csv, html) {
            (Some(file), _) => Self::Csv(file),
            (None, Some(file)) => Self::Html(file),
            (None, None) => Self::Tabell,
        }
    }
}

/// Prints the overview, or writes it.
///
/// # Errors
/// When the gateway does not answer, or refuses; a file that cannot be written.
pub async fn run(gateway: SocketAddr, token: TokenSource, av: Av, til: Til) -> Result<()> {
    skriv(&hent(&Desk::at(gateway, token).await?, av).await?, til)
}

/// Prints a report, or writes it.
pub(crate) fn skriv(report: &Rapport, til: Til) -> Result<()> {
    let (text, file) = match til {
        Til::Tabell => (report.tekst(), None),
        Til::Csv(file) => (report.csv(), file),
        Til::Html(file) => (html::side(report), Some(file)),
    };
    match file {
        None => print!("{text}"),
        Some(file) => std::fs::write(&file, text)
            .with_context(|| format!("cannot write {}", file.display()))?,
    }
    Ok(())
}

/// Asks for an overview.
///
/// # Errors
/// When the gateway does not answer, or refuses.
pub async fn hent(desk: &Desk, av: Av) -> Result<Rapport> {
    let dag = match av {
        Av::Maned(maned) => {
            let request = HentPublisertBehovRequest {
                parent: PARENT.to_owned(),
                maned,
            };
            let desk = desk.with_purpose(Formal::Statistikk);
            let method = "boligkontor.v1.BehovService/HentPublisertBehov";
            let answer: HentPublisertBehovResponse = result(desk.call(method, request).await)?;
            let month = answer
                .publisert_behov
                .context("an answer without a month")?;
            return Ok(Rapport::publisert(&month));
        }
        Av::Dag(dag) => dag,
        Av::Na => String::new(),
    };
    let request = HentBehovsoversiktRequest {
        parent: PARENT.to_owned(),
        dag,
    };
    let desk = desk.with_purpose(Formal::Tildeling);
    let method = "boligkontor.v1.BehovService/HentBehovsoversikt";
    let answer: HentBehovsoversiktResponse = result(desk.call(method, request).await)?;
    let exact = answer
        .behovsoversikt
        .context("an answer without an overview")?;
    Ok(Rapport::eksakt(&exact))
}

pub(crate) fn result<A>(answer: Answer<A>) -> Result<A> {
    answer.result.map_err(|refused| {
        let said = format!(
            "{:?}: {} (trace {})",
            refused.code(),
            refused.message(),
            answer.trace_id
        );
        anyhow::Error::new(refused).context(said)
    })
}
