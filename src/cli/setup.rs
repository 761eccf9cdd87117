//! `agentscope setup`: which model to use, and its key.

use std::io::Read as _;

use clap::Args;

use super::{CliError, Cx, Exit, models::load_keys};
use crate::{
    config::{
        Keys, Secret, Settings,
        catalog::{self, KeyUse, PROVIDERS, Provider, Wire},
    },
    model::{self, LocalServer},
    ui::prompt,
};

/// The longest key that is read, in bytes.
const LONGEST_KEY: u64 = 16 * 1024;

/// Choose a model provider, find keys and local model servers, store a key
///
/// On a terminal it asks; elsewhere `--provider` says which provider, and `--key-stdin` that its key comes on standard
/// input. A key is kept in the user's own `keys.yaml`, which nobody else can read; the choice in `settings.yaml`, for
/// agents that name no model.
#[derive(Debug, Args)]
pub(super) struct SetupArgs {
    /// The provider to use
    #[arg(long, value_name = "PROVIDER", value_parser = PROVIDERS.iter().map(|provider| provider.name).collect::<Vec<_>>())]
    provider: Option<String>,
    /// Read the key from standard input
    #[arg(long, requires = "provider")]
    key_stdin: bool,
    /// The model to use; the provider's default where absent
    #[arg(long, value_name = "MODEL", requires = "provider")]
    model: Option<String>,
}

pub(super) fn run(args: &SetupArgs, cx: &Cx) -> Result<Exit, CliError> {
    let mut keys = load_keys(cx)?;
    let servers = cx.block_on(async { Ok(model::local_servers(&keys, &cx.http).await) })?;
    let asks = prompt::possible(&cx.env);
    let provider = match args.provider.as_deref().and_then(catalog::provider) {
        Some(provider) => provider,
        None if asks => match choose(&keys, &servers)? {
            Some(provider) => provider,
            None => return Ok(Exit::Interrupted),
        },
        None => return Err(no_provider(&keys, &servers)),
    };
    let server = servers.iter().find(|server| server.provider.name == provider.name);
    if provider.local && server.is_none() {
        cx.printer.warn(&format!("no {} answers on this machine: start it before you chat", provider.title));
    }
    let stored = settle_key(args, provider, &mut keys, cx, asks)?;
    let model = settle_model(args, provider, server, asks)?;
    let reference = match (&model, provider.default_model) {
        (Some(model), _) => format!("{}/{model}", provider.name),
        (None, Some(_)) => provider.name.to_owned(),
        (None, None) => {
            return Err(
                CliError::usage(format!("`{}` has no default model", provider.name)).hint("say which with `--model`")
            );
        }
    };
    let settings =
        Settings::set_model(&cx.paths, &reference).map_err(|error| CliError::from_error(Exit::Failed, &error))?;
    let text = format!(
        "{stored}agents that name no model use {reference} ({})\nnext: agentscope chat\n",
        settings.path().display()
    );
    cx.printer.stdout(&text)?;
    Ok(Exit::Done)
}

fn choose(keys: &Keys, servers: &[LocalServer]) -> Result<Option<&'static Provider>, CliError> {
    let label = |provider: &Provider| match found(provider, keys, servers) {
        Some(found) => format!("{} ({found})", provider.title),
        None => provider.title.to_owned(),
    };
    let items: Vec<_> = PROVIDERS.iter().map(label).collect();
    let first = PROVIDERS.iter().position(|provider| found(provider, keys, servers).is_some());
    let chosen = prompt::select("Which provider?", &items, first.unwrap_or(0)).map_err(|error| asked(&error))?;
    Ok(chosen.map(|index| &PROVIDERS[index]))
}

