//! Models: providers, names, fallbacks.

use super::{
    super::fault::{self, Fault},
    Cursor,
};
use crate::config::catalog::{self, PROVIDERS};

pub(super) fn check(root: &Cursor, out: &mut Vec<Fault>) {
    let models = root.get("models");
    for (name, model) in models.entries() {
        let provider = model.get("provider");
        if let Some(text) = provider.text() {
            match catalog::provider(text) {
                None => out.push(unknown_provider(&provider, text)),
                Some(known) if known.default_model.is_none() && !model.get("model").exists() => {
                    out.push(model.key_fault("missing-key", format!("the model `{name}` has no `model`")).help(
                        format!("`{text}` has no default: add `model`, with the name that the server knows it by"),
                    ))
                }
                Some(_) => {}
            }
        }
        out.extend(super::place::url(&model.get("base_url"), &["http", "https"]));
        for fallback in model.get("fallback").items() {
            out.extend(reference(&fallback, root));
        }
        cycle(&models, name, &model, out);
    }
}

/// Checks a model that is asked for by name, or as `PROVIDER/MODEL`.
pub(super) fn reference(at: &Cursor, root: &Cursor) -> Option<Fault> {
    let text = at.text()?;
    let models = root.get("models");
    if models.get(text).exists() {
        return None;
    }
    let (provider, model) = text.split_once('/').map_or((text, None), |(provider, model)| (provider, Some(model)));
    let Some(known) = catalog::provider(provider) else {
        if model.is_some() {
            return Some(unknown_provider(at, provider));
        }
        let names = models.keys();
        let all: Vec<&str> = names.iter().copied().chain(PROVIDERS.iter().map(|provider| provider.name)).collect();
        let help = fault::suggest(text, &all).unwrap_or_else(|| match names.as_slice() {
            [] => "write PROVIDER/MODEL, such as `openai/gpt-5-mini`, or add it under `models`".to_owned(),
            names => format!("write PROVIDER/MODEL, or a name under `models`: there are {}", fault::list(names)),
        });
        return Some(at.fault("unknown-model", format!("there is no model `{text}`")).help(help));
    };
    let nameless = model.unwrap_or_default().is_empty() && known.default_model.is_none();
    nameless.then(|| {
        at.fault("unknown-model", format!("`{provider}` has no default model"))
            .help(format!("write `{provider}/MODEL`, with the name that the server knows it by"))
    })
}

fn unknown_provider(at: &Cursor, provider: &str) -> Fault {
    let names: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name).collect();
    let help = fault::suggest(provider, &names).unwrap_or_else(|| {
        format!("there are {}; `openai-compatible` takes any server of chat completions", fault::list(&names))
    });
    at.fault("unknown-provider", format!("there is no provider `{provider}`")).help(help)
}

/// Reports a cycle of fallbacks once, at the first of its models.
fn cycle(models: &Cursor, start: &str, model: &Cursor, out: &mut Vec<Fault>) {
    let mut open = vec![vec![start.to_owned()]];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(path) = open.pop() {
        let last = path.last().map(String::as_str).unwrap_or_default();
        for fallback in models.get(last).get("fallback").items() {
            let Some(next) = fallback.text() else { continue };
            if next == start {
                if path.iter().all(|name| name.as_str() >= start) {
                    let way = path.iter().map(String::as_str).chain([start]).collect::<Vec<_>>().join(" → ");
                    out.push(
                        model.get("fallback").fault("cycle", format!("the fallbacks go round in a circle: {way}")),
                    );
                }
                return;
            }
            if models.get(next).exists() && seen.insert(next.to_owned()) {
                open.push(path.iter().cloned().chain([next.to_owned()]).collect());
            }
        }
    }
}
