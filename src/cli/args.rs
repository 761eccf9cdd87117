//! Arguments that two or more verbs share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::ui::ColorChoice;

/// Taken by every verb.
#[derive(Clone, Debug, Args)]
pub struct GlobalArgs {
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Global options")]
    pub color: ColorChoice,
    /// Refuse every call outside this machine, and say which one it was
    #[arg(long, global = true, help_heading = "Global options")]
    pub offline: bool,
}

/// Which agent a verb is about.
#[derive(Clone, Debug, Default, Args)]
pub struct AgentArgs {
    /// An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent
    #[arg(value_name = "AGENT")]
    pub agent: Option<String>,
    /// The same as AGENT
    #[arg(short, long, value_name = "FILE", conflicts_with = "agent")]
    pub config: Option<PathBuf>,
    /// Merge this profile of the agent file over it
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// The form of a result on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    #[default]
    Text,
    /// One JSON document
    Json,
}
