//! The server as a Rust library.

mod docs;
mod example;
mod query;

use std::{
    future::ready,
    sync::{Arc, Mutex},
};

use agentscope::{
    AgentApp, AppError, BoxError,
    app::{AgentAppBuilder, Listening},
    axum::routing::get,
    config::Env,
};
use tokio::task::JoinHandle;

/// An app in a home of its own.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn app(&self, yaml: &str) -> AgentAppBuilder {
        let home = self.0.path().display().to_string();
        AgentApp::builder().yaml(yaml).env(Env::fake(self.0.path(), &[("AGENTSCOPE_HOME", &home), ("HOME", &home)]))
    }
}

/// Serves until it is told to stop.
async fn serve(app: &AgentApp) -> (String, JoinHandle<()>) {
    let listening: Listening = app.listen(([127, 0, 0, 1], 0)).await.unwrap();
    (format!("http://{}", listening.address()), tokio::spawn(listening.until(std::future::pending())))
}

const DEMO: &str = "name: demo\nmodel: demo\n";

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn say(&self, what: &str) {
        self.0.lock().unwrap().push(what.to_owned());
    }

    fn all(&self) -> String {
        self.0.lock().unwrap().join(", ")
    }
}

#[tokio::test]
async fn hooks_run_in_order_before_the_first_and_after_the_last_answer() {
    let (home, said) = (Home::new(), Said::default());
    let says = |what: &'static str| {
        let said = said.clone();
        move |_: AgentApp| {
            said.say(what);
            ready(Ok::<_, BoxError>(()))
        }
    };
    let asked = said.clone();
    let app = home
        .app(DEMO)
        .on_startup(says("first"))
        .on_startup(says("second"))
        .on_shutdown(says("third"))
        .on_shutdown(|_| ready(Err::<(), BoxError>("a hook at the end fails alone".into())))
        .on_shutdown(says("fourth"))
        .route(
            "/hello",
            get(move || {
                asked.say("asked");
                ready("hello")
            }),
        )
        .build()
        .await
        .unwrap();
    assert_eq!(said.all(), "");
    let (url, served) = serve(&app).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(client.get(format!("{url}/hello")).send().await.unwrap().status(), 200);
    app.stop();
    served.await.unwrap();
    assert_eq!(said.all(), "first, second, asked, third, fourth");
}

#[tokio::test]
async fn a_startup_hook_that_fails_stops_the_start() {
    let (home, said) = (Home::new(), Said::default());
    let (late, last) = (said.clone(), said.clone());
    let app = home
        .app(DEMO)
        .on_startup(|_| ready(Err::<(), BoxError>("no warehouse".into())))
        .on_startup(move |_| {
            late.say("too late");
            ready(Ok::<_, BoxError>(()))
        })
        .on_shutdown(move |_| {
            last.say("closed");
            ready(Ok::<_, BoxError>(()))
        })
        .build()
        .await
        .unwrap();
    let error = app.listen(([127, 0, 0, 1], 0)).await.err().unwrap();
    insta::assert_snapshot!(error, @"a startup hook failed: no warehouse");
    assert_eq!(said.all(), "closed");
}

#[tokio::test]
async fn a_route_of_the_server_cannot_be_taken() {
    let home = Home::new();
    let refused = |builder: AgentAppBuilder| async { builder.build().await.err().unwrap().to_string() };
    let said = [
        refused(home.app(DEMO).route("/process", get("mine"))).await,
        refused(home.app(DEMO).nest("/v1", agentscope::axum::Router::new())).await,
        refused(home.app("name: demo\nmodle: demo\n")).await.lines().next().unwrap_or_default().to_owned(),
    ];
    insta::assert_snapshot!(said.join("\n"), @r"
    the route `/process` cannot be added: `/process` is there already
    the route `/v1` cannot be added: `/v1/models` is there already
    error: `modle` is not a key of an agent file
    ");
}

#[tokio::test]
async fn without_tokens_it_listens_to_this_machine_alone() {
    let home = Home::new();
    let app = home.app(DEMO).build().await.unwrap();
    let error = app.listen(([0, 0, 0, 0], 0)).await.err().unwrap();
    assert!(matches!(error, AppError::Exposed(_)), "{error}");
    let app = home.app(DEMO).insecure(true).build().await.unwrap();
    assert_eq!(app.listen(([0, 0, 0, 0], 0)).await.unwrap().address().ip().to_string(), "0.0.0.0");
}

/// In a server of somebody else, as in a test, there is no listener of ours.
#[tokio::test]
async fn the_router_alone_has_the_guards_too() {
    let home = Home::new();
    let inner = agentscope::axum::Router::new().route("/hello", get("hello"));
    let yaml = format!("{DEMO}serve: {{tokens: [{{name: web, value: the-token}}]}}\n");
    let app = home.app(&yaml).nest("/shop", inner).build().await.unwrap();
    app.startup().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/shop/hello", listener.local_addr().unwrap());
    let router = app.router();
    let served = tokio::spawn(async move { agentscope::axum::serve(listener, router).await });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let refused = client.get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers().contains_key("x-request-id"));
    let foreign = client.get(&url).bearer_auth("the-token").header("origin", "https://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let answer = client.get(&url).bearer_auth("the-token").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "hello");
    app.shutdown().await;
    served.abort();
}
