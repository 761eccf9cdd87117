//! The variables that an agent needs where it runs, with their values here.

use std::collections::{BTreeMap, BTreeSet};

use super::{DeployError, image::Assets};
use crate::config::{Keys, LINGER, SERVE_TOKEN, Secret};

/// Set in every deployment by whoever makes it.
const OURS: &[&str] = &["AGENTSCOPE_HOME", "AGENTSCOPE_SECRETS", "AGENTSCOPE_TOKEN", LINGER, SERVE_TOKEN];

/// Those of `assets` that `keys` knows, and those that were `given` besides; not those that are `elsewhere`, which the
/// target finds by itself.
///
/// # Errors
/// A name that is ours.
pub fn gather(
    assets: &Assets,
    keys: &Keys,
    given: &BTreeMap<String, Secret>,
    elsewhere: &BTreeSet<String>,
) -> Result<BTreeMap<String, Secret>, DeployError> {
    if let Some(name) = given.keys().chain(elsewhere).find(|name| OURS.contains(&name.as_str())) {
        return Err(DeployError::Usage {
            what: format!("`{name}` is set by the deployment itself"),
            hint: "leave it out of `-E`, `--env-file` and the `secrets` of the agent file's `deploy`".to_owned(),
        });
    }
    let named: BTreeSet<&String> =
        assets.variables.iter().filter(|name| !given.contains_key(*name) && !elsewhere.contains(*name)).collect();
    let found = named.into_iter().filter_map(|name| Some((name.clone(), keys.get(name)?)));
    Ok(found.chain(given.iter().map(|(name, value)| (name.clone(), value.clone()))).collect())
}
