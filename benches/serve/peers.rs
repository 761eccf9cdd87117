//! What is measured: each a server of the same turn.

use std::process::Command;

use crate::process::{Server, free};

/// The fast agent, one that speaks ten times a second, and one in between.
const AGENT: &str = "name: bench
model: quick
instructions: You're a helpful assistant.
models:
  quick: {provider: openai-compatible, model: stub, base_url: \"http://MODEL/20/0/v1\", api_key: none}
  slow: {provider: openai-compatible, model: stub, base_url: \"http://MODEL/50/100/v1\", api_key: none}
  steady: {provider: openai-compatible, model: stub, base_url: \"http://MODEL/20/5/v1\", api_key: none}
agents:
  slow: {description: Speaks slowly, model: slow, instructions: You're a helpful assistant.}
  steady: {description: Speaks steadily, model: steady, instructions: You're a helpful assistant.}
serve: {limits: {concurrency: 4096}}
";
/// The quickstart of the Python runtime.
const RUNTIME: &str = include_str!("runtime.py");

pub struct Peers {
    pub stub: Server,
    pub folder: tempfile::TempDir,
    program: String,
    python: Option<String>,
}

/// One of them, running.
pub struct Peer {
    pub name: &'static str,
    pub server: Server,
    #[expect(dead_code, reason = "held, not read")]
    home: Option<tempfile::TempDir>,
}

impl Peers {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stub = Server::own(&["stub"]);
        std::fs::write(folder.path().join("agent.yaml"), AGENT.replace("MODEL", &stub.address)).unwrap();
        std::fs::write(folder.path().join("runtime.py"), RUNTIME).unwrap();
        let program = std::env::var("AGENTSCOPE_BENCH_BINARY").unwrap_or(env!("CARGO_BIN_EXE_agentscope").to_owned());
        let python = std::env::var("AGENTSCOPE_BENCH_RUNTIME_PYTHON").ok().filter(|python| !python.is_empty());
        if python.is_none() {
            println!("left out: the Python runtime, as AGENTSCOPE_BENCH_RUNTIME_PYTHON names no Python that has it");
        }
        Self { stub, folder, program, python }
    }

    /// All of them.
    pub async fn all(&self) -> Vec<Peer> {
        let mut all = vec![self.yardstick(), self.program().await];
        all.extend(self.runtime().await);
        all
    }

    pub fn yardstick(&self) -> Peer {
        Peer { name: "yardstick", server: Server::own(&["yardstick", &self.stub.address]), home: None }
    }

    /// The program, with sessions of its own.
    pub async fn program(&self) -> Peer {
        let home = tempfile::tempdir().unwrap();
        let address = free();
        let mut command = self.command(&self.program, home.path());
        let port = address.rsplit(':').next().unwrap_or_default();
        command.args(["run", "agent.yaml", "--port", port]).env("AGENTSCOPE_HOME", home.path());
        Peer { name: "agentscope", server: Server::start(command, address).await, home: Some(home) }
    }

    pub async fn runtime(&self) -> Option<Peer> {
        let python = self.python.as_ref()?;
        let home = tempfile::tempdir().unwrap();
        let address = free();
        let mut command = self.command(python, home.path());
        command.arg("runtime.py").env("PORT", address.rsplit(':').next().unwrap_or_default());
        command.env("OPENAI_BASE_URL", format!("http://{}/20/0/v1", self.stub.address));
        Some(Peer { name: "Python runtime", server: Server::start(command, address).await, home: Some(home) })
    }

    fn command(&self, program: &str, home: &std::path::Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear().env("HOME", home);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LANG", "C.UTF-8");
        command
    }
}
