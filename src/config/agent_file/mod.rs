//! The agent file: typed, strict, every value knows its line and column, all errors in one pass.
//!
//! [`load`] goes: text to a tree with places (`yaml`), a profile over it (`profile`), references filled in
//! (`interpolate`), the schema that is generated from the types (`validate`), what a schema cannot say (`check`),
//! and only then the types.

mod check;
mod deploy;
mod diagnostic;
mod fault;
#[cfg(test)]
mod fuzz;
pub mod import;
mod interpolate;
mod json_schema;
mod leak;
mod load;
mod mcp_file;
mod name;
mod profile;
mod sandbox;
mod schema;
mod serve;
mod slash;
mod syntax;
#[cfg(test)]
mod tests;
mod tool_entry;
mod tools;
mod units;
mod unknown_key;
mod validate;
mod yaml;

pub use deploy::*;
pub use diagnostic::{Color, Diagnostic, Diagnostics, Place, Severity, Source};
pub use json_schema::json_schema;
pub use leak::{Text, written_out};
pub use load::{Document, LoadOptions, Loaded, Origin, Unset, load, load_str};
pub use name::valid_name;
pub use sandbox::*;
pub use schema::*;
pub use serve::*;
pub use tools::*;
pub use units::{Bytes, Cpu, Effort, Rate, Span, Tokens, UnitError};