/// What was found of `provider`: a server that runs, a key.
fn found(provider: &Provider, keys: &Keys, servers: &[LocalServer]) -> Option<String> {
    let server = servers.iter().find(|server| server.provider.name == provider.name);
    let by_key = || {
        let needed = provider.key == KeyUse::Needed;
        let source = provider.key_variables.iter().filter(|_| needed).find_map(|name| Some((name, keys.find(name)?.1)));
        source.map(|(name, source)| format!("{name} found: {source}"))
    };
    server.map(|server| format!("runs at {}", server.base_url)).or_else(by_key)
}

fn no_provider(keys: &Keys, servers: &[LocalServer]) -> CliError {
    let found: Vec<_> = PROVIDERS
        .iter()
        .filter_map(|provider| Some(format!("{} ({})", provider.name, found(provider, keys, servers)?)))
        .collect();
    let hint = if found.is_empty() {
        "add `--provider NAME`, as in `agentscope setup --provider openai --key-stdin < key.txt`".to_owned()
    } else {
        format!("add `--provider NAME`; found here: {}", found.join(", "))
    };
    CliError::usage("nobody can be asked: this is not a terminal").hint(hint)
}

/// Sees to the key, and says in a line what was done with it.
fn settle_key(args: &SetupArgs, provider: &Provider, keys: &mut Keys, cx: &Cx, asks: bool) -> Result<String, CliError> {
    let Some(variable) = provider.key_variables.first().filter(|_| provider.wire != Wire::Demo) else {
        return Ok(String::new());
    };
    let there = provider.key_variables.iter().find_map(|name| Some((*name, keys.find(name)?.1)));
    let key = if args.key_stdin {
        Some(key_from_stdin()?)
    } else if let Some((name, source)) = there {
        return Ok(format!("using the key in {name} ({source})\n"));
    } else if provider.key == KeyUse::Optional {
        None
    } else if asks {
        Some(prompt::secret(&format!("Key of {} ({variable})", provider.title)).map_err(|error| asked(&error))?)
    } else {
        return Err(CliError::usage(format!("`{}` needs a key, and {variable} is not set", provider.name))
            .hint("set it, or add `--key-stdin` and give the key on standard input"));
    };
    let Some(key) = key else { return Ok(String::new()) };
    let key = Secret::from(key.expose().trim());
    if key.expose().is_empty() || key.expose().contains(char::is_whitespace) {
        return Err(
            CliError::usage("the key is empty or has blank space in it").hint("give the key alone, on one line")
        );
    }
    let path = keys.store(variable, key).map_err(|error| CliError::from_error(Exit::Failed, &error))?;
    let text = format!("stored {variable} in {}\n", path.display());
    if cx.env.var(variable).is_some() {
        cx.printer.warn(&format!("{variable} is also set in the environment, which wins over the stored key"));
    }
    Ok(text)
}

fn key_from_stdin() -> Result<Secret, CliError> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST_KEY).read_to_string(&mut text);
    read.map_err(|error| CliError::usage("could not read the key from standard input").because(&error))?;
    Ok(text.into())
}

fn settle_model(
    args: &SetupArgs,
    provider: &Provider,
    server: Option<&LocalServer>,
    asks: bool,
) -> Result<Option<String>, CliError> {
    if let Some(model) = &args.model {
        return Ok(Some(model.clone()));
    }
    let listed = server.map_or(&[][..], |server| server.models.as_slice());
    match (listed, provider.default_model) {
        ([only], _) => Ok(Some(only.clone())),
        ([_, ..], _) if asks => {
            let chosen = prompt::select("Which model?", listed, 0).map_err(|error| asked(&error))?;
            Ok(chosen.and_then(|index| listed.get(index)).cloned())
        }
        ([first, ..], _) => Ok(Some(first.clone())),
        ([], Some(_)) => Ok(None),
        ([], None) if asks => prompt::text("Which model?", None).map(Some).map_err(|error| asked(&error)),
        ([], None) => Ok(None),
    }
}

fn asked(error: &std::io::Error) -> CliError {
    CliError::failed("could not ask on the terminal").because(error)
}
