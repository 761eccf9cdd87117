//! The whole route table.

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware};

use super::{ApiError, App, agents, auth, health, protocol, sessions, turns};

/// Longest body, where the agent file does not say.
const BODY: u64 = 10 << 20;

/// Every route. Those of the agents are there twice: as they are, for the file's own agent, and under
/// `/agents/{agent}` for each by name.
pub(super) fn router(app: Arc<App>) -> Router {
    let limit = app.settings(|serve| serve.limits.body).map_or(BODY, |limit| limit.0);
    let mut each = turns::routes();
    for protocol in protocol::all() {
        each = each.merge(protocol.routes());
    }
    let asked = Router::new()
        .merge(each.clone())
        .nest("/agents/{agent}", each)
        .merge(agents::routes())
        .merge(sessions::routes())
        .merge(health::described())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), auth::identify));
    Router::new()
        .merge(asked)
        .merge(health::probes())
        .fallback(async || ApiError::not_found("there is no such path here"))
        .layer(DefaultBodyLimit::max(usize::try_from(limit).unwrap_or(usize::MAX)))
        .with_state(app)
}
