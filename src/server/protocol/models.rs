//! `GET /v1/models`: the agents, as the models that clients of OpenAI choose from.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use serde::Serialize;

use super::{
    Protocol,
    openai::{self, Named},
};
use crate::server::{ApiError, App, Id};

/// Since when the agents are served.
pub(super) struct Models {
    since: i64,
}

impl Models {
    pub(super) fn new() -> Self {
        Self { since: openai::now() }
    }
}

impl Protocol for Models {
    fn name(&self) -> &'static str {
        "models"
    }

    fn routes(&self) -> Router<Arc<App>> {
        let since = self.since;
        let all = move |State(app): State<Arc<App>>, named: Named| async move {
            let data = named.names(&app)?.into_iter().map(|id| Model::new(id, since)).collect();
            Ok::<_, ApiError>(Json(List { object: "list", data }))
        };
        let one = move |State(app): State<Arc<App>>, named: Named, Id(id): Id| async move {
            let found = named.names(&app)?.into_iter().find(|name| *name == id);
            let id = found.ok_or_else(|| unknown(&id))?;
            Ok::<_, ApiError>(Json(Model::new(id, since)))
        };
        openai::PREFIXES.iter().fold(Router::new(), |router, prefix| {
            router.route(&format!("{prefix}/models"), get(all)).route(&format!("{prefix}/models/{{id}}"), get(one))
        })
    }
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "model_not_found", format!("the model `{id}` does not exist here"))
}

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Serialize)]
struct Model {
    id: String,
    object: &'static str,
    created: i64,
    owned_by: &'static str,
}

impl Model {
    fn new(id: String, created: i64) -> Self {
        Self { id, object: "model", created, owned_by: "agentscope" }
    }
}
