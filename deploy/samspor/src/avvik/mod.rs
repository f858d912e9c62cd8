//! `samspor avvik`: the figures of a month's avvik, asked through the gateway as
//! any client asks: exact for the unit that keeps them, or as they are published;
//! on the terminal, as CSV, or as one file of HTML with charts.

mod rapport;

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use samspor_proto::{
    avvik::{
        HentAvvikstallRequest, HentAvvikstallResponse, HentPublisertAvvikstallRequest,
        HentPublisertAvvikstallResponse,
    },
    tilgang::Formal,
};

use crate::{
    behov::{Rapport, Til, result, skriv},
    desk::{Desk, TokenSource},
};

/// Who keeps the figures.
const PARENT: &str = "enheter/koordinering";

/// Prints a month, or writes it.
///
/// # Errors
/// When the gateway does not answer, or refuses; a file that cannot be written.
pub async fn run(
    gateway: SocketAddr,
    token: TokenSource,
    (maned, eksakt): (String, bool),
    til: Til,
) -> Result<()> {
    let desk = Desk::at(gateway, token).await?;
    skriv(&hent(&desk, maned, eksakt).await?, til)
}

/// Asks for a month.
///
/// # Errors
/// When the gateway does not answer, or refuses.
pub async fn hent(desk: &Desk, maned: String, eksakt: bool) -> Result<Rapport> {
    let parent = PARENT.to_owned();
    let desk = desk.with_purpose(Formal::Statistikk);
    let service = "avvik.v1.AvvikstallService";
    if eksakt {
        let request = HentAvvikstallRequest { parent, maned };
        let method = format!("{service}/HentAvvikstall");
        let answer: HentAvvikstallResponse = result(desk.call(&method, request).await)?;
        let month = answer.avvikstall.context("an answer without a month")?;
        return Ok(rapport::eksakt(&month));
    }
    let request = HentPublisertAvvikstallRequest { parent, maned };
    let method = format!("{service}/HentPublisertAvvikstall");
    let answer: HentPublisertAvvikstallResponse = result(desk.call(&method, request).await)?;
    let month = answer
        .publisert_avvikstall
        .context("an answer without a month")?;
    Ok(rapport::publisert(&month))
}
