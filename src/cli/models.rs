//! `agentscope models`: who serves models, whose key is there, and which model is used unasked.

use clap::Args;
use serde::Serialize;

use super::{CliError, Cx, Exit, args::Output, default_model};
use crate::{
    config::{
        Keys,
        catalog::{self, KeyUse, Provider},
    },
    model::{self, LocalServer},
    ui::table,
};

/// List the model providers, which keys were found, and the model servers on this machine
#[derive(Debug, Args)]
pub(super) struct ModelsArgs {
    /// Show what is known of the models of this provider
    #[arg(value_name = "PROVIDER", value_parser = catalog::PROVIDERS.iter().map(|provider| provider.name).collect::<Vec<_>>())]
    provider: Option<String>,
    /// The form of the result
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// A provider as `-o json` shows it.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    title: &'static str,
    /// Variables that may hold the key, the first found one first.
    key_variables: &'static [&'static str],
    key_needed: bool,
    /// Where the key was found; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_model: Option<String>,
    /// What a server on this machine has loaded; absent where none answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<Running>,
    /// Used where neither the agent file nor the settings name a model.
    chosen: bool,
}

#[derive(Serialize)]
struct Running {
    base_url: String,
    models: Vec<String>,
}

/// A model as `-o json` shows it. Prices are US dollars per million tokens.
#[derive(Serialize)]
struct ModelRow {
    name: String,
    context_window: u64,
    max_output_tokens: u64,
    images: bool,
    reasoning: bool,
    /// Prices are absent where they are not known for sure.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_price: Option<f64>,
}

pub(super) fn run(args: &ModelsArgs, cx: &Cx) -> Result<Exit, CliError> {
    match args.provider.as_deref().and_then(catalog::provider) {
        Some(provider) => show_models(provider, args.output, cx),
        None => show_providers(args.output, cx),
    }
}

fn show_models(provider: &'static Provider, output: Output, cx: &Cx) -> Result<Exit, CliError> {
    let rows: Vec<_> = provider
        .models
        .iter()
        .map(|model| ModelRow {
            name: format!("{}/{}", provider.name, model.name),
            context_window: model.context_window,
            max_output_tokens: model.max_output,
            images: model.images,
            reasoning: model.reasoning,
            input_price: model.price.map(|price| price.input),
            cached_price: model.price.and_then(|price| price.cached),
            output_price: model.price.map(|price| price.output),
        })
        .collect();
    if output == Output::Json {
        cx.printer.json(&rows)?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        let text =
            format!("no models of `{0}` are known here: write `{0}/MODEL` with a model that it has\n", provider.name);
        cx.printer.stderr(&text);
        return Ok(Exit::Done);
    }
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let dollars = |price: Option<f64>| price.map_or(String::new(), |price| price.to_string());
    let cells: Vec<_> = rows
        .into_iter()
        .map(|row| {
            [
                row.name,
                row.context_window.to_string(),
                row.max_output_tokens.to_string(),
                yes(row.images),
                yes(row.reasoning),
                dollars(row.input_price),
                dollars(row.cached_price),
                dollars(row.output_price),
            ]
        })
        .collect();
    let head = ["MODEL", "CONTEXT", "OUTPUT", "IMAGES", "THINKS", "$/M INPUT", "CACHED", "$/M OUTPUT"];
    cx.printer.stdout(&table(head, &cells))?;
    Ok(Exit::Done)
}

fn show_providers(output: Output, cx: &Cx) -> Result<Exit, CliError> {
    let keys = load_keys(cx)?;
    let (default, servers) = cx.block_on(async {
        let (default, servers) =
            futures_util::future::join(default_model::find(&keys, cx), model::local_servers(&keys, &cx.http)).await;
        Ok((default?, servers))
    })?;
    let chosen = default.reference.split('/').next().unwrap_or_default();
    let rows: Vec<_> = catalog::PROVIDERS.iter().map(|provider| row(provider, &keys, &servers, chosen)).collect();
    if output == Output::Json {
        cx.printer.json(&rows)?;
        return Ok(Exit::Done);
    }
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let default = row.default_model.clone().unwrap_or_default();
            [row.name.to_owned(), default, state(row)]
        })
        .collect();
    cx.printer.stdout(&table(["PROVIDER", "DEFAULT MODEL", "KEY OR SERVER"], &cells))?;
    cx.printer.stderr(&format!("an agent that names no model uses `{}`: {}\n", default.reference, default.because));
    Ok(Exit::Done)
}

fn row(provider: &'static Provider, keys: &Keys, servers: &[LocalServer], chosen: &str) -> Row {
    let key_source = provider.key_variables.iter().find_map(|name| Some(format!("{name} ({})", keys.find(name)?.1)));
    let server = servers.iter().find(|server| server.provider.name == provider.name);
    Row {
        name: provider.name,
        title: provider.title,
        key_variables: provider.key_variables,
        key_needed: provider.key == KeyUse::Needed,
        key_source,
        default_model: provider.default_model.map(str::to_owned),
        running: server.map(|server| Running { base_url: server.base_url.clone(), models: server.models.clone() }),
        chosen: provider.name == chosen,
    }
}

fn state(row: &Row) -> String {
    match (&row.running, &row.key_source) {
        (Some(running), _) => format!("{}: {}", running.base_url, running.models.join(", ")),
        (None, Some(source)) => source.clone(),
        (None, None) if row.key_needed => format!("{} is not set", row.key_variables.first().unwrap_or(&"the key")),
        (None, None) => String::new(),
    }
}

/// The keys that an agent of the working folder would see.
pub(super) fn load_keys(cx: &Cx) -> Result<Keys, CliError> {
    let folder = cx.env.cwd.join("agent.yaml").is_file().then_some(cx.env.cwd.as_path());
    Keys::load(&cx.env, &cx.paths, folder).map_err(|error| CliError::from_error(Exit::Usage, &error))
}
