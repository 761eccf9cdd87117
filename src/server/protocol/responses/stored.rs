//! Responses that were kept: read, listed, deleted.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    background::{self, Plan},
    kept::{INPUT, PROTOCOL},
};
use crate::{
    domain::TaskId,
    server::{ApiError, App, Caller, Id, Params},
    store::{StoreError, TaskRecord},
};

/// Items of a page, where the caller does not say, and at most.
const PAGE: (usize, usize) = (20, 100);

/// How a response is read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Reading {
    #[serde(default)]
    stream: bool,
    /// The number of the last event that the caller has seen.
    #[serde(default)]
    starting_after: Option<u64>,
}

/// How items are listed.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    order: Order,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Asc,
    #[default]
    Desc,
}

async fn record(app: &App, caller: &Caller, id: &str) -> Result<TaskRecord, ApiError> {
    match app.stores.tasks.task(caller.bound(), &TaskId::from(id)).await {
        Ok(record) if record.protocol == PROTOCOL => Ok(record),
        Ok(_) | Err(StoreError::NoTask(_)) => Err(missing(id)),
        Err(error) => Err(error.into()),
    }
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no response `{id}`"))
}

pub(super) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    Params(how): Params<Reading>,
) -> Result<Response, ApiError> {
    let record = record(&app, &caller, &id).await?;
    if how.stream {
        return background::follow(&app, caller.bound(), &record.id, how.starting_after).await;
    }
    Ok(background::now(record).ok_or_else(|| missing(&id))?.into_response())
}

pub(super) async fn remove(State(app): State<Arc<App>>, caller: Caller, Id(id): Id) -> Result<Json<Value>, ApiError> {
    let record = record(&app, &caller, &id).await?;
    match app.stores.tasks.remove_task(caller.bound(), &record.id).await {
        Ok(()) => {}
        // Somebody else was faster.
        Err(StoreError::NoTask(_)) => return Err(missing(&id)),
        Err(error) => return Err(error.into()),
    }
    Ok(Json(json!({ "id": id, "object": "response", "deleted": true })))
}

pub(super) async fn cancel(State(app): State<Arc<App>>, caller: Caller, Id(id): Id) -> Result<Json<Value>, ApiError> {
    let record = record(&app, &caller, &id).await?;
    if Plan::of(&record).is_none() {
        let why = "only a response in the background can be canceled: close the connection of any other";
        return Err(ApiError::invalid(why));
    }
    let record = app.tasks.cancel(caller.bound(), &record.id).await?;
    background::now(record).ok_or_else(|| missing(&id))
}

pub(super) async fn input_items(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    Params(how): Params<Listing>,
) -> Result<Json<Value>, ApiError> {
    let mut record = record(&app, &caller, &id).await?;
    let mut items = match record.request[INPUT].take() {
        Value::Array(items) => items,
        _ => vec![],
    };
    if how.order == Order::Desc {
        items.reverse();
    }
    if let Some(after) = &how.after {
        let at = items.iter().position(|item| item["id"] == after.as_str());
        let at = at.ok_or_else(|| ApiError::invalid(format!("`after`: there is no item `{after}`")))?;
        items.drain(..=at);
    }
    let limit = how.limit.unwrap_or(PAGE.0);
    if !(1..=PAGE.1).contains(&limit) {
        return Err(ApiError::invalid(format!("`limit` is a number from 1 to {}", PAGE.1)));
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
    let (first, last) = (id(items.first()), id(items.last()));
    Ok(Json(json!({ "object": "list", "data": items, "first_id": first, "last_id": last, "has_more": more })))
}
