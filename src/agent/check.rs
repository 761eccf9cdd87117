//! Whether an agent can answer now: is its model's key accepted, have the servers started that it cannot do without.

use std::time::Duration;

use tokio::{sync::Mutex, time::Instant};

use super::{LocalAgent, failure::chain, team::Member};
use crate::{model::Model, sandbox::SandboxError};

/// How long what was found of a model holds.
const FRESH: Duration = Duration::from_mins(1);
/// The same of a model that did not answer: it may be back soon.
const FRESH_FAILURE: Duration = Duration::from_secs(5);

/// Something that an agent needs to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `model PROVIDER/MODEL` or `mcp SERVER`.
    pub what: String,
    /// Why it is not there, and what to do about it.
    pub wrong: Option<String>,
}

/// What was last found of a model.
#[derive(Default)]
pub(super) struct Probed(Mutex<Option<(Instant, Option<String>)>>);

impl LocalAgent {
    /// Looks at what the agent needs. Asks its provider at most once a minute, for no tokens; starts its tool servers,
    /// and does not wait for them.
    pub async fn check(&self) -> Vec<Check> {
        self.root().check().await
    }

    /// Whether a sandbox as the agent file wants it can be made here. Takes processes to find out.
    ///
    /// # Errors
    /// Why not, and what to do about it.
    pub async fn check_sandbox(&self) -> Result<(), SandboxError> {
        self.team().boxes().check().await
    }
}

impl Member {
    async fn check(&self) -> Vec<Check> {
        self.tools.start();
        let wrong = self.probed.look(self.model.get().as_ref()).await;
        let model = Check { what: format!("model {}", self.model.get().name()), wrong };
        let needed = self.tools.servers().filter(|server| server.config().required);
        let servers =
            needed.map(|server| Check { what: format!("mcp {}", server.name()), wrong: server.standing().err() });
        std::iter::once(model).chain(servers).collect()
    }
}

impl Probed {
    /// Whoever asks while the provider is asked waits for the same answer.
    async fn look(&self, model: &dyn Model) -> Option<String> {
        let mut last = self.0.lock().await;
        if let Some((at, wrong)) = &*last
            && at.elapsed() < if wrong.is_none() { FRESH } else { FRESH_FAILURE }
        {
            return wrong.clone();
        }
        let wrong = model.probe().await.err().map(|error| match &error.hint {
            Some(hint) => format!("{}; {hint}", chain(&error)),
            None => chain(&error),
        });
        *last = Some((Instant::now(), wrong.clone()));
        wrong
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::model::{Capabilities, ModelError, ModelErrorKind, ModelRequest, ModelStream};

    /// Cannot be reached when it is first asked.
    #[derive(Default)]
    struct Late(AtomicU32);

    #[async_trait]
    impl Model for Late {
        fn name(&self) -> &str {
            "openai/late"
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::default()
        }

        async fn stream(&self, _: ModelRequest) -> Result<ModelStream, ModelError> {
            unreachable!("nobody speaks with it")
        }

        async fn probe(&self) -> Result<(), ModelError> {
            if self.0.fetch_add(1, Ordering::Relaxed) > 0 {
                return Ok(());
            }
            let kind = ModelErrorKind::Auth { status: 401, body: "no".to_owned() };
            Err(ModelError { model: self.name().to_owned(), kind, hint: Some("check the key".to_owned()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_is_asked_seldom_and_sooner_after_a_failure() {
        let (model, probed) = (Late::default(), Probed::default());
        let (first, second) = tokio::join!(probed.look(&model), probed.look(&model));
        insta::assert_snapshot!(first.clone().unwrap(), @"openai/late: the API key was refused (HTTP 401): no; check the key");
        assert_eq!(first, second);
        assert_eq!(model.0.load(Ordering::Relaxed), 1);
        tokio::time::advance(FRESH_FAILURE).await;
        assert_eq!(probed.look(&model).await, None);
        tokio::time::advance(FRESH_FAILURE).await;
        assert_eq!(probed.look(&model).await, None);
        assert_eq!(model.0.load(Ordering::Relaxed), 2);
        tokio::time::advance(FRESH).await;
        probed.look(&model).await;
        assert_eq!(model.0.load(Ordering::Relaxed), 3);
    }
}
