//! One sandbox in the hands of who uses it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::Sandboxes;
use crate::{
    config::FileLock,
    domain::{SessionId, SessionKey},
    sandbox::{
        Action, BoxStream, Confinement, SandboxBackend, SandboxError, SandboxId, SandboxSpec, Tier,
        workspace::{Journal, Merged, Workspace},
    },
};

/// A sandbox. Dropping it leaves it as it is, unless it is tied to this process: then [`close`](Self::close) it.
pub struct Sandbox {
    all: Sandboxes,
    spec: SandboxSpec,
    confinement: Option<Confinement>,
    backend: Arc<dyn SandboxBackend>,
    /// While it is tied to this process.
    held: Option<FileLock>,
}

impl Sandbox {
    pub(super) fn new(
        all: Sandboxes,
        spec: SandboxSpec,
        confinement: Option<Confinement>,
        backend: Arc<dyn SandboxBackend>,
        held: Option<FileLock>,
    ) -> Self {
        Self { all, spec, confinement, backend, held }
    }

    #[must_use]
    pub fn id(&self) -> &SandboxId {
        &self.spec.id
    }

    /// What it was made of. One that was found again has no values in its environment.
    #[must_use]
    pub fn spec(&self) -> &SandboxSpec {
        &self.spec
    }

    /// What holds it in; `None` while another process makes it.
    #[must_use]
    pub fn confinement(&self) -> Option<&Confinement> {
        self.confinement.as_ref()
    }

    /// A new connection to the daemon inside.
    ///
    /// # Errors
    /// [`SandboxError::NotRunning`], and where it is gone.
    pub async fn connect(&self) -> Result<Box<dyn BoxStream>, SandboxError> {
        self.backend.connect(self.id()).await
    }

    /// To be called before something is done inside: brings the workspace up to date and notes that the sandbox is in
    /// use.
    ///
    /// # Errors
    /// A workspace that cannot be brought in.
    pub async fn begin(&self, action: Action) -> Result<Call<'_>, SandboxError> {
        let workspace = self.workspace()?;
        if let Some(workspace) = workspace.clone() {
            blocking(move || workspace.before_call()).await?;
        }
        let id = self.id().clone();
        let all = self.all.clone();
        // Nobody waits for it: it is for `list`, and the daemon inside knows itself when it is idle.
        let touched = tokio::spawn(async move {
            let _ = all.registry(move |registry| registry.touch(&id, Timestamp::now())).await;
        });
        Ok(Call { sandbox: self, action: Some(action), workspace, touched })
    }

    /// Its workspace, where it is a folder of the user's.
    ///
    /// # Errors
    /// A folder that is gone.
    pub fn workspace(&self) -> Result<Option<Workspace>, SandboxError> {
        if self.spec.workspace.path.is_none() {
            return Ok(None);
        }
        let tier = self.confinement.as_ref().map_or(Tier::None, |confinement| confinement.tier);
        Workspace::of(&self.spec, tier, &self.all.folder(self.id())).map(Some)
    }

    /// Where what is changed in its workspace is recorded.
    #[must_use]
    pub fn journal(&self) -> Journal {
        match &self.spec.session {
            Some(session) => {
                let key = SessionKey { user: self.spec.user.clone(), session: SessionId::from(session.as_str()) };
                Journal::of_session(self.all.state(), &key)
            }
            None => Journal::of_box(&self.all.folder(self.id())),
        }
    }

    /// Ends a sandbox that is tied to this process, for good if it belongs to no session. Leaves another as it is.
    ///
    /// # Errors
    /// As [`Sandboxes::remove`].
    pub async fn close(mut self) -> Result<(), SandboxError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let closed = match self.spec.session {
            Some(_) => self.all.stop(self.id()).await,
            None => self.all.remove(self.id()).await,
        };
        held.remove();
        closed
    }
}

/// Something that is being done inside a sandbox. What was dropped without [`end`](Self::end) is in the audit log
/// without a result.
#[must_use]
pub struct Call<'a> {
    sandbox: &'a Sandbox,
    /// Until it is in the audit log.
    action: Option<Action>,
    workspace: Option<Workspace>,
    touched: JoinHandle<()>,
}

impl Call<'_> {
    /// To be called when it is done: takes out what was changed in the workspace, and writes to the audit log.
    /// `exit` is that of a program, as a shell says it.
    ///
    /// # Errors
    /// A change that could not be taken out.
    pub async fn end(mut self, exit: Option<u8>) -> Result<Merged, SandboxError> {
        let by = self.action.as_ref().map(described).unwrap_or_default();
        let merged = match self.workspace.take() {
            Some(workspace) => {
                let journal = self.sandbox.journal();
                blocking(move || workspace.after_call(&journal, &by)).await
            }
            None => Ok(Merged::default()),
        };
        self.note(exit);
        // The process may be about to end.
        let _ = (&mut self.touched).await;
        merged
    }

    fn note(&mut self, exit: Option<u8>) {
        if let Some(action) = self.action.take() {
            self.sandbox.all.note_exit(&self.sandbox.spec, action, exit);
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.note(None);
    }
}

/// What the journal of the workspace says of who changed it.
fn described(action: &Action) -> String {
    let text = match action {
        Action::Exec { argv } => argv.join(" "),
        Action::Cell { .. } => "python".to_owned(),
        Action::File { operation, path } => format!("{operation} {path}"),
        _ => String::new(),
    };
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(80).collect()
}

/// Runs what waits for the disk beside the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, SandboxError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(SandboxError::Failed { what: format!("the work on the workspace broke off: {error}"), hint: None })
    })
}
