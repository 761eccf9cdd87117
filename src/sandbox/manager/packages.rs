//! The packages that boxes share.

#[cfg(target_os = "linux")]
use std::time::Duration;

use super::Sandboxes;
use crate::sandbox::SandboxError;
#[cfg(target_os = "linux")]
use crate::{
    config::Env,
    sandbox::{PackageLayers, Status},
};

/// How long packages are kept that nothing uses.
#[cfg(target_os = "linux")]
const UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Sandboxes {
    /// There are none here.
    ///
    /// # Errors
    /// None.
    #[cfg(not(target_os = "linux"))]
    pub async fn prune_packages(&self, _dry_run: bool) -> Result<usize, SandboxError> {
        Ok(0)
    }

    /// Deletes the sets of Python packages that no sandbox used for 30 days. How many there were; with `dry_run`, would
    /// be.
    ///
    /// # Errors
    /// What could not be deleted.
    #[cfg(target_os = "linux")]
    pub async fn prune_packages(&self, dry_run: bool) -> Result<usize, SandboxError> {
        let layers = PackageLayers::new(&self.shared.cache, Env::default());
        let records = self.registry(|registry| registry.all()).await?;
        let pruned = tokio::task::spawn_blocking(move || {
            // One may run for longer than packages are kept.
            let running = records.iter().filter(|record| record.state != Status::Stopped);
            running.for_each(|record| layers.keep(&record.spec.packages.python));
            layers.prune(UNUSED, dry_run)
        });
        pruned
            .await
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(SandboxError::io("delete Python packages that nothing uses"))
    }
}
