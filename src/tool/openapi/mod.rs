//! The operations of an OpenAPI 3 document as tools: path, query and header parameters, bodies of JSON or forms.

mod document;
mod operation;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use self::{
    document::Document,
    operation::{Api, Operation},
};
use super::{Tool, web};
use crate::{config::agent_file::OpenApiTool, runtime::http::Http};

const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);
const LONGEST: u64 = 10 * 1024 * 1024;
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// A document of the agent file, read when its tools are first asked for.
pub(super) struct Source {
    settings: OpenApiTool,
    place: Place,
    http: Arc<Http>,
    tools: OnceCell<Result<Operations, OpenapiError>>,
}

type Operations = Arc<[Arc<dyn Tool>]>;

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Url(Url),
}

/// A document that gives no tools.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenapiError {
    #[error("could not read the OpenAPI document `{source_name}`: {reason}")]
    Read { source_name: String, reason: String },
    #[error("could not fetch the OpenAPI document `{source_name}`: {reason}")]
    Fetch { source_name: String, reason: String },
    #[error("could not understand the OpenAPI document `{source_name}`: {reason}")]
    Parse { source_name: String, reason: String },
    #[error("`{source_name}` is not an OpenAPI 3 document: {found}")]
    Version { source_name: String, found: String },
    #[error("the OpenAPI document `{source_name}` has no operation `{id}`; {suggestion}")]
    UnknownOperation { source_name: String, id: String, suggestion: String },
    #[error("the operation `{id}` of `{source_name}` cannot be a tool: {reason}")]
    Unsupported { source_name: String, id: String, reason: String },
    #[error("the OpenAPI document `{source_name}` names no server; give a `base_url`")]
    NoServer { source_name: String },
    #[error("`{url}`, the base URL of `{source_name}`, is not an http or https address")]
    BaseUrl { source_name: String, url: String },
    #[error("the header `{header}` for `{source_name}` cannot be sent")]
    Header { source_name: String, header: String },
}

impl OpenapiError {
    /// Whether the agent file is right and the network is not.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Fetch { .. })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(web::shown(url).trim_matches('`')),
        }
    }
}

impl Source {
    pub(super) fn new(settings: &OpenApiTool, folder: &Path, http: Arc<Http>) -> Self {
        let place = match Url::parse(&settings.spec) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Place::Url(url),
            _ => Place::File(folder.join(&settings.spec)),
        };
        Self { settings: settings.clone(), place, http, tools: OnceCell::new() }
    }

    /// As the agent file calls it.
    pub(super) fn name(&self) -> &str {
        match &self.place {
            Place::File(_) => &self.settings.spec,
            Place::Url(url) => url.host_str().unwrap_or(&self.settings.spec),
        }
    }

    /// The tools; the document is read once.
    pub(super) async fn tools(&self) -> Result<Operations, OpenapiError> {
        self.tools.get_or_init(|| self.load()).await.clone()
    }

    async fn load(&self) -> Result<Operations, OpenapiError> {
        let source_name = self.place.to_string();
        let text = self.text(&source_name).await?;
        let document = Document::parse(&text, &source_name)?;
        let headers = web::headers(&self.settings.headers)
            .map_err(|header| OpenapiError::Header { source_name: source_name.clone(), header })?;
        let api = Api {
            http: Arc::clone(&self.http),
            base: self.base(&document, &source_name)?,
            headers,
            timeout: self.settings.timeout.map_or(DEFAULT_TIMEOUT, |span| span.0),
        };
        operations(&document, &Arc::new(api), self.settings.include.as_deref(), &source_name)
    }

    async fn text(&self, source_name: &str) -> Result<String, OpenapiError> {
        let source_name = source_name.to_owned();
        match &self.place {
            Place::File(path) => {
                let wrong = |reason: String| OpenapiError::Read { source_name: source_name.clone(), reason };
                let length = tokio::fs::metadata(path).await.map_err(|error| wrong(error.to_string()))?.len();
                if length > LONGEST {
                    return Err(wrong("it is larger than 10 MiB".to_owned()));
                }
                tokio::fs::read_to_string(path).await.map_err(|error| wrong(error.to_string()))
            }
            Place::Url(url) => {
                let wrong = |reason: String| OpenapiError::Fetch { source_name: source_name.clone(), reason };
                let request = web::WebRequest {
                    method: reqwest::Method::GET,
                    url: url.clone(),
                    headers: HeaderMap::new(),
                    body: None,
                };
                let answer = web::send(&self.http, request, Duration::from_secs(30)).await;
                let answer = answer.map_err(|error| wrong(error.to_string()))?;
                if !answer.status.is_success() || answer.cut {
                    let what = if answer.cut {
                        "it is larger than 5 MiB".to_owned()
                    } else {
                        format!("HTTP {}", answer.status)
                    };
                    return Err(wrong(what));
                }
                answer.text().await.map_err(|error| wrong(error.to_string()))
            }
        }
    }

    fn base(&self, document: &Document, source_name: &str) -> Result<Url, OpenapiError> {
        let source_name = source_name.to_owned();
        if let Some(base) = &self.settings.base_url {
            let url = Url::parse(base).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            return url.ok_or_else(|| OpenapiError::BaseUrl { source_name, url: base.clone() });
        }
        let from = match &self.place {
            Place::File(_) => None,
            Place::Url(url) => Some(url),
        };
        document.server(from).ok_or(OpenapiError::NoServer { source_name })
    }
}

/// The operations that are wanted, in the order of the document.
fn operations(
    document: &Document,
    api: &Arc<Api>,
    include: Option<&[String]>,
    source_name: &str,
) -> Result<Operations, OpenapiError> {
    let mut ids: Vec<String> = vec![];
    let mut tools: Vec<Arc<dyn Tool>> = vec![];
    for (path, item) in document.paths() {
        let item = document.resolve(item);
        for method in METHODS {
            let operation: &Value = &item[*method];
            if !operation.is_object() {
                continue;
            }
            let id = Operation::id(method, path, operation);
            ids.push(id.clone());
            if include.is_some_and(|include| !include.contains(&id)) {
                continue;
            }
            match Operation::new(document, Arc::clone(api), (method, path), item, operation) {
                Ok(operation) => tools.push(Arc::new(operation)),
                // One that nobody asked for by name is simply not there.
                Err(_) if include.is_none() => {}
                Err(reason) => {
                    return Err(OpenapiError::Unsupported { source_name: source_name.to_owned(), id, reason });
                }
            }
        }
    }
    for id in include.unwrap_or_default() {
        if !ids.contains(id) {
            let suggestion = suggestion(id, &ids);
            return Err(OpenapiError::UnknownOperation {
                source_name: source_name.to_owned(),
                id: id.clone(),
                suggestion,
            });
        }
    }
    Ok(tools.into())
}

fn suggestion(id: &str, ids: &[String]) -> String {
    let near =
        ids.iter().map(|known| (strsim::damerau_levenshtein(&known.to_lowercase(), &id.to_lowercase()), known)).min();
    match near {
        Some((distance, near)) if distance <= id.len().max(3) / 2 => format!("did you mean `{near}`?"),
        Some(_) => format!("it has {}", super::cap::short(&ids.join(", "), 500)),
        None => "it has none".to_owned(),
    }
}

#[cfg(test)]
mod tests;
