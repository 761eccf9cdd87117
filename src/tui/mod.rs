//! The interface on a terminal.

pub mod cells;
pub mod diff;
pub mod highlight;
pub mod markdown;
pub mod pace;
pub mod text;
pub mod theme;
