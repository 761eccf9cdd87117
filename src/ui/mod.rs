//! Terminal output that is not the TUI. The only layer besides `cli::error` that writes to the terminal.

pub mod events;
mod printer;
pub mod style;

pub use printer::{ColorChoice, Printer};
