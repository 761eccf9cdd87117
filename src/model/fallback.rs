//! Asks the next model when one fails before the user has seen anything of its answer.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;

use super::{Capabilities, Model, ModelDelta, ModelError, ModelErrorKind, ModelRequest, ModelStream, retry::Seen};
use crate::domain::Notice;

/// A model and those that stand in for it, in order.
pub(super) struct Fallback {
    first: Arc<dyn Model>,
    rest: Vec<Arc<dyn Model>>,
}

impl Fallback {
    pub(super) fn new(first: Arc<dyn Model>, rest: Vec<Arc<dyn Model>>) -> Self {
        Self { first, rest }
    }
}

#[async_trait]
impl Model for Fallback {
    fn name(&self) -> &str {
        self.first.name()
    }

    /// What all of them can do: the caller does not know which one will answer. The window is that of the first,
    /// because a full context is a reason to move on.
    fn capabilities(&self) -> Capabilities {
        self.rest.iter().fold(self.first.capabilities(), |all, model| {
            let one = model.capabilities();
            Capabilities {
                structured_output: all.structured_output && one.structured_output,
                structured_output_alone: all.structured_output_alone && one.structured_output_alone,
                images: all.images || one.images,
                context_window: all.context_window,
            }
        })
    }

    /// One that answers is enough.
    async fn probe(&self) -> Result<(), ModelError> {
        let Err(first) = self.first.probe().await else { return Ok(()) };
        for model in &self.rest {
            if model.probe().await.is_ok() {
                return Ok(());
            }
        }
        Err(first)
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError> {
        let models: Vec<_> = std::iter::once(&self.first).chain(&self.rest).cloned().collect();
        Ok(async_stream::stream! {
            for (index, model) in models.iter().enumerate() {
                let mut seen = Seen::Nothing;
                let error = match model.stream(request.clone()).await {
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
                let next = models.get(index + 1).filter(|next| seen != Seen::Answer && helps(&error, model, next));
                let Some(next) = next else {
                    yield Err(error);
                    return;
                };
                if seen == Seen::Thoughts {
                    yield Ok(ModelDelta::Restart);
                }
                yield Ok(ModelDelta::Notice(Notice::Fallback {
                    from: model.name().to_owned(),
                    to: next.name().to_owned(),
                    reason: error.kind.to_string(),
                }));
            }
        }
        .boxed())
    }
}

/// Whether `next` may do what `model` could not. A context that is full is better compacted than sent to a model that
/// is not known to take more.
fn helps(error: &ModelError, model: &Arc<dyn Model>, next: &Arc<dyn Model>) -> bool {
    match &error.kind {
        ModelErrorKind::ContextFull { .. } => {
            match (model.capabilities().context_window, next.capabilities().context_window) {
                (Some(window), Some(next)) => next > window,
                (None, _) | (_, None) => false,
            }
        }
        ModelErrorKind::Auth { .. }
        | ModelErrorKind::RateLimited { .. }
        | ModelErrorKind::Status { .. }
        | ModelErrorKind::Stream { .. }
        | ModelErrorKind::Transport { .. }
        | ModelErrorKind::Timeout { .. }
        | ModelErrorKind::Protocol { .. }
        | ModelErrorKind::Unsupported { .. }
        | ModelErrorKind::Offline { .. } => true,
    }
}
