//! What it takes to make an image of an agent, to send it and to let it run here, beside `docker build` and `docker push`
//! of an equivalent image, in one run: `dev/bench deploy` sets up the engine and the registry, and starts this.
//!
//! Each round changes the agent file and nothing else, as a developer does, and measures everything once. Times are of
//! whole commands.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench prints, what fails ends it, and it has an environment of its own"
)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const ROUNDS: usize = 20;

/// The equivalent of what `agentscope build` makes.
const DOCKERFILE: &str = "FROM scratch\nCOPY agentscope /usr/bin/agentscope\nCOPY agent.yaml /agent/agent.yaml\n\
    ENTRYPOINT [\"/usr/bin/agentscope\"]\nCMD [\"run\", \"/agent/agent.yaml\"]\nUSER 65532:65532\n";

struct Bench {
    program: PathBuf,
    folder: tempfile::TempDir,
    rows: Vec<(&'static str, Vec<Duration>)>,
}

fn main() {
    let program = std::env::var("AGENTSCOPE_BENCH_BINARY").unwrap_or(env!("CARGO_BIN_EXE_agentscope").to_owned());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Dockerfile"), DOCKERFILE).unwrap();
    std::fs::copy(&program, folder.path().join("agentscope")).unwrap();
    let mut bench = Bench { program: program.into(), folder, rows: vec![] };
    let engine = std::env::var_os("DOCKER_HOST").is_some();
    let registry = std::env::var("AGENTSCOPE_BENCH_REGISTRY").ok();
    // The first time everything is packed, and sent; that is not what is done all day.
    for round in 0..=ROUNDS {
        if round == 1 {
            bench.rows.clear();
        }
        bench.change(round);
        if engine {
            bench.ours("build, into the engine", &["build", "agent.yaml", "--tag", "bench/ours:1"]);
            bench.docker("docker build", &["build", "--quiet", "--tag", "bench/theirs:1", "."]);
        }
        if let Some(host) = &registry {
            bench.ours("build --push", &["build", "agent.yaml", "--push", &format!("{host}/bench/ours:1")]);
            if engine {
                let name = format!("{host}/bench/theirs:1");
                bench.docker("docker build and push", &["build", "--quiet", "--tag", &name, "."]);
                bench.docker("docker build and push", &["push", "--quiet", &name]);
            }
        }
        bench.ours("deploy local, new", &["deploy", "local", "--name", "new"]);
        bench.quiet(&["rm", "local/new", "--purge"]);
        bench.ours("deploy local, changed", &["deploy", "local", "--name", "changed"]);
    }
    bench.quiet(&["rm", "local/changed", "--purge"]);
    bench.print();
}

impl Bench {
    fn at(&self) -> &Path {
        self.folder.path()
    }

    fn change(&self, round: usize) {
        let text = format!("name: bench\nmodel: demo\ndescription: round {round}\n");
        std::fs::write(self.at().join("agent.yaml"), text).unwrap();
    }

    fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env("AGENTSCOPE_HOME", self.at().join("home"));
        command.env("AGENTSCOPE_RUNTIME_BINARY", &self.program);
        command
    }

    fn ours(&mut self, name: &'static str, args: &[&str]) {
        let command = self.program(args);
        self.timed(name, command);
    }

    fn docker(&mut self, name: &'static str, args: &[&str]) {
        let mut command = Command::new("docker");
        // The builder that needs nothing besides the engine.
        command.args(args).env("DOCKER_BUILDKIT", "0");
        self.timed(name, command);
    }

    fn quiet(&self, args: &[&str]) {
        assert!(self.program(args).current_dir(self.at()).stdout(Stdio::null()).status().unwrap().success());
    }

    /// Of one name twice in a round the times are added.
    fn timed(&mut self, name: &'static str, mut command: Command) {
        let started = Instant::now();
        let done = command.current_dir(self.at()).stdin(Stdio::null()).output().unwrap();
        let took = started.elapsed();
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        match self.rows.iter_mut().find(|(row, _)| *row == name) {
            Some((_, times)) if name == "docker build and push" && command.get_args().any(|arg| arg == "push") => {
                *times.last_mut().unwrap() += took;
            }
            Some((_, times)) => times.push(took),
            None => self.rows.push((name, vec![took])),
        }
    }

    fn print(&mut self) {
        println!("{:<24} {:>8} {:>8} {:>8}", "of a changed agent, ms", "min", "p50", "max");
        for (name, times) in &mut self.rows {
            times.sort_unstable();
            let ms = |time: Duration| time.as_secs_f64() * 1000.0;
            let (least, most) = (times[0], times[times.len() - 1]);
            println!("{name:<24} {:>8.0} {:>8.0} {:>8.0}", ms(least), ms(times[times.len() / 2]), ms(most));
        }
    }
}
