//! A model that answers by script: what every test of the loop runs on.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use super::{Capabilities, Model, ModelDelta, ModelError, ModelRequest, ModelStream};

/// Answers each request with the next list of deltas; keeps the requests for the test to look at.
#[derive(Default)]
pub struct ScriptedModel {
    answers: Mutex<VecDeque<Vec<Result<ModelDelta, ModelError>>>>,
    requests: Mutex<Vec<ModelRequest>>,
    capabilities: Capabilities,
    /// After its last delta a stream stays open for ever, as a provider that hangs.
    hang: bool,
}

impl ScriptedModel {
    #[must_use]
    pub fn new(answers: Vec<Vec<Result<ModelDelta, ModelError>>>) -> Self {
        Self { answers: Mutex::new(answers.into()), ..Self::default() }
    }

    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    #[must_use]
    pub fn hanging(mut self) -> Self {
        self.hang = true;
        self
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<ModelRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Model for ScriptedModel {
    fn name(&self) -> &str {
        "scripted/model"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let mut answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or_default();
        if let [Err(_)] = answer.as_slice() {
            return answer.remove(0).map(|_| stream::empty().boxed());
        }
        let deltas = stream::iter(answer);
        Ok(if self.hang { deltas.chain(stream::pending()).boxed() } else { deltas.boxed() })
    }
}
