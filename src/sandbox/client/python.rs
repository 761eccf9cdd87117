//! The Python of a box.

use std::collections::VecDeque;

use http::{Method, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{BoxClient, not_json};
use crate::sandbox::{
    SandboxError,
    wire::{CellEvent, CellSpec},
};

/// A cell that runs, or waits for those before it. Dropping it interrupts it.
pub struct Cell {
    body: Incoming,
    read: VecDeque<u8>,
}

impl BoxClient {
    /// Runs a cell once those before it are done. Python starts with the first.
    ///
    /// # Errors
    /// No Python in the box; a box that is gone.
    pub async fn cell(&self, cell: &CellSpec) -> Result<Cell, SandboxError> {
        let request = self.request(Method::POST, "/v1/python/cells").header(header::CONTENT_TYPE, "application/json");
        let response = self.send(request, serde_json::to_vec(cell).map_err(not_json)?).await?;
        Ok(Cell { body: response.into_body(), read: VecDeque::new() })
    }

    /// Raises `KeyboardInterrupt` in the cell that runs, if one does.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn interrupt_python(&self) -> Result<(), SandboxError> {
        self.python("interrupt").await
    }

    /// Forgets all variables, also in the middle of a cell.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn reset_python(&self) -> Result<(), SandboxError> {
        self.python("reset").await
    }

    async fn python(&self, what: &str) -> Result<(), SandboxError> {
        self.send(self.request(Method::POST, &format!("/v1/python/{what}")), vec![]).await.map(drop)
    }
}

impl Cell {
    /// What comes next; `None` after [`CellEvent::Done`].
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn next(&mut self) -> Option<Result<CellEvent, SandboxError>> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).map_err(not_json));
            }
            match self.body.frame().await? {
                Ok(frame) => self.read.extend(frame.into_data().unwrap_or_default()),
                Err(error) => {
                    return Some(Err(SandboxError::Box(format!("the answer of the sandbox broke off: {error}"))));
                }
            }
        }
    }
}
