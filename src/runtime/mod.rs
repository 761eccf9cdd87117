//! What a process has once: its HTTP client, its signal handlers, its traces; which addresses are private; how events
//! are read; what becomes of requests that nobody reads.

pub mod address;
pub mod http;
pub mod shutdown;
pub(crate) mod sse;
pub mod telemetry;
pub(crate) mod unread;
