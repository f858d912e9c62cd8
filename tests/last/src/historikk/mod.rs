//! `samspor-last historikk`: what reads, lists, work lists and writes cost with
//! a long history beside what they cost with a short one, and how fast the
//! history is taken in.
//!
//! The history is taken in here, by the import that `samspor importer` runs.
//! Then each service is started anew in a process of its own for each of the
//! two histories, and called over loopback with attestations as the gateway
//! would make them: the gateway's own cost does not depend on the history and
//! is left out. The two take turns, round by round. What counts is the CPU
//! time of the service's process for a call (on PostgreSQL with that of the
//! server's processes of its database), median of the rounds. Each call is for
//! a person drawn by a fixed sequence. Files of SQLite are read once before,
//! so that none of it waits for the disk.

pub(crate) mod bolig;
mod inntak;
mod kall;
mod sted;
mod tjeneste;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use samspor::serve::Part;

use self::{
    kall::{Compared, Comparison},
    sted::Sted,
    tjeneste::Service,
};
pub(crate) use tjeneste::serve;

/// How much history.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Mengde {
    /// Persons.
    #[arg(long, default_value_t = 20_000)]
    personer: usize,
    /// Service lines of their vedtak.
    #[arg(long, default_value_t = 60_000)]
    linjer: usize,
    /// Contacts.
    #[arg(long, default_value_t = 2_000_000)]
    kontakter: usize,
    /// Lines of one transaction of the import.
    #[arg(long, default_value_t = 1000)]
    bunke: usize,
    /// Calls of each kind in a round.
    #[arg(long, default_value_t = 10)]
    kall: usize,
    /// Rounds of each kind of call.
    #[arg(long, default_value_t = 151)]
    runder: usize,
    /// Folder in which the histories stay, so that a later run finds them.
    #[arg(long)]
    mappe: Option<PathBuf>,
    /// PostgreSQL instead of SQLite: an address with {} in place of the name of
    /// a database. Databases named samspor_historikk_* are made there anew.
    #[arg(long, conflicts_with = "mappe")]
    postgres: Option<String>,
}

/// Persons of the short history; each has as much as in the long one.
const KORT: usize = 1_000;

pub(crate) async fn run(mengde: Mengde) -> Result<()> {
    ensure!(mengde.personer >= KORT, "at least {KORT} persons");
    let short = Mengde {
        personer: KORT,
        linjer: mengde.linjer * KORT / mengde.personer,
        kontakter: mengde.kontakter * KORT / mengde.personer,
        ..mengde.clone()
    };
    let before = Sted::new(&short)?;
    let after = Sted::new(&mengde)?;
    let persons = [
        inntak::take_in(&before, &short).await?,
        inntak::take_in(&after, &mengde).await?,
    ];
    let mut rows = Vec::new();
    for part in [Part::Bestillerkontor, Part::Rop] {
        let services = [
            Service::start(part, before.database(part))?,
            Service::start(part, after.database(part))?,
        ];
        let mut comparison = Comparison::new(services, &persons, mengde.kall, mengde.runder);
        comparison.at_rest().await?;
        match part {
            Part::Rop => comparison.deliveries().await?,
            _ => comparison.orders().await?,
        }
        rows.extend(comparison.done());
    }
    before.remove().await?;
    after.remove().await?;
    report(&rows, short.personer, mengde.personer);
    Ok(())
}

fn report(rows: &[Compared], short: usize, long: usize) {
    println!(
        "\n{:<44} {:>22}   {:>22}   {:>7}",
        "µs a call, median of the rounds", "CPU", "wall", "commits"
    );
    println!(
        "{:<44} {short:>7} {long:>7} {:>6}   {short:>7} {long:>7} {:>6}",
        "persons", "ratio", "ratio"
    );
    for Compared {
        name,
        cpu,
        wall,
        commits,
    } in rows
    {
        println!(
            "{name:<44} {:>7.0} {:>7.0} {:>6.2}   {:>7.0} {:>7.0} {:>6.2}   {commits:>7.2}",
            cpu.short, cpu.long, cpu.ratio, wall.short, wall.long, wall.ratio,
        );
    }
}
