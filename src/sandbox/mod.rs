//! Sandboxes: where code that nobody vouches for runs.
//!
//! A backend makes boxes and connects to the daemon inside; everything else (`exec`, files, Python, jobs) is one client
//! of that daemon. Knows no agent and no terminal.

mod audit;
mod clearance;
pub mod client;
mod copy;
pub mod daemon;
mod delete;
pub mod docker;
pub mod egress;
mod error;
mod executable;
mod folder;
pub mod handoff;
pub mod hidden;
mod host;
pub mod image;
#[cfg(target_os = "linux")]
mod local;
mod manager;
mod others;
pub mod prove;
mod registry;
mod resolve;
mod spec;
mod token;
mod tree;
pub mod wire;
pub mod workspace;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

pub use audit::{Action, Audit, AuditRecord};
pub use clearance::Clearance;
pub use client::BoxClient;
pub use daemon::files::{Changed, Entry, EntryKind, Extracted, FILE_TOOLS, FileTool};
pub use docker::DEFAULT_IMAGE;
pub use error::SandboxError;
pub(crate) use executable::program;
pub use executable::{architecture, runtime_binary, verify};
pub use folder::{BoxFolder, ProcessId, Record};
pub use host::HostBackend;
pub use image::Recipe;
#[cfg(target_os = "linux")]
pub(crate) use local::close_from;
#[cfg(target_os = "linux")]
pub use local::{LocalBackend, PackageLayers};
pub use manager::{Call, Done, Filter, Sandbox, SandboxInfo, Sandboxes};
pub use others::{AS_ANOTHER, Home, homes};
pub use resolve::Asked;
pub use spec::{
    BackendKind, Confinement, Found, Layer, Lifetime, Limits, Mount, Network, Packages, Probe, SandboxId, SandboxSpec,
    State, Status, Tier, Usage, Workspace, WorkspaceMode,
};
pub use token::Token;

/// Bytes to the daemon of a box, such as a Unix socket or the standard streams of a bridge. HTTP/1.1 is spoken over it.
pub trait BoxStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> BoxStream for T {}

/// Makes boxes and finds them again. Holds no state of its own: what exists is what the machine says.
#[async_trait]
pub trait SandboxBackend: Send + Sync {
    fn kind(&self) -> BackendKind;

    /// What this machine offers, layer by layer. Makes nothing that stays.
    async fn probe(&self) -> Probe;

    /// Whether boxes of any tier can be made here.
    async fn available(&self) -> bool {
        self.probe().await.confinement.is_some()
    }

    /// Told that a box is about to be made: what needs no spec may begin meanwhile.
    fn expect(&self) {}

    /// Makes the box, which lives once `clearance` is granted, and tells that it does: what takes longer than a few
    /// milliseconds waits for that before it begins. A folder of the same id that [`stop`](Self::stop) left is used again.
    /// On failure nothing is left behind.
    ///
    /// # Errors
    /// What the machine lacks, with the next step; never a box weaker than `spec.min_tier`.
    async fn create(
        &self,
        spec: &SandboxSpec,
        clearance: Clearance,
        progress: &dyn Progress,
    ) -> Result<Confinement, SandboxError>;

    /// What is there of this id now.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`].
    async fn inspect(&self, id: &SandboxId) -> Result<Found, SandboxError>;

    /// Everything of ours that exists on this backend, also what no registry knows.
    ///
    /// # Errors
    /// [`SandboxError::Unavailable`]: then nothing is known of its boxes.
    async fn list(&self) -> Result<Vec<Found>, SandboxError>;

    /// Freezes or thaws every process of the box.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`], [`SandboxError::NotRunning`].
    async fn freeze(&self, id: &SandboxId, frozen: bool) -> Result<(), SandboxError>;

    /// A new connection to the daemon of a running box.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`], [`SandboxError::NotRunning`].
    async fn connect(&self, id: &SandboxId) -> Result<Box<dyn BoxStream>, SandboxError>;

    /// Ends every process of the box; its workspace stays. One that is stopped already is left as it is.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`].
    async fn stop(&self, id: &SandboxId) -> Result<(), SandboxError>;

    /// Stops the box and deletes all that it left. Nothing there is success.
    ///
    /// # Errors
    /// What could not be deleted.
    async fn remove(&self, id: &SandboxId) -> Result<(), SandboxError>;

    /// Makes boxes like this one until `count` are ready, for [`create`](Self::create) to hand out. Those that nobody
    /// takes end by themselves. A backend that is quick without has none.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    async fn warm(&self, _spec: &SandboxSpec, _count: u32) -> Result<(), SandboxError> {
        Ok(())
    }

    /// Deletes what processes that died left on the way to a box and what is no box.
    ///
    /// # Errors
    /// [`SandboxError::Unavailable`]; what could not be deleted.
    async fn sweep(&self) -> Result<(), SandboxError> {
        Ok(())
    }

    /// Makes an image with packages, unless it is there, and returns its name; `name` is given to it where there is
    /// one.
    ///
    /// # Errors
    /// A backend without images; an installation that fails. Nothing is left behind.
    async fn build(
        &self,
        _recipe: &image::Recipe,
        _name: Option<&str>,
        _progress: &dyn Progress,
    ) -> Result<String, SandboxError> {
        Err(SandboxError::Unsupported {
            backend: self.kind(),
            what: "build images".to_owned(),
            hint: "use the `docker` backend".to_owned(),
        })
    }
}

/// Told of what takes long, such as an image being pulled.
pub trait Progress: Send + Sync {
    /// `done` and `total` are bytes, where they are known.
    fn step(&self, what: &str, done: Option<u64>, total: Option<u64>);
}

/// Tells nobody.
pub struct Quiet;

impl Progress for Quiet {
    fn step(&self, _what: &str, _done: Option<u64>, _total: Option<u64>) {}
}
