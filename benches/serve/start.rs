//! From start to ready, and what a server has that nobody asks.

use std::time::Duration;

use crate::{
    Scale,
    peers::{Peer, Peers},
    report::{Bound, Report, median, ms},
};

/// After that, nothing more of the start is to come.
const REST: Duration = Duration::from_secs(2);

pub async fn measure(peers: &Peers, scale: &Scale, report: &mut Report) {
    println!("\n{:<16} {:>9} {:>10}", "start and rest", "ready ms", "idle MiB");
    let (mut ready, mut idle) = (vec![], vec![]);
    for _ in 0..scale.rounds * 3 {
        ready.push(ms(peers.program().await.server.ready));
    }
    for _ in 0..scale.rounds {
        let peer = peers.program().await;
        idle.push(rested(&peer).await);
    }
    let (ready, idle) = (median(ready), median(idle));
    println!("{:<16} {ready:>9.1} {idle:>10.1}", "agentscope");
    if let Some(peer) = peers.runtime().await {
        println!("{:<16} {:>9.1} {:>10.1}", peer.name, ms(peer.server.ready), rested(&peer).await);
    }
    report.wanted("ready, ms from its start to its first 200", ready, Bound::AtMost(100.0));
    report.wanted("idle, MiB", idle, Bound::AtMost(25.0));
}

async fn rested(peer: &Peer) -> f64 {
    tokio::time::sleep(REST).await;
    peer.server.memory()
}
