//! The way out of a box with an allow list: an HTTP proxy in a process of its own, outside.
//!
//! The box has no network but the proxy's Unix socket. The process ends with the box, whoever made it.

mod allow;
mod idle;
mod proxy;
mod refused;

use std::{
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{
            net::{UnixListener, UnixStream},
            process::CommandExt as _,
        },
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use serde::{Deserialize, Serialize};

pub use allow::{AllowError, AllowList};
pub use refused::{REFUSED_FILE, Refused, refused_since};

use self::{
    proxy::{Proxy, Public},
    refused::Log,
};
use super::{SandboxError, handoff};

/// The hidden subcommand.
pub const COMMAND: &str = "__egress";

/// Inside a box, where programs find the proxy: the daemon listens here and passes connections on to [`INSIDE`].
pub const ADDRESS: &str = "127.0.0.1:3128";

/// Inside a box, the proxy's socket.
pub const INSIDE: &str = "/run/agentscope/egress.sock";

/// The name of the proxy's socket in the `run` folder of a box.
pub const SOCKET: &str = "egress.sock";

#[derive(Debug, Serialize, Deserialize)]
struct Config {
    allow: Vec<String>,
    refused: PathBuf,
}

/// What programs inside are told of the proxy, in both spellings.
#[must_use]
pub fn environment() -> Vec<(&'static str, String)> {
    let proxy = format!("http://{ADDRESS}");
    let local = "localhost,127.0.0.1,::1".to_owned();
    vec![
        ("HTTP_PROXY", proxy.clone()),
        ("HTTPS_PROXY", proxy.clone()),
        ("ALL_PROXY", proxy.clone()),
        ("NO_PROXY", local.clone()),
        ("http_proxy", proxy.clone()),
        ("https_proxy", proxy.clone()),
        ("all_proxy", proxy),
        ("no_proxy", local),
    ]
}

/// Starts the proxy of a box: `program` is our own executable, `listener` what the box will connect to, `folder` that
/// of the box, and `alive` becomes readable or closes when the box ends, such as a pidfd of its PID 1.
///
/// # Errors
/// An entry of `allow` that cannot be read; a process that cannot be started.
pub fn start(
    program: &Path,
    folder: &Path,
    allow: &[String],
    listener: &UnixListener,
    alive: &OwnedFd,
) -> Result<(), SandboxError> {
    check(allow)?;
    let starting = || -> io::Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut child = Command::new(program)
            .arg(COMMAND)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at a terminal is for the programs that run there.
            .process_group(0)
            .spawn()?;
        let config = Config { allow: allow.to_vec(), refused: folder.join(REFUSED_FILE) };
        let sent = handoff::send(&ours, &config, &[listener.as_fd(), alive.as_fd()]);
        // Whoever made the box may live longer than it: its ended child is not to stay a zombie.
        std::thread::Builder::new().name("egress".to_owned()).spawn(move || child.wait())?;
        sent
    };
    starting().map_err(SandboxError::io("start the proxy of the sandbox's network"))
}

/// Whether `allow` can be read.
///
/// # Errors
/// Which entry cannot.
pub fn check(allow: &[String]) -> Result<(), SandboxError> {
    AllowList::parse(allow)
        .map(drop)
        .map_err(|error| SandboxError::Failed { what: error.to_string(), hint: Some("see `network`".to_owned()) })
}

/// The process itself: [`COMMAND`].
///
/// # Errors
/// A configuration that did not come from [`start`].
pub fn main() -> io::Result<()> {
    // A pipe of whoever made the box would not end while this process lives.
    #[cfg(target_os = "linux")]
    super::local::close_from(3)?;
    let stdin = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (config, descriptors) = handoff::receive::<Config>(&stdin)?;
    let Ok([listener, alive]) = <[OwnedFd; 2]>::try_from(descriptors) else {
        return Err(io::Error::other("expected two descriptors"));
    };
    let allow = AllowList::parse(&config.allow).map_err(io::Error::other)?;
    let log = Log::open(&config.refused)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = UnixListener::from(listener);
        listener.set_nonblocking(true)?;
        let listener = tokio::net::UnixListener::from_std(listener)?;
        let ended = tokio::task::spawn_blocking(move || until_ended(&alive));
        tokio::select! {
            () = Proxy::new(allow, Box::new(Public), log).serve(listener) => {}
            _ = ended => {}
        }
        Ok(())
    })
}

/// Waits until the descriptor is readable or closed at its other end.
fn until_ended(alive: &OwnedFd) {
    let mut waiting = [PollFd::new(alive, PollFlags::IN)];
    while poll(&mut waiting, None) == Err(Errno::INTR) {}
}
