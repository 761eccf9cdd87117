//! The slash commands: one table for the screen and for the line mode, and what each of them does.

mod offer;

pub use offer::{Line, Offer, unknown};
