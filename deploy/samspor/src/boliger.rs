//! `samspor boliger`: the register of dwellings as a file, out of the gateway and
//! into it, as any client does it.

#![expect(clippy::print_stdout, reason = "a command line talks to its user")]

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result, bail};
use samspor_boligkontor::som_csv;
use samspor_chassis::{
    id::{Ids as _, RandomIds},
    tid::SystemClock,
};
use samspor_proto::{
    boligkontor::{
        Bolig, ImporterBoligerRequest, ImporterBoligerResponse, ListBoligerRequest,
        ListBoligerResponse, Radutfall,
    },
    tilgang::Formal,
};

use crate::desk::Desk;

const KONTORET: &str = "enheter/boligkontor";
/// Largest page that the gateway gives.
const PAGE: i32 = 200;

/// All dwellings of the stock, by number in the register.
///
/// # Errors
/// When the gateway does not answer, or refuses.
pub async fn alle(desk: &Desk) -> Result<Vec<Bolig>> {
    let desk = desk.with_purpose(Formal::Tildeling);
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListBoligerRequest {
            parent: KONTORET.to_owned(),
            page_size: PAGE,
            page_token,
            ..Default::default()
        };
        let page: ListBoligerResponse = desk
            .call("boligkontor.v1.BoligService/ListBoliger", request)
            .await
            .result?;
        found.extend(page.boliger);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

/// Writes the register to a file; `-` is the terminal.
///
/// # Errors
/// When the gateway does not answer or refuses, or the file cannot be written.
pub async fn eksporter(desk: &Desk, fil: &Path) -> Result<()> {
    let csv = som_csv(&alle(desk).await?)?;
    if fil == Path::new("-") {
        print!("{}", String::from_utf8_lossy(&csv));
        return Ok(());
    }
    std::fs::write(fil, csv).with_context(|| format!("cannot write {}", fil.display()))
}

/// Takes in the register from a file, or tries it; tells each row that is at
/// fault.
///
/// # Errors
/// When the gateway does not answer or refuses, or a row is at fault: then
/// nothing was taken in.
pub async fn importer(desk: &Desk, fil: &Path, prove: bool) -> Result<()> {
    let csv = std::fs::read(fil).with_context(|| format!("cannot read {}", fil.display()))?;
    let request = ImporterBoligerRequest {
        parent: KONTORET.to_owned(),
        request_id: RandomIds::new(Arc::new(SystemClock)).record().to_string(),
        csv: csv.into(),
        prove,
    };
    let answer: ImporterBoligerResponse = desk
        .with_purpose(Formal::Tildeling)
        .call("boligkontor.v1.BoligService/ImporterBoliger", request)
        .await
        .result?;
    let at_fault = answer
        .rader
        .iter()
        .filter(|row| row.utfall() == Radutfall::Feil);
    for row in at_fault {
        for fault in &row.feil {
            println!(
                "linje {} ({}): {}: {} — {}",
                row.linje,
                row.nokkel,
                fault.kolonne,
                fault.grunn().as_str_name(),
                fault.rettes_til
            );
        }
    }
    println!(
        "{} nye, {} endret, {} uendret, {} med feil{}",
        answer.nye,
        answer.endret,
        answer.uendret,
        answer.feil,
        match (answer.lagret, prove) {
            (true, _) => "; lest inn",
            (false, true) => "; bare prøvd",
            (false, false) => "; ingenting er lest inn",
        }
    );
    if answer.feil > 0 {
        bail!("{} has {} rows at fault", fil.display(), answer.feil);
    }
    Ok(())
}
