//! What `deploy` was told: both spellings mean the same.

use std::collections::BTreeMap;

use super::{DeployArgs, targets::Target};
use crate::{
    cli::{AgentArgs, CliError, Cx, Exit},
    config::Secret,
};

pub(super) struct Chosen {
    pub(super) target: Target,
    pub(super) agent: AgentArgs,
    /// Given on the command line, which wins over the file of variables.
    pub(super) given: BTreeMap<String, Secret>,
}

impl Chosen {
    /// # Errors
    /// No target, or one that there is not; an agent named twice; a file of variables that cannot be read.
    pub(super) fn of(args: &DeployArgs, cx: &Cx) -> Result<Self, CliError> {
        let known = |word: &String| Target::of(word).is_some();
        let (target, agent) = match (args.words.as_slice(), &args.mode) {
            ([], mode) => (mode.clone(), None),
            ([word], None) if known(word) || !cx.env.cwd.join(word).exists() => (Some(word.clone()), None),
            ([word], mode) => (mode.clone(), Some(word.clone())),
            ([target, agent], None) => (Some(target.clone()), Some(agent.clone())),
            _ => {
                return Err(CliError::usage("the target is named twice").hint("leave out `--mode`, or the word"));
            }
        };
        let there = format!("there is {}", Target::all());
        let Some(word) = target else {
            return Err(CliError::usage("the target is not named")
                .hint(format!("{there}, as in `agentscope deploy {}`", Target::FIRST.name())));
        };
        let Some(target) = Target::of(&word) else {
            return Err(CliError::usage(format!("there is no target `{word}`")).hint(there));
        };
        if agent.is_some() && args.config.is_some() {
            return Err(CliError::usage("the agent is named twice").hint("leave out `--config`, or the word"));
        }
        let agent = AgentArgs { agent, config: args.config.clone(), profile: args.profile.clone() };
        Ok(Self { target, agent, given: given(args, cx)? })
    }
}

fn given(args: &DeployArgs, cx: &Cx) -> Result<BTreeMap<String, Secret>, CliError> {
    let mut all = BTreeMap::new();
    if let Some(file) = &args.env_file {
        let path = cx.env.cwd.join(file);
        let bytes = std::fs::read(&path).map_err(|error| {
            CliError::usage(format!("could not read the variables in `{}`", file.display())).because(&error)
        })?;
        for (index, entry) in dotenvy::from_read_iter(&bytes[..]).enumerate() {
            // What is wrong with it is not shown: it may be a secret.
            let (name, value) = entry.map_err(|_| {
                CliError::from_error(
                    Exit::Usage,
                    &std::io::Error::other(format!("entry {} of `{}` is not NAME=VALUE", index + 1, file.display())),
                )
            })?;
            all.insert(name, value.into());
        }
    }
    all.extend(args.env.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    Ok(all)
}

/// `NAME=VALUE`.
pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is not NAME=VALUE")?;
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok((name.to_owned(), value.to_owned()))
    } else {
        Err("the name of a variable has letters, digits and `_`".to_owned())
    }
}

/// As names of agents are.
pub(super) fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = text.starts_with('-') || text.ends_with('-');
    if !text.is_empty() && text.len() <= 63 && !ends && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("use lower-case letters, digits and `-`, up to 63, such as `my-agent`".to_owned())
    }
}
