//! What a sandbox waits for, such as its image, on standard error.

use crate::{cli::Cx, sandbox::Progress, ui::Steps};

pub(super) struct Shown(Steps);

impl Shown {
    pub(super) fn new(cx: &Cx) -> Self {
        Self(Steps::new(cx.printer))
    }
}

impl Progress for Shown {
    fn step(&self, what: &str, done: Option<u64>, total: Option<u64>) {
        self.0.step(what, done, total);
    }
}
