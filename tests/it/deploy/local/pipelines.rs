//! The pipelines of `templates/ci`, by the commands that are in them.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::Home;
use crate::common::{Output, place_program, require};

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/ci").join(name);
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A machine that runs pipelines, and what it gives them.
struct Runner {
    home: Home,
}

impl Runner {
    fn new() -> Self {
        let home = Home::new();
        home.agent("");
        let gh = home.env.write("bin/gh", "#!/bin/sh\necho \"$@\" >comment\n");
        place_program(&home.env.work().join("bin/agentscope"));
        std::fs::set_permissions(gh, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { home }
    }

    fn run(&self, script: &str) -> Output {
        let work = self.home.env.work();
        let path = format!("{}:{}", work.join("bin").display(), std::env::var("PATH").unwrap());
        let like = self.home.env.command(&[]);
        let mut command = Command::new("bash");
        command.args(["-eo", "pipefail", "-c", script]).current_dir(&work).env_clear();
        command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", path);
        command.envs([("AGENT", "agent.yaml"), ("TARGET", "local"), ("NAME", "demo")]);
        command.env("AGENTSCOPE_URL", format!("file://{}/bin/agentscope", work.display()));
        command.env("GITHUB_STEP_SUMMARY", work.join("summary")).env("GITHUB_PATH", work.join("path"));
        self.home.env.finish(command, b"")
    }

    /// The number of the revision that runs.
    fn revision(&self) -> u64 {
        let status = self.home.status();
        assert_eq!(status["state"], "running", "{status}");
        let revisions = status["revisions"].as_array().unwrap();
        revisions.iter().find(|one| one["current"] == true).unwrap()["number"].as_u64().unwrap()
    }
}

fn curl() -> bool {
    let version = Command::new("curl").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    require::available("curl", version.is_ok_and(|status| status.success()))
}

#[test]
fn of_github() {
    let (runner, workflow) = (Runner::new(), read("github.yml"));
    let step = |job: &str, name: &str| {
        let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
        let script = steps.iter().find(|step| step["name"] == name).unwrap()["run"].as_str().unwrap();
        runner.run(&script.replace("${{ github.event.number }}", "7"))
    };
    let does = |job: &str, name: &str| {
        let output = step(job, name);
        assert_eq!(output.code, Some(0), "{name}: {output}");
    };
    if curl() {
        for job in ["check", "deploy"] {
            does(job, "Install");
            let version = runner.run("PATH=$(cat path) agentscope --version; rm path");
            assert!(version.stdout.starts_with("agentscope "), "{version}");
        }
    }
    for name in ["Validate", "Plan", "Comment"] {
        does("check", name);
    }
    let plan = runner.home.env.read("plan.md");
    assert!(plan.starts_with("**local/demo would be made, revision 1**"), "{plan}");
    assert_eq!(runner.home.env.read("summary"), plan);
    assert!(runner.home.env.read("comment").starts_with("pr comment 7 --body-file plan.md"));

    for _ in 0..2 {
        does("deploy", "Deploy");
        does("deploy", "Status");
    }
    // The second changed nothing, so there is nothing to take back.
    does("deploy", "Roll back");
    assert_eq!(runner.revision(), 1);
    runner.home.agent("description: changed\n");
    does("deploy", "Deploy");
    assert_eq!(runner.revision(), 2);
    does("deploy", "Roll back");
    assert_eq!(runner.revision(), 1);

    runner.home.agent("modle: wrong\n");
    let wrong = step("check", "Validate");
    assert!(wrong.code == Some(2) && wrong.stdout.contains("::error file=agent.yaml"), "{wrong}");
}

#[test]
fn of_gitlab() {
    let (runner, pipeline) = (Runner::new(), read("gitlab.yml"));
    let lines = |job: &str| {
        let lines = pipeline[job]["script"].as_array().unwrap();
        lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for job in ["validate", "plan", "deploy"] {
        let output = runner.run(&lines(job).join("\n"));
        assert_eq!(output.code, Some(0), "{job}: {output}");
    }
    assert_eq!(runner.revision(), 1);
    runner.home.agent("description: changed\n");
    let [deploy, check] = lines("deploy").try_into().unwrap();
    assert_eq!(runner.run(&deploy).code, Some(0));
    assert_eq!(runner.revision(), 2);
    // It ends after it has answered.
    assert_eq!(runner.home.run(&["stop", "demo"]).code, Some(0));
    let back = runner.run(&check);
    assert_eq!((back.code, runner.revision()), (Some(1), 1), "{back}");
}
