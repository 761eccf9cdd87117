//! Questions to an agent in a container, asked from inside: no port has to lead to it, and the engine may be anywhere.

use std::time::Duration;

use bollard::{
    container::LogOutput,
    exec::StartExecResults,
    models::{ContainerStateStatusEnum, ExecConfig},
    query_parameters::{InspectContainerOptions, LogsOptionsBuilder},
};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::Instant;

use super::Docker;
use crate::{
    config::agent_file::Smoke,
    deploy::{DeployError, Progress, engine::failed, probe},
};

pub(super) const PROGRAM: &str = "/agentscope";
pub(super) const READY: &str = probe::READY;

/// Between two questions.
const LOOK: Duration = Duration::from_millis(100);
/// One that says the same for so long will not get ready by itself.
const SETTLED: Duration = Duration::from_secs(8);
/// How long one question may take: it gives up by itself sooner, where the container lets it.
const ASKED: Duration = Duration::from_secs(20);
/// Lines of its log that a failure shows, our own questions not counted.
const LINES: &str = "100";

/// How a program in a container ended.
struct Ended {
    code: i64,
    /// All that it wrote.
    output: String,
    /// What of that is no log.
    stdout: String,
}

/// The port that the agent listens on.
pub(super) fn port(spec: &Value) -> u16 {
    spec["port"].as_u64().and_then(|port| port.try_into().ok()).unwrap_or_default()
}

impl Docker {
    /// Waits until the agent in `container` says that it can answer.
    ///
    /// # Errors
    /// It ended, says why it cannot, or took too long; with the end of its log.
    pub(super) async fn ready(
        &self,
        container: &str,
        port: u16,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        progress.step("waiting until it answers", None, None);
        self.interrupt.or(self.until_ready(container, port, patience)).await
    }

    async fn until_ready(&self, container: &str, port: u16, patience: Duration) -> Result<(), DeployError> {
        let started = Instant::now();
        let (mut said, mut since) = (String::new(), Instant::now());
        loop {
            self.alive(container).await?;
            let (question, asked) = ([PROGRAM, READY, &port.to_string()], ASKED.min(patience));
            if let Ok(Ok(ended)) = tokio::time::timeout(asked, self.exec(container, &question)).await {
                if ended.code == 0 {
                    return Ok(());
                }
                if ended.output != said {
                    (said, since) = (ended.output, Instant::now());
                }
            }
            let why = probe::reasons(&said);
            if !why.is_empty() && since.elapsed() > SETTLED {
                return Err(self.failing(container, &format!("the new revision is not ready: {why}")).await);
            }
            if started.elapsed() > patience {
                let why = if why.is_empty() { "it does not answer".to_owned() } else { why };
                let what = format!("the new revision was not ready within {} s: {why}", patience.as_secs());
                return Err(self.failing(container, &what).await);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Asks what the agent file wants every new revision to be asked.
    ///
    /// # Errors
    /// No answer within `patience`, or another one.
    pub(super) async fn smoke(
        &self,
        container: &str,
        port: u16,
        smoke: &Smoke,
        patience: Duration,
    ) -> Result<(), DeployError> {
        let url = format!("http://127.0.0.1:{port}");
        // As `--flag=value`: a text may begin with a dash.
        let query = format!("--query={}", smoke.prompt);
        let command = [PROGRAM, "chat", url.as_str(), query.as_str()];
        let Ok(asked) = tokio::time::timeout(patience, self.exec(container, &command)).await else {
            let what =
                format!("the new revision could not answer `deploy.smoke`: no answer within {} s", patience.as_secs());
            return Err(self.failing(container, &what).await);
        };
        let asked = asked?;
        if asked.code != 0 {
            let what = format!("the new revision could not answer `deploy.smoke`: {}", asked.output.trim());
            return Err(self.failing(container, &what).await);
        }
        match &smoke.expect {
            Some(expect) if !asked.stdout.contains(expect) => Err(DeployError::Failed {
                what: format!(
                    "the new revision answered `deploy.smoke` with `{}`, which has no `{expect}` in it",
                    asked.stdout.trim().chars().take(200).collect::<String>()
                ),
                hint: None,
            }),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// One that ended, with its exit code and its last words.
    async fn alive(&self, container: &str) -> Result<(), DeployError> {
        let found = self.client().inspect_container(container, None::<InspectContainerOptions>).await;
        let state = found.map_err(failed("look at the container"))?.state.unwrap_or_default();
        let restarting = state.status == Some(ContainerStateStatusEnum::RESTARTING);
        if state.running == Some(true) && !restarting {
            return Ok(());
        }
        let why = match (state.oom_killed, state.exit_code) {
            (Some(true), _) => "it needed more memory than it may have".to_owned(),
            (_, Some(code)) => format!("exit code {code}"),
            _ => "the engine does not say why".to_owned(),
        };
        Err(self.failing(container, &format!("the new revision ended: {why}")).await)
    }

    /// `what`, with the end of the log.
    async fn failing(&self, container: &str, what: &str) -> DeployError {
        let log = self.last_words(container).await;
        let log: String = log.lines().map(|line| format!("\n  {line}")).collect();
        DeployError::Failed { what: format!("{what}{log}"), hint: None }
    }

    async fn last_words(&self, container: &str) -> String {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(LINES).build();
        let mut stream = Box::pin(self.client().logs(container, Some(options)));
        let mut bytes = vec![];
        while let Some(Ok(part)) = stream.next().await {
            bytes.extend_from_slice(&part.into_bytes());
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // Those are our own questions.
        text.lines().filter(|line| !line.contains(probe::ROUTE)).collect::<Vec<_>>().join("\n")
    }

    async fn exec(&self, container: &str, command: &[&str]) -> Result<Ended, DeployError> {
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            ..ExecConfig::default()
        };
        let asking = failed("run a program in the container");
        let exec = self.client().create_exec(container, config).await.map_err(&asking)?;
        let started = self.client().start_exec(&exec.id, None).await.map_err(&asking)?;
        let (mut output, mut stdout) = (Vec::<u8>::new(), Vec::<u8>::new());
        if let StartExecResults::Attached { output: mut stream, .. } = started {
            while let Some(part) = stream.next().await {
                let part = part.map_err(&asking)?;
                if matches!(part, LogOutput::StdOut { .. }) {
                    stdout.extend_from_slice(part.as_ref());
                }
                output.extend_from_slice(part.as_ref());
            }
        }
        let code = self.client().inspect_exec(&exec.id).await.map_err(&asking)?.exit_code.unwrap_or(-1);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended { code, output: text(&output), stdout: text(&stdout) })
    }
}
