//! A terminal of the test's own: the binary runs in a PTY, and what it writes goes through a VT100 parser.

use std::{
    io::{Read as _, Write as _},
    num::NonZeroU16,
    process::{Child, Command},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits for what must come; only a failure takes that long.
const DEADLINE: Duration = Duration::from_secs(60);
/// Lines of the history that the terminal keeps.
const HISTORY: usize = 100_000;

/// A terminal, and the program in it.
pub struct Pty {
    child: Child,
    file: std::fs::File,
    pty: pty_process::blocking::Pty,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    closed: bool,
}

impl Seen {
    /// Whether the last frame is there to its end: half of one shows what no user sees.
    fn is_whole(&self) -> bool {
        let last = |mark: &[u8]| self.bytes.windows(mark.len()).rposition(|bytes| bytes == mark);
        last(b"\x1b[?2026h") <= last(b"\x1b[?2026l")
    }
}

impl Pty {
    /// Starts `command` in a terminal of this size, of a kind that cuts its rows when it becomes narrower.
    #[must_use]
    pub fn start(mut command: Command, columns: u16, rows: u16) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "vt220");
        }
        if !command.get_envs().any(|(name, _)| name == "AGENTSCOPE_PASTE") {
            // What a test types comes at once.
            command.env("AGENTSCOPE_PASTE", "brackets");
        }
        let child = pty_process::blocking::Command::from(command).spawn(pts).unwrap();
        let file = std::fs::File::from(std::os::fd::AsFd::as_fd(&pty).try_clone_to_owned().unwrap());
        let size = |n| NonZeroU16::new(n).unwrap();
        let parser = vt100::Parser::new(size(rows), size(columns), HISTORY);
        let seen = Arc::new((Mutex::new(Seen { parser, bytes: vec![], closed: false }), Condvar::new()));
        let (mut reader, shared) = (file.try_clone().unwrap(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                // Linux says EIO once the other end is closed.
                let count = reader.read(&mut buffer).unwrap_or(0);
                let mut seen = shared.0.lock().unwrap();
                seen.parser.process(&buffer[..count]);
                seen.bytes.extend(&buffer[..count]);
                seen.closed = count == 0;
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self { child, file, pty, seen }
    }

    /// Types these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.file.write_all(bytes.as_ref()).unwrap();
    }

    /// Types `text` and Enter.
    pub fn line(&mut self, text: &str) {
        self.send(format!("{text}\r"));
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        let size = |n| NonZeroU16::new(n).unwrap();
        self.seen.0.lock().unwrap().parser.set_size(size(rows), size(columns));
        self.pty.resize(pty_process::Size::new(rows, columns)).unwrap();
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until what is on the screen fits.
    #[track_caller]
    pub fn until(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let end = Instant::now() + DEADLINE;
        let mut seen = self.seen.0.lock().unwrap();
        while !(seen.is_whole() && fits(&seen.parser.screen().contents())) {
            let left = end.saturating_duration_since(Instant::now());
            let screen = seen.parser.screen().contents();
            assert!(!seen.closed && !left.is_zero(), "waited for {what}; the screen shows\n{screen}");
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until what was written fits.
    #[track_caller]
    pub fn until_bytes(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let end = Instant::now() + DEADLINE;
        let mut seen = self.seen.0.lock().unwrap();
        while !fits(&String::from_utf8_lossy(&seen.bytes)) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!seen.closed && !left.is_zero(), "waited for {what}: {:?}", String::from_utf8_lossy(&seen.bytes));
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Has the terminal take input line by line, as shells do while a program is stopped.
    pub fn cook(&self) {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let mut modes = tcgetattr(&self.file).unwrap();
        modes.local_modes |= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(&self.file, OptionalActions::Now, &modes).unwrap();
    }

    /// Waits until `text` is on the screen.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        self.until(&format!("`{text}`"), |screen| screen.contains(text));
    }

    /// Waits until `text` is on the screen no more.
    #[track_caller]
    pub fn loses(&self, text: &str) {
        self.until(&format!("the end of `{text}`"), |screen| !screen.contains(text));
    }

    #[must_use]
    pub fn screen(&self) -> String {
        self.seen.0.lock().unwrap().parser.screen().contents()
    }

    /// Where the cursor is, as row and column from 0; `None` where it is hidden.
    #[must_use]
    pub fn cursor(&self) -> Option<(u16, u16)> {
        let seen = self.seen.0.lock().unwrap();
        let screen = seen.parser.screen();
        (!screen.hide_cursor()).then(|| screen.cursor_position())
    }

    #[must_use]
    pub fn alternate(&self) -> bool {
        self.seen.0.lock().unwrap().parser.screen().alternate_screen()
    }

    /// All that was written, as it was written.
    #[must_use]
    pub fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().unwrap().bytes).into_owned()
    }

    /// Every row there ever was: what scrolled away, and the screen.
    #[must_use]
    pub fn history(&self) -> Vec<String> {
        let mut seen = self.seen.0.lock().unwrap();
        let screen = seen.parser.screen_mut();
        let (rows, columns) = screen.size();
        let rows = usize::from(rows.get());
        let (length, mut lines) = (screen.scrollback_len(), vec![]);
        let mut above = length;
        while above > 0 {
            screen.set_scrollback(above);
            lines.extend(screen.rows(0, columns.get()).take(above.min(rows)));
            above = above.saturating_sub(rows);
        }
        screen.set_scrollback(0);
        lines.extend(screen.rows(0, columns.get()));
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        lines
    }

    /// Waits for the end of the program.
    pub fn exit(&mut self) -> Option<i32> {
        let mut seen = self.seen.0.lock().unwrap();
        let end = Instant::now() + DEADLINE;
        while !seen.closed {
            let left = end.saturating_duration_since(Instant::now());
            let screen = seen.parser.screen().contents();
            assert!(!left.is_zero(), "it did not end; the screen shows\n{screen}");
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
        drop(seen);
        self.child.wait().unwrap().code()
    }

    /// Whether the terminal takes input line by line, as it does for a shell.
    #[must_use]
    pub fn is_cooked(&self) -> bool {
        let modes = rustix::termios::tcgetattr(&self.file).unwrap();
        modes.local_modes.contains(rustix::termios::LocalModes::ICANON)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
