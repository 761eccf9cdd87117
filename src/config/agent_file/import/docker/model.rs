//! The `models` and `providers` of a docker agent file.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::agent_file::{
    import::{
        server,
        source::{Fields, Node, Notes, free_name},
        template::literal_value,
        yaml::{Map, Yaml},
    },
    valid_name,
};

/// What a provider of theirs is to us.
enum Target {
    Ours(&'static str),
    /// Any server that speaks OpenAI's chat completions: its root and the variable with its key.
    Compatible {
        base_url: Option<String>,
        key: Option<String>,
    },
    Unknown,
}

/// Roots and variables are those of the providers' own references.
fn known(provider: &str) -> Target {
    let compatible = |base_url: &str, key: Option<&str>| Target::Compatible {
        base_url: Some(base_url.to_owned()),
        key: key.map(str::to_owned),
    };
    match provider {
        "openai" => Target::Ours("openai"),
        "anthropic" => Target::Ours("anthropic"),
        "google" => Target::Ours("gemini"),
        "ollama" => Target::Ours("ollama"),
        "dmr" => compatible("http://127.0.0.1:12434/engines/llama.cpp/v1", None),
        "mistral" => compatible("https://api.mistral.ai/v1", Some("MISTRAL_API_KEY")),
        "xai" => compatible("https://api.x.ai/v1", Some("XAI_API_KEY")),
        "nebius" => compatible("https://api.studio.nebius.com/v1", Some("NEBIUS_API_KEY")),
        "minimax" => compatible("https://api.minimax.io/v1", Some("MINIMAX_API_KEY")),
        "requesty" => compatible("https://router.requesty.ai/v1", Some("REQUESTY_API_KEY")),
        "azure" => Target::Compatible { base_url: None, key: Some("AZURE_API_KEY".into()) },
        _ => Target::Unknown,
    }
}

/// `provider_opts` that are fields of the request, and so can be passed through.
const REQUEST_FIELDS: [&str; 9] =
    ["min_p", "repetition_penalty", "seed", "service_tier", "stop", "top_k", "top_logprobs", "typical_p", "user"];

/// The models of the result.
#[derive(Default)]
pub(super) struct Models {
    specs: Vec<(String, Map)>,
    /// Their name to ours; to none for one that cannot be carried over.
    names: BTreeMap<String, Option<String>>,
    providers: BTreeMap<String, (Option<String>, Option<String>)>,
}

impl Models {
    pub(super) fn providers(&mut self, node: &Node<'_>, notes: &mut Notes) {
        for (name, node) in node.entries(notes) {
            let mut fields = node.fields(notes);
            let base_url = fields.take("base_url").and_then(|node| server::url(name, &node, notes));
            let key = fields.text("token_key", notes);
            if let Some(node) = fields.take("api_type").filter(|node| node.value == "openai_responses") {
                notes.changed(&node, format!("`{name}` is spoken to by chat completions, not by the Responses API"));
            }
            fields.finish("a provider", notes);
            self.providers.insert(name.to_owned(), (base_url, key));
        }
    }

    pub(super) fn named(&mut self, node: &Node<'_>, notes: &mut Notes) {
        for (name, node) in node.entries(notes) {
            // A slash would make it PROVIDER/MODEL.
            let ours = if name.contains('/') { valid_name(name, "model") } else { name.to_owned() };
            let spec = self.spec(&node, notes);
            self.names.insert(name.to_owned(), spec.is_some().then(|| ours.clone()));
            if let Some(spec) = spec {
                self.specs.push((ours, spec));
            }
        }
    }

    fn target(&self, provider: &str) -> Target {
        match self.providers.get(provider) {
            Some((base_url, key)) => Target::Compatible { base_url: base_url.clone(), key: key.clone() },
            None => known(provider),
        }
    }

