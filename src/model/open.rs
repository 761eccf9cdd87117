//! From what an agent file says about its model to something that can be asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Capabilities, Model, anthropic, client::Client, demo::Demo, fallback::Fallback, gemini, retry::Retry,
    text_calls::TextCalls, wire::Endpoint,
};
use crate::{
    config::{
        Keys, Secret,
        agent_file::ModelSpec,
        catalog::{self, KeyUse, PROVIDERS, Provider, Wire},
    },
    runtime::http::Http,
};

const TIMEOUT: Duration = Duration::from_secs(600);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const RETRIES: u32 = 3;

/// Why a model cannot be asked at all. All of these are the agent file's or the environment's to mend: exit code 2.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("there is no model or provider `{name}`")]
    Unknown { name: String, similar: Option<String> },
    #[error("`{name}` needs a key, and {} is not set", .variables.join(" or "))]
    MissingKey { name: String, variables: Vec<String> },
    #[error("`{provider}` has no default model")]
    NoModel { provider: String },
    #[error("`{name}` has no `base_url`")]
    NoBaseUrl { name: String },
    #[error("the base URL `{url}` of `{name}` is not an http or https URL")]
    BadBaseUrl { name: String, url: String },
}

impl OpenError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { similar: Some(similar), .. } => format!("did you mean `{similar}`?"),
            Self::Unknown { .. } => {
                "write PROVIDER/MODEL or a name under `models`; `agentscope models` lists the providers".to_owned()
            }
            Self::MissingKey { variables, .. } => format!(
                "set {}, or store a key with `agentscope setup`; `--model demo` works without one",
                variables.first().map_or("`api_key`", String::as_str)
            ),
            Self::NoModel { provider } => format!("write `{provider}/MODEL`, with a model that the server has"),
            Self::NoBaseUrl { .. } => "set `base_url` of this model in the agent file, or OPENAI_BASE_URL".to_owned(),
            Self::BadBaseUrl { .. } => "it looks like `http://127.0.0.1:8080/v1`".to_owned(),
        }
    }
}

/// Opens the model that `reference` names: a name under `models`, `PROVIDER/MODEL`, or a provider, for its default
/// model. What comes back retries, falls back, times out and prices its answers as the agent file says. Calls nobody.
///
/// # Errors
/// [`OpenError`].
pub fn open(
    reference: &str,
    models: &BTreeMap<String, ModelSpec>,
    keys: &Keys,
    http: &Arc<Http>,
) -> Result<Arc<dyn Model>, OpenError> {
    let mut visited = vec![];
    collect(reference, models, &mut visited)?;
    let mut opened = visited.into_iter().map(|(_, spec)| single(&spec, keys, http));
    let first = opened.next().unwrap_or_else(|| Err(unknown(reference, models)))?;
    let rest: Vec<_> = opened.collect::<Result<_, _>>()?;
    Ok(if rest.is_empty() { first } else { Arc::new(Fallback::new(first, rest)) })
}

/// The spec of `reference` and, after it, those of all that may stand in for it, each once.
fn collect(
    reference: &str,
    models: &BTreeMap<String, ModelSpec>,
    visited: &mut Vec<(String, ModelSpec)>,
) -> Result<(), OpenError> {
    if visited.iter().any(|(name, _)| name == reference) {
        return Ok(());
    }
    let spec = resolve(reference, models)?;
    let fallback = spec.fallback.clone();
    visited.push((reference.to_owned(), spec));
    fallback.iter().try_for_each(|next| collect(next, models, visited))
}

/// What is known of the model that `reference` names before it is opened, as for [`open`].
///
/// # Errors
/// [`OpenError::Unknown`].
pub fn spec(reference: &str, models: &BTreeMap<String, ModelSpec>) -> Result<ModelSpec, OpenError> {
    resolve(reference, models)
}

fn resolve(reference: &str, models: &BTreeMap<String, ModelSpec>) -> Result<ModelSpec, OpenError> {
    if let Some(spec) = models.get(reference) {
        return Ok(spec.clone());
    }
    let (provider, model) = match reference.split_once('/') {
        Some((provider, model)) => (provider, Some(model)),
        None => (reference, None),
    };
    let provider = catalog::provider(provider).ok_or_else(|| unknown(reference, models))?;
    Ok(ModelSpec {
        provider: provider.name.to_owned(),
        model: model.filter(|model| !model.is_empty()).map(str::to_owned),
        api_key: None,
        base_url: None,
        max_output_tokens: None,
        temperature: None,
        effort: None,
        fallback: vec![],
        context_window: None,
        price: None,
        text_tool_calls: false,
        headers: BTreeMap::new(),
        extra: serde_json::Map::new(),
        timeout: None,
        idle_timeout: None,
        retries: None,
    })
}

