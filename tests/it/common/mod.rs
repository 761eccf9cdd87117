//! What every test through the binary stands on.

#[cfg(target_os = "linux")]
pub mod boxed;
pub mod cluster;
pub mod engine;
mod env;
pub mod fake_model;
mod host;
#[cfg(target_os = "linux")]
pub mod local;
pub mod oauth;
pub mod openai;
#[cfg(unix)]
pub mod pty;
pub mod registry;
pub mod require;
pub mod serve;
pub mod trace;
pub mod unread;

pub use env::{Output, TestEnv, kept, place_program};
pub use host::Host;
