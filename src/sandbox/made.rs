//! A box that has been made, between its backend and whoever keeps it on record.

use futures_util::future::BoxFuture;

use super::{Confinement, SandboxError};

/// A box that is made and, where its backend can hold it back, waits to go on. Dropped before, such a one ends, and what is
/// left of it is to be removed.
#[must_use = "it ends where it is not told to go on"]
pub struct Made {
    /// What holds it in.
    pub confinement: Confinement,
    go: Option<BoxFuture<'static, Result<(), SandboxError>>>,
}

impl Made {
    /// One that lives already.
    pub fn alive(confinement: Confinement) -> Self {
        Self { confinement, go: None }
    }

    /// One that lives once `go` is asked for, which returns when its daemon answers.
    pub fn waiting(confinement: Confinement, go: BoxFuture<'static, Result<(), SandboxError>>) -> Self {
        Self { confinement, go: Some(go) }
    }

    /// Lets it live, and waits until its daemon answers.
    ///
    /// # Errors
    /// Those of the backend; nothing is left behind.
    pub async fn go(self) -> Result<Confinement, SandboxError> {
        if let Some(go) = self.go {
            go.await?;
        }
        Ok(self.confinement)
    }
}
