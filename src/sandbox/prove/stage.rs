//! What attempts aim at: files, a process and listeners of our own, outside of every sandbox.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{TcpListener, UdpSocket},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::{UnixDatagram, UnixListener},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::sandbox::{Workspace, WorkspaceMode};

/// It is gone with this value, and the process in it also when we are killed.
#[derive(Debug)]
pub struct Stage {
    folder: tempfile::TempDir,
    secret: String,
    process: Child,
    /// Of the process, as it began.
    limits: String,
    files: Vec<Seen>,
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    abstracts: Option<(UnixListener, UnixDatagram)>,
}

/// A file and what was to be seen of it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    path: PathBuf,
    content: Vec<u8>,
    mode: u32,
    changed: (i64, i64),
}

const UNTOUCHED: &str = "this stays as it is\n";
const CONFIG: &str = "[core]\n";

impl Stage {
    /// Sets everything up. Whoever may open anything of another user's may open it: only a sandbox is in the way.
    ///
    /// # Errors
    /// As the system says; a machine without `cat`.
    pub fn set() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("agentscope-prove-").tempdir()?;
        let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        open(folder.path(), 0o755)?;
        let secret = format!("canary-{}", uuid::Uuid::now_v7().simple());
        let at = |name: &str| folder.path().join(name);
        fs::write(at("secret"), &secret)?;
        fs::write(at("untouched"), UNTOUCHED)?;
        open(&at("secret"), 0o644)?;
        open(&at("untouched"), 0o666)?;
        fs::create_dir_all(at("workspace/.git"))?;
        fs::write(at("workspace/hidden"), &secret)?;
        fs::write(at("workspace/.git/config"), CONFIG)?;
        let unix = UnixListener::bind(at("socket"))?;
        open(&at("socket"), 0o777)?;
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        unix.set_nonblocking(true)?;
        let process = process(&secret)?;
        let limits = limits(process.id());
        let abstracts = abstracts(&secret)?;
        let files = ["secret", "untouched"].map(|name| Seen::of(&at(name)));
        let files = files.into_iter().collect::<io::Result<_>>()?;
        Ok(Self { folder, secret, process, limits, files, tcp, udp, unix, abstracts })
    }

    /// The folder that the box works on: one file of it is hidden, some are protected.
    #[must_use]
    pub fn workspace(&self, mode: WorkspaceMode) -> Workspace {
        Workspace {
            mode,
            path: Some(self.folder.path().join("workspace")),
            hide: vec!["hidden".to_owned()],
            protect: vec![".git/hooks".to_owned(), ".git/config".to_owned()],
        }
    }

    /// Where everything is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// For the environment of a script: where to aim.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, String> {
        let port = |address: io::Result<std::net::SocketAddr>| address.map_or(0, |address| address.port()).to_string();
        let pid = self.process.id();
        [
            ("PROVE_DIR", self.folder.path().display().to_string()),
            ("PROVE_PID", pid.to_string()),
            ("PROVE_STARTED", started(pid)),
            // Backwards, so that who finds it has not found this.
            ("PROVE_MARK", self.secret.chars().rev().collect()),
            ("PROVE_TCP", port(self.tcp.local_addr())),
            ("PROVE_UDP", port(self.udp.local_addr())),
            ("PROVE_ABSTRACT", abstract_name(&self.secret)),
            ("LC_ALL", "C".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// What was done to any of it since the last call, which is put right.
    pub fn touched(&mut self) -> Option<String> {
        self.process_touched().or_else(|| self.files_touched()).or_else(|| self.reached())
    }

    fn process_touched(&mut self) -> Option<String> {
        let what = match self.process.try_wait() {
            Ok(None) if limits(self.process.id()) == self.limits => return None,
            Ok(None) => "the limits of a process outside were changed".to_owned(),
            _ => "a process outside was killed".to_owned(),
        };
        match self.replace_process() {
            Ok(()) => Some(what),
            Err(error) => Some(format!("{what}, and cannot be started again: {error}")),
        }
    }

    /// To be called after an escape: what was done to the process may come to be seen only later.
    ///
    /// # Errors
    /// As the system says.
    pub fn replace_process(&mut self) -> io::Result<()> {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.process = process(&self.secret)?;
        self.limits = limits(self.process.id());
        Ok(())
    }

    fn files_touched(&mut self) -> Option<String> {
        let same = |seen: &Seen| Seen::of(&seen.path).is_ok_and(|now| now == *seen);
        // Besides these, the workspace and the socket.
        let names = fs::read_dir(self.folder.path()).map_or(0, Iterator::count);
        if self.files.iter().all(same) && names == self.files.len() + 2 {
            return None;
        }
        let _ = fs::remove_file(self.folder.path().join("new"));
        for seen in &mut self.files {
            let _ = fs::write(&seen.path, &seen.content);
            let _ = fs::set_permissions(&seen.path, fs::Permissions::from_mode(seen.mode));
            if let Ok(now) = Seen::of(&seen.path) {
                *seen = now;
            }
        }
        Some("a file outside was changed".to_owned())
    }

    fn reached(&self) -> Option<String> {
        // All that came, so that nothing of it is seen the next time.
        let mut came = std::iter::from_fn(|| self.tcp.accept().ok()).count();
        came += std::iter::from_fn(|| self.unix.accept().ok()).count();
        came += std::iter::from_fn(|| self.udp.recv(&mut [0; 8]).ok()).count();
        if let Some((listener, datagrams)) = &self.abstracts {
            came += std::iter::from_fn(|| listener.accept().ok()).count();
            came += std::iter::from_fn(|| datagrams.recv(&mut [0; 8]).ok()).count();
        }
        (came > 0).then(|| "a listener outside was reached".to_owned())
    }

    /// What has become of the protected and the hidden files of the folder that a box worked on.
    #[must_use]
    pub fn workspace_changed(&self) -> Option<String> {
        let workspace = self.folder.path().join("workspace");
        let is = |name: &str, content: &str| fs::read_to_string(workspace.join(name)).is_ok_and(|text| text == content);
        if !is(".git/config", CONFIG) {
            return Some("a protected file was changed".to_owned());
        }
        if workspace.join(".git/hooks").symlink_metadata().is_ok() {
            return Some("a protected folder was made".to_owned());
        }
        (!is("hidden", &self.secret)).then(|| "a hidden file was changed".to_owned())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Seen {
    fn of(path: &Path) -> io::Result<Self> {
        let meta = path.symlink_metadata()?;
        // A time in seconds and nanoseconds that every change of contents, mode, times and attributes moves.
        let changed = (meta.ctime(), meta.ctime_nsec());
        Ok(Self { path: path.to_owned(), content: fs::read(path)?, mode: meta.mode() & 0o7777, changed })
    }
}

/// Waits for the end of its standard input, which is also ours.
fn process(secret: &str) -> io::Result<Child> {
    let mut command = Command::new("cat");
    command.env("PROVE_SECRET", secret).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn()
}

fn limits(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default()
}

/// Tells a process from another that gets its number. Source: proc_pid_stat(5), field 22.
fn started(pid: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(19)).unwrap_or_default().to_owned()
}

fn abstract_name(secret: &str) -> String {
    // Not the secret itself: names are for everybody to see.
    format!("agentscope-prove-{}", &secret[secret.len() - 12..])
}

#[cfg(target_os = "linux")]
fn abstracts(secret: &str) -> io::Result<Option<(UnixListener, UnixDatagram)>> {
    use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
    let name = abstract_name(secret);
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    let datagram = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(format!("{name}-datagram"))?)?;
    listener.set_nonblocking(true)?;
    datagram.set_nonblocking(true)?;
    Ok(Some((listener, datagram)))
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
fn abstracts(_secret: &str) -> io::Result<Option<(UnixListener, UnixDatagram)>> {
    Ok(None)
}
