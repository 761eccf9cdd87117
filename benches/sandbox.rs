//! What a sandbox costs, beside its peers, in one run: `dev/bench` sets them up and starts this.
//!
//! Each round measures everything once, so that a noisy machine is noisy for all. Peers that are not there are left
//! out, by name. Times are of whole calls, from the caller's side.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench prints, and has an environment of its own"
)]

use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use agentscope::{
    config::{Env, Paths},
    sandbox::{
        BackendKind, LocalBackend, Quiet, Sandbox, SandboxBackend, SandboxSpec, Sandboxes,
        wire::{CellEvent, CellSpec, ExecSpec},
    },
};

/// Of what takes milliseconds.
const ROUNDS: usize = 200;
/// Of what takes up to a second: every so many rounds.
const SLOW: usize = 10;
const AT_ONCE: usize = 100;

#[tokio::main]
async fn main() {
    let program = std::env::var("AGENTSCOPE_BENCH_BINARY").unwrap_or(env!("CARGO_BIN_EXE_agentscope").to_owned());
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::new(&Env::fake(home.path(), &[("AGENTSCOPE_HOME", home.path().to_str().unwrap())]));
    let backend: Arc<dyn SandboxBackend> =
        Arc::new(LocalBackend::new(paths.state.join("sandboxes"), program.clone().into()));
    let all = Sandboxes::new(&paths, vec![backend]);

    let live = all.create(spec(), None, &Quiet).await.unwrap();
    cell(&live).await;
    let mut bench = Bench { all: &all, live: &live, program, home: home.path().to_owned(), rows: vec![] };
    for round in 0..ROUNDS {
        bench.round(round % SLOW == 0).await;
    }
    bench.print();
    live_and_let_die(&all, live).await;
    at_once(&all).await;
}

fn spec() -> SandboxSpec {
    SandboxSpec::new(BackendKind::Local, "bench")
}

struct Bench<'a> {
    all: &'a Sandboxes,
    live: &'a Sandbox,
    program: String,
    home: std::path::PathBuf,
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    times: Vec<Duration>,
}

impl Bench<'_> {
    async fn round(&mut self, slow: bool) {
        self.spawned("bare spawn", &mut Command::new("/bin/true"));
        self.spawned("bwrap", Command::new("bwrap").args(BWRAP));
        let mut command = Command::new(&self.program);
        command.args(["sandbox", "run", "--", "/bin/true"]).env("AGENTSCOPE_HOME", self.home.join("cli"));
        self.spawned("sandbox run -- CMD", &mut command);
        if slow && let (Ok(host), Ok(image)) = (std::env::var("DOCKER_HOST"), std::env::var("AGENTSCOPE_TEST_IMAGE")) {
            self.spawned(
                "docker run --rm",
                Command::new("docker").args(["--host", &host, "run", "--rm", &image, "/bin/true"]),
            );
        }

        let start = Instant::now();
        let sandbox = self.all.create(spec(), None, &Quiet).await.unwrap();
        exec(&sandbox).await;
        self.add("create to first exec", start.elapsed());
        let start = Instant::now();
        self.all.remove(sandbox.id()).await.unwrap();
        self.add("remove", start.elapsed());

        let start = Instant::now();
        exec(self.live).await;
        self.add("exec in a live one", start.elapsed());
        let start = Instant::now();
        cell(self.live).await;
        self.add("Python cell", start.elapsed());
    }

    /// The whole life of a process; nothing where there is no such program.
    fn spawned(&mut self, name: &'static str, command: &mut Command) {
        let start = Instant::now();
        match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).status() {
            Ok(status) => {
                assert!(status.success(), "{name}: {status}");
                self.add(name, start.elapsed());
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{name}: {error}"),
        }
    }

    fn add(&mut self, name: &'static str, time: Duration) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.times.push(time),
            None => self.rows.push(Row { name, times: vec![time] }),
        }
    }

    fn median(&self, name: &str) -> Option<f64> {
        self.rows.iter().find(|row| row.name == name).map(|row| row.at(0.5))
    }

    fn print(&mut self) {
        println!("{:<22} {:>5} {:>9} {:>9} {:>9} {:>9}   ms", "", "n", "min", "p50", "p90", "p99");
        for row in &mut self.rows {
            row.times.sort_unstable();
            let [min, p50, p90, p99] = [0.0, 0.5, 0.9, 0.99].map(|share| row.at(share));
            println!("{:<22} {:>5} {min:>9.2} {p50:>9.2} {p90:>9.2} {p99:>9.2}", row.name, row.times.len());
        }
        let p50 = |name: &str| self.median(name).unwrap_or(f64::NAN);
        let bare = p50("bare spawn");
        println!("\nat the median                              measured    wanted");
        println!("create to first exec, ms                  {:>9.2}      <= 10", p50("create to first exec"));
        println!("sandbox run, over CMD, ms                 {:>9.2}      <= 15", p50("sandbox run -- CMD") - bare);
        println!("exec in a live one, over a bare spawn, ms {:>9.2}      <= 3", p50("exec in a live one") - bare);
        println!("Python cell, ms                           {:>9.2}      <= 3", p50("Python cell"));
        if let Some(docker) = self.median("docker run --rm") {
            println!(
                "docker run / create to first exec         {:>8.0}x      >= 50",
                docker / p50("create to first exec")
            );
            println!(
                "docker run / exec in a live one           {:>8.0}x      >= 100",
                docker / p50("exec in a live one")
            );
        }
        if let Some(bwrap) = self.median("bwrap") {
            println!("bwrap / create to first exec              {:>8.1}x", bwrap / p50("create to first exec"));
        }
    }
}

