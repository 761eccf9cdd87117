//! Terminal output that is not the TUI. The only layer besides `cli::error` that writes to the terminal.

pub mod events;
pub mod log;
pub mod printable;
mod printer;
mod progress;
pub mod prompt;
pub mod style;
mod table;

pub use printable::printable;
pub use printer::{ColorChoice, Printer};
pub use progress::Steps;
pub use table::table;
