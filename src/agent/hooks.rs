//! Hooks: programs of the user's own that are told what happens, and may refuse a tool call.
//!
//! A hook gets one JSON object on its standard input. Its exit code says whether all is well; what it prints says why
//! not. One that cannot be started or takes too long has not said yes: it refuses.

use std::{
    path::{Path, PathBuf},
    pin::pin,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join3;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    time::timeout,
};

use super::approval;
use crate::{
    config::{Env, Rule, RuleError, agent_file},
    tool::cap,
};

/// How long a hook may take, where the agent file does not say.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes that are read of what a hook prints; the rest is thrown away.
const OUTPUT: u64 = 16 * 1024;
/// How long what is left in the pipes of a hook that has ended is waited for: something it started may hold them open.
const DRAIN: Duration = Duration::from_millis(200);

/// The hooks of one agent, after those that bind its whole team.
pub(super) struct Hooks {
    above: Option<Arc<Self>>,
    session_start: Vec<Program>,
    before_tool: Vec<Program>,
    after_tool: Vec<Program>,
    turn_end: Vec<Program>,
    /// Where the programs run: the folder of the agent file.
    dir: PathBuf,
    env: Env,
    /// What paths in rules start from.
    workspace: PathBuf,
}

struct Program {
    rule: Option<Rule>,
    run: Vec<String>,
    timeout: Duration,
}

/// Makes what a hook is told, only where there is one to tell.
pub(super) type Event<'a> = dyn Fn() -> Value + Sync + 'a;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    SessionStart,
    BeforeTool,
    AfterTool,
    TurnEnd,
}

/// The call that a hook is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    /// As rules call the tool.
    pub(super) name: &'a str,
    pub(super) arguments: &'a Value,
}

/// A `match` of a hook that is not a rule.
#[derive(Debug, thiserror::Error)]
#[error("`hooks` of the agent `{agent}` match `{rule}`, which is not a rule")]
pub struct HookRuleError {
    agent: String,
    rule: String,
    source: RuleError,
}

impl Hooks {
    pub(super) fn new(
        agent: &str,
        hooks: &agent_file::Hooks,
        dir: &Path,
        env: &Env,
        workspace: &Path,
        above: Option<Arc<Self>>,
    ) -> Result<Self, HookRuleError> {
        let read = |hooks: &[agent_file::Hook]| {
            hooks
                .iter()
                .map(|hook| {
                    let rule = hook.matches.as_ref().map(|rule| {
                        Rule::parse(rule).map_err(|source| HookRuleError {
                            agent: agent.to_owned(),
                            rule: rule.clone(),
                            source,
                        })
                    });
                    let timeout = hook.timeout.map_or(TIMEOUT, |timeout| timeout.0);
                    Ok(Program { rule: rule.transpose()?, run: hook.run.clone(), timeout })
                })
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            above,
            session_start: read(&hooks.session_start)?,
            before_tool: read(&hooks.before_tool)?,
            after_tool: read(&hooks.after_tool)?,
            turn_end: read(&hooks.turn_end)?,
            dir: dir.to_owned(),
            env: env.clone(),
            workspace: workspace.to_owned(),
        })
    }

    /// Whether there are hooks of this moment at all.
    pub(super) fn any(&self, when: When) -> bool {
        !self.of(when).is_empty() || self.above.as_ref().is_some_and(|above| above.any(when))
    }

    fn of(&self, when: When) -> &[Program] {
        match when {
            When::SessionStart => &self.session_start,
            When::BeforeTool => &self.before_tool,
            When::AfterTool => &self.after_tool,
            When::TurnEnd => &self.turn_end,
        }
    }

    /// Runs the hooks of this moment, one after the other, up to the first that refuses. Can be dropped at any point:
    /// what runs is killed.
    ///
    /// # Errors
    /// Why it refused.
    pub(super) async fn run(&self, when: When, about: Option<About<'_>>, event: &Event<'_>) -> Result<(), String> {
        if let Some(above) = &self.above {
            Box::pin(above.run(when, about, event)).await?;
        }
        let concerned = self.of(when).iter().filter(|program| match (&program.rule, about) {
            (Some(rule), Some(about)) => approval::matches(rule, about.name, about.arguments, &self.workspace),
            (Some(_), None) | (None, _) => true,
        });
        for program in concerned {
            program.run(&event().to_string(), &self.dir, &self.env).await?;
        }
        Ok(())
    }
}

impl Program {
    async fn run(&self, event: &str, dir: &Path, env: &Env) -> Result<(), String> {
        let Some((program, arguments)) = self.run.split_first() else { return Ok(()) };
        let name = self.run.join(" ");
        // Without a `/` it is looked up in PATH, as in a shell.
        let program = if program.contains('/') { dir.join(program) } else { PathBuf::from(program) };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(env.vars())
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        match timeout(self.timeout, perform(command, event)).await {
            Err(_) => Err(format!("the hook `{name}` took longer than {} s", self.timeout.as_secs_f64())),
            Ok(Err(error)) => Err(format!("could not run the hook `{name}`: {error}")),
            Ok(Ok((status, _))) if status.success() => Ok(()),
            Ok(Ok((status, said))) if said.is_empty() => Err(format!("the hook `{name}` refused it ({status})")),
            Ok(Ok((_, said))) => Err(said),
        }
    }
}

/// Runs a program to its end; gives what it printed, the errors after the rest.
async fn perform(mut command: Command, input: &str) -> std::io::Result<(ExitStatus, String)> {
    let mut child = command.spawn()?;
    let mut group = Group::of(child.id());
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (vec![], vec![]);
    let status = {
        let tell = async {
            if let Some(mut stdin) = stdin.take() {
                // A program need not read what it is told.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let mut talk = pin!(join3(tell, read(stdout, &mut out), read(stderr, &mut err)));
        tokio::select! {
            status = child.wait() => {
                let _ = timeout(DRAIN, &mut talk).await;
                status?
            }
            _ = &mut talk => child.wait().await?,
        }
    };
    group.release();
    let said = format!("{}\n{}", String::from_utf8_lossy(&out).trim(), String::from_utf8_lossy(&err).trim());
    Ok((status, cap::short(said.trim(), 2000)))
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(pipe) = pipe else { return };
    let mut capped = pipe.take(OUTPUT);
    // A pipe that breaks has said what it had to say.
    let _ = capped.read_to_end(into).await;
    let _ = tokio::io::copy(&mut capped.into_inner(), &mut tokio::io::sink()).await;
}

/// Kills a program and all that it started, unless it is released first.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(id: Option<u32>) -> Self {
        Self { leader: id.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) }
    }

    #[cfg(not(unix))]
    fn of(_id: Option<u32>) -> Self {
        Self {}
    }

    /// The program has ended by itself.
    fn release(&mut self) {
        #[cfg(unix)]
        {
            self.leader = None;
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // A group that is gone is what we want.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}
