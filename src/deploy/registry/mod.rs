//! A registry, spoken to by the OCI distribution specification 1.1.

mod auth;
mod client;
mod credentials;
mod document;
mod pull;
mod push;
mod reference;

pub use client::Registry;
pub use credentials::{Credentials, Login};
pub use pull::pull_base;
pub use push::{Pushed, push};
pub use reference::Reference;
