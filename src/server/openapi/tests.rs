use std::collections::BTreeSet;

use super::*;
use crate::server::router::table;

/// The paths of a router: it tells them nowhere but in its debug form.
fn paths(table: &Router<Arc<App>>) -> BTreeSet<String> {
    let text = format!("{table:?}");
    let (_, paths) = text.split_once("paths: {").unwrap();
    let (paths, _) = paths.split_once("} }").unwrap();
    paths.split('"').filter(|part| part.starts_with('/')).map(str::to_owned).collect()
}

#[test]
fn every_route_is_described_and_no_other() {
    let described: BTreeSet<_> = OPERATIONS.iter().flat_map(Operation::paths).collect();
    assert_eq!(described, paths(&table()));
}

#[test]
fn every_operation_is_described_once() {
    let operations: BTreeSet<_> = OPERATIONS.iter().map(|operation| (operation.method, operation.path)).collect();
    assert_eq!(operations.len(), OPERATIONS.len());
}
