//! `agentscope deploy` and what becomes of what it makes, on a real container engine.

mod docker;
mod faults;
mod knative;
mod kubernetes;
mod kubernetes_faults;
mod local;
mod plan;
mod tools;

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::common::{
    Output, TestEnv,
    engine::{Engine, unique},
};

/// A home on the engine, and one deployment of it that is gone afterwards.
struct Home {
    engine: Engine,
    env: TestEnv,
    name: String,
}

impl Home {
    /// `None` where there is no engine, and the test is skipped.
    fn find() -> Option<Self> {
        let engine = Engine::with_bridge()?;
        let env = engine.env().var("GREETING", "hello-token");
        let this = Self { name: format!("it-{}", unique()), env, engine };
        Self::share_layers(&this.env.home());
        Some(this)
    }

    /// Packing a debug build takes long: its layer is kept from one test to the next.
    fn share_layers(home: &Path) {
        let shared = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("images");
        std::fs::create_dir_all(&shared).unwrap();
        std::fs::create_dir_all(home.join("cache")).unwrap();
        std::os::unix::fs::symlink(shared, home.join("cache/images")).unwrap();
    }

    /// An agent file of this name, with `more` in it.
    fn agent(&self, more: &str) {
        self.env.write("agent.yaml", format!("name: {}\nmodel: demo\n{more}", self.name));
    }

    fn run(&self, args: &[&str]) -> Output {
        self.env.run(args)
    }

    fn shown(&self, output: &Output) -> String {
        let hashes = |text: &str, before: &str, shown: &str| -> String {
            let mut parts = text.split(before);
            let first = parts.next().unwrap_or_default().to_owned();
            let rest = |part: &str| part.trim_start_matches(|c: char| c.is_ascii_hexdigit()).to_owned();
            parts.fold(first, |out, part| out + before + shown + &rest(part))
        };
        // Whether it was packed before is another test's doing.
        let text = output.to_string().replace("packing our executable\n", "");
        let text = hashes(&text.replace(&self.name, "[NAME]"), "sha256:", "[HASH]");
        hashes(&text, "agentscope/[NAME]:", "[TAG]")
    }

    /// Deploys, and says what came of it.
    fn deploy(&self, args: &[&str]) -> Value {
        let output = self.run(&[&["deploy", "docker", "-o", "json"], args].concat());
        assert_eq!(output.code, Some(0), "{output}");
        serde_json::from_str(&output.stdout).unwrap()
    }

    fn status(&self) -> Value {
        let output = self.run(&["status", &self.name, "-o", "json"]);
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output}"))
    }

    /// Everything of the deployment on the engine.
    fn things(&self) -> String {
        let label = format!("label=agentscope.deployment={}", self.name);
        let containers =
            self.engine.docker(&["ps", "-a", "--format", "{{.Names}} {{.ID}} {{.Status}}", "--filter", &label]);
        let volumes = self.engine.docker(&["volume", "ls", "--format", "{{.Name}}", "--filter", &label]);
        format!("{containers}\n{volumes}")
    }

    /// Of all its containers, with their states and without times.
    fn containers(&self) -> String {
        let label = format!("label=agentscope.deployment={}", self.name);
        let found = self.engine.docker(&["ps", "-a", "--format", "{{.Names}} {{.State}}", "--filter", &label]);
        let mut lines: Vec<_> = found.lines().map(|line| line.replace(&self.name, "[NAME]")).collect();
        lines.sort();
        lines.join("\n")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let label = format!("label=agentscope.deployment={}", self.name);
        let containers = self.engine.docker(&["ps", "-aq", "--filter", &label]);
        for container in containers.lines() {
            self.engine.docker(&["rm", "--force", "--volumes", container]);
        }
        for volume in self.engine.docker(&["volume", "ls", "-q", "--filter", &label]).lines() {
            self.engine.docker(&["volume", "rm", "--force", volume]);
        }
        let images = self.engine.docker(&["images", "-q", &format!("agentscope/{}", self.name)]);
        for image in images.lines() {
            self.engine.docker(&["rmi", "--force", image]);
        }
    }
}

/// What stands in agent files whose revisions never take over, and what is said of each: one answers something else, one
/// ends at once, the model of one cannot be reached.
const BROKEN: [(&str, &str); 3] = [
    ("model: demo\ndeploy: {smoke: {prompt: hello, expect: nothing}}", "answered `deploy.smoke` with"),
    ("model: demo\nstorage: {sessions: \"redis://127.0.0.1:1\"}", "the new revision ended: exit code 2"),
    (
        "model: m\nmodels: {m: {provider: openai-compatible, model: x, base_url: \"http://127.0.0.1:9/v1\"}}",
        "Connection refused",
    ),
];

/// A deploy that has just told of `step`, with what it said.
fn begun(mut deploy: Command, step: &str) -> (Child, String) {
    let mut child = deploy.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = String::new();
    let mut stderr = child.stderr.take().unwrap();
    let mut byte = [0];
    while !said.contains(step) && stderr.read(&mut byte).unwrap() > 0 {
        said.push(byte[0].into());
    }
    // Held open: it goes on to say what it does.
    child.stderr = Some(stderr);
    (child, said)
}

/// What a deploy that was [`begun`] and is told to end says after that, and its exit code.
fn told_to_end((mut deploy, mut said): (Child, String)) -> (Option<i32>, String) {
    let pid = rustix::process::Pid::from_child(&deploy);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    deploy.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (deploy.wait().unwrap().code(), said)
}

/// The answer of `/process`, and its status.
async fn process(url: &str, token: Option<&str>) -> (u16, String) {
    let body =
        json!({ "input": [{ "role": "user", "type": "message", "content": [{ "type": "text", "text": "hello" }] }] });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.post(format!("{url}/process")).json(&body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}
