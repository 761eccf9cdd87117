//! `agentscope chat`, as people and scripts use it.

mod commands;
mod events;
mod lines;
mod one_shot;
#[cfg(unix)]
mod plain;
#[cfg(unix)]
mod process;
mod team;

use crate::common::{
    TestEnv,
    fake_model::{FakeModel, Reply},
};

/// An agent that runs anywhere.
const AGENT: &str = "name: tester\nmodel: demo/demo\ntools: [todo, memory]\n";

/// An agent whose model answers by script; `yaml` is the rest of its file.
fn scripted(yaml: &str, script: Vec<Reply>) -> (TestEnv, FakeModel) {
    let (env, server) = (TestEnv::new(), FakeModel::start(script));
    let model = format!("{{provider: openai-compatible, model: fake, base_url: \"{}\", retries: 0}}", server.url());
    env.write("agent.yaml", format!("name: lead\nmodel: m\nmodels: {{m: {model}}}\n{yaml}"));
    (env, server)
}
