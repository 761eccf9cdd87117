//! Somebody wants a deploy to end before it is done: it takes back what it has begun, as where a revision does not answer.

use tokio_util::sync::CancellationToken;

use super::DeployError;

/// All clones hear of it. What waits asks [`or`](Self::or); what must not be left half done runs to its end.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(CancellationToken);

impl Interrupt {
    pub fn raise(&self) {
        self.0.cancel();
    }

    /// Returns once it was raised.
    pub async fn raised(&self) {
        self.0.cancelled().await;
    }

    /// What `work` gives, which is dropped where it is not done before.
    ///
    /// # Errors
    /// [`DeployError::Interrupted`]; those of `work`.
    pub async fn or<T, E: From<DeployError>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let done = self.0.run_until_cancelled(work).await;
        done.unwrap_or_else(|| Err(DeployError::Interrupted { hint: None }.into()))
    }

    /// # Errors
    /// It was raised.
    pub(super) fn check(&self) -> Result<(), DeployError> {
        if self.0.is_cancelled() { Err(DeployError::Interrupted { hint: None }) } else { Ok(()) }
    }
}
