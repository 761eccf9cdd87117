//! What takes long, on standard error: one line that changes at a terminal, else a line for each thing.

use std::sync::{Mutex, PoisonError};

use crate::{
    cli::Cx,
    sandbox::Progress,
    ui::{Printer, printable},
};

/// Characters of a line at a terminal.
const WIDTH: usize = 78;

/// Tells the user.
pub(super) struct Told<'a> {
    printer: &'a Printer,
    terminal: bool,
    /// What was told last.
    last: Mutex<String>,
}

impl<'a> Told<'a> {
    pub(super) fn new(cx: &'a Cx) -> Self {
        Self { printer: &cx.printer, terminal: cx.printer.interactive, last: Mutex::default() }
    }
}

impl Progress for Told<'_> {
    fn step(&self, what: &str, done: Option<u64>, total: Option<u64>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.terminal {
            // Without the details, which come many a second.
            let thing = what.split_once(": ").map_or(what, |(thing, _)| thing);
            if *last != thing {
                thing.clone_into(&mut last);
                self.printer.stderr(&format!("{}\n", printable(thing)));
            }
            return;
        }
        let share = match (done, total) {
            (Some(done), Some(total)) => format!(" {} of {}", super::human::bytes(done), super::human::bytes(total)),
            _ => String::new(),
        };
        let line: String = printable(&format!("{what}{share}")).chars().take(WIDTH).collect();
        if *last != line {
            self.printer.stderr(&format!("\r\x1b[K{line}"));
            *last = line;
        }
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        let last = self.last.get_mut().unwrap_or_else(PoisonError::into_inner);
        if self.terminal && !last.is_empty() {
            self.printer.stderr("\r\x1b[K");
        }
    }
}
