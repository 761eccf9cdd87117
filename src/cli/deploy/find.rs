//! Which deployment is meant: its id, its name, or what either begins with.

use super::{
    arguments,
    targets::{Asked, Target},
};
use crate::{
    cli::{CliError, Cx, Exit, chat, chat::ChatArgs},
    config::Secret,
    deploy::{Deployer, Forward, plan::Observed},
};

/// A deployment that exists, and how it is.
pub(super) struct Found {
    pub(super) deployer: Box<dyn Deployer>,
    pub(super) observed: Observed,
}

/// What a word may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// An id or a name.
    Whole,
    /// Or what either begins with.
    Beginning,
}

/// # Errors
/// None, or more than one; a target that cannot be asked, where it may be.
pub(super) async fn find(word: &str, cx: &Cx) -> Result<Found, CliError> {
    look(word, Fit::Beginning, cx).await
}

/// For what cannot be undone, or is noticed by callers: nothing is meant but what is named in full.
///
/// # Errors
/// As of [`find`].
pub(super) async fn find_exact(word: &str, cx: &Cx) -> Result<Found, CliError> {
    look(word, Fit::Whole, cx).await
}

async fn look(word: &str, fit: Fit, cx: &Cx) -> Result<Found, CliError> {
    // The beginning of a name may end with a dash, as no name does.
    if !is_place(word.trim_end_matches('-')) {
        return Err(none(word));
    }
    match Target::of_id(word) {
        Some((target, place)) => match choose(Asked::one(target, cx).await, word, fit, cx) {
            // A list shows only what one may see of it.
            Err(error) if error.code() == Exit::NotFound && place.contains('/') => {
                let deployer = target.open(cx).await?;
                let observed = deployer.observe(place).await?;
                if observed.exists() { Ok(Found { deployer, observed }) } else { Err(error) }
            }
            found => found,
        },
        None => choose(Asked::every(cx).await, word, fit, cx),
    }
}

/// Whether a deployment can be addressed so: by a name, or by an id with a name in each of its parts. Targets make paths
/// of it, so nothing else gets there.
pub(super) fn is_place(word: &str) -> bool {
    let (parts, place) = Target::of_id(word).map_or((1, word), |(target, place)| (target.parts(), place));
    place.split('/').count() <= parts && place.split('/').all(|part| arguments::name(part).is_ok())
}

fn none(word: &str) -> CliError {
    CliError::not_found(format!("there is no deployment `{word}`")).hint("`agentscope list` shows those that exist")
}

fn choose(mut asked: Asked, word: &str, fit: Fit, cx: &Cx) -> Result<Found, CliError> {
    let exact = pick(&asked, |one| one.id == word);
    let named = pick(&asked, |one| one.name == word);
    let begun = pick(&asked, |one| one.id.starts_with(word) || one.name.starts_with(word));
    let meant: Vec<_> = begun.iter().map(|(at, index)| format!("`{}`", asked.told[*at].1[*index].id)).collect();
    // The one that is named may be where nobody answers.
    let begun = if fit == Fit::Beginning && asked.silent.is_empty() { begun } else { vec![] };
    let fits = [exact, named, begun].into_iter().find(|fits| !fits.is_empty()).unwrap_or_default();
    match fits.as_slice() {
        [(at, index)] => {
            asked.say_silent(cx);
            let (deployer, mut all) = asked.told.swap_remove(*at);
            Ok(Found { deployer, observed: all.swap_remove(*index) })
        }
        [] => match asked.silent.into_iter().next() {
            // It may be there.
            Some((_, error)) => Err(error),
            None if meant.is_empty() => Err(none(word)),
            None => Err(none(word).hint(format!("did you mean {}?", meant.join(" or ")))),
        },
        several => {
            let names: Vec<_> = several.iter().map(|(at, index)| asked.told[*at].1[*index].id.as_str()).collect();
            Err(CliError::usage(format!("`{word}` means more than one deployment: {}", names.join(", ")))
                .hint("give more of the id"))
        }
    }
}

/// Where among what was told they are.
fn pick(asked: &Asked, fits: impl Fn(&Observed) -> bool) -> Vec<(usize, usize)> {
    let told = asked.told.iter().enumerate();
    told.flat_map(|(at, (_, all))| all.iter().enumerate().map(move |(index, one)| ((at, index), one)))
        .filter(|(_, one)| fits(one))
        .map(|(place, _)| place)
        .collect()
}

/// A deployment that can be talked to.
pub(super) struct Reached {
    pub(super) url: String,
    pub(super) token: Secret,
    /// The way there, which has to be held.
    _forward: Option<Forward>,
}

/// # Errors
/// One that does not run.
async fn reach(found: &Found) -> Result<Reached, CliError> {
    let place = found.observed.place();
    let forward = match &found.observed.url {
        Some(_) => None,
        None => found.deployer.reach(place).await?,
    };
    let url = found.observed.url.clone().or_else(|| Some(forward.as_ref()?.url.clone())).ok_or_else(|| {
        CliError::failed(format!("`{}` is {}", found.observed.id, found.observed.state.name()))
            .hint("`agentscope deploy` starts it again; `agentscope logs` shows why it ended")
    })?;
    let token = found.deployer.token(place).await?;
    Ok(Reached { url, token, _forward: forward })
}

/// The same for a command of its own, where `word` is a deployment.
pub(super) fn addressed(word: &str, cx: &Cx) -> Result<Reached, CliError> {
    cx.block_on(async { reach(&find(word, cx).await?).await })
}

/// The surroundings of a command that talks to a deployment with this token.
pub(super) fn with_token(cx: &Cx, token: Secret) -> Cx {
    cx.with_variables(&[("AGENTSCOPE_TOKEN".to_owned(), token)].into())
}

/// `chat AGENT`, where AGENT may be a deployment.
pub(in crate::cli) fn chat(mut args: ChatArgs, cx: &Cx) -> Result<Exit, CliError> {
    let Some(word) = deployment(&args, cx) else { return chat::run(&args, cx) };
    let plain = Target::of_id(&word).is_none();
    let found = cx.block_on(async {
        match find(&word, cx).await {
            // What else it may be is told as ever; it does not matter then which target cannot be asked.
            Err(error) if plain && error.code() != Exit::Usage => Ok(None),
            found => reach(&found?).await.map(Some),
        }
    })?;
    match found {
        Some(reached) => {
            args.agent.agent = Some(reached.url.clone());
            args.deployment = Some(word);
            chat::run(&args, &with_token(cx, reached.token.clone()))
        }
        None => chat::run(&args, cx),
    }
}

/// What can only be a deployment: no address, and nothing that is there.
fn deployment(args: &ChatArgs, cx: &Cx) -> Option<String> {
    let word = args.agent.agent.as_ref()?;
    (is_place(word) && !cx.env.cwd.join(word).exists()).then(|| word.clone())
}
