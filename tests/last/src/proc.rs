//! Processes that are measured, each ended by its own id.

use std::{
    fmt,
    future::Future,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::load::Outcome;

/// Clock ticks a second in `/proc/PID/stat` (`getconf CLK_TCK`; 100 on Linux).
const TICKS: u64 = 100;

/// A process that tells its address in its first line of output.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) pid: u32,
    pub(crate) address: String,
}

impl Child {
    /// Starts it and waits for its first line.
    pub(crate) fn start(binary: &Path, arguments: &[&str]) -> Result<Self> {
        let mut process = Command::new(binary)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "cannot start {}; build it in release first",
                    binary.display()
                )
            })?;
        let output = process.stdout.take().context("no output")?;
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address)?;
        Ok(Self {
            pid: process.id(),
            process,
            address: address.trim().to_owned(),
        })
    }

    /// Starts this binary with a pipe to its input and one from its output.
    pub(crate) fn talking(
        arguments: &[&str],
    ) -> Result<(Self, ChildStdin, BufReader<ChildStdout>)> {
        let mut process = Command::new(own_binary()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().context("no input")?;
        let output = process.stdout.take().context("no output")?;
        let child = Self {
            pid: process.id(),
            process,
            address: String::new(),
        };
        Ok((child, input, BufReader::new(output)))
    }

    /// Starts a process that says nothing; its address is known already.
    pub(crate) fn silent(binary: &Path, arguments: &[&str], address: String) -> Result<Self> {
        let process = Command::new(binary)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| {
                format!(
                    "cannot start {}; build it in release first",
                    binary.display()
                )
            })?;
        Ok(Self {
            pid: process.id(),
            process,
            address,
        })
    }
}

impl Child {
    /// Asks the process to end, and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let told = Command::new("kill")
            .args(["-TERM", &self.pid.to_string()])
            .status()?;
        ensure!(told.success(), "process {} could not be stopped", self.pid);
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// This binary.
pub(crate) fn own_binary() -> Result<PathBuf> {
    std::env::current_exe().context("cannot find the own binary")
}

/// `samspor`, beside this binary.
pub(crate) fn samspor() -> Result<PathBuf> {
    Ok(own_binary()?.with_file_name("samspor"))
}

/// CPU time of a process so far, user and system, in microseconds.
pub(crate) fn cpu(pid: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces; the fields after its parenthesis do not.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |n: usize| {
        fields
            .get(n)
            .and_then(|text| text.parse::<u64>().ok())
            .context("stat")
    };
    Ok((ticks(11)? + ticks(12)?) * 1_000_000 / TICKS)
}

/// Anonymous resident memory of a process in MB (10⁶ bytes).
pub(crate) fn rss_anon(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon"))
        .context("RssAnon")?;
    let kib: f64 = line.split_whitespace().nth(1).context("RssAnon")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// A round of load, and what it cost.
pub(crate) struct Measured {
    pub(crate) outcome: Outcome,
    micros: u64,
}

impl Measured {
    /// CPU microseconds of the measured processes for each answer.
    pub(crate) fn micros_per_request(&self) -> f64 {
        self.micros as f64 / self.outcome.answered.max(1) as f64
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = &self.outcome.latency;
        write!(
            f,
            "{:.0} µs CPU, {:.0}/s, {:.1} in flight, {} faults, p50 {} µs, p99 {} µs",
            self.micros_per_request(),
            self.outcome.answered as f64 / self.outcome.took.as_secs_f64(),
            self.outcome.in_flight,
            self.outcome.faults,
            times.value_at_quantile(0.5),
            times.value_at_quantile(0.99),
        )
    }
}

/// Runs a round and takes the CPU time of the processes around it.
pub(crate) async fn measured(
    children: &[&Child],
    round: impl Future<Output = Result<Outcome>>,
) -> Result<Measured> {
    let all = || {
        children
            .iter()
            .map(|child| cpu(child.pid))
            .sum::<Result<u64>>()
    };
    let before = all()?;
    let outcome = round.await?;
    Ok(Measured {
        outcome,
        micros: all()?.saturating_sub(before),
    })
}
