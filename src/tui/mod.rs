//! The interface on a terminal.

pub mod text;
pub mod theme;
