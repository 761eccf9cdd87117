//! Tools that run in the sandbox: `python`, `shell`, `files`, and programs of the agent file.
//!
//! What they have in common is here: the sandbox of a session, made at the first call that needs it, and what a model
//! is told of it.

mod boxes;
mod files;
mod program;
mod python;
mod report;
mod shell;

pub use boxes::{AgentBox, BoxSettings, Boxes};
pub(super) use files::tools as files;
pub(super) use program::{Program, run};
pub(super) use python::Python;
pub(super) use shell::Shell;
