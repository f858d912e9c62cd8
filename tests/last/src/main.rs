//! The load tool: what a call through the gateway costs, beside a bare typed
//! tonic pass-through proxy in the same run.
//!
//! Open loop: requests start by a schedule, whatever came of earlier ones, and
//! latency counts from when a request should have started. Each answer's
//! status and content are checked. CPU time is read from `/proc/PID/stat` of
//! every process, so that a noisy machine moves both sides alike; what is
//! reported is the median over interleaved rounds.
//!
//! ```sh
//! cargo build --release -p samspor -p samspor-last
//! target/release/samspor-last run --callers 64
//! ```

#![expect(clippy::print_stdout, reason = "the report is its purpose")]

mod load;
mod mesh;
mod pass;
mod proc;

use anyhow::Result;
use clap::{Parser, Subcommand};

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
        /// Callers at the same time.
        #[arg(long, default_value_t = 64)]
        callers: usize,
        /// Requests a second that are offered.
        #[arg(long, default_value_t = 1500)]
        rate: u64,
        /// Seconds of each round.
        #[arg(long, default_value_t = 4)]
        seconds: u64,
        /// Interleaved rounds.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// The typed backend of the pass-through proxy (started by `run`).
    Backend,
    /// The pass-through proxy (started by `run`).
    Pass {
        /// Where the backend listens.
        backend: String,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Backend => pass::backend().await,
        Command::Pass { backend } => pass::proxy(&backend).await,
        Command::Run {
            callers,
            rate,
            seconds,
            rounds,
        } => {
            run(
                &load::Plan {
                    callers,
                    rate,
                    seconds,
                },
                rounds,
            )
            .await
        }
    }
}

async fn run(plan: &load::Plan, rounds: usize) -> Result<()> {
    let backend = proc::Child::start(&proc::own_binary()?, &["backend"])?;
    let pass = proc::Child::start(&proc::own_binary()?, &["pass", &backend.address])?;
    let mesh = mesh::Mesh::start().await?;
    println!(
        "{} callers, {} requests/s offered, {} s a round, {} interleaved rounds, HentVedtak",
        plan.callers, plan.rate, plan.seconds, rounds
    );
    let mut through = Vec::new();
    let mut gateway = Vec::new();
    let mut services = Vec::new();
    // The first round warms both sides and is not counted.
    for round in 0..=rounds {
        let passed =
            proc::measured(&[&pass], load::run(plan, &pass.address, None, &mesh.vedtak)).await?;
        let before = proc::cpu(mesh.service_pid)?;
        let gated = proc::measured(
            &[&mesh.gateway],
            load::run(plan, &mesh.gateway.address, Some(&mesh.token), &mesh.vedtak),
        )
        .await?;
        let service = proc::cpu(mesh.service_pid)?.saturating_sub(before);
        if round == 0 {
            continue;
        }
        println!("round {round}: pass-through {passed}   gateway {gated}");
        through.push(passed.micros_per_request());
        gateway.push(gated.micros_per_request());
        services.push(service as f64 / gated.outcome.answered.max(1) as f64);
    }
    let (through, gateway) = (median(&mut through), median(&mut gateway));
    println!(
        "CPU a request, median: pass-through {through:.0} µs, gateway {gateway:.0} µs, service {:.0} µs",
        median(&mut services)
    );
    println!("ratio gateway / pass-through: {:.2}", gateway / through);
    println!(
        "RssAnon: gateway {} KiB, service {} KiB",
        proc::rss_anon(mesh.gateway.pid)?,
        proc::rss_anon(mesh.service_pid)?
    );
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
