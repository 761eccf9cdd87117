//! What an app is made of.

use std::{path::PathBuf, sync::Arc};

use axum::{Router, routing::MethodRouter};

use super::{AgentApp, AppError, Hook, Inner, Source, open::Opener, routes::Routes};
use crate::{
    agent::{BoxError, Query, Reply},
    config::{Env, Paths},
    runtime::http::Http,
    server::App,
    store,
    tool::Tool,
};

/// The longest name of a tool that every provider accepts.
const LONGEST_NAME: usize = 64;

/// Makes an [`AgentApp`]. Without a word it serves the `./agent.yaml` of the current folder, as `agentscope run` does.
#[must_use = "nothing is served before `build`"]
pub struct AgentAppBuilder {
    opener: Opener,
    routes: Routes,
    startup: Vec<Hook>,
    shutdown: Vec<Hook>,
    insecure: bool,
    page: bool,
}

impl AgentAppBuilder {
    pub(super) fn new() -> Self {
        Self {
            opener: Opener {
                source: Source::File(PathBuf::from("agent.yaml")),
                profile: None,
                env: Env::of_process(),
                tools: vec![],
                query: None,
                http: true,
                hide: Arc::new(|_| ()),
            },
            routes: Routes::default(),
            startup: vec![],
            shutdown: vec![],
            insecure: false,
            page: false,
        }
    }

    /// Serves the agents of this file; of a folder, those of its `agent.yaml`. Its paths start in its folder.
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        self.source(Source::File(path.into()))
    }

    /// Serves the agents of this text, an agent file. Its paths start in the current folder.
    pub fn yaml(self, text: impl Into<String>) -> Self {
        self.source(Source::Text { name: "the agent file".to_owned(), text: text.into() })
    }

    /// Serves the agents of this source.
    pub fn source(mut self, source: Source) -> Self {
        self.opener.source = source;
        self
    }

    /// Merges this profile over the agent file.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.opener.profile = Some(name.into());
        self
    }

    /// The environment, in place of that of the process.
    pub fn env(mut self, env: Env) -> Self {
        self.opener.env = env;
        self
    }

    /// Gives every agent of the file one more tool; [`tool`](crate::tool::tool()) makes one of a closure.
    pub fn tool(mut self, tool: impl Tool + 'static) -> Self {
        self.opener.tools.push(Arc::new(tool));
        self
    }

    /// Answers another path, behind everything that stands before the paths of the server: tokens, limits, the checks of
    /// `Host` and `Origin`, request ids, the log and the metrics. Handlers are axum's; `State<AgentApp>` is the app, and
    /// [`Caller`](crate::server::Caller) who asks. A path that the server itself answers is refused by
    /// [`build`](Self::build).
    pub fn route(mut self, path: impl Into<String>, method_router: MethodRouter<AgentApp>) -> Self {
        self.routes.single.push((path.into(), method_router));
        self
    }

    /// The same for a whole router below `path`. One with a state of its own brings it along: `router.with_state(mine)`.
    pub fn nest(mut self, path: impl Into<String>, router: Router<AgentApp>) -> Self {
        self.routes.nested.push((path.into(), router));
        self
    }

    /// Does this before anybody is answered, after what was added before. An error keeps the app from serving.
    pub fn on_startup<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(AgentApp) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.startup.push(boxed(hook));
        self
    }

    /// Does this when the last turn is over and saved, after what was added before. An error is logged, and keeps nothing
    /// else from ending.
    pub fn on_shutdown<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(AgentApp) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.shutdown.push(boxed(hook));
        self
    }

    /// Answers in place of the agents' own loop, whatever protocol a request comes by. The handler can
    /// [pass](Query::pass) the request on, changed or not, [ask](Query::ask) the agent aside, or answer by itself.
    /// Sessions are kept, limits hold and turns are canceled as ever.
    pub fn query<F, Fut, E>(mut self, handler: F) -> Self
    where
        F: Fn(Query) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.opener.query = Some(Arc::new(move |query| {
            let reply = handler(query);
            Box::pin(async { reply.await.map_err(Into::into) })
        }));
        self
    }

    /// Listens beyond this machine also where the agent file has no tokens.
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// Serves browsers the page of `agentscope web`, at `/`.
    pub fn page(mut self, page: bool) -> Self {
        self.page = page;
        self
    }

    /// Is told what of the agent file and of the keys no log may show, each time they are read.
    pub fn secrets(mut self, hide: impl Fn(Vec<String>) + Send + Sync + 'static) -> Self {
        self.opener.hide = Arc::new(hide);
        self
    }

    /// Nobody is served over HTTP: what the agent file says of that is of no concern.
    pub(crate) fn without_http(mut self) -> Self {
        self.opener.http = false;
        self
    }

    /// Reads the agent file, and opens its agents and its store. Starts its tool servers; listens to nobody yet. To be
    /// called within the tokio runtime.
    ///
    /// # Errors
    /// Everything that is wrong with the agent file, what its agents lack; a route or a tool that cannot be added.
    pub async fn build(self) -> Result<AgentApp, AppError> {
        let Self { opener, routes, startup, shutdown, insecure, page } = self;
        let routes = routes.build()?;
        check_tools(&opener.tools)?;
        let http = Arc::new(Http::new(opener.env.clone(), opener.env.offline));
        let paths = Paths::new(&opener.env);
        let read = opener.read((&http, &paths)).await?;
        let stores = store::open(&read.loaded.file.storage, &paths, &read.loaded.dir)?;
        let default_model = read.default_model.clone();
        let agents = opener.open(read, &stores, (&http, &paths))?;
        let app = App::new(agents, stores, page);
        let inner = Inner { app, opener, http, paths, routes, startup, shutdown, insecure, default_model };
        Ok(AgentApp { inner: Arc::new(inner) })
    }
}

fn boxed<F, Fut, E>(hook: F) -> Hook
where
    F: Fn(AgentApp) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<BoxError>,
{
    Box::new(move |app| {
        let done = hook(app);
        Box::pin(async { done.await.map_err(Into::into) })
    })
}

fn check_tools(tools: &[Arc<dyn Tool>]) -> Result<(), AppError> {
    for (at, tool) in tools.iter().enumerate() {
        let name = &tool.spec().name;
        let fits = (1..=LONGEST_NAME).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let why = if !fits {
            "a name has 1 to 64 letters, digits, `_` and `-`"
        } else if tools[..at].iter().any(|other| other.spec().name == *name) {
            "there is another of that name"
        } else {
            continue;
        };
        return Err(AppError::Tool { name: name.clone(), why });
    }
    Ok(())
}
