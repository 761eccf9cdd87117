//! The interface on a terminal.

pub mod commands;
pub mod composer;
pub mod text;
pub mod theme;
