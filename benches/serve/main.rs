//! What serving costs, beside its peers, in one run: `dev/bench serve` sets them up and starts this.
//!
//! Each system is a process of its own on loopback: a model server that answers by the clock (`stub`), the program, a
//! bare server that does no more than it must (`yardstick`), and the Python runtime as its manual shows it, where there
//! is one. Every round measures each of them once, so that a noisy machine is noisy for all. What the numbers should be
//! stands beside them.
//!
//! `AGENTSCOPE_BENCH_BINARY` is the program, `AGENTSCOPE_BENCH_RUNTIME_PYTHON` a Python that has the runtime, and
//! `AGENTSCOPE_BENCH_SHORT` makes rounds just long enough to see that everything works.
#![expect(
    unreachable_pub,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench prints, what fails ends it, and it has an environment of its own"
)]

mod first;
mod held;
mod load;
mod peers;
mod process;
mod report;
mod start;
mod stub;
mod turns;
mod vanish;
mod yardstick;

use std::{process::ExitCode, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use report::Report;

/// How much is measured.
struct Scale {
    rounds: usize,
    /// Of one number of callers.
    long: Duration,
    /// Of the first token, one after the other.
    firsts: usize,
    streams: usize,
    vanishing: u64,
}

const FULL: Scale = Scale { rounds: 3, long: Duration::from_secs(4), firsts: 500, streams: 1000, vanishing: 100_000 };
const SHORT: Scale = Scale { rounds: 1, long: Duration::from_secs(1), firsts: 100, streams: 1000, vanishing: 5000 };

fn main() -> ExitCode {
    let role = std::env::args().nth(1).unwrap_or_default();
    let peer = role == "stub" || role == "yardstick";
    let mut runtime = match peer {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build().unwrap();
    match role.as_str() {
        "stub" => runtime.block_on(stub::run()),
        "yardstick" => runtime.block_on(yardstick::run(std::env::args().nth(2).unwrap())),
        _ => return runtime.block_on(measure()),
    }
    ExitCode::SUCCESS
}

async fn measure() -> ExitCode {
    let descriptors = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: descriptors, maximum: descriptors }).unwrap();
    let scale = if std::env::var_os("AGENTSCOPE_BENCH_SHORT").is_some() { SHORT } else { FULL };
    let only = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect::<Vec<_>>();
    let wants = |part: &str| only.is_empty() || only.iter().any(|name| name == part);

    let peers = peers::Peers::new().await;
    let mut report = Report::default();
    if wants("start") {
        start::measure(&peers, &scale, &mut report).await;
    }
    if wants("turns") {
        turns::measure(&peers, &scale, &mut report).await;
    }
    if wants("first") {
        first::measure(&peers, &scale, &mut report).await;
    }
    if wants("held") {
        held::measure(&peers, &scale, &mut report).await;
    }
    if wants("vanish") {
        vanish::measure(&peers, &scale, &mut report).await;
    }
    report.end()
}
