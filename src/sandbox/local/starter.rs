//! The thread that starts programs. It is under what they are to be under, which children inherit from the thread that
//! starts them, so that nothing is left to do between a fork and the program: then the standard library does not copy
//! the daemon for each program, but lets it run in the daemon's memory until it is the program. Source: posix_spawn(3).

use std::{
    io,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use crate::sandbox::daemon::Start;

/// Bytes. What starts a program makes a stack of its own for that.
const STACK: usize = 256 << 10;

/// The standard library looks for it by a reference that finds what is linked and links nothing: without this it is not
/// in a static program, which then copies itself to start another in a folder.
#[used]
static IN_A_FOLDER: unsafe extern "C" fn(*mut libc::posix_spawn_file_actions_t, *const libc::c_char) -> libc::c_int =
    libc::posix_spawn_file_actions_addchdir_np;

#[derive(Debug)]
pub(super) struct Starter {
    starts: mpsc::Sender<Start>,
    entered: Mutex<mpsc::Receiver<io::Result<()>>>,
}

impl Starter {
    /// Starts the thread, which calls `enter` before anything else, and where that fails starts nothing.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn new(enter: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (starts, to_start) = mpsc::channel::<Start>();
        let (tell, entered) = mpsc::sync_channel(1);
        thread::Builder::new().name("start".into()).stack_size(STACK).spawn(move || {
            let under = enter();
            let confined = under.is_ok();
            // Unconfined it starts nothing, whether or not anybody hears why.
            let _ = tell.send(under);
            if confined {
                to_start.into_iter().for_each(|start| start());
            }
        })?;
        Ok(Self { starts, entered: Mutex::new(entered) })
    }

    /// Waits until `enter` has returned. To be called once.
    ///
    /// # Errors
    /// What `enter` says.
    pub(super) fn confined(&self) -> io::Result<()> {
        let entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        entered.recv().map_err(io::Error::other)?
    }

    /// Has the thread call `start`. Where it is gone, `start` is dropped.
    pub(super) fn run(&self, start: Start) {
        let _ = self.starts.send(start);
    }
}
