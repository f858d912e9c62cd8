//! The load tool: what a call through the gateway costs, beside a bare typed
//! tonic pass-through proxy in the same run; and the mesh's memory and start.
//!
//! Without `--rate` every caller calls again as soon as it is answered, so
//! that the stated number of calls is in flight: what a call costs depends on
//! how many share a commit of the log. With it the loop is open: requests
//! start by a schedule, whatever came of earlier ones, and latency counts from
//! when a request should have started. Each answer's status and content are
//! checked. CPU time is read from `/proc/PID/stat` of every process, so that a
//! noisy machine moves both sides alike; what is reported is the median over
//! interleaved rounds. Spans are recorded for every call and exported to a
//! collector in this process, which counts them.
//!
//! ```sh
//! cargo build --release -p samspor -p samspor-last
//! target/release/samspor-last run --callers 64
//! target/release/samspor-last run --callers 16
//! target/release/samspor-last memory
//! target/release/samspor-last start
//! target/release/samspor-last historikk
//! target/release/samspor-last bolig
//! target/release/samspor-last gransk
//! ```

#![expect(clippy::print_stdout, reason = "the report is its purpose")]

mod facts;
mod gransk;
mod historikk;
mod load;
mod mesh;
mod pass;
mod proc;
mod sink;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use samspor::serve::Part;

use crate::{load::Plan, mesh::Mesh, sink::Sink};

/// Load tool of Samspor.
#[derive(Parser)]
#[command(name = "samspor-last", about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compares the gateway with the pass-through proxy.
    Run {
        #[command(flatten)]
        load: Load,
        /// Seconds of each round.
        #[arg(long, default_value_t = 4)]
        seconds: u64,
        /// Interleaved rounds.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Exports no spans: what the spans cost is the difference.
        #[arg(long)]
        no_spans: bool,
    },
    /// Memory of the gateway and the services under load.
    Memory {
        #[command(flatten)]
        load: Load,
        /// Seconds of load.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Persons whose facts the gateway has read.
        #[arg(long, default_value_t = 20_000)]
        persons: usize,
    },
    /// Time from the gateway's start to SERVING, with an empty database and
    /// with what that start left.
    Start {
        /// Persons whose facts the gateway reads.
        #[arg(long, default_value_t = 20_000)]
        persons: usize,
        /// Warm starts.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// What reads, lists and writes cost with a long history beside a short
    /// one, and how fast a history is taken in.
    Historikk {
        #[command(flatten)]
        mengde: historikk::Mengde,
    },
    /// How fast a register of dwellings and their cases are taken in, and what
    /// each read costs with it beside a small one.
    Bolig {
        #[command(flatten)]
        mengde: historikk::bolig::Boligmengde,
    },
    /// What an incident review costs with a long history beside none, and with a
    /// longer incident.
    Gransk {
        #[command(flatten)]
        mengde: gransk::Granskmengde,
    },
    /// A service that `historikk` calls (started by it).
    #[command(hide = true)]
    Historikktjeneste {
        /// Which.
        part: Part,
        /// Its database.
        url: String,
    },
    /// The typed backend of the pass-through proxy (started by `run`).
    #[command(hide = true)]
    Backend {
        /// Microseconds for which it holds each answer back.
        hold: u64,
    },
    /// The pass-through proxy (started by `run`).
    #[command(hide = true)]
    Pass {
        /// Where the backend listens.
        backend: String,
    },
}

/// How much is called.
#[derive(clap::Args)]
struct Load {
    /// Calls in flight.
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Calls a second that are offered; without it each caller calls again at
    /// once.
    #[arg(long)]
    rate: Option<u32>,
}

