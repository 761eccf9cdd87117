//! The server as its operators see it: who may call, how often, from where; what it tells of itself; how it ends.

mod connections;
mod guard;
mod lifecycle;
mod limits;
mod nginx;
mod schemathesis;
mod state;
mod traces;
mod unset;

use crate::common::{fake_model::FakeModel, serve::Server};

/// An agent whose model is `model`, and what stands under `serve`.
fn agent(model: &FakeModel, serve: &str) -> String {
    let url = model.url();
    let model = format!("{{provider: openai-compatible, model: fake, base_url: \"{url}\", api_key: k, retries: 0}}");
    format!("name: demo\nmodel: fake\nmodels:\n  fake: {model}\nserve: {serve}\n")
}

/// A server with the demo model, and what stands under `serve`.
fn demo(serve: &str) -> Server {
    Server::start(&format!("name: demo\nmodel: demo\nserve: {serve}\n"))
}

/// Status, `code` and all headers of the answer to a request.
async fn answer(request: reqwest::RequestBuilder) -> (u16, String, reqwest::header::HeaderMap) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body: serde_json::Value = response.json().await.unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned(), headers)
}