    fn spec(&self, node: &Node<'_>, notes: &mut Notes) -> Option<Map> {
        let mut fields = node.fields(notes);
        let provider = fields.text("provider", notes).unwrap_or_default();
        let base_url = fields.take("base_url").and_then(|node| server::url(&provider, &node, notes));
        let key = fields.text("token_key", notes);
        let mut spec = self.start(&provider, base_url, key, node, notes)?;
        if let Some(model) = fields.text("model", notes) {
            spec.put("model", model);
        }
        if let Some(node) = fields.take("max_tokens") {
            // Docker Model Runner takes it for the size of the context.
            let name = if provider == "dmr" { "context_window" } else { "max_output_tokens" };
            if node.value.as_u64().is_some_and(|count| count > 0) {
                spec.put(name, node.value);
            } else {
                notes.left_out(&node, "`max_tokens` is not a number of tokens");
            }
        }
        if let Some(node) = fields.take("temperature") {
            spec.put("temperature", node.value);
        }
        if let Some(node) = fields.take("thinking_budget") {
            spec.put("effort", effort(&node, notes));
        }
        spec.put("extra", extra(&provider, &mut fields, notes));
        // Usage is always counted.
        fields.take("track_usage");
        fields.refuse(
            &[("routing", "a model is not chosen by the request here; this model itself answers everything")],
            notes,
        );
        fields.finish("a model", notes);
        Some(spec)
    }

    /// Provider, address and key; none for a provider that we cannot reach.
    fn start(
        &self,
        provider: &str,
        base_url: Option<String>,
        key: Option<String>,
        node: &Node<'_>,
        notes: &mut Notes,
    ) -> Option<Map> {
        let mut spec = Map::default();
        let (base_url, key) = match self.target(provider) {
            Target::Ours(name) => {
                spec.put("provider", name);
                (base_url, key)
            }
            Target::Compatible { base_url: theirs, key: their_key } => {
                spec.put("provider", "openai-compatible");
                let Some(base_url) = base_url.or(theirs) else {
                    notes.left_out(
                        node,
                        format!("provider `{provider}` needs a `base_url`; without it, its agents name no model"),
                    );
                    return None;
                };
                (Some(base_url), key.or(their_key))
            }
            Target::Unknown => {
                notes.left_out(
                    node,
                    format!("provider `{provider}` is not supported, so its agents name no model; \
                             if it has an OpenAI-compatible endpoint, use provider `openai-compatible` with its `base_url`"),
                );
                return None;
            }
        };
        // The model is put between; keys are sorted when the document is made.
        if let Some(base_url) = base_url {
            spec.put("base_url", base_url);
        }
        if let Some(key) = key {
            spec.put("api_key", format!("${{{key}}}"));
        }
        Some(spec)
    }

    /// The model that `text` means, where an agent names one; of several the first that can be used.
    pub(super) fn reference(&mut self, text: &str, node: &Node<'_>, notes: &mut Notes) -> Option<String> {
        let names: Vec<_> = text.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "auto").collect();
        let ours = names.iter().find_map(|name| self.one(name, node, notes));
        if let Some(ours) = ours.as_ref().filter(|_| names.len() > 1) {
            notes.left_out(node, format!("models do not take turns here: of `{text}` only `{ours}` is used"));
        }
        ours
    }

    fn one(&mut self, first: &str, node: &Node<'_>, notes: &mut Notes) -> Option<String> {
        if let Some(ours) = self.names.get(first) {
            return ours.clone();
        }
        let Some((provider, model)) = first.split_once('/') else {
            notes.left_out(node, format!("there is no model `{first}` in this file, so none is named"));
            return None;
        };
        if let Target::Ours(ours) = self.target(provider) {
            return Some(format!("{ours}/{model}"));
        }
        let spec = self.start(provider, None, None, node, notes);
        let ours = spec.map(|mut spec| {
            spec.put("model", model);
            self.add(&valid_name(model, "model"), spec)
        });
        self.names.insert(first.to_owned(), ours.clone());
        ours
    }

