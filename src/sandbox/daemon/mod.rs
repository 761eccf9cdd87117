//! The daemon inside every box: runs programs and Python, keeps jobs and files, and ends with the box.
//!
//! One thread, so that a box at its limit of processes still answers, and one more for the file system that is there
//! from the start.

mod children;
mod egress_forward;
mod exec;
pub(crate) mod files;
mod jobs;
mod lifetime;
mod own_cgroup;
mod program;
mod python;
mod routes;
mod tools;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    net::SocketAddr,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use rustix::process::{Resource, Signal};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::{TcpListener, UnixListener, UnixStream},
    process::Child,
    signal::unix::{SignalKind, signal},
};

use super::{
    Lifetime, SandboxId, Token, egress,
    handoff::{self, Report},
};
use crate::runtime::shutdown::Signals;
use children::Children;
use jobs::Jobs;
use lifetime::Clock;
use own_cgroup::OwnCgroup;
use python::Python;

/// What a daemon is told by the process that makes the box, and nobody else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DaemonConfig {
    pub id: SandboxId,
    pub token: Token,
    /// As it is seen inside.
    pub workspace: PathBuf,
    /// Of every program, over a path, a home and a locale.
    pub env: BTreeMap<String, String>,
    pub lifetime: Lifetime,
    pub listen: Listen,
}

/// Where the daemon is reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listen {
    /// A Unix listener that comes along as the first descriptor.
    Descriptor,
    /// A Unix socket to be made.
    Unix(PathBuf),
    /// Port 0 is any; the report says which.
    Tcp(SocketAddr),
}

/// What starts a program.
pub type Start = Box<dyn FnOnce() + Send>;

/// What a backend adds to the daemon in its boxes.
pub trait Keeper: Send + Sync {
    /// Gives up for good what neither the daemon nor its programs may have. Called once, before the daemon has a second
    /// thread.
    ///
    /// # Errors
    /// Whatever could not be given up; then the daemon does not start.
    fn confine(&self) -> io::Result<()> {
        Ok(())
    }

    /// Called once, when the daemon is about to say at `control` that it answers: waits until it may, and until programs can
    /// be started. Blocks all else.
    ///
    /// # Errors
    /// The box is not to be; then the daemon ends.
    fn admit(&self, _control: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    /// Called with each program before it is started.
    fn prepare(&self, _command: &mut Command) {}

    /// Calls `start`, which starts a program, where all that is started is confined as programs are. Drops it where that
    /// is not possible.
    fn start(&self, start: Start) {
        start();
    }

    /// Called with each program once it runs.
    fn started(&self, _pid: rustix::process::Pid) {}

    /// Called before [`strikes`](Self::strikes) to find out why a program failed: looks at once at what is looked at now
    /// and then only. May block.
    fn look(&self) {}

    /// Bytes that may be written to the workspace. May block.
    fn room(&self) -> u64 {
        u64::MAX
    }

    /// What the box ran into so far.
    fn strikes(&self) -> Strikes {
        Strikes::default()
    }
}

/// How often a box was hit by its limits since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strikes {
    /// Processes killed for want of memory.
    pub memory: u64,
    /// Processes that could not be made.
    pub pids: u64,
    /// Times that programs were killed because they wrote too much.
    pub disk: u64,
    pub disk_full: bool,
}

/// Has the kernel kill this program rather than the daemon when memory is short. From outside: until it runs, a program
/// hides its `/proc` as the daemon may do. Source: proc_pid_oom_score_adj(5).
///
/// It hides it for a moment longer when it was started in the daemon's memory, so that this may have to be tried again.
pub(super) fn first_to_go(pid: rustix::process::Pid) {
    if !is_hidden(pid) {
        return;
    }
    tokio::spawn(async move {
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if !is_hidden(pid) {
                return;
            }
        }
    });
}

