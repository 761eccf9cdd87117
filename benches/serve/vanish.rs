//! Callers that go away: in the middle of their request, before the answer, in the middle of it; with a goodbye and
//! without. What is left of them afterwards must be nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::{
    Scale,
    load::{Ask, Caller},
    peers::Peers,
    process::Server,
    report::{Bound, Report},
};

const CALLERS: u64 = 128;
/// By then everything of them should be gone.
const GONE: Duration = Duration::from_secs(30);
/// Ports end: each address has so many of its own.
const ADDRESSES: u64 = 200;

/// What the server says is going on.
#[derive(Debug, PartialEq)]
struct InFlight {
    running: u64,
    waiting: u64,
    tasks: u64,
}

pub async fn measure(peers: &Peers, scale: &Scale, report: &mut Report) {
    let program = peers.program().await;
    let server = &program.server;
    let before = (in_flight(server).await, server.descriptors());
    let model = peers.stub.descriptors();
    // What is made once and kept, such as room for so many at once, is made by the first tenth.
    vanish(server, scale.vanishing / 10).await;
    settled(server, before.0.tasks).await;
    let (warm, began) = (server.memory(), Instant::now());
    vanish(server, scale.vanishing).await;
    let took = began.elapsed().as_secs_f64();
    let after = settled(server, before.0.tasks).await;
    let memory = server.memory();

    println!(
        "\n{:<24} {:>9} {:>9} {:>9} {:>12} {:>8}",
        "callers that vanish", "turns", "waiting", "tasks", "descriptors", "MiB"
    );
    let row = |name: &str, seen: &InFlight, descriptors: usize, memory: f64| {
        let InFlight { running, waiting, tasks } = seen;
        println!("{name:<24} {running:>9} {waiting:>9} {tasks:>9} {descriptors:>12} {memory:>8.1}");
    };
    row("before", &before.0, before.1, warm);
    row(&format!("after {} in {took:.0} s", scale.vanishing), &after, server.descriptors(), memory);
    // Each connection to the model server that waits for the next turn is a task, too.
    let kept = peers.stub.descriptors().saturating_sub(model) as u64;
    if after.running + after.waiting > 0 || after.tasks > before.0.tasks + kept + 4 {
        report.broken(&format!("what vanished left something behind: {before:?}, then {after:?}"));
    }
    let mut caller = Caller::new(&server.address, "after".to_owned());
    for _ in 0..100 {
        if let Err(error) = caller.ask(&Ask::process("/process", 20)).await {
            report.broken(&format!("after callers vanished: {error}"));
        }
    }
    report.wanted("memory after callers vanished, of that before", memory / warm, Bound::AtMost(1.15));
}

/// So many callers, one after the other, many at once.
async fn vanish(server: &Server, count: u64) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let (left, address) = (Arc::new(AtomicU64::new(count)), server.address.clone());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (left, address) = (Arc::clone(&left), address.clone());
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    // Whether it got so far is no matter.
                    let _ = once(&address, NUMBER.fetch_add(1, Ordering::Relaxed)).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}

/// A request whose caller goes away somewhere.
async fn once(address: &str, number: u64) -> std::io::Result<()> {
    let mut dice = Dice(number);
    let mut stream = connect(address, number).await?;
    let ask = Ask::process("/agents/steady/process", 20);
    let body = ask.body(&format!("vanish-{number}"));
    let (path, length) = (ask.path.path(), body.len());
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    // One in eight does not say all of it.
    let said = if dice.below(8) == 0 { dice.below(request.len() as u64) as usize } else { request.len() };
    stream.write_all(&request.as_bytes()[..said]).await?;
    match dice.below(4) {
        0 => {}
        1 => tokio::time::sleep(Duration::from_micros(dice.below(20_000))).await,
        // The answer has some six thousand bytes.
        _ if said == request.len() => read(&mut stream, dice.below(6000)).await?,
        _ => {}
    }
    if dice.below(2) == 0 {
        // Gone as a machine is that lost its power.
        stream.set_zero_linger()?;
    }
    Ok(())
}

async fn connect(address: &str, number: u64) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let last = u8::try_from(2 + number % ADDRESSES).unwrap_or(2);
    socket.bind(([127, 0, 0, last], 0).into())?;
    socket.connect(address.parse().unwrap()).await
}

async fn read(stream: &mut TcpStream, mut bytes: u64) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    while bytes > 0 {
        let read = stream.read(&mut buffer).await? as u64;
        if read == 0 {
            break;
        }
        bytes = bytes.saturating_sub(read);
    }
    Ok(())
}

/// Waits until nothing runs, and gives what is left.
async fn settled(server: &Server, tasks: u64) -> InFlight {
    let began = Instant::now();
    loop {
        let seen = in_flight(server).await;
        let over = seen.running + seen.waiting == 0 && seen.tasks <= tasks + CALLERS;
        if over || began.elapsed() > GONE {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn in_flight(server: &Server) -> InFlight {
    let metrics = server.get("/metrics").await.unwrap_or_default();
    let gauge = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(u64::MAX / 4)
    };
    InFlight {
        running: gauge("agentscope_turns_running"),
        waiting: gauge("agentscope_turns_waiting"),
        tasks: gauge("agentscope_runtime_tasks"),
    }
}

/// Numbers that look random and are the same in every run (the generator `splitmix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most.max(1)
    }
}
