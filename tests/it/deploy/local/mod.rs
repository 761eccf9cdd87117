//! Deployments on this machine.

mod faults;
mod life;
mod pipelines;
mod secrets;

use std::{path::PathBuf, process::Child};

use serde_json::Value;

use crate::common::{Output, TestEnv};

/// A home, whose deployments are gone afterwards.
struct Home {
    env: TestEnv,
}

impl Home {
    fn new() -> Self {
        Self { env: TestEnv::new().var("GREETING", "hello-token") }
    }

    /// An agent file called `demo`, with `more` in it.
    fn agent(&self, more: &str) {
        self.env.write("agent.yaml", format!("name: demo\nmodel: demo\n{more}"));
    }

    fn run(&self, args: &[&str]) -> Output {
        self.env.run(args)
    }

    /// Deploys, and says what came of it.
    fn deploy(&self, args: &[&str]) -> Value {
        let output = self.run(&[&["deploy", "local", "-o", "json"], args].concat());
        assert_eq!(output.code, Some(0), "{output}");
        serde_json::from_str(&output.stdout).unwrap()
    }

    fn status(&self) -> Value {
        let output = self.run(&["status", "demo", "-o", "json"]);
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output}"))
    }

    /// The answer to a question, and the exit code.
    fn invoke(&self) -> (Option<i32>, String) {
        let output = self.run(&["invoke", "demo", "-q", "hello"]);
        (output.code, output.to_string())
    }

    #[track_caller]
    fn answers(&self) {
        let (code, answer) = self.invoke();
        assert!(code == Some(0) && answer.contains("demo model"), "{answer}");
    }

    fn folder(&self) -> PathBuf {
        self.env.home().join("state/deploy/local/demo")
    }

    /// The process ids of the supervisor and the server.
    fn processes(&self) -> (i32, i32) {
        let record = std::fs::read(self.folder().join("record.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        let file = format!("process.{}", record["supervisor"].as_str().unwrap());
        let processes: Value = serde_json::from_slice(&std::fs::read(self.folder().join(file)).unwrap()).unwrap();
        let pid = |of: &str| i32::try_from(processes[of]["pid"].as_i64().unwrap()).unwrap();
        (pid("supervisor"), pid("server"))
    }

    /// A deploy that has just told of `step`.
    fn begun(&self, step: &str) -> Child {
        let (child, said) = super::begun(self.env.command(&["deploy", "local"]), step);
        assert!(said.contains(step), "{said}");
        child
    }

    /// With the port and hashes of this run left out.
    fn shown(&self, output: &Output, url: &str) -> String {
        let text = output.to_string().replace(url, "[URL]");
        text.split("sha256:")
            .enumerate()
            .map(|(at, part)| match at {
                0 => part.to_owned(),
                _ => format!("sha256:[HASH]{}", part.trim_start_matches(|c: char| c.is_ascii_hexdigit())),
            })
            .collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.run(&["rm", "local/demo", "--purge"]);
    }
}

fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn kill(pid: i32) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
}
