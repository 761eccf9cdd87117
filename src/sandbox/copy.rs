//! Files into a sandbox and out of it, between two paths, as `cp` has it: into a folder that is there, else under the
//! new name. What comes out is an archive that nobody vouches for.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Body;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::{ReaderStream, SyncIoBridge};

use super::{
    BoxClient, EntryKind, Extracted, SandboxError,
    daemon::{
        MOST_WRITTEN,
        files::{FileError, Names, Root, Top},
    },
};

/// Bytes of an archive: those of files, and what is between them.
const MOST_ARCHIVE: u64 = MOST_WRITTEN + (MOST_WRITTEN >> 3);

/// What a path names: `dir/.` is what is in a folder, without the folder.
struct Named {
    /// `None` for what is in a folder.
    name: Option<PathBuf>,
}

impl Named {
    fn of(path: &str) -> Self {
        let contents = path == "." || path.ends_with("/.");
        Self { name: Path::new(path).file_name().filter(|_| !contents).map(PathBuf::from) }
    }

    /// What it becomes in a folder that is there; empty for what is in a folder.
    fn in_folder(self) -> PathBuf {
        self.name.unwrap_or_default()
    }
}

impl BoxClient {
    /// Copies what is at `from` on this machine to `to` in the sandbox.
    ///
    /// # Errors
    /// What cannot be read; what the sandbox refuses.
    pub async fn copy_in(&self, from: &Path, to: &str) -> Result<Extracted, SandboxError> {
        let reading = || SandboxError::io(format!("read `{}`", from.display()));
        let real = from.canonicalize().map_err(reading())?;
        let is_folder = real.metadata().map_err(reading())?.is_dir();
        let named = Named::of(&from.to_string_lossy());
        // `..` has a name too, and a link is what it leads to, under the name that it has.
        let named = if from.ends_with("..") { Named::of(&real.to_string_lossy()) } else { named };
        let (folder, name) = self.target(to, is_folder, named).await?;
        let (parent, file) = match (real.parent(), real.file_name()) {
            (Some(parent), Some(file)) => (parent, file.to_string_lossy().into_owned()),
            _ => return Err(failed("the root of the file system cannot be copied")),
        };
        let root = Arc::new(Root::open(parent, parent, MOST_WRITTEN).map_err(reading())?);
        blocking({
            let (root, file) = (Arc::clone(&root), file.clone());
            move || root.weigh(&file)
        })
        .await?;
        let top = if name.as_os_str().is_empty() { PathBuf::from(".") } else { name };
        let refused = Arc::new(Mutex::new(None));
        let sent = self.extract(&folder, archive(root, file, top, Arc::clone(&refused))).await;
        // What went wrong here is why the sandbox got no whole archive.
        match refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(of_files(&error)),
            None => sent,
        }
    }

    /// The folder in the sandbox to extract to, and the name of what is extracted there.
    async fn target(&self, to: &str, is_folder: bool, named: Named) -> Result<(String, PathBuf), SandboxError> {
        let to = if to.is_empty() { "." } else { to };
        if self.exists(to).await? {
            let kind = self.stat(to).await?.kind;
            if kind == EntryKind::Dir {
                return Ok((to.to_owned(), named.in_folder()));
            }
            if is_folder || to.ends_with('/') {
                return Err(failed(&format!("`{to}` is not a folder")));
            }
        } else if to.ends_with('/') && !is_folder {
            return Err(failed(&format!("there is no folder `{to}`")));
        }
        let path = Path::new(to);
        let name =
            path.file_name().map(PathBuf::from).ok_or_else(|| failed(&format!("`{to}` does not end in a name")))?;
        let parent = path.parent().map(|parent| parent.to_string_lossy().into_owned()).unwrap_or_default();
        let parent = if parent.is_empty() { ".".to_owned() } else { parent };
        if !self.exists(&parent).await? {
            return Err(failed(&format!("there is no folder `{parent}`")));
        }
        Ok((parent, name))
    }

    /// Copies what is at `from` in the sandbox to `to` on this machine. Nothing is written outside of it, whatever the
    /// sandbox sends, and nothing at all before it was seen to be harmless; a file that is there is replaced at once.
    ///
    /// # Errors
    /// Nothing there; an archive that could do harm; what cannot be written.
    pub async fn copy_out(&self, from: &str, to: &Path) -> Result<Extracted, SandboxError> {
        let named = Named::of(from);
        let body = self.archive(if from.is_empty() { "." } else { from }).await?;
        let archive = spool(body, to).await?;
        let to = to.to_owned();
        tokio::task::spawn_blocking(move || put(archive, named, &to))
            .await
            .map_err(|error| SandboxError::io("copy files")(io::Error::other(error)))?
    }
}

