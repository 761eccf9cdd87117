//! What a process has once: its HTTP client, its signal handlers; and which addresses are private.

pub mod address;
pub mod http;
pub mod shutdown;
