//! Which deployment is meant: its id, its name, or what either begins with.

use super::{arguments, docker};
use crate::{
    cli::{CliError, Cx, Exit, chat, chat::ChatArgs},
    config::Secret,
    deploy::{Deployer, docker::Docker, plan::Observed},
};

/// A deployment that exists, and how it is.
pub(super) struct Found {
    pub(super) deployer: Docker,
    pub(super) observed: Observed,
}

/// # Errors
/// None, or more than one; a target that cannot be asked.
pub(super) async fn find(word: &str, cx: &Cx) -> Result<Found, CliError> {
    let deployer = docker(cx).await?;
    let mut all = deployer.list().await?;
    let exact = all.iter().position(|one| one.id == word || one.name == word);
    let begins = |one: &Observed| one.id.starts_with(word) || one.name.starts_with(word);
    let at = match exact {
        Some(at) => at,
        None => {
            let fits: Vec<usize> = (0..all.len()).filter(|at| begins(&all[*at])).collect();
            match fits.as_slice() {
                [at] => *at,
                [] => {
                    return Err(CliError::not_found(format!("there is no deployment `{word}`"))
                        .hint("`agentscope list` shows those that exist"));
                }
                several => {
                    let names: Vec<_> = several.iter().map(|at| all[*at].id.as_str()).collect();
                    return Err(CliError::usage(format!(
                        "`{word}` means more than one deployment: {}",
                        names.join(", ")
                    ))
                    .hint("give more of the name"));
                }
            }
        }
    };
    Ok(Found { observed: all.swap_remove(at), deployer })
}

/// The address and the token of a deployment that can be talked to.
///
/// # Errors
/// One that does not run.
async fn reach(word: &str, cx: &Cx) -> Result<(String, Secret), CliError> {
    let found = find(word, cx).await?;
    let url = found.observed.url.clone().ok_or_else(|| {
        CliError::failed(format!("`{}` is {}", found.observed.id, found.observed.state.name()))
            .hint("`agentscope deploy` starts it again; `agentscope logs` shows why it ended")
    })?;
    let token = found.deployer.token(&found.observed.name).await?;
    Ok((url, token))
}

/// The same for a command of its own, where `word` is a deployment.
pub(super) fn addressed(word: &str, cx: &Cx) -> Result<(String, Secret), CliError> {
    cx.block_on(reach(word, cx))
}

/// The surroundings of a command that talks to a deployment with this token.
pub(super) fn with_token(cx: &Cx, token: Secret) -> Cx {
    cx.with_variables(&[("AGENTSCOPE_TOKEN".to_owned(), token)].into())
}

/// `chat AGENT`, where AGENT may be a deployment.
pub(in crate::cli) fn chat(mut args: ChatArgs, cx: &Cx) -> Result<Exit, CliError> {
    let Some(word) = deployment(&args, cx) else { return chat::run(&args, cx) };
    let plain = !word.contains('/');
    if plain && cx.block_on(async { Ok(docker(cx).await.is_err()) })? {
        return chat::run(&args, cx);
    }
    match addressed(&word, cx) {
        Ok((url, token)) => {
            args.agent.agent = Some(url);
            chat::run(&args, &with_token(cx, token))
        }
        // It is none: what else it may be is told as ever.
        Err(error) if plain && error.code() == Exit::NotFound => chat::run(&args, cx),
        Err(error) => Err(error),
    }
}

/// What can only be a deployment: no address, and nothing that is there.
fn deployment(args: &ChatArgs, cx: &Cx) -> Option<String> {
    let word = args.agent.agent.as_ref()?;
    let name = word.strip_prefix("docker/").unwrap_or(word);
    let fits = arguments::name(name).is_ok() && !cx.env.cwd.join(word).exists();
    fits.then(|| word.clone())
}
