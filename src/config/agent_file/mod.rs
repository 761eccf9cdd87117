//! The agent file: typed, strict, every value knows its line and column, all errors in one pass.

mod deploy;
mod name;
mod sandbox;
mod schema;
mod serve;
mod slash;
mod tools;
mod units;

pub use deploy::*;
pub use name::valid_name;
pub use sandbox::*;
pub use schema::*;
pub use serve::*;
pub use tools::*;
pub use units::{Bytes, Cpu, Effort, Rate, Span, Tokens, UnitError};
