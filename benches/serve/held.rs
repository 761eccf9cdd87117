//! Streams that are held: fifty tokens each, one every 100 ms, all at once.

use std::time::{Duration, Instant};

use crate::{
    Scale,
    load::{Answer, Ask, Caller},
    peers::Peers,
    process::Server,
    report::{Bound, Report, ms, percentile},
};

const TOKENS: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);
/// They begin one after the other, within this.
const RAMP: Duration = Duration::from_secs(2);

pub async fn measure(peers: &Peers, scale: &Scale, report: &mut Report) {
    println!(
        "\n{:<16} {:>7} {:>8} {:>17} {:>14} {:>14} {:>9}",
        "held streams", "streams", "wall s", "first p99 ms", "jitter p50 ms", "jitter p99 ms", "peak MiB"
    );
    let model = Ask::model("/50/100/v1/chat/completions", TOKENS);
    let process = Ask::process("/agents/slow/process", TOKENS);
    let _ = row("model server", &peers.stub, &model, scale.streams, report).await;
    let yardstick = peers.yardstick();
    let _ = row(yardstick.name, &yardstick.server, &process, scale.streams, report).await;
    drop(yardstick);
    let program = peers.program().await;
    let (jitter, peak) = row(program.name, &program.server, &process, scale.streams, report).await;
    report.wanted("1,000 held streams, p99 jitter in ms", jitter, Bound::AtMost(20.0));
    report.wanted("1,000 held streams, peak MiB", peak, Bound::AtMost(100.0));
}

async fn row(name: &str, server: &Server, ask: &Ask, streams: usize, report: &mut Report) -> (f64, f64) {
    server.forget_peak();
    let began = Instant::now();
    let step = RAMP / u32::try_from(streams).unwrap();
    let asking: Vec<_> = (0..streams)
        .map(|number| {
            let (mut caller, ask) = (Caller::new(&server.address, format!("held-{number}")), ask.clone());
            let start = began + step * u32::try_from(number).unwrap();
            tokio::spawn(async move {
                tokio::time::sleep_until(start.into()).await;
                caller.ask(&ask).await
            })
        })
        .collect();
    let (mut firsts, mut jitter) = (vec![], vec![]);
    for asked in asking {
        match asked.await.unwrap() {
            Ok(Answer { first, gaps, .. }) => {
                firsts.push(first);
                jitter.extend(gaps.into_iter().map(|gap| gap.abs_diff(PAUSE)));
            }
            Err(error) => report.broken(&format!("{name}, held: {error}")),
        }
    }
    let (wall, peak) = (began.elapsed().as_secs_f64(), server.peak());
    let first = ms(percentile(&mut firsts, 99.0));
    let (half, most) = (ms(percentile(&mut jitter, 50.0)), ms(percentile(&mut jitter, 99.0)));
    println!("{name:<16} {streams:>7} {wall:>8.1} {first:>17.1} {half:>14.2} {most:>14.2} {peak:>9.0}");
    (most, peak)
}