fn unknown(reference: &str, models: &BTreeMap<String, ModelSpec>) -> OpenError {
    let (provider, rest) = reference.split_once('/').map_or((reference, None), |(name, rest)| (name, Some(rest)));
    let providers = PROVIDERS.iter().map(|provider| provider.name);
    let candidates = models.keys().map(String::as_str).filter(|_| rest.is_none()).chain(providers);
    let similar = candidates
        .map(|name| (strsim::jaro_winkler(name, provider), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| rest.map_or_else(|| name.to_owned(), |rest| format!("{name}/{rest}")));
    OpenError::Unknown { name: reference.to_owned(), similar }
}

/// The address of `provider`: the agent file's, else that of its variables, else its own.
pub(super) fn base_url(provider: &Provider, own: Option<&str>, keys: &Keys) -> String {
    let by_variable = || provider.base_url_variables.iter().find_map(|name| keys.get(name));
    let url = own.map(str::to_owned).or_else(|| by_variable().map(|url| url.expose().to_owned()));
    url.unwrap_or_else(|| provider.base_url.to_owned()).trim_end_matches('/').to_owned()
}

/// The key: the agent file's, else that in the first of the provider's variables that has one.
fn key(provider: &Provider, own: Option<&Secret>, keys: &Keys) -> Option<(Secret, String)> {
    let own = own.map(|key| (key.clone(), "`api_key` of the agent file".to_owned()));
    let by_variable = || provider.key_variables.iter().find_map(|name| Some((keys.get(name)?, (*name).to_owned())));
    own.or_else(by_variable).filter(|(key, _)| !key.expose().is_empty())
}

fn single(spec: &ModelSpec, keys: &Keys, http: &Arc<Http>) -> Result<Arc<dyn Model>, OpenError> {
    let unknown_provider = || unknown(&spec.provider, &BTreeMap::new());
    let provider = catalog::provider(&spec.provider).ok_or_else(unknown_provider)?;
    if provider.wire == Wire::Demo {
        return Ok(Arc::new(Demo::default()));
    }
    let endpoint = endpoint(provider, spec, keys)?;
    let client = Arc::new(Client::new(endpoint, Arc::clone(http)));
    let retried = Arc::new(Retry::new(client, spec.retries.unwrap_or(RETRIES)));
    Ok(if spec.text_tool_calls { Arc::new(TextCalls::new(retried)) } else { retried })
}

/// The model of `spec`, with everything its requests need.
pub(super) fn endpoint(provider: &'static Provider, spec: &ModelSpec, keys: &Keys) -> Result<Endpoint, OpenError> {
    let model = spec.model.as_deref().or(provider.default_model);
    let model = model.ok_or_else(|| OpenError::NoModel { provider: provider.name.to_owned() })?;
    let name = format!("{}/{model}", provider.name);
    let base_url = base_url(provider, spec.base_url.as_deref(), keys);
    if base_url.is_empty() {
        return Err(OpenError::NoBaseUrl { name });
    }
    if !url::Url::parse(&base_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Err(OpenError::BadBaseUrl { name, url: base_url });
    }
    let at_home = base_url == provider.base_url;
    let key = key(provider, spec.api_key.as_ref(), keys);
    // A server at another address may do without, or take what `headers` say.
    if key.is_none() && provider.key == KeyUse::Needed && at_home && spec.headers.is_empty() {
        let variables = provider.key_variables.iter().map(|name| (*name).to_owned()).collect();
        return Err(OpenError::MissingKey { name, variables });
    }
    let wire = if at_home { provider.wire } else { provider.wire_elsewhere };
    let known = provider.model(model);
    Ok(Endpoint {
        provider,
        wire,
        capabilities: Capabilities {
            structured_output: structured_output(wire, model),
            structured_output_alone: match wire {
                Wire::Chat => provider.dialect.json_schema,
                Wire::Gemini => true,
                Wire::Responses | Wire::Anthropic | Wire::Demo => structured_output(wire, model),
            },
            images: known.is_none_or(|known| known.images),
            context_window: spec.context_window.map(|window| window.0).or(known.map(|known| known.context_window)),
        },
        name,
        model: model.to_owned(),
        base_url,
        key,
        headers: spec.headers.clone(),
        extra: spec.extra.clone(),
        max_output_tokens: spec.max_output_tokens.map(|tokens| tokens.0),
        temperature: spec.temperature,
        effort: spec.effort,
        known,
        price: spec.price.or(known.and_then(|known| known.price).filter(|_| at_home)),
        timeout: spec.timeout.map_or(TIMEOUT, |span| span.0),
        idle_timeout: spec.idle_timeout.map_or(IDLE_TIMEOUT, |span| span.0),
    })
}

/// Whether the model takes a schema of its answer also when it has tools; elsewhere the loop forces a tool.
fn structured_output(wire: Wire, model: &str) -> bool {
    match wire {
        Wire::Responses => true,
        Wire::Gemini => gemini::takes_level(model),
        Wire::Anthropic => anthropic::refuses_forced_tools(model),
        Wire::Chat | Wire::Demo => false,
    }
}
