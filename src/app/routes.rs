//! Routes beside those of the server. The paths of both go into one table before axum sees them, because it panics where
//! two clash.

use axum::{Router, routing::MethodRouter};
use matchit::InsertError;

use super::{AgentApp, AppError};
use crate::server;

/// What is wrong with parameters that are written in another way.
const WRITTEN: &str = "a parameter is written `{name}`, and the rest of a path, at its end, `{*name}`";

#[derive(Default)]
pub(super) struct Routes {
    pub(super) single: Vec<(String, MethodRouter<AgentApp>)>,
    pub(super) nested: Vec<(String, Router<AgentApp>)>,
}

impl Routes {
    /// # Errors
    /// A path that is none, or is taken.
    pub(super) fn build(self) -> Result<Router<AgentApp>, AppError> {
        let mut table = Table::new();
        let mut router = Router::new();
        for (path, method_router) in self.single {
            table.add(&path).map_err(|why| AppError::Route { path: path.clone(), why })?;
            router = router.route(&path, method_router);
        }
        for (path, nested) in self.nested {
            table.add_below(&path).map_err(|why| AppError::Route { path: path.clone(), why })?;
            router = router.nest(&path, nested);
        }
        Ok(router)
    }
}

struct Table {
    paths: Vec<String>,
    matcher: matchit::Router<()>,
}

impl Table {
    fn new() -> Self {
        let mut matcher = matchit::Router::new();
        let paths = server::paths();
        for path in &paths {
            // One with several methods is there several times.
            let _ = matcher.insert(path, ());
        }
        Self { paths, matcher }
    }

    fn add(&mut self, path: &str) -> Result<(), String> {
        if !path.starts_with('/') {
            return Err("a path begins with `/`".to_owned());
        }
        if path.split('/').any(|part| part.starts_with([':', '*'])) {
            return Err(WRITTEN.to_owned());
        }
        self.matcher.insert(path, ()).map_err(|error| match error {
            InsertError::Conflict { with } => format!("`{with}` is there already"),
            _ => WRITTEN.to_owned(),
        })?;
        self.paths.push(path.to_owned());
        Ok(())
    }

    /// All paths below `prefix`.
    fn add_below(&mut self, prefix: &str) -> Result<(), String> {
        if prefix.trim_end_matches('/').is_empty() || prefix.contains("{*") {
            return Err("routes are nested below a path of their own, such as `/orders`".to_owned());
        }
        let below = format!("{}/", prefix.trim_end_matches('/'));
        if let Some(taken) = self.paths.iter().find(|path| path.starts_with(&below)) {
            return Err(format!("`{taken}` is there already"));
        }
        self.add(prefix)?;
        self.add(&format!("{below}{{*rest}}"))
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    fn added(single: &[&str], nested: &[&str]) -> Result<(), String> {
        let inner = || Router::new().route("/", get("in")).route("/{id}", get("it"));
        let routes = Routes {
            single: single.iter().map(|path| ((*path).to_owned(), get("here"))).collect(),
            nested: nested.iter().map(|path| ((*path).to_owned(), inner())).collect(),
        };
        routes.build().map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn what_clashes_is_refused_with_a_reason() {
        let refused = |single: &[&str], nested: &[&str]| added(single, nested).unwrap_err();
        let said = [
            refused(&["/process"], &[]),
            refused(&["/sessions/{mine}"], &[]),
            refused(&["/agents/{name}/process"], &[]),
            refused(&["/orders", "/orders"], &[]),
            refused(&["orders"], &[]),
            refused(&["/orders/:id"], &[]),
            refused(&["/orders/{id"], &[]),
            refused(&["/orders/list"], &["/orders"]),
            refused(&[], &["/v1"]),
            refused(&[], &["/"]),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        the route `/process` cannot be added: `/process` is there already
        the route `/sessions/{mine}` cannot be added: `/sessions/{id}` is there already
        the route `/agents/{name}/process` cannot be added: `/agents/{agent}/process` is there already
        the route `/orders` cannot be added: `/orders` is there already
        the route `orders` cannot be added: a path begins with `/`
        the route `/orders/:id` cannot be added: a parameter is written `{name}`, and the rest of a path, at its end, `{*name}`
        the route `/orders/{id` cannot be added: a parameter is written `{name}`, and the rest of a path, at its end, `{*name}`
        the route `/orders` cannot be added: `/orders/list` is there already
        the route `/v1` cannot be added: `/v1/models` is there already
        the route `/` cannot be added: routes are nested below a path of their own, such as `/orders`
        ");
    }

    #[test]
    fn what_does_not_clash_is_added() {
        assert_eq!(
            added(&["/orders/{id}", "/orders", "/agents/special/hello", "/v1/orders"], &["/shop", "/admin/shop"]),
            Ok(())
        );
    }
}
