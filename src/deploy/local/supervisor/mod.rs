//! The process that keeps a revision running on this machine: a hidden subcommand of this binary, in a session of its own.
//!
//! It owns the listener, so that callers find one whatever becomes of the server, and has the secrets in its memory alone.
//! The server is its child, which ends where the supervisor does: its standard input is a socket between the two. A new
//! revision has a supervisor of its own, with the same listener; the old one ends once the new revision has answered.

mod child;
mod control;
mod log;
mod prove;

pub(super) use log::older;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    net::TcpListener,
    os::{fd::AsFd as _, unix::net::UnixStream},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use self::{child::Child, log::Log};
use super::{
    place::Place,
    wire::{Begin, Phase, Processes, Said, Standing},
};
use crate::{
    deploy::probe,
    runtime::shutdown::Signals,
    sandbox::{ProcessId, handoff},
};

/// `__supervise FOLDER`: that of the deployment.
pub(crate) const COMMAND: &str = "__supervise";

/// Until a server that ended is started again, doubled each time.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_AT_MOST: Duration = Duration::from_secs(30);
/// One that ran so long has not ended again and again.
const STEADY: Duration = Duration::from_secs(30);

/// What all parts of it have.
struct Shared {
    place: Place,
    begin: Begin,
    listener: TcpListener,
    log: Log,
    standing: watch::Sender<Standing>,
    orders: mpsc::Sender<End>,
}

/// It is to end; told when it has.
struct End {
    /// Another supervisor has its place.
    replaced: bool,
    told: oneshot::Sender<()>,
}

