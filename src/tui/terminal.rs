//! The terminal while the interface has it: raw input, bracketed paste, reports of focus; and given back however the
//! process ends.

use std::{
    io::{self, Write as _},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::terminal;

/// Bracketed paste, reports of focus, and modified keys told apart where the terminal can (kitty's protocol, flag 1:
/// <https://sw.kovidgoyal.net/kitty/keyboard-protocol/>). What a terminal does not know it passes over.
const ENTER: &str = "\x1b[?2004h\x1b[?1004h\x1b[>1u";
/// All of it undone; also the wrapping, the cursor and the style that a frame may have been cut off in, and an update that
/// nobody ended.
const LEAVE: &str = "\x1b[<1u\x1b[?1004l\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[0m\x1b[?2026l";
const LEAVE_PAGER: &str = "\x1b[?1049l";

/// Whether the terminal is ours, for the panic hook.
static OURS: AtomicBool = AtomicBool::new(false);
/// Whether the alternate screen is shown.
static PAGER: AtomicBool = AtomicBool::new(false);

static CRASHES: Mutex<Vec<String>> = Mutex::new(vec![]);

fn crashes() -> MutexGuard<'static, Vec<String>> {
    CRASHES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The terminal in raw mode, until dropped.
#[derive(Debug)]
pub struct Terminal(());

impl Terminal {
    /// Takes the terminal, and sees to it that a panic gives it back before it says anything.
    ///
    /// # Errors
    /// A terminal that cannot be made raw.
    pub fn take() -> io::Result<Self> {
        enter()?;
        let (told, owner) = (std::panic::take_hook(), std::thread::current().id());
        std::panic::set_hook(Box::new(move |panic| {
            // A turn that crashes elsewhere is caught, and the interface goes on: its words must not tear the screen.
            if std::thread::current().id() != owner && OURS.load(Ordering::SeqCst) {
                crashes().push(panic.to_string());
                return;
            }
            leave();
            told(panic);
        }));
        Ok(Self(()))
    }

    /// What panics elsewhere in the process said since the last time.
    #[must_use]
    pub fn take_crashes(&self) -> Vec<String> {
        std::mem::take(&mut *crashes())
    }

    /// Gives the terminal to somebody else until [`resume`](Self::resume).
    pub fn suspend(&self) {
        leave();
    }

    /// Takes it again.
    ///
    /// # Errors
    /// A terminal that cannot be made raw.
    pub fn resume(&self) -> io::Result<()> {
        enter()
    }

    /// Shows the alternate screen.
    ///
    /// # Errors
    /// A terminal that cannot be written to.
    pub fn open_pager(&self) -> io::Result<()> {
        PAGER.store(true, Ordering::SeqCst);
        write("\x1b[?1049h\x1b[2J")
    }

    /// Shows the usual screen again, as it was.
    ///
    /// # Errors
    /// A terminal that cannot be written to.
    pub fn close_pager(&self) -> io::Result<()> {
        PAGER.store(false, Ordering::SeqCst);
        write(LEAVE_PAGER)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    OURS.store(true, Ordering::SeqCst);
    write(ENTER)
}

/// Does nothing the second time. A terminal that is gone cannot be given back.
fn leave() {
    if OURS.swap(false, Ordering::SeqCst) {
        if PAGER.swap(false, Ordering::SeqCst) {
            let _ = write(LEAVE_PAGER);
        }
        let _ = write(LEAVE);
        let _ = terminal::disable_raw_mode();
    }
}

fn write(bytes: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes.as_bytes())?;
    out.flush()
}
