//! The interface on a terminal.

pub mod highlight;
pub mod markdown;
pub mod text;
pub mod theme;
