//! The page of `agentscope web`.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::common::{
    TestEnv,
    fake_model::{FakeModel, Reply},
    require,
    serve::Server,
};

const CORPUS: &str = include_str!("fixtures/web/corpus.md");

const PAGE: &str = "name: demo
model: demo
welcome: Welcome to the page.
tools: [ask_user, todo]
permissions: {ask: [todo]}
";

fn web(env: TestEnv, yaml: &str) -> Server {
    Server::start_verb(env, yaml, "web", &["--no-open"])
}

#[tokio::test]
async fn a_browser_gets_the_page_and_a_program_json() {
    let server = web(TestEnv::new(), PAGE);
    let get = |accept: &str| server.client.get(server.at("/")).header("accept", accept).send();
    let page = get("text/html,application/xhtml+xml,*/*;q=0.8").await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let html = page.text().await.unwrap();
    let json: serde_json::Value = get("*/*").await.unwrap().json().await.unwrap();
    assert_eq!(json["service"], "AgentScope Runtime");

    // All that the page asks for is there, and nothing beside it.
    for name in html.split(['"', '\'']).filter_map(|part| part.strip_prefix("ui/")) {
        let file = server.client.get(server.at(&format!("/ui/{name}"))).send().await.unwrap();
        assert_eq!(file.status(), 200, "{name}");
        let tag = file.headers()["etag"].clone();
        let again = server.client.get(server.at(&format!("/ui/{name}"))).header("if-none-match", tag).send().await;
        assert_eq!(again.unwrap().status(), 304, "{name}");
    }
    for path in ["/ui/..%2fmod.rs", "/ui/%2e%2e/%2e%2e/etc/passwd", "/ui/vendor/marked.js", "/ui/mod.rs", "/ui/"] {
        let response = server.client.get(server.at(path)).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_server_without_a_page_has_none() {
    let server = Server::start(PAGE);
    let root = server.client.get(server.at("/")).header("accept", "text/html").send().await.unwrap();
    assert_eq!(root.headers()["content-type"], "application/json");
    assert_eq!(server.get("/ui/app.js").await.0, 404);
}

#[tokio::test]
async fn agents_are_listed_for_those_who_choose() {
    let server = Server::start(
        "name: lead\nmodel: demo\ndescription: Leads\nagents: {helper: {description: Helps, model: demo}}\n",
    );
    let (_, agents) = server.get("/agents").await;
    let expected = json!([{ "name": "lead", "description": "Leads" }, { "name": "helper", "description": "Helps" }]);
    assert_eq!(agents, expected);
    let events = server.events("/agents/helper/turns", &json!({ "input": "hi" })).await;
    assert_eq!(events[0]["agent"], "helper");
}

/// The folder of playwright-core, where there is a browser to drive.
fn browser() -> Option<PathBuf> {
    let modules = std::env::var_os("AGENTSCOPE_TEST_NODE_MODULES").map(PathBuf::from);
    let modules = modules.filter(|modules| modules.join("playwright-core").is_dir());
    let found = modules.is_some() && Path::new("/usr/bin/chromium").exists();
    if require::available("chromium", found) { modules } else { None }
}

#[test]
fn a_person_talks_to_an_agent_and_nothing_a_model_writes_runs() {
    let Some(modules) = browser() else { return };
    let demo = web(TestEnv::new(), PAGE);
    // Each by itself: some swallow what follows them.
    let tricks: Vec<_> = CORPUS.lines().filter(|line| !line.is_empty()).map(Reply::text).collect();
    let count = tricks.len().to_string();
    let model = FakeModel::start(tricks);
    let yaml = format!(
        "name: hostile\nmodel: fake\nmodels: {{fake: {{provider: openai-compatible, model: m, base_url: \"{}\"}}}}\n",
        model.url()
    );
    let hostile = web(TestEnv::new(), &yaml);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/web/page.mjs");
    let output = std::process::Command::new("node")
        .args([script.as_path(), &modules])
        .args([demo.at("/"), hostile.at("/"), count])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ok", "{said}");
}
