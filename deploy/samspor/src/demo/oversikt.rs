//! The overview of need, before and after: what follows of all that was done,
//! and nobody has to count.

use anyhow::{Context as _, Result};
use samspor_proto::{boligkontor::*, tilgang::Formal};

use super::{
    natt::until,
    stage::{Someone, Stage},
};

impl Stage<'_> {
    /// The overview, once boligkontoret has heard from Nav that so many are in
    /// temporary housing, and that so many of them have been for too long.
    pub(super) async fn overview(
        &mut self,
        who: &Someone,
        what: &str,
        (temporary, long): (i32, i32),
    ) -> Result<()> {
        let request = || HentBehovsoversiktRequest {
            parent: "enheter/boligkontor".to_owned(),
            dag: String::new(),
        };
        let method = "boligkontor.v1.BehovService/HentBehovsoversikt";
        let desk = who.desk.with_purpose(Formal::Tildeling);
        let heard = until(async || {
            let answer = desk.call::<_, HentBehovsoversiktResponse>(method, request());
            let found = answer.await.result.unwrap_or_default().behovsoversikt;
            let found = found.unwrap_or_default();
            (found.i_midlertidig, found.over_tre_maneder) == (temporary, long)
        });
        heard
            .await
            .with_context(|| format!("not {temporary} in temporary housing, {long} too long"))?;
        let mut lines = Vec::new();
        self.must(
            who,
            Formal::Tildeling,
            what,
            method,
            request(),
            |answer: &HentBehovsoversiktResponse| {
                let overview = answer.behovsoversikt.clone().unwrap_or_default();
                lines = told(&overview);
                format!(
                    "{} persons in temporary housing, {} of them for over three months",
                    overview.i_midlertidig, overview.over_tre_maneder
                )
            },
        )
        .await?;
        self.out.lines("By type", &lines);
        Ok(())
    }
}

/// A line a type: who waits, and what there is.
fn told(overview: &Behovsoversikt) -> Vec<String> {
    let line = |stock: &Beholdning| {
        let waits = overview.celler.iter().find(|cell| {
            cell.tildelingstype == stock.tildelingstype
                && cell.gruppe() == Behovsgruppe::Alle
                && cell.status() == Behovsstatus::PaListen
        });
        let waits = waits.copied().unwrap_or_default();
        let name = stock.tildelingstype().as_str_name();
        format!(
            "{:<16} {:>2} wait, {} of them in temporary housing; {} dwellings: {} let, {} held, \
             {} free, {} made ready, {} out of use",
            name.trim_start_matches("TILDELINGSTYPE_"),
            waits.antall,
            waits.i_midlertidig,
            stock.boliger,
            stock.utleide,
            stock.reserverte,
            stock.ledige,
            stock.klargjores,
            stock.ute_av_drift,
        )
    };
    overview.beholdning.iter().map(line).collect()
}
