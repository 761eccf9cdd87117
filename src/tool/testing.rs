//! What the tests of tools share: a host that records what it is shown and answers what it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    ToolCx, ToolDeps, ToolHost, ToolResult,
    boxed::{BoxSettings, Boxes},
};
use crate::{
    config::{
        Env, Paths,
        agent_file::{Backend, Sandbox},
    },
    domain::{AgentPath, CallId, Content, Notice, Question, SessionKey},
    runtime::http::Http,
    sandbox::{Sandboxes, WorkspaceMode},
    store::MemoryStore,
};

#[derive(Default)]
pub(crate) struct RecordingHost {
    answers: Mutex<VecDeque<String>>,
    asked: Mutex<Vec<Question>>,
    output: Mutex<Vec<String>>,
}

impl RecordingHost {
    /// Answers these, in this order, then nothing.
    pub(crate) fn answering(answers: &[&str]) -> Self {
        Self { answers: Mutex::new(answers.iter().map(|answer| (*answer).to_owned()).collect()), ..Self::default() }
    }

    pub(crate) fn output(&self) -> Vec<String> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl ToolHost for RecordingHost {
    async fn output(&self, _call: &CallId, chunk: String) {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).push(chunk);
    }

    async fn notice(&self, _notice: Notice) {}

    async fn ask(&self, question: Question) -> Option<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(question);
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

pub(crate) fn cx() -> ToolCx {
    cx_answering(&[]).0
}

pub(crate) fn cx_answering(answers: &[&str]) -> (ToolCx, Arc<RecordingHost>) {
    let host = Arc::new(RecordingHost::answering(answers));
    let cx = ToolCx {
        call_id: CallId::from("call_1"),
        session: SessionKey { user: "ann".to_owned(), session: "ses_1".into() },
        agent: AgentPath::root("assistant"),
        cancel: CancellationToken::new(),
        state: json!({}),
        host: Arc::<RecordingHost>::clone(&host),
    };
    (cx, host)
}

/// The text of a result.
pub(crate) fn text(result: &ToolResult) -> String {
    let texts = result.content.iter().map(|part| match part {
        Content::Text { text } => text.clone(),
        other => format!("{other:?}"),
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// What tools are made with, in `folder`.
pub(crate) fn deps(folder: &std::path::Path, vars: &[(&str, &str)]) -> ToolDeps {
    let home = folder.join("home").display().to_string();
    let mut all = vec![("AGENTSCOPE_HOME", home.as_str()), ("PATH", "/usr/local/bin:/usr/bin:/bin")];
    all.extend(vars);
    let env = Env::fake(folder, &all);
    let paths = Paths::new(&env);
    ToolDeps {
        boxes: boxes(&env, &paths, folder),
        paths,
        http: Arc::new(Http::new(env.clone(), false)),
        notes: Arc::new(MemoryStore::new()),
        folder: folder.to_owned(),
        agent: "assistant".to_owned(),
        servers: std::collections::BTreeMap::new(),
        env,
    }
}

/// Sandboxes without isolation, each with a private workspace.
pub(crate) fn boxes(env: &Env, paths: &Paths, folder: &std::path::Path) -> Arc<Boxes> {
    let sandbox = Sandbox { backend: Backend::Host, ..Sandbox::default() };
    let (folder, workspace) = (folder.to_owned(), folder.to_owned());
    let settings = BoxSettings { sandbox, folder, mode: WorkspaceMode::None, workspace, tied: true };
    Boxes::new(Sandboxes::open(env, paths), settings)
}

/// A web server on this machine that shows what it is asked.
pub(crate) struct Peer {
    address: std::net::SocketAddr,
    other: std::net::SocketAddr,
    tasks: tokio::task::JoinSet<()>,
}

impl Peer {
    /// Two origins of the same routes, so that one can redirect to the other.
    pub(crate) async fn start() -> Self {
        Self::serving(axum::Router::new()).await
    }

    pub(crate) async fn serving(routes: axum::Router) -> Self {
        let first = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let second = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, other) = (first.local_addr().unwrap(), second.local_addr().unwrap());
        let routes = routes.merge(echo_routes(other));
        let mut tasks = tokio::task::JoinSet::new();
        for listener in [first, second] {
            let routes = routes.clone();
            tasks.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        }
        Self { address, other, tasks }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        assert!(!self.tasks.is_empty());
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(&self.address.to_string(), "[PEER]").replace(&self.other.to_string(), "[OTHER]")
    }
}

fn echo_routes(other: std::net::SocketAddr) -> axum::Router {
    use axum::{
        http::{HeaderMap, Method, StatusCode, Uri, header::CONTENT_TYPE},
        response::{IntoResponse as _, Redirect},
        routing::any,
    };
    let echo = any(|method: Method, uri: Uri, headers: HeaderMap, body: String| async move {
        let shown = headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("x-") || *name == CONTENT_TYPE || *name == "authorization");
        let headers: String =
            shown.map(|(name, value)| format!("\n{name}: {}", value.to_str().unwrap_or_default())).collect();
        format!("{method} {uri}{headers}\n{body}")
    });
    let there = format!("http://{other}/echo");
    let again = there.clone();
    axum::Router::new()
        .route("/echo", echo.clone())
        .route("/echo/{*rest}", echo)
        .route("/status/404", any(|| async { (StatusCode::NOT_FOUND, "no such thing") }))
        .route("/binary", any(|| async { ([(CONTENT_TYPE, "application/zip")], vec![0_u8, 1]).into_response() }))
        .route(
            "/latin1",
            any(|| async { ([(CONTENT_TYPE, "text/plain; charset=latin1")], vec![b'c', b'a', b'f', 0xe9]) }),
        )
        .route("/loop", any(|| async { Redirect::temporary("/loop") }))
        .route("/to-echo", any(|| async { Redirect::temporary("/echo") }))
        .route("/to-other", any(move || async move { Redirect::temporary(&there) }))
        .route("/to-other-307", any(move || async move { Redirect::temporary(&again) }))
}
