//! Which model to use where nobody said: keys first, then a server on this machine, else the demo.

use std::{fmt, sync::Arc, time::Duration};

use serde::Deserialize;

use super::open;
use crate::{
    config::{
        KeySource, Keys,
        catalog::{self, PROVIDERS, Provider},
    },
    runtime::http::Http,
};

/// How long a server on this machine has to accept a connection; those that run do so at once.
const CONNECT: Duration = Duration::from_millis(30);
/// How long it then has to list its models.
const LIST: Duration = Duration::from_secs(1);

/// The providers whose keys are looked for, in this order.
const BY_KEY: &[&str] = &["openai", "anthropic", "dashscope", "gemini"];

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// What [`open`](super::open()) takes.
    pub reference: String,
    pub because: Because,
}

/// Why a model was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// A variable names a server or holds a key.
    Variable { name: String, source: KeySource },
    /// A server answers at this address.
    Server { title: &'static str, base_url: String },
    /// Nothing else was found.
    Nothing,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name, source: KeySource::Environment } => write!(f, "{name} is set"),
            Self::Variable { name, source } => write!(f, "{name} is in {source}"),
            Self::Server { title, base_url } => write!(f, "{title} runs at {base_url}"),
            Self::Nothing => f.write_str("no key and no model server was found; `agentscope setup` chooses a real one"),
        }
    }
}

/// A model server on this machine.
#[derive(Clone, Debug)]
pub struct LocalServer {
    pub provider: &'static Provider,
    pub base_url: String,
    /// Those that chat, in the server's order.
    pub models: Vec<String>,
}

/// Finds the model to use where neither the agent file nor the settings name one. Looks at ports of this machine only
/// if no variable says more.
pub async fn detect(keys: &Keys, http: &Arc<Http>) -> Detected {
    if let Some(found) = base_url_of_openai(keys, http).await {
        return found;
    }
    for name in BY_KEY {
        let provider = catalog::provider(name);
        let variables = provider.map_or(&[][..], |provider| provider.key_variables);
        if let Some((name, source)) = variables.iter().find_map(|name| Some((name, keys.find(name)?.1))) {
            let because = Because::Variable { name: (*name).to_owned(), source };
            return Detected { reference: provider.map_or("", |provider| provider.name).to_owned(), because };
        }
    }
    let servers = local_servers(keys, http).await;
    for server in servers {
        if let Some(model) = server.models.first() {
            return Detected {
                reference: format!("{}/{model}", server.provider.name),
                because: Because::Server { title: server.provider.title, base_url: server.base_url },
            };
        }
    }
    Detected { reference: "demo".to_owned(), because: Because::Nothing }
}

/// The server that OPENAI_BASE_URL names, with its first model if it lists some and not OpenAI's default.
async fn base_url_of_openai(keys: &Keys, http: &Arc<Http>) -> Option<Detected> {
    let provider = catalog::provider("openai")?;
    let name = "OPENAI_BASE_URL";
    let (_, source) = keys.find(name)?;
    let base_url = open::base_url(provider, None, keys);
    let default = provider.default_model.unwrap_or_default();
    let listed = if base_url == provider.base_url { None } else { list(&base_url, provider, keys, http).await };
    let model = match listed {
        Some(models) if !models.iter().any(|model| model == default) => models.into_iter().next(),
        Some(_) | None => None,
    };
    let reference = model.map_or_else(|| provider.name.to_owned(), |model| format!("{}/{model}", provider.name));
    Some(Detected { reference, because: Because::Variable { name: name.to_owned(), source } })
}

/// The model servers that run on this machine, in the catalogue's order; all ports are asked at once.
pub async fn local_servers(keys: &Keys, http: &Arc<Http>) -> Vec<LocalServer> {
    let local = PROVIDERS.iter().filter(|provider| provider.local);
    let asked = local.map(|provider| async move {
        let base_url = open::base_url(provider, None, keys);
        let models = list(&base_url, provider, keys, http).await?;
        Some(LocalServer { provider, base_url, models })
    });
    futures_util::future::join_all(asked).await.into_iter().flatten().collect()
}

#[derive(Deserialize)]
struct List {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

/// The models of a server that speaks OpenAI's protocol; `None` where there is none.
async fn list(base_url: &str, provider: &Provider, keys: &Keys, http: &Arc<Http>) -> Option<Vec<String>> {
    let url = url::Url::parse(base_url).ok()?;
    let (host, port) = (url.host_str()?.to_owned(), url.port_or_known_default()?);
    if provider.local {
        let host = host.trim_matches(['[', ']']).to_owned();
        tokio::time::timeout(CONNECT, tokio::net::TcpStream::connect((host, port))).await.ok()?.ok()?;
    }
    let address = format!("{base_url}/models");
    let mut call = http.client(&address).ok()?.get(&address).timeout(LIST);
    if let Some(key) = provider.key_variables.iter().find_map(|name| keys.get(name)) {
        call = call.bearer_auth(key.expose());
    }
    let answer = call.send().await.ok()?.error_for_status().ok()?;
    let list: List = answer.json().await.ok()?;
    // Ollama and LM Studio list models that only make vectors, too.
    Some(list.data.into_iter().map(|model| model.id).filter(|id| !id.to_lowercase().contains("embed")).collect())
}