pub(crate) fn main(args: &[OsString]) -> ExitCode {
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        // Standard error is the log of the revision.
        Err(error) => {
            let _ = writeln!(io::stderr(), "the supervisor ended: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[OsString]) -> io::Result<()> {
    let folder = args.first().map(PathBuf::from).ok_or(io::ErrorKind::InvalidInput)?;
    // No terminal ends it, and no file of whoever deploys stays open.
    let _ = rustix::process::setsid();
    #[cfg(target_os = "linux")]
    crate::sandbox::close_from(3)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // The path of a socket may not be long: it is made by its name.
    std::env::set_current_dir(&folder)?;
    let asker = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (begin, mut descriptors) = handoff::receive::<Begin>(&asker)?;
    let (Some(lock), Some(listener)) = (descriptors.pop(), descriptors.pop()) else {
        return Err(io::Error::other("expected a listener and a lock"));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let supervised = runtime.block_on(supervise(Place { folder }, begin, listener.into(), asker, lock));
    runtime.shutdown_timeout(Duration::from_millis(100));
    supervised
}

async fn supervise(
    place: Place,
    begin: Begin,
    listener: TcpListener,
    asker: UnixStream,
    lock: impl Sized,
) -> io::Result<()> {
    let signals = Signals::new()?;
    let log = Log::new(place.log(begin.number));
    let (orders, mut ends) = mpsc::channel(8);
    let standing = Standing { number: begin.number, phase: Phase::Starting, detail: String::new() };
    let shared = Arc::new(Shared { place, begin, listener, log, standing: watch::Sender::new(standing), orders });
    let (child, control) = match begun(&shared, &asker).await {
        Ok(Some(begun)) => begun,
        Ok(None) => return Ok(()),
        Err(error) => {
            shared.place.forget(&shared.begin.id);
            say(&asker, &Said::Failed { what: format!("the new revision could not be started: {error}") });
            return Err(error);
        }
    };
    tokio::spawn(control::serve(control, Arc::clone(&shared)));
    tokio::spawn(until_signalled(signals, shared.orders.clone()));
    // Others may change the deployment once that is said.
    drop(lock);
    say(&asker, &Said::Done);
    // Standard input is the same socket.
    let null = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    drop(asker);
    let told = keep(&shared, child, &mut ends).await;
    shared.place.forget(&shared.begin.id);
    if let Some(told) = told {
        let _ = told.told.send(());
        // The answer is on its way.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// The server that was proved and serves, and the socket by which its supervisor is found; `None` where it was not to be,
/// which was said.
async fn begun(shared: &Arc<Shared>, asker: &UnixStream) -> io::Result<Option<(Child, tokio::net::UnixListener)>> {
    let private = TcpListener::bind(probe::here(0))?;
    let address = private.local_addr()?;
    let mut child = Child::start(shared, &private)?;
    drop(private);
    let gone = until_gone(asker)?;
    let proved = tokio::select! {
        proved = prove::prove(shared, &mut child, address, asker) => proved,
        () = gone => Err("nobody waits for it any more".to_owned()),
    };
    if let Err(what) = proved {
        child.end().await;
        let words = shared.log.last_words();
        // Whoever hears it finds nothing of this one any more.
        shared.place.forget(&shared.begin.id);
        say(asker, &Said::Failed { what: format!("{what}{words}") });
        return Ok(None);
    }
    say(asker, &Said::Step("taking over".to_owned()));
    let name = shared.place.control(&shared.begin.id);
    let name = name.file_name().map(Path::new).ok_or(io::ErrorKind::InvalidInput)?;
    let control = tokio::net::UnixListener::bind(name)?;
    child.listen(&shared.listener)?;
    if let Ok(address) = shared.listener.local_addr() {
        shared.log.note(&format!("revision {} is listening on http://{address}", shared.begin.number));
    }
    if let Err(error) = shared.begin.record.write(&shared.place.record()) {
        child.end().await;
        shared.place.forget(&shared.begin.id);
        say(asker, &Said::Failed { what: error.to_string() });
        return Ok(None);
    }
    shared.stand(Phase::Running, "");
    // Those before, which have done their part.
    for other in shared.place.supervisors().iter().filter(|other| **other != shared.begin.id) {
        let _ = control::tell(&shared.place, other);
    }
    Ok(Some((child, control)))
}

/// A signal lets it end as a question does.
async fn until_signalled(mut signals: Signals, orders: mpsc::Sender<End>) {
    signals.recv().await;
    let (told, _) = oneshot::channel();
    let _ = orders.send(End { replaced: false, told }).await;
}

/// Starts the server again whenever it ends, until it is told to end.
async fn keep(shared: &Arc<Shared>, mut child: Child, ends: &mut mpsc::Receiver<End>) -> Option<End> {
    let mut again = AGAIN;
    loop {
        let begun = Instant::now();
        let why = tokio::select! {
            why = child.ended() => why,
            end = ends.recv() => {
                match &end {
                    Some(End { replaced: true, .. }) => child.leave().await,
                    _ => child.stop().await,
                }
                return end;
            }
        };
        if begun.elapsed() > STEADY {
            again = AGAIN;
        }
        loop {
            shared.stand(Phase::Failing, &format!("it ended, {why}, and is started again"));
            shared.log.note(&format!("the server ended, {why}; it is started again in {} ms", again.as_millis()));
            tokio::select! {
                () = tokio::time::sleep(again) => {}
                end = ends.recv() => return end,
            }
            again = (again * 2).min(AGAIN_AT_MOST);
            match Child::start(shared, &shared.listener) {
                Ok(next) => {
                    child = next;
                    break;
                }
                Err(error) => shared.log.note(&format!("the server cannot be started: {error}")),
            }
        }
        shared.stand(Phase::Starting, &format!("it ended, {why}, and was started again"));
    }
}

impl Shared {
    fn stand(&self, phase: Phase, detail: &str) {
        self.standing.send_replace(Standing { number: self.begin.number, phase, detail: detail.to_owned() });
    }

    /// Writes down which processes there are.
    fn note_processes(&self, server: Option<u32>) -> io::Result<()> {
        let id = |pid: u32| i32::try_from(pid).ok().and_then(ProcessId::of);
        let processes = Processes { supervisor: id(std::process::id()), server: server.and_then(id) };
        let text = serde_json::to_string(&processes)?;
        crate::config::write_private(&self.place.process(&self.begin.id), &text)
    }
}

fn say(asker: &UnixStream, said: &Said) {
    let Ok(mut line) = serde_json::to_vec(said) else { return };
    line.push(b'\n');
    // Whoever went away is not told.
    let _ = rustix::net::send(asker.as_fd(), &line, rustix::net::SendFlags::NOSIGNAL);
}

/// Returns when the other end is closed.
fn until_gone(asker: &UnixStream) -> io::Result<impl Future<Output = ()> + use<>> {
    let ours = asker.try_clone()?;
    Ok(async move {
        let waited = tokio::task::spawn_blocking(move || {
            let mut byte = [0];
            let _ = io::Read::read(&mut &ours, &mut byte);
        });
        let _ = waited.await;
    })
}
