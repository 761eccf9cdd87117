//! What the agent's tools find where it is going to run: the isolation of their sandbox, and the programs that they need.

use std::path::Path;

use super::Prepared;
use crate::{
    cli::{CliError, Cx, deploy::DeployArgs},
    config::{
        Env,
        agent_file::{Backend, Tier, ToolEntry},
    },
    sandbox::{BackendKind, Sandboxes},
};

/// Those tools of the agent, and of its team, that run in a sandbox.
fn boxed(prepared: &Prepared) -> Vec<&'static str> {
    let file = &prepared.loaded.file;
    let tools = std::iter::once(&file.agent).chain(file.agents.values()).flat_map(|agent| &agent.tools);
    let mut names: Vec<&str> = tools
        .filter_map(|tool| match tool {
            ToolEntry::Python => Some("python"),
            ToolEntry::Shell => Some("shell"),
            ToolEntry::Files => Some("files"),
            ToolEntry::Command(_) => Some("command"),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Notes what there is on this machine.
///
/// # Errors
/// Less isolation than the agent file asks for, or a program that is not here: nothing would answer then.
pub(super) async fn on_this_machine(prepared: &mut Prepared, cx: &Cx) -> Result<(), CliError> {
    let tools = boxed(prepared);
    let mut here = true;
    if !tools.is_empty() {
        let sandbox = &prepared.loaded.file.agent.sandbox;
        let looked = Sandboxes::open(&cx.env, &cx.paths).expected(sandbox).await;
        let (backend, tier) = looked.map_err(|error| {
            let this = CliError::usage(format!("the tools {} cannot run on this machine: {error}", tools.join(", ")));
            this.hint(error.hint().unwrap_or("`agentscope sandbox doctor` says what is missing"))
        })?;
        here = matches!(backend, BackendKind::Local | BackendKind::Host);
        prepared.notes.push(format!(
            "tools that run in a sandbox: {}; the backend `{backend}` gives tier {tier} isolation on this machine",
            tools.join(", ")
        ));
    }
    let mut found = vec![];
    for (program, who) in prepared.assets.programs() {
        // The programs of another backend are those of its image.
        if !here && who.starts_with("the tool") {
            continue;
        }
        match on_path(program, &cx.env) {
            Some(path) => found.push(format!("{who} uses {}", path.display())),
            None => {
                return Err(CliError::usage(format!("{who} needs `{program}`, which is not on this machine"))
                    .hint("install it, or put it on the PATH of this command"));
            }
        }
    }
    prepared.notes.extend(found);
    Ok(())
}

/// Notes what there is in a container.
///
/// # Errors
/// More isolation than a container leaves to its own programs; an engine, which it has not.
pub(super) fn in_container(prepared: &mut Prepared, args: &DeployArgs) -> Result<(), CliError> {
    let tools = boxed(prepared);
    if tools.is_empty() {
        if args.base.is_none() {
            prepared
                .notes
                .push("the container has no Python, no Node.js and no shell: the agent needs none".to_owned());
        }
        return Ok(());
    }
    bounded(prepared, &tools.join(", "))
}

/// Notes what is not known of an image that others made.
///
/// # Errors
/// What no container gives.
pub(super) fn in_image(prepared: &mut Prepared, image: &str) -> Result<(), CliError> {
    let tools = boxed(prepared);
    if !tools.is_empty() {
        bounded(prepared, &tools.join(", "))?;
    }
    let unknown = |(program, who): (&str, &str)| {
        format!("{who} needs `{program}`: whether the image `{image}` has it is not known here")
    };
    let unknown: Vec<_> = prepared.assets.programs().map(unknown).collect();
    prepared.notes.extend(unknown);
    Ok(())
}

/// Notes what isolation a container leaves to its own programs.
///
/// # Errors
/// More than that is asked for; an engine, which it has not.
fn bounded(prepared: &mut Prepared, names: &str) -> Result<(), CliError> {
    let sandbox = &prepared.loaded.file.agent.sandbox;
    if matches!(sandbox.backend, Backend::Docker | Backend::Gvisor) {
        return Err(CliError::usage(format!(
            "the tools {names} ask for a container engine, which there is none of in a container"
        ))
        .hint("leave `sandbox.backend` out, or deploy with `agentscope deploy local`"));
    }
    if sandbox.min_tier == Some(Tier::A) {
        return Err(CliError::usage(format!(
            "the tools {names} get tier B isolation in a container, and `sandbox.min_tier` is A"
        ))
        .hint("the container itself is a boundary: ask for B, or deploy with `agentscope deploy local`"));
    }
    prepared.notes.push(format!(
        "tools that run in a sandbox: {names}; a container leaves it tier B isolation, and is itself the other boundary"
    ));
    Ok(())
}

/// Where a program is found, as a shell looks for it.
fn on_path(program: &str, env: &Env) -> Option<std::path::PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let runs = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if Path::new(program).is_absolute() {
        return runs(Path::new(program)).then(|| program.into());
    }
    let path = env.var("PATH").unwrap_or_default();
    std::env::split_paths(path).map(|folder| env.cwd.join(folder).join(program)).find(|path| runs(path))
}
