//! An MCP server that wants a login, and the authorisation server that gives it, on one origin.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::Engine as _;
use serde_json::{Value, json};
use sha2::Digest as _;

/// Runs until it is dropped.
pub struct Protected {
    pub origin: String,
    /// Of the MCP server.
    pub url: String,
    clients: Arc<Mutex<Vec<String>>>,
    runtime: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Shared {
    origin: String,
    /// Of the last visit to `/authorize`.
    challenge: Arc<Mutex<String>>,
    /// How each client that came for a token said who it is; empty where it did not.
    clients: Arc<Mutex<Vec<String>>>,
}

impl Protected {
    #[must_use]
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared { origin: origin.clone(), challenge: Arc::default(), clients: Arc::default() };
        let clients = Arc::clone(&shared.clients);
        let routes = Router::new()
            .route("/mcp", post(mcp))
            .route("/.well-known/oauth-protected-resource", get(resource))
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/register", post(register))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(shared);
        runtime.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url: format!("{origin}/mcp"), origin, clients, runtime }
    }

    /// The `Authorization` of each that came for a token.
    pub fn clients(&self) -> Vec<String> {
        self.clients.lock().unwrap().clone()
    }

    /// Does what a user does in the browser; goes back to where the login waits only if it should. Gives the address.
    pub fn consent(&self, url: &str, go_back: bool) -> String {
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
            let answer = client.get(url).send().await.unwrap();
            let back = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
            if go_back {
                assert!(client.get(&back).send().await.unwrap().status().is_success());
            }
            back
        })
    }
}

async fn mcp(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value != "Bearer renewed") {
        let place = format!("Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource\"", shared.origin);
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, place)]).into_response();
    }
    let message: Value = serde_json::from_slice(&body).unwrap();
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-06-18",
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "protected", "version": "1" },
        }),
        Some("tools/list") => json!({ "tools": [{ "name": "search", "inputSchema": { "type": "object" } }] }),
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    answer(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }))
}

async fn resource(State(shared): State<Shared>) -> Response {
    answer(&json!({ "resource": format!("{}/mcp", shared.origin), "authorization_servers": [shared.origin] }))
}

async fn metadata(State(shared): State<Shared>) -> Response {
    let origin = &shared.origin;
    answer(&json!({
        "issuer": origin,
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "registration_endpoint": format!("{origin}/register"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
    }))
}

async fn register(body: Bytes) -> Response {
    let mut client: Value = serde_json::from_slice(&body).unwrap();
    client["client_id"] = json!("client-1");
    answer(&client)
}

async fn authorize(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    assert_eq!((value("response_type").as_str(), value("code_challenge_method").as_str()), ("code", "S256"));
    *shared.challenge.lock().unwrap() = value("code_challenge");
    let mut back = url::Url::parse(&value("redirect_uri")).unwrap();
    back.query_pairs_mut().append_pair("code", "code-1").append_pair("state", &value("state"));
    (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let client = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    shared.clients.lock().unwrap().push(client.unwrap_or_default());
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(&body);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let hash = sha2::Sha256::digest(value("code_verifier").as_bytes());
    let proof = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash);
    match value("grant_type").as_str() {
        "authorization_code" if value("code") == "code-1" && proof == *shared.challenge.lock().unwrap() => {
            // Expired as soon as it is given.
            answer(
                &json!({ "access_token": "first", "token_type": "Bearer", "expires_in": 0, "refresh_token": "again" }),
            )
        }
        "refresh_token" if value("refresh_token") == "again" => {
            answer(&json!({ "access_token": "renewed", "token_type": "Bearer", "expires_in": 3600 }))
        }
        _ => (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }).to_string()).into_response(),
    }
}

fn answer(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
