//! agentscope: one binary, one YAML file per agent.
//!
//! The binary is a thin caller of [`run`]; `ARCHITECTURE.md` has the map and the direction of the arrows. A program of
//! your own that serves an agent begins with [`AgentApp`].

pub mod agent;
pub mod app;
pub mod cli;
pub mod config;
pub mod deploy;
pub mod domain;
pub mod model;
pub mod runtime;
pub mod sandbox;
pub mod server;
pub mod store;
pub mod tool;
pub mod tui;
pub mod ui;

pub use agent::{BoxError, Part, Query, Reply, text_of};
pub use app::{AgentApp, AppError};
pub use cli::run;
pub use domain::{Message, SessionKey};
pub use server::{ApiError, Caller};
pub use tool::{Tool, ToolCx, tool};
/// Of the version that routes and tools are made with.
pub use {axum, schemars};
