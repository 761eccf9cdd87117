//! What a process has once: its HTTP client, its signal handlers.

pub mod http;
pub mod shutdown;
