//! Traces: where in which trace something happens, and spans that are sent to a collector where the user named one.
//!
//! The trace of a caller (W3C Trace Context, the `traceparent` header) is passed on to those that are called, whether
//! spans are made or not. Names and attributes are OpenTelemetry's semantic conventions for generative AI; nothing that
//! a user or a model wrote is among them.

mod otlp;

use std::{borrow::Cow, sync::OnceLock, time::SystemTime};

use http::HeaderMap;
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator as _,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracer};

pub use otlp::{Traces, TracesError, Wanted, start};

/// Where spans go; never set where the user did not ask for any.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

tokio::task_local! {
    static CURRENT: Place;
}

/// A place in a trace, under which other things happen; or none.
#[derive(Clone, Debug, Default)]
pub struct Place(Option<Context>);

impl Place {
    /// That of the work at hand.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// The one that a caller names.
    #[must_use]
    pub fn of_caller(headers: &HeaderMap) -> Self {
        if !headers.contains_key("traceparent") {
            return Self::default();
        }
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
        Self(context.has_active_span().then_some(context))
    }

    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The headers that tell it to somebody who is called.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(context) = &self.0 {
            TraceContextPropagator::new().inject_context(context, &mut HeaderInjector(&mut headers));
        }
        headers
    }

    /// Does `work` here.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        match self.0 {
            Some(_) => CURRENT.scope(self, work).await,
            None => work.await,
        }
    }

    /// The same for work that does not wait.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        match self.0 {
            Some(_) => CURRENT.sync_scope(self.clone(), work),
            None => work(),
        }
    }

    /// Begins a span here.
    #[must_use]
    pub fn span(&self, name: impl Into<Cow<'static, str>>, kind: SpanKind, attributes: Vec<KeyValue>) -> Span {
        let Some(tracer) = TRACER.get() else { return Span(self.clone()) };
        let above = self.0.clone().unwrap_or_default();
        let builder =
            SpanBuilder::from_name(name).with_kind(kind).with_attributes(attributes).with_start_time(SystemTime::now());
        let span = tracer.build_with_context(builder, &above);
        Span(Self(Some(above.with_span(span))))
    }
}

/// Whether spans are made.
#[must_use]
pub fn on() -> bool {
    TRACER.get().is_some()
}

/// Something that takes time; it ends when this is dropped. Where no spans are made it is the place that it began in.
#[derive(Debug)]
pub struct Span(Place);

impl Span {
    #[must_use]
    pub fn place(&self) -> Place {
        self.0.clone()
    }

    pub fn set(&self, attributes: Vec<KeyValue>) {
        if on()
            && let Some(context) = &self.0.0
        {
            context.span().set_attributes(attributes);
        }
    }

    /// It failed; `kind` is a word for programs.
    pub fn fail(&self, kind: impl Into<Cow<'static, str>>) {
        if on()
            && let Some(context) = &self.0.0
        {
            let kind = kind.into();
            context.span().set_attribute(KeyValue::new("error.type", kind.clone().into_owned()));
            context.span().set_status(Status::error(kind));
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if on()
            && let Some(context) = &self.0.0
        {
            context.span().end();
        }
    }
}