    fn add(&mut self, name: &str, spec: Map) -> String {
        let name = free_name(name, |name| self.specs.iter().any(|(taken, _)| taken == name));
        self.specs.push((name.clone(), spec));
        name
    }

    /// `model` with others to fall back to: fallbacks belong to a model here, and not to an agent.
    pub(super) fn with_fallback(&mut self, model: &str, fallback: &Yaml, retries: Option<&Value>) -> String {
        let there = self.specs.iter().position(|(name, _)| name == model);
        let add = |spec: &mut Map| {
            spec.put("fallback", fallback.clone());
            if let Some(retries) = retries {
                spec.put("retries", retries);
            }
        };
        let mut spec = match there.map(|index| &mut self.specs[index].1) {
            Some(spec) if spec.get("fallback").is_none_or(|there| there == fallback) => {
                add(spec);
                return model.to_owned();
            }
            // Another agent has other fallbacks for the same model.
            Some(spec) => spec.clone(),
            None => {
                let (provider, name) = model.split_once('/').unwrap_or(("openai-compatible", model));
                let mut spec = Map::default();
                spec.put("provider", provider).put("model", name);
                spec
            }
        };
        add(&mut spec);
        self.add(&valid_name(model.rsplit('/').next().unwrap_or(model), "model"), spec)
    }

    pub(super) fn into_yaml(self) -> Map {
        const ORDER: [&str; 11] = [
            "provider",
            "model",
            "base_url",
            "api_key",
            "context_window",
            "max_output_tokens",
            "temperature",
            "effort",
            "fallback",
            "retries",
            "extra",
        ];
        let mut map = Map::default();
        for (name, spec) in self.specs {
            map.put(name, spec.in_order(&ORDER));
        }
        map
    }
}

fn effort(node: &Node<'_>, notes: &mut Notes) -> Yaml {
    match node.value {
        Value::Number(number) => match number.as_i64() {
            Some(0) => "none".into(),
            Some(1..) => node.value.into(),
            // -1 leaves it to the model, as we do where nothing is said.
            _ => String::new().into(),
        },
        Value::String(level) => match level.as_str() {
            "none" | "low" | "medium" | "high" => level.as_str().into(),
            "minimal" => {
                notes.changed(node, "there is no effort `minimal`: `low` is the next one");
                "low".into()
            }
            "xhigh" | "max" => {
                notes.changed(node, format!("there is no effort `{level}`: `high` is the next one"));
                "high".into()
            }
            _ => {
                notes.left_out(
                    node,
                    format!("`{level}` is not an effort of none, low, medium, high or a number of tokens"),
                );
                String::new().into()
            }
        },
        _ => {
            notes.left_out(node, "`thinking_budget` is neither a level nor a number of tokens");
            String::new().into()
        }
    }
}

/// What is passed through to the provider as it is.
fn extra(provider: &str, fields: &mut Fields<'_>, notes: &mut Notes) -> Map {
    let mut extra = Map::default();
    for key in ["top_p", "frequency_penalty", "presence_penalty", "parallel_tool_calls"] {
        let Some(node) = fields.take(key) else { continue };
        match provider {
            "google" => {
                notes.left_out(&node, format!("`{key}` is not a field that Gemini takes at the root of a request"))
            }
            "anthropic" if key != "top_p" => {
                notes.left_out(&node, format!("`{key}` is not a field of Anthropic's API"))
            }
            _ => {
                extra.put(key, node.value);
            }
        }
    }
    let Some(options) = fields.take("provider_opts") else { return extra };
    for (key, node) in options.entries(notes) {
        if REQUEST_FIELDS.contains(&key) {
            extra.put(key, &literal_value(node.value));
        } else if provider == "dmr" {
            notes.left_out(&node, format!("`{key}` is a setting of the model's server: give it to the server"));
        } else {
            notes.left_out(
                &node,
                format!("`{key}` has no counterpart; what the provider's API takes can stand under `extra`"),
            );
        }
    }
    extra
}
