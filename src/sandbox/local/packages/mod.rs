//! Python packages for boxes without network: installed once, with network, and seen read-only.
//!
//! A layer is a virtual environment of the Python that boxes find, in a folder of `$CACHE/packages` that is named after
//! what is in it. Its `bin` comes first in the path of programs, so that `python3` and the commands of packages are
//! those of the layer; it may be moved, so that it is the same in every tier. The setup code of packages is anybody's,
//! so it runs in a box too.

mod install;
mod pip;
mod seal;

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};

pub(super) use self::seal::link_tree;
use self::{install::Staging, pip::Pip};
use super::LocalBackend;
use crate::{
    config::{Env, FileLock},
    sandbox::{Progress, SandboxError, daemon::SEARCH_PATH, delete::delete_all},
};

/// Where programs of tier A see their layer.
pub(super) const INSIDE: &str = "/run/agentscope/packages";
/// Goes up when layers are made in another way.
const LAYOUT: u32 = 1;
/// Where what boxes see of this machine's programs is.
const SEEN: [&str; 4] = ["/usr", "/bin", "/sbin", "/nix/store"];

/// All layers of a user, below one folder: `KEY` is a layer, `KEY.lock` tells who makes it and, by its time, when it
/// was last used, and `new-KEY` is one that is being made.
#[derive(Clone, Debug)]
pub struct PackageLayers {
    folder: PathBuf,
    env: Env,
}

impl PackageLayers {
    /// Those below `cache`, the folder of what can be made again. Where packages come from is as `env` and the
    /// configuration files of pip say.
    #[must_use]
    pub fn new(cache: &Path, env: Env) -> Self {
        Self { folder: cache.join("packages"), env }
    }

    /// The layer with the packages of `wanted`, which is made unless it is there. Two who want it at once make it once.
    pub(super) async fn have(
        &self,
        wanted: &[String],
        backend: &LocalBackend,
        progress: &dyn Progress,
    ) -> Result<PathBuf, SandboxError> {
        let wanted = tidy(wanted)?;
        let python = Python::find().ok_or_else(|| missing("Python"))?;
        let key = key(&wanted, &python);
        let lock = self.hold(&key, progress).await?;
        let layer = self.folder.join(&key);
        if !layer.is_dir()
            && let Err(error) = self.make(&key, &wanted, &python, backend, progress).await
        {
            lock.remove();
            return Err(error);
        }
        self.touch(&key);
        Ok(layer)
    }

    async fn make(
        &self,
        key: &str,
        wanted: &[String],
        python: &Python,
        backend: &LocalBackend,
        progress: &dyn Progress,
    ) -> Result<(), SandboxError> {
        if self.env.offline {
            return Err(SandboxError::Failed {
                what: format!("`--offline` forbids the installation of the Python packages {}", listed(wanted)),
                hint: Some("leave out `--offline` once; afterwards they are there".to_owned()),
            });
        }
        let staging = Staging::new(self.folder.join(format!("new-{key}")), backend)?;
        staging.install(wanted, &python.path, Pip::of(&self.env), &self.folder.join(key), progress).await
    }

    async fn hold(&self, key: &str, progress: &dyn Progress) -> Result<FileLock, SandboxError> {
        let failed = || SandboxError::io("lock the folder of Python packages");
        let path = self.lock(key);
        if let Some(lock) = FileLock::try_acquire(&path).map_err(failed())? {
            return Ok(lock);
        }
        progress.step("waiting for another process that installs the same Python packages", None, None);
        let acquired = tokio::task::spawn_blocking(move || FileLock::acquire(&path)).await;
        acquired.map_err(io::Error::other).flatten().map_err(failed())
    }

    fn lock(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.lock"))
    }

