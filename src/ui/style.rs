//! Colours by meaning, from the terminal's own sixteen, so that themes and screen readers cope.

use anstyle::{AnsiColor, Style};

pub const ERROR: Style = AnsiColor::Red.on_default().bold();
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub const HINT: Style = AnsiColor::Cyan.on_default();
pub const SUCCESS: Style = AnsiColor::Green.on_default();
/// What is there for reference: reasoning, times, ids.
pub const DIM: Style = Style::new().dimmed();
pub const HEADING: Style = Style::new().bold();
