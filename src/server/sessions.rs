//! Sessions over HTTP: a user's list, read, rename, export, delete.

use std::sync::Arc;

use axum::Router;

use super::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
}
