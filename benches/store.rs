//! How many turns a second the session store can serve: `cargo bench --bench store`.
//!
//! A turn is what the agent asks of the store: open a session, save the user's message, save the answer, let go. A
//! session has ten turns. Beside it, in the same run, what SQLite does for the two `INSERT`s of a turn and nothing else,
//! each committed by itself, from one thread.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and what fails ends it")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use agentscope::{
    domain::{Message, SessionId, SessionKey},
    store::{MemoryStore, NewSession, SqliteStore, Store},
};

const CALLERS: [usize; 3] = [1, 16, 64];
const LONG: Duration = Duration::from_secs(3);
const TURNS_OF_A_SESSION: usize = 10;
/// An answer of twenty tokens, as the speed of the server is measured with.
const ANSWER: &str = "The quick brown fox jumps over the lazy dog, and then it sleeps under an old oak tree. ";

#[tokio::main]
async fn main() {
    println!("{:<8} {:>8} {:>9} {:>8} {:>8} {:>12}", "store", "callers", "turns/s", "p50 ms", "p99 ms", "CPU us/turn");
    let folder = tempfile::tempdir().unwrap();
    let yardstick = inserts(&folder.path().join("yardstick.db"));
    println!("{:<8} {:>8} {yardstick:>9.0}", "INSERT", 1);
    for callers in CALLERS {
        let path = folder.path().join(format!("{callers}.db"));
        row("sqlite", Arc::new(SqliteStore::at(&path)), callers).await;
    }
    for callers in CALLERS {
        row("memory", Arc::new(MemoryStore::new()), callers).await;
    }
}

/// What `callers` do in the given time.
async fn row(name: &str, store: Arc<dyn Store>, callers: usize) {
    let (end, before) = (Instant::now() + LONG, cpu());
    let running: Vec<_> = (0..callers).map(|_| tokio::spawn(caller(Arc::clone(&store), end))).collect();
    let mut times = vec![];
    for caller in running {
        times.extend(caller.await.unwrap());
    }
    times.sort_unstable();
    let cpu = (cpu() - before).as_secs_f64() * 1e6 / times.len() as f64;
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let rate = times.len() as f64 / LONG.as_secs_f64();
    println!("{name:<8} {callers:>8} {rate:>9.0} {:>8.2} {:>8.2} {cpu:>12.0}", at(50), at(99));
}

/// What this process has had of the processors, which a busy machine changes less than the time it took. In the
/// hundredths of a second of `/proc/PID/stat`, fields 14 and 15; nothing where there is no such file.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    Duration::from_millis(fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

async fn caller(store: Arc<dyn Store>, end: Instant) -> Vec<Duration> {
    let mut times = vec![];
    loop {
        let key = SessionKey { user: "bench".to_owned(), session: SessionId::new() };
        for _ in 0..TURNS_OF_A_SESSION {
            let start = Instant::now();
            if start >= end {
                return times;
            }
            turn(&*store, &key).await;
            times.push(start.elapsed());
        }
    }
}

async fn turn(store: &dyn Store, key: &SessionKey) {
    let new = NewSession { agent: "assistant".to_owned(), source: None };
    let _opened = store.open_session(key, &new).await.unwrap();
    store.append(key, &[Message::user("What does the fox do?")]).await.unwrap();
    store.append(key, &[Message::assistant(ANSWER)]).await.unwrap();
}

/// Turns a second of bare SQLite.
fn inserts(path: &Path) -> f64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = normal; CREATE TABLE m (m TEXT)")
        .unwrap();
    let mut insert = connection.prepare("INSERT INTO m VALUES (?1)").unwrap();
    let start = Instant::now();
    let mut turns = 0;
    while start.elapsed() < LONG {
        insert.execute(["What does the fox do?"]).unwrap();
        insert.execute([ANSWER]).unwrap();
        turns += 1;
    }
    f64::from(turns) / start.elapsed().as_secs_f64()
}
