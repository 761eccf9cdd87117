//! The whole route table.

use std::{any::Any, sync::Arc};

use axum::{
    Router, middleware,
    response::{IntoResponse as _, Response},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    ApiError, App, admin, agents, auth, guard, health, metrics, observe, openapi, page, protocol, sessions, turns,
};
use crate::runtime::unread::read_on;

/// Every route, with `more` besides, and all that stands before it.
pub(super) fn router(app: Arc<App>, more: Router<Arc<App>>) -> Router {
    let (asked, open) = if app.page {
        (asked(), health::probes().merge(page::routes()))
    } else {
        (asked().merge(health::described()), health::probes())
    };
    let asked = asked
        .merge(more)
        .fallback(async || ApiError::not_found("there is no such path here"))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), auth::identify));
    let open = open.method_not_allowed_fallback(async || ApiError::method_not_allowed());
    // The last is the outermost.
    asked
        .merge(open)
        .layer(guard::cors(&app))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::guard))
        .layer(CatchPanicLayer::custom(crashed))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), observe::observe))
        .layer(middleware::from_fn(read_on))
        .with_state(app)
}

/// The routes that ask for a token. Those of the agents are there twice: as they are, for the file's own agent, and
/// under `/agents/{agent}` for each by name.
fn asked() -> Router<Arc<App>> {
    let mut each = turns::routes();
    for protocol in protocol::all() {
        each = each.merge(protocol.routes());
    }
    Router::new()
        .merge(each.clone())
        .nest("/agents/{agent}", each)
        .merge(agents::routes())
        .merge(sessions::routes())
        .merge(metrics::routes())
        .merge(openapi::routes())
        .merge(admin::routes())
}

/// The paths that are taken, those of the page among them.
pub(crate) fn paths() -> Vec<String> {
    openapi::paths().chain([page::FILE.to_owned()]).collect()
}

/// All routes, bare.
#[cfg(test)]
pub(super) fn table() -> Router<Arc<App>> {
    asked().merge(health::described()).merge(health::probes())
}

fn crashed(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request crashed");
    ApiError::internal("the request crashed; this is a bug in agentscope, please report it").into_response()
}
