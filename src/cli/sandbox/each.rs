//! What a verb did to several sandboxes: an id a line, or one array in the end.

use serde::Serialize;

use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::SandboxId,
};

/// One that fails does not keep the others: the first failure is what the verb ends with.
pub(super) struct Each<'a, T = Id> {
    output: Output,
    cx: &'a Cx,
    done: Vec<T>,
    failed: Option<CliError>,
}

/// What is to be said of one.
pub(super) trait Named: Serialize {
    fn id(&self) -> &SandboxId;
}

#[derive(Serialize)]
pub(super) struct Id {
    id: SandboxId,
}

impl Named for Id {
    fn id(&self) -> &SandboxId {
        &self.id
    }
}

impl From<&SandboxId> for Id {
    fn from(id: &SandboxId) -> Self {
        Self { id: id.clone() }
    }
}

impl<'a, T: Named> Each<'a, T> {
    pub(super) fn new(output: Output, cx: &'a Cx) -> Self {
        Self { output, cx, done: vec![], failed: None }
    }

    /// Says at once that it is done: the next one may take a while.
    pub(super) fn done(&mut self, what: impl Into<T>) -> Result<(), CliError> {
        let what = what.into();
        if self.output == Output::Text {
            self.cx.printer.stdout(&format!("{}\n", what.id()))?;
        }
        self.done.push(what);
        Ok(())
    }

    pub(super) fn failed(&mut self, id: &SandboxId, error: impl Into<CliError>) {
        let error = error.into();
        if self.failed.is_none() {
            self.failed = Some(error);
        } else {
            self.cx.printer.warn(&format!("`{id}`: {}", error.message()));
        }
    }

    pub(super) fn end(self) -> Result<Exit, CliError> {
        if self.output == Output::Json {
            self.cx.printer.json(&self.done)?;
        }
        self.failed.map_or(Ok(Exit::Done), Err)
    }
}
