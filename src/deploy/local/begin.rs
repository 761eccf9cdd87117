//! A supervisor is begun, and waited for until its revision serves.

use std::{
    fs::OpenOptions,
    io::{self, BufRead as _, BufReader},
    net::{Shutdown, TcpListener},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{fs::OpenOptionsExt as _, net::UnixStream, process::CommandExt as _},
    },
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    Local,
    place::Place,
    supervisor,
    wire::{Begin, Said},
};
use crate::{
    config::{FileLock, make_private},
    deploy::{DeployError, Progress},
    sandbox::{self, handoff},
};

/// What programs need of the surroundings. All else is given to the agent by its name or not at all: a supervisor lives
/// long, and the environment that it was begun in may hold anything.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "AGENTSCOPE_RUNTIME_BINARY",
    "RUST_LOG",
];

impl Local {
    /// Returns once the revision has answered and serves.
    ///
    /// # Errors
    /// A revision that does not answer, with its last words; what was there before goes on.
    pub(super) async fn begin(
        &self,
        place: &Place,
        begin: &Begin,
        listener: &TcpListener,
        lock: &FileLock,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let starting = DeployError::io("start a process for the deployment");
        let patience = Duration::from_secs(begin.patience);
        let socket = self.start(place, begin, listener, lock).map_err(starting)?;
        // Each step takes no longer than the patience.
        let waiting = || DeployError::io("wait for the deployment");
        socket.set_read_timeout(Some(patience * 3)).map_err(waiting())?;
        let asking = socket.try_clone().map_err(waiting())?;
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        tokio::task::spawn_blocking(move || {
            for line in BufReader::new(socket).lines().map_while(Result::ok) {
                let Ok(line) = serde_json::from_str::<Said>(&line) else { return };
                let last = !matches!(line, Said::Step(_));
                if said.send(line).is_err() || last {
                    return;
                }
            }
        });
        let mut interrupted = false;
        loop {
            let said = tokio::select! {
                said = heard.recv() => said,
                // It takes back what it began, and says so, or is done already.
                () = self.interrupt.raised(), if !interrupted => {
                    interrupted = true;
                    asking.shutdown(Shutdown::Write).map_err(waiting())?;
                    continue;
                }
            };
            let Some(said) = said else { break };
            match said {
                Said::Step(what) => progress.step(&what, None, None),
                Said::Done => return Ok(()),
                Said::Failed { .. } if interrupted => return Err(DeployError::Interrupted { hint: None }),
                Said::Failed { what } => return Err(DeployError::Failed { what, hint: None }),
            }
        }
        Err(DeployError::Failed {
            what: "the process of the deployment ended before the new revision answered".to_owned(),
            hint: None,
        })
    }

    fn start(&self, place: &Place, begin: &Begin, listener: &TcpListener, lock: &FileLock) -> io::Result<UnixStream> {
        make_private(&place.data())?;
        let (ours, theirs) = UnixStream::pair()?;
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(place.log(begin.number))?;
        let mut child = Command::new(sandbox::program())
            .arg0("agentscope")
            .arg(supervisor::COMMAND)
            .arg(&place.folder)
            .env_clear()
            .envs(self.env.vars().filter(|(name, _)| INHERITED.contains(name)))
            .current_dir(&place.folder)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        // It outlives this command, but where it does not it is to leave no zombie.
        std::thread::Builder::new().name("supervisor".to_owned()).spawn(move || child.wait())?;
        let lock = lock.share()?;
        handoff::send(&ours, begin, &[listener.as_fd(), lock.as_fd()])?;
        Ok(ours)
    }
}
