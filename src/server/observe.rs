//! What is written down of each request: an id, a line in the log, the metrics. Never its query, its body or its token.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use opentelemetry::{KeyValue, trace::SpanKind};
use uuid::Uuid;

use super::{App, connections::Kept, health};
use crate::runtime::telemetry::{self, Place, Span};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// In characters; a longer one is not taken over.
const LONGEST: usize = 128;
/// As nginx says that the caller went away before there was an answer.
const GONE: u16 = 499;

/// What the caller, or we, call the request.
#[derive(Clone, Debug)]
struct RequestId(HeaderValue);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let brought = headers.get(&REQUEST_ID).filter(|id| {
            let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
            (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(safe)
        });
        Self(brought.cloned().unwrap_or_else(|| {
            HeaderValue::from_str(&Uuid::now_v7().to_string()).unwrap_or(HeaderValue::from_static("-"))
        }))
    }
}

/// A request, from its head to the last byte of its answer.
struct Observed {
    app: Arc<App>,
    began: Instant,
    method: &'static str,
    route: Option<MatchedPath>,
    id: RequestId,
    status: u16,
    span: Option<Span>,
}

impl Drop for Observed {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        // A path that is none of ours is not written down: anybody may have written anything in it.
        let route = self.route.as_ref().map_or("-", MatchedPath::as_str);
        if let Some(span) = &self.span {
            span.set(vec![KeyValue::new("http.response.status_code", i64::from(self.status))]);
            if self.status >= 500 {
                span.fail(self.status.to_string());
            }
        }
        self.app.metrics().answered(self.method, route, self.status, took);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let id = self.id.0.to_str().unwrap_or("-");
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(target: "agentscope::http", method = self.method, route, status = self.status, ms, request_id = id, "request")
            };
        }
        // Asked every few seconds, they would be most of the log; what changes in their answers says itself.
        if health::is_probe(route) { line!(debug) } else { line!(info) }
    }
}

impl Observed {
    fn span(&self, caller: &Place) -> Span {
        let id = self.id.0.to_str().unwrap_or("-").to_owned();
        let mut attributes = vec![
            KeyValue::new("http.request.method", self.method),
            KeyValue::new("http.request.header.x-request-id", id),
        ];
        let name = match &self.route {
            Some(route) => {
                attributes.push(KeyValue::new("http.route", route.as_str().to_owned()));
                format!("{} {}", self.method, route.as_str())
            }
            None => self.method.to_owned(),
        };
        caller.span(name, SpanKind::Server, attributes)
    }
}

/// The outermost layer.
pub(super) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let mut observed = Observed {
        app,
        began: Instant::now(),
        method: method(request.method()),
        route: request.extensions().get::<MatchedPath>().cloned(),
        id: id.clone(),
        status: GONE,
        span: None,
    };
    let caller = Place::of_caller(request.headers());
    observed.span = telemetry::on().then(|| observed.span(&caller));
    let place = observed.span.as_ref().map_or(caller, Span::place);
    let mut response = place.scope(next.run(request)).await;
    observed.status = response.status().as_u16();
    response.headers_mut().insert(REQUEST_ID, id.0);
    response.map(|body| Body::new(Kept { body, kept: observed }))
}

/// One of those that there are: a caller could make up others without end.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
