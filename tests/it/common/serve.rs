//! `agentscope run` on a port of its own, ended with the test.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    time::Duration,
};

use serde_json::Value;

use super::TestEnv;

/// A server that runs.
pub struct Server {
    pub env: Arc<TestEnv>,
    /// Such as `http://127.0.0.1:40123`.
    pub url: String,
    pub client: reqwest::Client,
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Server {
    /// Serves the agent file `yaml`.
    #[must_use]
    pub fn start(yaml: &str) -> Self {
        Self::start_in(TestEnv::new(), yaml, &[])
    }

    /// The same in `env`, with more arguments.
    #[must_use]
    pub fn start_in(env: TestEnv, yaml: &str, more: &[&str]) -> Self {
        Self::start_verb(env, yaml, "run", more)
    }

    /// The same with another verb.
    #[must_use]
    pub fn start_verb(env: TestEnv, yaml: &str, verb: &str, more: &[&str]) -> Self {
        env.write("agent.yaml", yaml);
        let mut args = vec![verb, "agent.yaml", "--port", "0"];
        args.extend(more);
        let command = env.command(&args);
        Self::spawn(env, command)
    }

    /// One more server of the same agent, on the same store.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::spawn(Arc::clone(&self.env), self.env.command(&["run", "agent.yaml", "--port", "0"]))
    }

    /// Killed without a word, and started again.
    #[must_use]
    pub fn killed(mut self) -> Self {
        self.child.kill().unwrap();
        self.wait();
        self.another()
    }

    /// Told to end, and started again.
    #[must_use]
    pub fn restarted(mut self) -> Self {
        self.signal("TERM");
        self.wait();
        self.another()
    }

    /// The same by a command of the test's own.
    #[must_use]
    pub fn spawn(env: impl Into<Arc<TestEnv>>, mut command: Command) -> Self {
        let env = env.into();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (send, log) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut said = vec![];
        let url = loop {
            let line = log.recv_timeout(Duration::from_mins(1)).unwrap_or_else(|_| panic!("no server: {said:?}"));
            match line.strip_prefix("listening on ") {
                Some(url) => break url.to_owned(),
                None => said.push(line),
            }
        };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { env, url, client, child, log }
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on standard error since the last time.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    /// The same of one that has ended, or will.
    #[must_use]
    pub fn last_words(&self) -> Vec<String> {
        self.log.iter().collect()
    }

    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Status and body.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.client.get(self.at(path)).send().await.unwrap()).await
    }

    /// Status and body of JSON there and back.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.client.post(self.at(path)).json(body).send().await.unwrap()).await
    }

    /// The answer as it came over the wire.
    pub async fn post_text(&self, path: &str, body: &Value) -> String {
        self.client.post(self.at(path)).json(body).send().await.unwrap().text().await.unwrap()
    }

    /// The `data` of each event of a stream, those that are JSON.
    pub async fn events(&self, path: &str, body: &Value) -> Vec<Value> {
        data(&self.post_text(path, body).await)
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end; the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// The `data` of each event of a stream, those that are JSON.
#[must_use]
pub fn data(stream: &str) -> Vec<Value> {
    stream.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}
