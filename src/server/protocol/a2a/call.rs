//! One call: what it is, in which version, and where it goes.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{
    methods,
    rpc::{Code, Envelope, Refusal, Version},
};
use crate::server::{ApiError, App, Caller, Target};

const VERSION: &str = "a2a-version";

/// Who asks whom for what.
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) caller: Caller,
    pub(super) target: Target,
    pub(super) envelope: Envelope,
    pub(super) params: Value,
}

/// What can be asked for, under either name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Send,
    Stream,
    Get,
    List,
    Cancel,
    Subscribe,
    Push,
    ExtendedCard,
}

fn method(name: &str) -> Option<(Version, Method)> {
    use Version::{V1, V03};
    Some(match name {
        "message/send" => (V03, Method::Send),
        "message/stream" => (V03, Method::Stream),
        "tasks/get" => (V03, Method::Get),
        "tasks/cancel" => (V03, Method::Cancel),
        "tasks/resubscribe" => (V03, Method::Subscribe),
        "tasks/pushNotificationConfig/set"
        | "tasks/pushNotificationConfig/get"
        | "tasks/pushNotificationConfig/list"
        | "tasks/pushNotificationConfig/delete" => (V03, Method::Push),
        "agent/getAuthenticatedExtendedCard" => (V03, Method::ExtendedCard),
        "SendMessage" => (V1, Method::Send),
        "SendStreamingMessage" => (V1, Method::Stream),
        "GetTask" => (V1, Method::Get),
        "ListTasks" => (V1, Method::List),
        "CancelTask" => (V1, Method::Cancel),
        "SubscribeToTask" => (V1, Method::Subscribe),
        "CreateTaskPushNotificationConfig"
        | "GetTaskPushNotificationConfig"
        | "ListTaskPushNotificationConfigs"
        | "DeleteTaskPushNotificationConfig" => (V1, Method::Push),
        "GetExtendedAgentCard" => (V1, Method::ExtendedCard),
        _ => return None,
    })
}

pub(super) async fn call(
    State(app): State<Arc<App>>,
    caller: Caller,
    target: Target,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let bytes = match body {
        Ok(bytes) => bytes,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = "the body is longer than `serve.limits.body` allows";
            return ApiError::new(rejection.status(), "body_too_large", message).into_response();
        }
        Err(_) => return ApiError::invalid("the body could not be read").into_response(),
    };
    if let Err(error) = crate::server::body::check_values(&bytes) {
        return error.into_response();
    }
    let mut envelope = Envelope { version: spoken(&headers), id: Value::Null };
    let (method, params) = match read(&bytes, &headers, &mut envelope) {
        Ok(read) => read,
        Err(refusal) => return envelope.answer(Err(refusal)),
    };
    let call = Call { app, caller, target, envelope, params };
    let given = match method {
        Method::Stream => return methods::stream(call).await,
        Method::Subscribe => return methods::subscribe(call).await,
        Method::Send => methods::send(&call).await,
        Method::Get => methods::get(&call).await,
        Method::List => methods::list(&call).await,
        Method::Cancel => methods::cancel(&call).await,
        Method::Push => {
            Err(Refusal::new(Code::PushNotSupported, "push notifications are not supported: subscribe to the task"))
        }
        Method::ExtendedCard => Err(Refusal::new(Code::NoExtendedCard, "there is one card, for everybody")),
    };
    call.envelope.answer(given)
}

/// What errors are written in that come before the method is known.
fn spoken(headers: &HeaderMap) -> Version {
    let named = headers.get(VERSION).and_then(|value| value.to_str().ok());
    if named.is_some_and(|version| version.trim().starts_with('1')) { Version::V1 } else { Version::V03 }
}

fn read(bytes: &[u8], headers: &HeaderMap, envelope: &mut Envelope) -> Result<(Method, Value), Refusal> {
    let invalid = |message: &str| Refusal::new(Code::InvalidRequest, message);
    let mut body: Value = serde_json::from_slice(bytes)
        .map_err(|error| Refusal::new(Code::Parse, format!("the body is no JSON: {error}")))?;
    if body.is_array() {
        return Err(invalid("calls are made one at a time, not in a list"));
    }
    let Some(fields) = body.as_object_mut() else { return Err(invalid("a call is an object")) };
    match fields.get("id") {
        None | Some(Value::Null) => {}
        Some(id @ (Value::String(_) | Value::Number(_))) => envelope.id = id.clone(),
        Some(_) => return Err(invalid("`id` must be text or a number")),
    }
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid("`jsonrpc` must be \"2.0\""));
    }
    let Some(name) = fields.get("method").and_then(Value::as_str) else {
        return Err(invalid("`method` must be the name of a method"));
    };
    let (version, method) =
        method(name).ok_or_else(|| Refusal::new(Code::MethodNotFound, format!("there is no method `{name}`")))?;
    envelope.version = version;
    supported(headers)?;
    Ok((method, fields.get_mut("params").map_or(Value::Null, Value::take)))
}

/// The header says which version a caller wants; patch versions do not matter.
fn supported(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(VERSION) else { return Ok(()) };
    let version = value.to_str().unwrap_or_default().trim();
    let known = |known: &str| version == known || version.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'));
    if version.is_empty() || known("0.3") || known("1.0") {
        return Ok(());
    }
    let message = format!("A2A {version} is not spoken here: 0.3 and 1.0 are");
    Err(Refusal::new(Code::VersionNotSupported, message))
}
