//! Makes a failed request again, as long as the user has seen nothing of its answer.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;

use super::{Capabilities, Model, ModelDelta, ModelError, ModelErrorKind, ModelRequest, ModelStream};
use crate::domain::Notice;

/// The longest wait that a provider may ask for; with a longer one the error is shown at once.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const MAX_WAIT: Duration = Duration::from_secs(30);

/// A model whose transient failures are retried before text or a call has arrived.
pub(super) struct Retry {
    inner: Arc<dyn Model>,
    retries: u32,
}

impl Retry {
    pub(super) fn new(inner: Arc<dyn Model>, retries: u32) -> Self {
        Self { inner, retries }
    }
}

#[async_trait]
impl Model for Retry {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self) -> Result<(), ModelError> {
        self.inner.probe().await
    }

    /// Never fails itself: notices must be seen while it waits, so that errors too come through the stream.
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError> {
        let (inner, retries) = (Arc::clone(&self.inner), self.retries);
        Ok(async_stream::stream! {
            for attempt in 0.. {
                let mut seen = Seen::Nothing;
                let error = match inner.stream(request.clone()).await {
                    Err(error) => error,
                    Ok(mut deltas) => loop {
                        match deltas.next().await {
                            None => return,
                            Some(Ok(delta)) => {
                                seen = seen.with(&delta);
                                yield Ok(delta);
                            }
                            Some(Err(error)) => break error,
                        }
                    },
                };
                let wait = wait(&error.kind, attempt).filter(|_| seen != Seen::Answer && attempt < retries);
                let Some(wait) = wait else {
                    yield Err(error);
                    return;
                };
                if seen == Seen::Thoughts {
                    yield Ok(ModelDelta::Restart);
                }
                yield Ok(ModelDelta::Notice(notice(&error, attempt + 1, wait)));
                tokio::time::sleep(wait).await;
            }
        }
        .boxed())
    }
}

/// What has come of an answer so far.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Nothing,
    /// Reasoning, which can be taken back.
    Thoughts,
    /// Text or calls, which cannot.
    Answer,
}

impl Seen {
    pub(super) fn with(self, delta: &ModelDelta) -> Self {
        match delta {
            ModelDelta::Text(_) | ModelDelta::ToolCallStart { .. } | ModelDelta::ToolCallArguments { .. } => {
                Self::Answer
            }
            ModelDelta::Reasoning { .. } if self == Self::Nothing => Self::Thoughts,
            ModelDelta::Restart => Self::Nothing,
            ModelDelta::Reasoning { .. } | ModelDelta::Usage(_) | ModelDelta::Stop { .. } | ModelDelta::Notice(_) => {
                self
            }
        }
    }
}

/// How long to wait before the next attempt; `None` where there should be none.
fn wait(kind: &ModelErrorKind, attempt: u32) -> Option<Duration> {
    if !kind.transient() {
        return None;
    }
    let asked = match kind {
        ModelErrorKind::RateLimited { retry_after, .. } | ModelErrorKind::Status { retry_after, .. } => *retry_after,
        _ => None,
    };
    match asked {
        Some(asked) => (asked <= MAX_RETRY_AFTER).then_some(asked),
        None => Some(jittered(FIRST_WAIT.saturating_mul(1 << attempt.min(16)).min(MAX_WAIT))),
    }
}

/// Between half of `wait` and all of it, so that clients which failed together do not come back together.
fn jittered(wait: Duration) -> Duration {
    // A new `RandomState` has new keys: a random number without a crate for it.
    let percent = RandomState::new().hash_one(()) % 51;
    wait * (50 + u32::try_from(percent).unwrap_or(0)) / 100
}

fn notice(error: &ModelError, attempt: u32, wait: Duration) -> Notice {
    let model = error.model.clone();
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    match &error.kind {
        ModelErrorKind::RateLimited { .. } => Notice::RateLimited { model, wait_ms },
        kind => Notice::Retry { model, attempt, wait_ms, reason: kind.to_string() },
    }
}
