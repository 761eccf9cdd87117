//! What takes long, as it goes: one line that moves on a terminal, a line for each step elsewhere.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Printer, printable};

/// Between two pictures of the line, so that it is seen to live while nothing is known of the step.
const TICK: Duration = Duration::from_millis(120);

/// Shows steps on standard error. Nothing is shown before the first; dropped, it takes the moving line away.
#[derive(Debug)]
pub struct Steps {
    printer: Printer,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    what: String,
    line: Option<ProgressBar>,
}

impl Steps {
    #[must_use]
    pub fn new(printer: Printer) -> Self {
        Self { printer, shown: Mutex::default() }
    }

    /// `done` of `total` bytes of `what`, as far as they are known.
    pub fn step(&self, what: &str, done: Option<u64>, total: Option<u64>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let what = printable(what);
        if !self.printer.interactive {
            if shown.what != what {
                self.printer.stderr(&format!("{what}\n"));
                shown.what = what;
            }
            return;
        }
        let line = shown.line.get_or_insert_with(|| {
            let line = ProgressBar::new_spinner();
            line.enable_steady_tick(TICK);
            line
        });
        if let (Some(done), Some(total)) = (done, total) {
            line.set_style(style("{spinner} {wide_msg} {bytes}/{total_bytes}"));
            line.set_length(total);
            line.set_position(done);
        } else {
            line.set_style(style("{spinner} {wide_msg}"));
        }
        line.set_message(what);
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        let shown = self.shown.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = shown.line.take() {
            line.finish_and_clear();
        }
    }
}

/// A template of ours is sound; one that was not would cost the picture only.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
