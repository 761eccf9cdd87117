//! What a model is told: of the sandbox beforehand, and of what came of a call.

use std::{path::Path, time::Duration};

use super::boxes::{After, BoxSettings};
use crate::{
    config::agent_file::{Backend, Network},
    sandbox::{
        Confinement, SandboxError, Tier, WorkspaceMode,
        wire::{ExitStatus, Limit},
        workspace,
    },
    tool::ToolError,
};

/// Most files that a result names.
const MOST_NAMED: usize = 20;

/// Where a tool works, what it may reach, and its limits; for its description.
pub(super) fn policy(settings: &BoxSettings) -> String {
    let sandbox = &settings.sandbox;
    let seconds = settings.timeout().as_secs_f32();
    if sandbox.backend == Backend::Host {
        return format!("Runs on the user's machine, without isolation, for at most {seconds} s a call.");
    }
    let workspace = match settings.mode() {
        WorkspaceMode::Rw => "the user's folder",
        WorkspaceMode::Ro => "the user's folder, which cannot be changed",
        WorkspaceMode::Copy => "a private copy of the user's folder",
        WorkspaceMode::None => "a private folder, empty at first",
    };
    let network = match &sandbox.network {
        Network::None => "There is no network".to_owned(),
        Network::Full => "The network can be reached".to_owned(),
        Network::Allow(hosts) if hosts.allow.is_empty() => "There is no network".to_owned(),
        Network::Allow(hosts) => format!("Of the network only these hosts can be reached: {}", hosts.allow.join(", ")),
    };
    format!(
        "Runs in a sandbox. The working directory, mostly /workspace, is {workspace}. {network}. Limits: {seconds} s a call, \
         {} MiB of memory, {} MiB of disk, {} processes.",
        settings.memory() >> 20,
        settings.disk() >> 20,
        settings.pids(),
    )
}

/// What programs may do with the workspace and the network: `rw, no network`.
pub(super) fn in_short(settings: &BoxSettings) -> String {
    let workspace = match settings.mode() {
        WorkspaceMode::Rw => "rw",
        WorkspaceMode::Ro => "ro",
        WorkspaceMode::Copy => "copy",
        WorkspaceMode::None => "no folder",
    };
    let network = match &settings.sandbox.network {
        Network::None => "no network".to_owned(),
        Network::Full => "network".to_owned(),
        Network::Allow(hosts) if hosts.allow.is_empty() => "no network".to_owned(),
        Network::Allow(hosts) => format!("{} hosts", hosts.allow.len()),
    };
    format!("{workspace}, {network}")
}

/// What the user should know of a box that was made.
pub(super) fn weak(confinement: &Confinement) -> Option<String> {
    match confinement.tier {
        Tier::A => None,
        Tier::B => Some("the sandbox has tier B isolation only; `agentscope sandbox doctor` says why".to_owned()),
        Tier::None => Some("the `host` backend runs the agent's programs without isolation".to_owned()),
    }
}

/// What the user should know of changes that stayed in the sandbox.
pub(super) fn kept_out(refused: &[workspace::Refused]) -> Option<String> {
    let shown = |refused: &workspace::Refused| format!("`{}` ({})", refused.path.display(), refused.reason);
    let mut named: Vec<String> = refused.iter().take(MOST_NAMED).map(shown).collect();
    if refused.len() > named.len() {
        named.push(format!("and {} more", refused.len() - named.len()));
    }
    (!named.is_empty()).then(|| format!("not taken over into the folder: {}", named.join(", ")))
}

/// What the user should know of a file that was changed or deleted.
pub(super) fn not_undoable(path: &Path) -> String {
    let most = workspace::MOST_KEPT >> 20;
    format!("`{}` was larger than {most} MiB: what was in it is not kept, and cannot be brought back", path.display())
}

/// An error of the sandbox, with what to do next.
pub(super) fn failed(error: &SandboxError) -> ToolError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!(" (hint: {hint})"));
    }
    ToolError::Failed(text)
}

/// What was written, one stream after the other.
pub(super) fn texts(stdout: &str, stderr: &str) -> Vec<String> {
    let (stdout, stderr) = (stdout.trim_end_matches('\n'), stderr.trim_end_matches('\n'));
    let mut parts = vec![];
    if !stdout.is_empty() {
        parts.push(stdout.to_owned());
    }
    if !stderr.is_empty() {
        parts.push(if parts.is_empty() { stderr.to_owned() } else { format!("[stderr]\n{stderr}") });
    }
    parts
}

/// How a program ended, where there is something to say.
pub(super) fn ended(status: ExitStatus, timeout: Duration, settings: &BoxSettings) -> Option<String> {
    let why = match status.limit {
        Some(Limit::Timeout) => {
            format!("timed out after {} s; it and all that it started were killed", timeout.as_secs_f32())
        }
        Some(Limit::Memory) => format!("killed: out of memory, the limit is {} MiB", settings.memory() >> 20),
        Some(Limit::Pids) => format!("too many processes, the limit is {}", settings.pids()),
        Some(Limit::Disk) => "no space left in the sandbox".to_owned(),
        None => match (status.code, status.signal) {
            (Some(0), _) => return None,
            (Some(code), _) => return Some(format!("[exit status {code}]")),
            (None, Some(signal)) => return Some(format!("[killed by signal {signal}]")),
            (None, None) => return Some("[ended, nobody knows how]".to_owned()),
        },
    };
    Some(match (status.code, status.signal) {
        (Some(code), _) => format!("[{why}; exit status {code}]"),
        (None, _) => format!("[{why}]"),
    })
}

/// What else came of a call, a line each.
pub(super) fn besides(after: &After) -> Vec<String> {
    let mut lines = vec![];
    if after.replaced {
        lines.push(
            "[the sandbox had ended and was made anew: variables and running programs are gone, files in the workspace \
             are still there]"
                .to_owned(),
        );
    }
    let files = &after.changed.files;
    if !files.is_empty() {
        let mut named: Vec<String> = files.iter().take(MOST_NAMED).map(|file| file.path.clone()).collect();
        if files.len() > MOST_NAMED || after.changed.cut {
            named.push("and more".to_owned());
        }
        lines.push(format!("[new or changed files: {}]", named.join(", ")));
    }
    let mut refused: Vec<String> =
        after.refused.iter().map(|host| format!("{}:{} ({})", host.host, host.port, host.reason)).collect();
    refused.dedup();
    if !refused.is_empty() {
        refused.truncate(MOST_NAMED);
        lines.push(format!("[the network policy refused {}]", refused.join(", ")));
    }
    for kept_out in after.kept_out.iter().take(MOST_NAMED) {
        lines.push(format!(
            "[`{}` was not changed in the user's folder: {}]",
            kept_out.path.display(),
            kept_out.reason
        ));
    }
    lines
}
