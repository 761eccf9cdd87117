//! Servers of the Model Context Protocol, by standard input and output or by streamable HTTP.
//!
//! The only place that knows rmcp. Each server has one supervisor task that connects, follows changes of its list of
//! tools, and starts it again when it ends. Of what servers offer, tools are used; prompts and resources are not.

mod callback;
mod connection;
mod content;
mod elicitation;
mod failure;
#[cfg(unix)]
mod guard;
mod handler;
mod http;
pub mod oauth;
mod process;
mod server;
#[cfg(test)]
mod tests;
mod trace;

pub use callback::Callback;
pub use failure::Failure;
pub use server::{Offer, Server};
