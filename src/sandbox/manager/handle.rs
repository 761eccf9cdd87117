//! One sandbox in the hands of who uses it.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::Sandboxes;
use crate::{
    config::Lock,
    domain::{SessionId, SessionKey},
    sandbox::{
        Action, BoxClient, Confinement, Network, SandboxBackend, SandboxError, SandboxId, SandboxSpec, State, Tier,
        Token,
        egress::{Refused, refused_since},
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
    tie: Option<Lock>,
    client: OnceLock<BoxClient>,
    /// Until somebody was told that it took the place of one that had ended.
    replaced: AtomicBool,
}

impl Sandbox {
    pub(super) fn new(
        all: Sandboxes,
        spec: SandboxSpec,
        confinement: Option<Confinement>,
        backend: Arc<dyn SandboxBackend>,
        tie: Option<Lock>,
    ) -> Self {
        Self { all, spec, confinement, backend, tie, client: OnceLock::new(), replaced: AtomicBool::new(false) }
    }

    pub(super) fn replaced(self) -> Self {
        self.replaced.store(true, Ordering::Relaxed);
        self
    }

    /// Whether it took the place of one of the same session that had ended, so that what was only in memory, such as
    /// the variables of Python, is gone. Says so once.
    pub fn take_replaced(&self) -> bool {
        self.replaced.swap(false, Ordering::Relaxed)
    }

    #[must_use]
    pub fn id(&self) -> &SandboxId {
        &self.spec.id
    }

    /// Whether it ends with this handle.
    #[must_use]
    pub fn is_tied(&self) -> bool {
        self.tie.is_some()
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

    /// The folder of the host where it keeps its things.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.all.folder(self.id())
    }

    /// What speaks with the daemon inside. Connects when there is something to say.
    ///
    /// # Errors
    /// The key to it cannot be read.
    pub fn client(&self) -> Result<&BoxClient, SandboxError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let token = Token::of(&self.folder()).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SandboxError::NotRunning { id: self.id().clone(), state: State::Stopped },
            _ => SandboxError::io(format!("read the key to the sandbox `{}`", self.id()))(error),
        })?;
        Ok(self.client.get_or_init(|| BoxClient::new(Arc::clone(&self.backend), self.id().clone(), &token)))
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
        let refused = match self.spec.network {
            Network::Allow(_) => refused_since(&self.folder(), 0).map_or(0, |(_, end)| end),
            _ => 0,
        };
        Ok(Call { sandbox: self, action: Some(action), workspace, refused, touched })
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
        let Some(_tie) = self.tie.take() else { return Ok(()) };
        match self.spec.session {
            Some(_) => self.all.stop(self.id()).await,
            None => self.all.remove(self.id()).await,
        }
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
    /// Where the list of refused hosts ended.
    refused: u64,
    touched: JoinHandle<()>,
}

/// What came of a call besides its result.
#[derive(Debug, Default)]
pub struct Done {
    /// What became of the user's folder.
    pub merged: Merged,
    /// What the network policy refused meanwhile.
    pub refused: Vec<Refused>,
}

impl Call<'_> {
    /// To be called when it is done: takes out what was changed in the workspace, and writes to the audit log.
    /// `exit` is that of a program, as a shell says it.
    ///
    /// # Errors
    /// A change that could not be taken out.
    pub async fn end(mut self, exit: Option<u8>) -> Result<Done, SandboxError> {
        let by = self.action.as_ref().map(described).unwrap_or_default();
        let merged = match self.workspace.take() {
            Some(workspace) => {
                let journal = self.sandbox.journal();
                blocking(move || workspace.after_call(&journal, &by)).await
            }
            None => Ok(Merged::default()),
        };
        self.note(exit);
        let refused = self.refused();
        // The process may be about to end.
        let _ = (&mut self.touched).await;
        Ok(Done { merged: merged?, refused })
    }

    /// What was refused since it began, and into the audit log with it.
    fn refused(&self) -> Vec<Refused> {
        let sandbox = self.sandbox;
        let Network::Allow(_) = sandbox.spec.network else { return vec![] };
        let Ok((refused, _)) = refused_since(&sandbox.folder(), self.refused) else { return vec![] };
        for refused in &refused {
            let host = format!("{}:{}", refused.host, refused.port);
            sandbox.all.note(&sandbox.spec, Action::Refused { host, reason: refused.reason.clone() });
        }
        refused
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
        Action::Copy { from, to } => format!("cp {from} {to}"),
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
