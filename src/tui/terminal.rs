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

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read as _;

    use super::*;

    const PROGRAM: &str = "AGENTSCOPE_TEST_PANIC";

    /// The program of the next test.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "what a test tells its own process")]
    fn panics_where_it_is_told_to() {
        if std::env::var_os(PROGRAM).is_some() {
            let terminal = Terminal::take().unwrap();
            terminal.open_pager().unwrap();
            panic!("out of luck");
        }
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_says_why() {
        let (mut pty, pts) = pty_process::blocking::open().unwrap();
        let modes = rustix::termios::tcgetattr(&pty).unwrap().local_modes;
        let name = "tui::terminal::tests::panics_where_it_is_told_to";
        let command = pty_process::blocking::Command::new(std::env::current_exe().unwrap());
        let mut program = command.args(["--exact", name, "--nocapture"]).env(PROGRAM, "1").spawn(pts).unwrap();
        let (mut said, mut buffer) = (vec![], [0; 4096]);
        // Linux says EIO once the other end is closed.
        while let Ok(count @ 1..) = pty.read(&mut buffer) {
            said.extend_from_slice(&buffer[..count]);
        }
        assert!(!program.wait().unwrap().success());
        let said = String::from_utf8_lossy(&said);
        let at = |what: &str| said.find(what).unwrap_or_else(|| panic!("no {what:?} in {said:?}"));
        assert!(
            at(ENTER) < at(LEAVE_PAGER) && at(LEAVE_PAGER) < at(LEAVE) && at(LEAVE) < at("out of luck"),
            "{said:?}"
        );
        assert_eq!(said.matches(LEAVE).count(), 1, "{said:?}");
        assert_eq!(rustix::termios::tcgetattr(&pty).unwrap().local_modes, modes);
    }
}
