//! Names and labels: the record of a deployment on the engine.

/// As in `docker/NAME`.
pub(super) const TARGET: &str = "docker";

/// The name of the deployment, on everything of it.
pub(super) const NAME: &str = "agentscope.deployment";
pub(super) const REVISION: &str = "agentscope.revision";
/// What was sent, as JSON.
pub(super) const SPEC: &str = "agentscope.deployment.spec";
/// What tells the values of its secrets from others, as JSON.
pub(super) const SECRETS: &str = "agentscope.deployment.secrets";
/// Of the host, by which callers reach it.
pub(super) const PORT: &str = "agentscope.deployment.port";
/// Of a container that is a step on the way: who makes it.
pub(super) const STEP: &str = "agentscope.deployment.step";

pub(super) fn current(name: &str) -> String {
    format!("agentscope-{name}")
}

pub(super) fn revision(name: &str, number: u32) -> String {
    format!("agentscope-{name}.r{number}")
}

pub(super) fn candidate(name: &str, number: u32) -> String {
    format!("agentscope-{name}.r{number}.candidate")
}

pub(super) fn filler(name: &str, number: u32) -> String {
    format!("agentscope-{name}.r{number}.filler")
}

/// Of the container that says that a change is on its way.
pub(super) fn lock(name: &str) -> String {
    format!("agentscope-{name}.lock")
}

pub(super) fn secrets_volume(name: &str, number: u32) -> String {
    format!("agentscope-{name}.r{number}.secrets")
}

pub(super) fn data_volume(name: &str) -> String {
    format!("agentscope-{name}.data")
}
