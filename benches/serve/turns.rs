//! Streamed turns of twenty tokens a second, sessions saved.

use std::time::{Duration, Instant};

use crate::{
    Scale,
    load::{Ask, Caller},
    peers::{Peer, Peers},
    report::{Bound, Report, median, ms, percentile},
};

const CALLERS: [usize; 3] = [1, 16, 64];
const TOKENS: usize = 20;

/// What one system did with so many callers.
#[derive(Default)]
struct Row {
    rates: Vec<f64>,
    cpu: Vec<f64>,
    took: Vec<Duration>,
    memory: f64,
}

pub async fn measure(peers: &Peers, scale: &Scale, report: &mut Report) {
    let all = peers.all().await;
    for peer in &all {
        // What is done once only is done by now.
        round(peer, 1, scale.long / 4, report).await;
    }
    println!(
        "\n{:<16} {:>7} {:>8} {:>7} {:>7} {:>11} {:>6} {:>13}",
        "turns", "callers", "turns/s", "p50 ms", "p99 ms", "CPU ms/turn", "MiB", "of yardstick"
    );
    for callers in CALLERS {
        let mut rows: Vec<Row> = all.iter().map(|_| Row::default()).collect();
        for _ in 0..scale.rounds {
            for (peer, row) in all.iter().zip(&mut rows) {
                row.add(round(peer, callers, scale.long, report).await);
            }
        }
        let rates: Vec<f64> = rows.iter().map(|row| median(row.rates.clone())).collect();
        for ((peer, row), rate) in all.iter().zip(rows).zip(&rates) {
            row.print(peer.name, callers, *rate, rate / rates[0]);
        }
        if callers == 16 {
            report.wanted("turns a second at 16 callers, of the yardstick's", rates[1] / rates[0], Bound::AtLeast(0.5));
            if let Some(runtime) = rates.get(2) {
                report.wanted("the same, of the Python runtime's", rates[1] / runtime, Bound::AtLeast(100.0));
            }
        }
    }
}

impl Row {
    fn add(&mut self, other: Self) {
        self.rates.extend(other.rates);
        self.cpu.extend(other.cpu);
        self.took.extend(other.took);
        self.memory = self.memory.max(other.memory);
    }

    fn print(mut self, name: &str, callers: usize, rate: f64, ratio: f64) {
        let (half, most) = (ms(percentile(&mut self.took, 50.0)), ms(percentile(&mut self.took, 99.0)));
        let (cpu, memory) = (median(self.cpu), self.memory);
        println!("{name:<16} {callers:>7} {rate:>8.0} {half:>7.2} {most:>7.2} {cpu:>11.3} {memory:>6.0} {ratio:>13.3}");
    }
}

/// What `callers` get in the given time.
async fn round(peer: &Peer, callers: usize, long: Duration, report: &mut Report) -> Row {
    static ROUND: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let round = ROUND.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    peer.server.forget_peak();
    let (before, began) = (peer.server.cpu(), Instant::now());
    let asking: Vec<_> = (0..callers)
        .map(|number| {
            let caller = Caller::new(&peer.server.address, format!("turns-{round}-{number}"));
            tokio::spawn(keep_asking(caller, began + long))
        })
        .collect();
    let mut took = vec![];
    for caller in asking {
        match caller.await.unwrap() {
            Ok(times) => took.extend(times),
            Err(error) => report.broken(&format!("{}: {error}", peer.name)),
        }
    }
    let turns = took.len().max(1) as f64;
    Row {
        rates: vec![took.len() as f64 / began.elapsed().as_secs_f64()],
        cpu: vec![ms(peer.server.cpu() - before) / turns],
        took,
        memory: peer.server.peak(),
    }
}

async fn keep_asking(mut caller: Caller, end: Instant) -> Result<Vec<Duration>, String> {
    let ask = Ask::process("/process", TOKENS);
    let mut took = vec![];
    while Instant::now() < end {
        took.push(caller.ask(&ask).await?.took);
    }
    Ok(took)
}