/// The archive as it is made. What goes wrong on the way is left in `refused`, and cuts it off.
fn archive(root: Arc<Root>, file: String, top: PathBuf, refused: Arc<Mutex<Option<FileError>>>) -> Body {
    let (writer, reader) = tokio::io::duplex(64 << 10);
    let work = tokio::task::spawn_blocking(move || {
        let packed = root.pack_as(&file, &top, SyncIoBridge::new(writer));
        packed.map_err(|error| {
            let told = io::Error::other(error.to_string());
            // A sandbox that listens no more says itself why.
            if !matches!(&error, FileError::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe) {
                *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
            told
        })
    });
    let end = futures_util::stream::once(work).filter_map(async |ended| match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Err(error)),
        Err(error) => Some(Err(io::Error::other(error))),
    });
    Body::from_stream(ReaderStream::new(reader).map_ok(|bytes| bytes).chain(end))
}

/// The whole archive, in a file without a name beside what it becomes.
async fn spool(mut body: Body, to: &Path) -> Result<File, SandboxError> {
    let writing = || SandboxError::io(format!("write beside `{}`", to.display()));
    let folder = if to.is_dir() { to } else { parent(to) };
    if !folder.is_dir() {
        return Err(failed(&format!("there is no folder `{}`", folder.display())));
    }
    let mut file = tokio::fs::File::from_std(tempfile::tempfile_in(folder).map_err(writing())?);
    let mut left = MOST_ARCHIVE;
    while let Some(frame) = body.frame().await {
        let broken = |error| failed(&format!("the answer of the sandbox broke off: {error}"));
        let chunk = frame.map_err(broken)?.into_data().unwrap_or_default();
        let too_large = || failed(&format!("the sandbox sends more than {MOST_ARCHIVE} bytes"));
        left = left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
        file.write_all(&chunk).await.map_err(writing())?;
    }
    file.flush().await.map_err(writing())?;
    Ok(file.into_std().await)
}

/// Where it goes is for the user's words alone to say: no name of the archive is trusted.
fn put(mut archive: File, named: Named, to: &Path) -> Result<Extracted, SandboxError> {
    let writing = || SandboxError::io(format!("write `{}`", to.display()));
    let top = Top::of(&mut archive).map_err(|error| of_files(&error))?;
    let slash = to.to_string_lossy().ends_with('/');
    let (folder, name) = match std::fs::metadata(to) {
        Ok(meta) if meta.is_dir() => (to, named.in_folder()),
        Ok(_) if top.is_folder || slash => return Err(failed(&format!("`{}` is not a folder", to.display()))),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(writing()(error)),
        Err(_) if slash && !top.is_folder => return Err(failed(&format!("there is no folder `{}`", to.display()))),
        Ok(_) | Err(_) => {
            let name = to.file_name().ok_or(io::ErrorKind::InvalidInput.into()).map_err(writing())?;
            (parent(to), PathBuf::from(name))
        }
    };
    if name.as_os_str().is_empty() && !top.is_folder {
        return Err(failed("what is asked for is a file, not a folder"));
    }
    let root = Root::open(folder, folder, MOST_WRITTEN).map_err(writing())?;
    // As the usual umask has it: what comes out of a box is not for everybody to change.
    let names = Names { from: top.name, to: name, without: 0o022 };
    root.unpack_as(".", &mut archive, &names).map_err(|error| of_files(&error))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn failed(what: &str) -> SandboxError {
    SandboxError::Failed { what: what.to_owned(), hint: None }
}

fn of_files(error: &FileError) -> SandboxError {
    failed(&error.to_string())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, SandboxError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| SandboxError::io("copy files")(io::Error::other(error)))?.map_err(|error| of_files(&error))
}
