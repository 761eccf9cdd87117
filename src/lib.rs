//! agentscope: one binary, one YAML file per agent.
//!
//! The binary is a thin caller of [`run`]; `ARCHITECTURE.md` has the map and the direction of the arrows.

pub mod agent;
pub mod cli;
pub mod config;
pub mod domain;
pub mod model;
pub mod runtime;
pub mod sandbox;
pub mod server;
pub mod store;
pub mod tool;
pub mod ui;

pub use cli::run;