impl Load {
    const fn of(&self, seconds: u64) -> Plan {
        Plan {
            callers: self.callers,
            rate: self.rate,
            length: Duration::from_secs(seconds),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Backend { hold } => pass::backend(Duration::from_micros(hold)).await,
        Command::Pass { backend } => pass::proxy(&backend).await,
        Command::Run {
            load,
            seconds,
            rounds,
            no_spans,
        } => run(&load.of(seconds), rounds, no_spans).await,
        Command::Memory {
            load,
            seconds,
            persons,
        } => memory(&load.of(seconds), persons).await,
        Command::Historikk { mengde } => historikk::run(mengde).await,
        Command::Bolig { mengde } => historikk::bolig::run(mengde).await,
        Command::Gransk { mengde } => gransk::run(mengde).await,
        Command::Historikktjeneste { part, url } => historikk::serve(part, &url).await,
        Command::Start { persons, rounds } => start(persons, rounds).await,
    }
}

async fn run(plan: &Plan, rounds: usize, no_spans: bool) -> Result<()> {
    let (sink, collector) = Sink::start().await?;
    let mesh = Mesh::start(&mesh::Options {
        otlp: Some(collector).filter(|_| !no_spans),
        persons: 0,
    })
    .await?;
    let service = mesh.service()?;
    let through_gateway =
        || load::run(plan, &mesh.gateway.address, Some(&mesh.token), &mesh.vedtak);
    // Warms the gateway, and says how long a call through it takes.
    let held_for = through_gateway().await?.mean();
    let fast = Measure::start(Duration::ZERO)?;
    let held = Measure::start(held_for)?;
    load::run(plan, &fast.pass.address, None, &mesh.vedtak).await?;
    println!(
        "HentVedtak, {} callers, {}, {} s a round, {rounds} interleaved rounds; \
         the held backend answers after {:.1} ms",
        plan.callers,
        plan.rate
            .map_or_else(|| "all in flight".to_owned(), |n| format!("{n}/s offered")),
        plan.length.as_secs(),
        held_for.as_secs_f64() * 1e3,
    );
    let mut through = [Vec::new(), Vec::new()];
    let mut ratios = [Vec::new(), Vec::new()];
    let (mut gateway, mut services, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let mut passed = Vec::new();
        for measure in [&fast, &held] {
            let load = load::run(plan, &measure.pass.address, None, &mesh.vedtak);
            passed.push(proc::measured(&[&measure.pass], load).await?);
        }
        let before = (proc::cpu(service.pid)?, sink.spans("gateway"));
        let gated = proc::measured(&[&mesh.gateway], through_gateway()).await?;
        let each = |count: u64| count as f64 / gated.outcome.answered.max(1) as f64;
        services.push(each(proc::cpu(service.pid)?.saturating_sub(before.0)));
        spans.push(each(sink.spans("gateway").saturating_sub(before.1)));
        gateway.push(gated.micros_per_request());
        println!("round {round}: gateway            {gated}");
        for (place, passed) in passed.iter().enumerate() {
            let name = MEASURES.get(place).copied().unwrap_or_default();
            println!("         {name} {passed}");
            let cost = passed.micros_per_request();
            if let (Some(through), Some(ratios)) = (through.get_mut(place), ratios.get_mut(place)) {
                through.push(cost);
                ratios.push(gated.micros_per_request() / cost);
            }
        }
    }
    println!(
        "CPU a call, median: gateway {:.0} µs, service {:.0} µs; \
         spans of the gateway that arrived, for each call: {:.2}",
        median(&mut gateway),
        median(&mut services),
        median(&mut spans),
    );
    for ((name, through), ratios) in MEASURES.iter().zip(&mut through).zip(&mut ratios) {
        println!(
            "{name} {:.0} µs; ratio, median of the rounds: {:.2}",
            median(through),
            median(ratios)
        );
    }
    Ok(())
}

/// What the gateway is measured against: a backend that answers at once lets
/// the proxy run several times faster than any service would, with many calls
/// in each wake-up; one that takes as long as the gateway does lets it carry
/// the same calls at the same rate.
const MEASURES: [&str; 2] = ["pass-through       ", "pass-through, held "];

/// A pass-through proxy and its backend.
struct Measure {
    pass: proc::Child,
    _backend: proc::Child,
}

impl Measure {
    fn start(hold: Duration) -> Result<Self> {
        let hold = hold.as_micros().to_string();
        let backend = proc::Child::start(&proc::own_binary()?, &["backend", &hold])?;
        Ok(Self {
            pass: proc::Child::start(&proc::own_binary()?, &["pass", &backend.address])?,
            _backend: backend,
        })
    }
}

async fn memory(plan: &Plan, persons: usize) -> Result<()> {
    let (_sink, collector) = Sink::start().await?;
    let mut mesh = Mesh::start(&mesh::Options {
        otlp: Some(collector),
        persons,
    })
    .await?;
    report(&mesh, "after the cold projection")?;
    mesh.restart_gateway().await?;
    report(&mesh, "after a warm start of the gateway")?;
    let loaded = proc::measured(
        &[&mesh.gateway],
        load::run(plan, &mesh.gateway.address, Some(&mesh.token), &mesh.vedtak),
    )
    .await?;
    println!("{} s of load: {loaded}", plan.length.as_secs());
    report(&mesh, "after the load")
}

fn report(mesh: &Mesh, when: &str) -> Result<()> {
    print!(
        "RssAnon {when}: gateway {:.1} MB",
        proc::rss_anon(mesh.gateway.pid)?
    );
    for (name, service) in &mesh.services {
        print!(", {name} {:.1} MB", proc::rss_anon(service.pid)?);
    }
    println!();
    Ok(())
}

async fn start(persons: usize, rounds: usize) -> Result<()> {
    let mut mesh = Mesh::start(&mesh::Options {
        otlp: None,
        persons,
    })
    .await?;
    let facts = persons * facts::PER_PERSON;
    println!(
        "cold: SERVING after {:.0} ms with {facts} facts read, {:.0} facts/s",
        mesh.cold.as_secs_f64() * 1e3,
        facts as f64 / mesh.cold.as_secs_f64()
    );
    let mut warm = Vec::new();
    for _ in 0..rounds {
        warm.push(mesh.restart_gateway().await?.as_secs_f64() * 1e3);
    }
    println!(
        "warm: SERVING after {:.0} ms, median of {rounds}",
        median(&mut warm)
    );
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
