//! Text on its way to the screen: made safe, measured by what a reader sees as one character, and broken into lines.
//!
//! Every text that a model, a tool, a file or a server wrote goes through [`clean`] (or [`span`], which calls it) before
//! it becomes part of a line.

mod breaks;
mod safe;
mod width;
mod wrap;

pub use safe::{clean, one_line, span, without_colors};
pub use width::{cut, cut_start, graphemes, line_width, width};
pub use wrap::{Break, Wrap};