    /// One whose time cannot be set is deleted early at worst, and made again.
    fn touch(&self, key: &str) {
        let file = fs::File::options().write(true).open(self.lock(key));
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Notes that the layer with these packages is in use.
    pub fn keep(&self, wanted: &[String]) {
        if let (Ok(wanted), Some(python)) = (tidy(wanted), Python::find()) {
            self.touch(&key(&wanted, &python));
        }
    }

    /// Deletes the layers that nothing used for so long, and what is left of those that were not finished. How many
    /// there were; with `dry_run`, would be.
    ///
    /// # Errors
    /// What could not be deleted.
    pub fn prune(&self, unused_for: Duration, dry_run: bool) -> io::Result<usize> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut pruned = 0;
        for entry in entries {
            let name = entry?.file_name();
            let Some(name) = name.to_str().filter(|name| !name.ends_with(".lock")) else { continue };
            let key = name.strip_prefix("new-").unwrap_or(name);
            let used = fs::metadata(self.lock(key)).and_then(|lock| lock.modified());
            // One without a lock is in nobody's hands, and its age is not known: it is old from now on.
            let Some(lock) = FileLock::try_acquire(&self.lock(key))? else { continue };
            let age = used.map(|used| used.elapsed().unwrap_or_default()).unwrap_or_default();
            if key != name {
                install::clear(&self.folder.join(name))?;
            } else if age > unused_for {
                pruned += 1;
                if !dry_run {
                    delete_all(&self.folder.join(name))?;
                    lock.remove();
                }
            }
        }
        Ok(pruned)
    }
}

/// The Python that boxes find, as it is on this machine.
struct Python {
    path: PathBuf,
    /// Stands for its version, its ABI and its platform: another of these is another file.
    identity: String,
}

impl Python {
    /// As a box searches, whose programs are those of `SEEN`.
    fn find() -> Option<Self> {
        SEARCH_PATH.split(':').find_map(|folder| {
            let path = Path::new(folder).join("python3");
            let real = path.canonicalize().ok().filter(|real| SEEN.iter().any(|seen| real.starts_with(seen)))?;
            let meta = fs::metadata(&real).ok().filter(|meta| meta.is_file() && meta.mode() & 0o111 != 0)?;
            let (size, time) = (meta.size(), (meta.mtime(), meta.mtime_nsec()));
            Some(Self { path, identity: format!("{} {size} {time:?} {}", real.display(), std::env::consts::ARCH) })
        })
    }
}

fn key(wanted: &[String], python: &Python) -> String {
    let hash = Sha256::new().chain_update(format!("{LAYOUT}\n{}\n{wanted:?}", python.identity)).finalize();
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Sorted, without spaces around them, each once.
fn tidy(wanted: &[String]) -> Result<Vec<String>, SandboxError> {
    let mut wanted: Vec<String> = wanted.iter().map(|name| name.trim().to_owned()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let sound = |name: &&String| !name.is_empty() && !name.starts_with('-') && !name.contains(char::is_control);
    match wanted.iter().find(|name| !sound(name)) {
        None => Ok(wanted),
        Some(name) => Err(SandboxError::Failed {
            what: format!("`{}` is not the name of a Python package", name.escape_debug()),
            hint: Some("such as `pandas` or `pandas>=2`".to_owned()),
        }),
    }
}

fn listed(wanted: &[String]) -> String {
    wanted.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn missing(what: &str) -> SandboxError {
    SandboxError::Failed {
        what: format!("Python packages cannot be installed: this machine has no {what} that sandboxes see"),
        hint: Some(
            "install `python3` and `pip` of the system, such as Debian's `python3-pip`, or use the `docker` backend"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wanted: &[&str], identity: &str) -> String {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        key(&tidy(&wanted).unwrap(), &Python { path: PathBuf::new(), identity: identity.to_owned() })
    }

    #[test]
    fn a_layer_is_named_after_what_is_in_it_whatever_the_order() {
        let one = of(&["six", "pandas>=2"], "3.11");
        assert_eq!(one, of(&["pandas>=2 ", "six", "six"], "3.11"));
        for other in [of(&["six"], "3.11"), of(&["six", "pandas"], "3.11"), of(&["six", "pandas>=2"], "3.12")] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_package_is_no_option_and_one_line() {
        for wrong in ["--index-url=x", "-r", "", " ", "a\nb", "a\0"] {
            assert!(tidy(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }
}