/// Whether the program could not be told; one that is gone needs not be.
fn is_hidden(pid: rustix::process::Pid) -> bool {
    let told = std::fs::write(format!("/proc/{}/oom_score_adj", pid.as_raw_pid()), "1000");
    told.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Adds nothing.
struct Free;

impl Keeper for Free {}

/// What the routes share.
struct Daemon {
    id: SandboxId,
    token: Token,
    workspace: PathBuf,
    env: BTreeMap<String, String>,
    /// Whether the way out is the proxy whose socket is there.
    proxied: bool,
    clock: Arc<Clock>,
    children: Arc<Children>,
    files: Arc<files::Root>,
    jobs: Jobs,
    python: Python,
    keeper: Arc<dyn Keeper>,
    marks: AtomicU64,
}

impl Daemon {
    /// Starts a program by `spawn`, and waits until it runs.
    fn start(&self, spawn: impl FnOnce() -> io::Result<Child> + Send + 'static) -> io::Result<Child> {
        let (tell, started) = mpsc::sync_channel(1);
        let runtime = tokio::runtime::Handle::current();
        self.keeper.start(Box::new(move || {
            // Which waits for the program.
            let _entered = runtime.enter();
            let _ = tell.send(spawn());
        }));
        started.recv().map_err(|_| io::Error::other("the thread that starts programs is gone"))?
    }

    /// Tells the programs of one call from all others.
    fn new_mark(&self) -> String {
        format!("{MARK}={}.{}.", self.id, self.marks.fetch_add(1, Ordering::Relaxed))
    }

    fn environment(&self, own: &BTreeMap<String, String>, mark: &str) -> BTreeMap<String, String> {
        let home = self.workspace.display().to_string();
        let basis = [("PATH", SEARCH_PATH), ("HOME", &home), ("LANG", "C.UTF-8")];
        let mut env: BTreeMap<_, _> = basis.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        if self.proxied {
            env.extend(egress::environment().into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        env.extend(self.env.iter().chain(own).map(|(name, value)| (name.clone(), value.clone())));
        if let Some((name, value)) = mark.split_once('=') {
            env.insert(name.to_owned(), value.to_owned());
        }
        // The system takes neither of these.
        env.retain(|name, value| !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0'));
        env
    }
}

/// By this variable programs are known that left their parents. Its value is the id of the box and a
/// number, each with a dot after it.
pub const MARK: &str = "AGENTSCOPE_CALL";

/// Most bytes of files that one request writes or takes out.
pub(super) const MOST_WRITTEN: u64 = 1 << 30;

/// Where programs are searched, unless the environment of the box says otherwise.
pub(super) const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `__box`: a daemon that adds nothing to what holds it in. `__box connect SOCKET` is a bridge to one.
pub(super) fn main(args: &[OsString]) -> ExitCode {
    if let [verb, socket] = args
        && verb == "connect"
    {
        return bridge(socket.as_ref());
    }
    // A pipe of whoever made the box would not end while this process lives. Nothing of ours is open yet.
    #[cfg(target_os = "linux")]
    if let Err(error) = super::local::close_from(3) {
        let what = format!("could not close what was left open: {error}");
        handoff::report(rustix::stdio::stdin(), &Report::Failed { what });
        return ExitCode::FAILURE;
    }
    // Its own session: no terminal of whoever made the box signals it. Fails where it leads one already.
    let _ = rustix::process::setsid();
    let config = rustix::stdio::stdin();
    match handoff::receive(config) {
        // PID 1 is alone with its programs in the cgroup of a container.
        Ok((config, descriptors)) if rustix::process::getpid().is_init() => {
            run(config, descriptors, Box::new(OwnCgroup::default()))
        }
        Ok((config, descriptors)) => run(config, descriptors, Box::new(Free)),
        Err(error) => {
            let what = format!("could not read the configuration: {error}");
            handoff::report(config, &Report::Failed { what });
            ExitCode::FAILURE
        }
    }
}

/// Runs the daemon until the box ends. Standard input is where the configuration came from: it is told when the daemon
/// answers, and a tied box ends with it. There must be no other thread.
pub fn run(config: DaemonConfig, descriptors: Vec<OwnedFd>, keeper: Box<dyn Keeper>) -> ExitCode {
    #[cfg(target_os = "linux")]
    super::local::heed_signals();
    let result = take_stdin().and_then(|control| {
        serve(config, descriptors, keeper, &control).inspect_err(|error| {
            handoff::report(&control, &Report::Failed { what: format!("could not start the daemon: {error}") });
        })
    });
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// No program may inherit it.
fn take_stdin() -> io::Result<OwnedFd> {
    let control = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok(control)
}

fn serve(
    config: DaemonConfig,
    descriptors: Vec<OwnedFd>,
    keeper: Box<dyn Keeper>,
    control: &OwnedFd,
) -> io::Result<()> {
    keeper.confine()?;
    // PID 1 gets the orphans of its namespace anyway.
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // At its limit of processes a box could not start one when it is needed, and tokio would panic.
        .thread_keep_alive(Duration::from_secs(u64::from(u32::MAX)))
        .max_blocking_threads(4)
        .build()?;
    let result = runtime.block_on(async {
        // Which starts one.
        drop(tokio::task::spawn_blocking(|| {}));
        live(config, descriptors, keeper, control).await
    });
    // What still runs there must not keep the box.
    runtime.shutdown_background();
    result
}

async fn live(
    config: DaemonConfig,
    descriptors: Vec<OwnedFd>,
    keeper: Box<dyn Keeper>,
    control: &OwnedFd,
) -> io::Result<()> {
    let mut signals = Signals::new()?;
    // Else a file that becomes too large would end us. Programs are under the limit of files as it is.
    let _file_too_large = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?;
    let largest = rustix::process::getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
    let keeper: Arc<dyn Keeper> = keeper.into();
    let files = files::Root::open(&config.workspace, &config.workspace, largest.min(MOST_WRITTEN))?;
    let files = files.within(Box::new({
        let keeper = Arc::clone(&keeper);
        move || keeper.room()
    }));
    let daemon = Arc::new(Daemon {
        id: config.id,
        token: config.token,
        workspace: config.workspace,
        env: config.env,
        proxied: Path::new(egress::INSIDE).exists(),
        clock: Clock::start(&config.lifetime),
        children: Arc::default(),
        files: Arc::new(files),
        jobs: Jobs::default(),
        python: Python::default(),
        keeper,
        marks: AtomicU64::new(0),
    });
    let listener = Listener::of(&config.listen, descriptors).await?;
    let forwarded = forwarded(daemon.proxied).await?;
    let routes = routes::all(&daemon);
    daemon.keeper.admit(control.as_fd())?;
    handoff::report(control, &Report::Ready { address: listener.address()? });
    let served = listener.serve(routes);
    tokio::select! {
        result = forwarded => result?,
        result = served => result?,
        result = daemon.children.reap() => result?,
        result = creator_gone(control), if config.lifetime.tied => result?,
        () = daemon.clock.over() => {}
        _ = signals.recv() => {}
    }
    children::kill_all().await;
    Ok(())
}

type Served = std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Without a way out it is never done.
async fn forwarded(proxied: bool) -> io::Result<Served> {
    if !proxied {
        return Ok(Box::pin(std::future::pending()));
    }
    let listener = TcpListener::bind(egress::ADDRESS).await?;
    Ok(Box::pin(egress_forward::forward(listener, PathBuf::from(egress::INSIDE))))
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    async fn of(listen: &Listen, descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        match listen {
            Listen::Descriptor => {
                let missing = || io::Error::other("no listener came along with the configuration");
                let listener = descriptors.into_iter().next().ok_or_else(missing)?;
                let listener = std::os::unix::net::UnixListener::from(listener);
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener).map(Self::Unix)
            }
            Listen::Unix(path) => UnixListener::bind(path).map(Self::Unix),
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
        }
    }

    fn address(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Unix(_) => Ok(None),
            Self::Tcp(listener) => listener.local_addr().map(Some),
        }
    }

    fn serve(self, routes: axum::Router) -> Served {
        match self {
            Self::Unix(listener) => Box::pin(axum::serve(listener, routes).into_future()),
            Self::Tcp(listener) => Box::pin(axum::serve(listener, routes).into_future()),
        }
    }
}

/// Returns when the other end is closed.
async fn creator_gone(control: &OwnedFd) -> io::Result<()> {
    let control = control.try_clone()?;
    let mut control: Box<dyn AsyncRead + Send + Unpin> = if rustix::net::sockopt::socket_type(&control).is_ok() {
        let socket = std::os::unix::net::UnixStream::from(control);
        socket.set_nonblocking(true)?;
        Box::new(UnixStream::from_std(socket)?)
    } else {
        Box::new(tokio::net::unix::pipe::Receiver::from_owned_fd(control)?)
    };
    let mut byte = [0];
    while let Ok(1) = control.read(&mut byte).await {}
    Ok(())
}

/// Standard input and output to the daemon at `socket`, for backends that get in only by running something there.
fn bridge(socket: &std::path::Path) -> ExitCode {
    let carry = async {
        let daemon = UnixStream::connect(socket).await?;
        let (mut from_daemon, mut to_daemon) = daemon.into_split();
        let upwards = async {
            tokio::io::copy(&mut tokio::io::stdin(), &mut to_daemon).await?;
            tokio::io::AsyncWriteExt::shutdown(&mut to_daemon).await
        };
        let downwards = async {
            let mut out = tokio::io::stdout();
            let copied = tokio::io::copy(&mut from_daemon, &mut out).await;
            // Also where the daemon hung up on what it had not read: what it said before that is to arrive.
            tokio::io::AsyncWriteExt::flush(&mut out).await?;
            copied
        };
        tokio::select! {
            // The daemon may still answer to what was said last, and has answered where it hung up meanwhile.
            () = async { let _ = upwards.await; std::future::pending().await } => Ok(()),
            result = downwards => result.map(drop),
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result: io::Result<()> = runtime.and_then(|runtime| {
        let result = runtime.block_on(carry);
        // A thread that waits for standard input never ends.
        runtime.shutdown_background();
        result
    });
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
