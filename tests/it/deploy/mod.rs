//! `agentscope deploy` and what becomes of what it makes, on a real container engine.

mod docker;
mod faults;
mod kubernetes;
mod kubernetes_faults;
mod local;
mod plan;
mod tools;

use std::path::PathBuf;

use serde_json::Value;

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
        this.share_layers();
        Some(this)
    }

    /// Packing a debug build takes long: its layer is kept from one test to the next.
    fn share_layers(&self) {
        let shared = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("images");
        std::fs::create_dir_all(&shared).unwrap();
        std::fs::create_dir_all(self.env.home().join("cache")).unwrap();
        std::os::unix::fs::symlink(shared, self.env.home().join("cache/images")).unwrap();
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
