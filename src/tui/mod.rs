//! The interface on a terminal.

pub mod commands;
pub mod composer;
pub mod picker;
pub mod text;
pub mod theme;
