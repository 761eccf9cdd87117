//! The environment of a box, over what the daemon gives to every program.

use std::{collections::BTreeMap, path::Path};

use super::{etc, place::Place, root};
use crate::sandbox::{Network, SandboxSpec, Tier, daemon::SEARCH_PATH, egress};

/// What programs inside find in their environment, the spec's own first.
pub(super) fn of(spec: &SandboxSpec, tier: Tier, place: &Place) -> BTreeMap<String, String> {
    let (home, tmp) = match tier {
        Tier::A => (root::HOME.into(), "/tmp".into()),
        Tier::B | Tier::None => (place.tmp.display().to_string(), place.tmp.display().to_string()),
    };
    let mut env: BTreeMap<String, String> =
        [("HOME", home), ("TMPDIR", tmp), ("USER", etc::HOST.into()), ("LOGNAME", etc::HOST.into())]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
    if matches!(spec.network, Network::Allow(_)) {
        env.extend(egress::environment().into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    env.extend(spec.env.clone());
    env
}

/// What makes programs use the virtual environment at `layer`.
pub(super) fn with_packages(layer: &Path, env: &BTreeMap<String, String>) -> [(String, String); 2] {
    let others = env.get("PATH").map_or(SEARCH_PATH, String::as_str);
    [
        ("PATH".to_owned(), format!("{}:{others}", layer.join("bin").display())),
        ("VIRTUAL_ENV".to_owned(), layer.display().to_string()),
    ]
}
