//! Where things are kept: the XDG folders, or everything below `$AGENTSCOPE_HOME`.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::Env;

/// The folders of this user. None is made until something is written into it.
#[derive(Clone, Debug)]
pub struct Paths {
    /// `settings.yaml`, `keys.yaml`.
    pub config: PathBuf,
    /// Sessions and memory.
    pub data: PathBuf,
    /// Input history, locks, tokens.
    pub state: PathBuf,
    /// What can be made again.
    pub cache: PathBuf,
}

impl Paths {
    #[must_use]
    pub fn new(env: &Env) -> Self {
        if let Some(home) = env.var("AGENTSCOPE_HOME") {
            let home = env.cwd.join(home);
            return Self {
                config: home.join("config"),
                data: home.join("data"),
                state: home.join("state"),
                cache: home.join("cache"),
            };
        }
        let home = env.var("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        // The XDG specification wants relative values ignored.
        let folder = |variable: &str, default: &str| {
            env.var(variable)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
                .unwrap_or_else(|| home.join(default))
                .join("agentscope")
        };
        Self {
            config: folder("XDG_CONFIG_HOME", ".config"),
            data: folder("XDG_DATA_HOME", ".local/share"),
            state: folder("XDG_STATE_HOME", ".local/state"),
            cache: folder("XDG_CACHE_HOME", ".cache"),
        }
    }
}

/// Where Docker's own command line keeps its settings and logins.
#[must_use]
pub fn docker_config_folder(env: &Env) -> PathBuf {
    env.var("DOCKER_CONFIG")
        .map_or_else(|| Path::new(env.var("HOME").unwrap_or("/")).join(".docker"), |folder| env.cwd.join(folder))
}

/// Makes `folder` and the folders above it, readable by this user alone.
///
/// # Errors
/// As the file system says.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes `path`, where it is not there, and the folders above it, readable by this user alone. For SQLite, which would
/// make it readable by all; its companions take the mode of the file itself.
///
/// # Errors
/// As the file system says.
pub fn make_private_file(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    make_private(path.parent().unwrap_or(Path::new(".")))?;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Replaces `path` whole, readable by this user alone: a reader sees the old text or the new, never a part.
///
/// # Errors
/// As the file system says.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().unwrap_or(Path::new("."));
    make_private(folder)?;
    // `tempfile` makes its files with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
