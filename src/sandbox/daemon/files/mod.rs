//! The files of a box: the workspace, and no way out of it.

mod archive;
mod changed;
mod edit;
mod error;
mod names;
mod ops;
mod root;
mod routes;
mod search;
#[cfg(test)]
mod tests;
mod tools;
mod walk;

pub use self::{
    archive::Extracted,
    changed::Changed,
    ops::{Entry, EntryKind},
    tools::{FileTool, TOOLS as FILE_TOOLS},
};
pub(crate) use self::{
    error::FileError,
    names::{Names, Top},
    root::Root,
    routes::routes,
};