impl Row {
    /// In milliseconds; of sorted times.
    fn at(&self, share: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let index = ((self.times.len() - 1) as f64 * share).round() as usize;
        self.times[index].as_secs_f64() * 1000.0
    }
}

/// What a sandbox of ours has, as far as it goes there.
const BWRAP: &[&str] = &[
    "--unshare-all",
    "--die-with-parent",
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/bin",
    "/bin",
    "--symlink",
    "usr/lib",
    "/lib",
    "--symlink",
    "usr/lib64",
    "/lib64",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
    "/bin/true",
];

async fn exec(sandbox: &Sandbox) {
    let spec = ExecSpec { argv: vec!["/bin/true".into()], ..ExecSpec::default() };
    let ran = sandbox.client().unwrap().exec(&spec).await.unwrap().collect(1 << 10).await.unwrap();
    assert_eq!(ran.status.code, Some(0));
}

async fn cell(sandbox: &Sandbox) {
    let spec = CellSpec { code: "1 + 1".into(), timeout: None };
    let mut cell = sandbox.client().unwrap().cell(&spec).await.unwrap();
    let mut said = String::new();
    while let Some(event) = cell.next().await {
        if let CellEvent::Stdout(text) = event.unwrap() {
            said += &text;
        }
    }
    assert!(said.contains('2'), "{said}");
}

async fn live_and_let_die(all: &Sandboxes, live: Sandbox) {
    let id = live.id().clone();
    drop(live);
    all.remove(&id).await.unwrap();
}

async fn at_once(all: &Sandboxes) {
    let start = Instant::now();
    let creates = (0..AT_ONCE).map(|_| {
        let all = all.clone();
        tokio::spawn(async move {
            let sandbox = all.create(spec(), None, &Quiet).await?;
            exec(&sandbox).await;
            all.remove(sandbox.id()).await
        })
    });
    let ended = futures_util::future::join_all(creates.collect::<Vec<_>>()).await;
    let failed = ended.iter().filter(|result| !matches!(result, Ok(Ok(())))).count();
    println!("\n{AT_ONCE} at once, create to exec to remove: {:.2} s, {failed} failed", start.elapsed().as_secs_f64());
}
