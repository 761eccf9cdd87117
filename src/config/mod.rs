//! Everything that is decided before work starts: the environment, the user's settings, the agent file, secrets.
//!
//! Typed, complete, cheap to clone. Only [`Env`] reads the process environment.

pub mod agent_file;
pub mod catalog;
mod env;
mod keys;
mod lock;
mod locks;
mod paths;
pub mod rule;
mod secret;
mod settings;

pub use env::{Env, LINGER, SERVE_TOKEN};
pub use keys::{KeySource, Keys, KeysError};
pub use lock::FileLock;
pub use locks::{Lock, Locks};
pub use paths::{Paths, docker_config_folder, make_private, make_private_file, write_private};
pub use rule::{Rule, RuleError};
pub use secret::Secret;
pub use settings::{Settings, SettingsError};
