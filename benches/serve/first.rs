//! How much later the first token is there than from the model server itself.

use std::time::Duration;

use crate::{
    Scale,
    load::{Ask, Caller},
    peers::Peers,
    report::{Bound, Report, ms, percentile},
};

pub async fn measure(peers: &Peers, scale: &Scale, report: &mut Report) {
    let (yardstick, program) = (peers.yardstick(), peers.program().await);
    let (model, process) = (Ask::model("/20/0/v1/chat/completions", 20), Ask::process("/process", 20));
    let caller = |address: &str| Caller::new(address, "first".to_owned());
    let mut systems = [
        ("model server", caller(&peers.stub.address), &model, vec![]),
        (yardstick.name, caller(&yardstick.server.address), &process, vec![]),
        (program.name, caller(&program.server.address), &process, vec![]),
    ];
    // The first tenth is to get warm.
    for number in 0..scale.firsts + scale.firsts / 10 {
        for (name, caller, ask, firsts) in &mut systems {
            match caller.ask(ask).await {
                Ok(answer) if number >= scale.firsts / 10 => firsts.push(answer.first),
                Ok(_) => {}
                Err(error) => report.broken(&format!("{name}: {error}")),
            }
        }
    }
    println!("\n{:<16} {:>8} {:>8} {:>12}", "first token", "p50 ms", "p99 ms", "overhead ms");
    let mut direct = Duration::ZERO;
    for (name, _, _, firsts) in &mut systems {
        let (half, most) = (percentile(firsts, 50.0), percentile(firsts, 99.0));
        direct = if *name == "model server" { half } else { direct };
        let overhead = ms(half) - ms(direct);
        println!("{name:<16} {:>8.3} {:>8.3} {overhead:>12.3}", ms(half), ms(most));
        if *name == program.name {
            report.wanted("first token, ms later than from the model server", overhead, Bound::AtMost(1.0));
        }
    }
}
