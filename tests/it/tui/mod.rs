//! `agentscope chat` on a terminal: in a PTY, seen through a VT100 parser.

mod control;
mod moments;
mod remote;
mod screen;
mod terminals;
mod tmux;

use crate::common::{
    TestEnv,
    fake_model::{FakeModel, Reply},
    pty::Pty,
};

/// An agent whose model answers by script; `yaml` is the rest of its file.
fn scripted(yaml: &str, script: Vec<Reply>) -> (TestEnv, FakeModel) {
    let (env, server) = (TestEnv::new(), FakeModel::start(script));
    let model = format!("{{provider: openai-compatible, model: fake, base_url: \"{}\", retries: 0}}", server.url());
    env.write("agent.yaml", format!("name: lead\nmodel: m\nmodels: {{m: {model}}}\n{yaml}"));
    (env, server)
}

/// The chat, once it can be typed into.
fn chat(env: &TestEnv, args: &[&str], columns: u16, rows: u16) -> Pty {
    let args: Vec<_> = ["chat"].iter().chain(args).copied().collect();
    let pty = Pty::start(env.command(&args), columns, rows);
    pty.sees("ask · lead");
    pty
}

/// Ctrl-C, as the terminal sends it.
const CTRL_C: &[u8] = b"\x03";
const ESC: &[u8] = b"\x1b";
