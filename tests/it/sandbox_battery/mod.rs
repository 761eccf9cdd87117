//! The battery: ways out of a sandbox, tried as root and as an ordinary user in every tier and backend that is there.
//! Each is also tried outside, where it has to work: what works nowhere proves nothing. The attempts are those that
//! `sandbox doctor --prove` makes, and here those that are no script.

mod cross_talk;
mod docker;
mod leftovers;
mod modes;
mod outside;
mod proved;
mod table;
mod tally;

use std::path::PathBuf;

use agentscope::sandbox::{
    Tier, WorkspaceMode,
    prove::{Stage, Target},
};

use crate::common::local::Local;

const TIERS: &[Tier] = &[Tier::A, Tier::B];

/// A box that works on a copy of the stage's folder, which every tier can.
async fn staged(stage: &Stage) -> (Local, Target) {
    let local = Local::with(|spec, _| spec.workspace = stage.workspace(WorkspaceMode::Copy)).await;
    let target = Target::of(&folder(&local), local.tier);
    (local, target)
}

fn folder(local: &Local) -> PathBuf {
    local.home.path().join("boxes").join(local.spec.id.as_str())
}
