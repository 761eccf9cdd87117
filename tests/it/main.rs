//! Tests through the binary and over the socket: what a user or a caller can see.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail, and says what it skips"
)]
#![expect(clippy::disallowed_methods, reason = "a test has an environment of its own")]

mod common;

mod a2a_tool;
mod agent_file;
mod agent_stateless;
mod bad_input;
mod chat;
mod chat_remote;
mod doctor;
mod exit_codes;
mod help;
mod http;
mod import;
mod init;
mod library;
mod mcp;
#[cfg(target_os = "linux")]
mod mcp_conformance;
mod mcp_failures;
mod mcp_python;
mod mcp_url;
mod models;
mod readme;
#[cfg(target_os = "linux")]
mod sandbox_api;
#[cfg(target_os = "linux")]
mod sandbox_battery;
mod sandbox_cli;
mod sandbox_contract;
#[cfg(target_os = "linux")]
mod sandbox_cp;
mod sandbox_daemon;
mod sandbox_docker;
mod sandbox_docker_cli;
#[cfg(target_os = "linux")]
mod sandbox_docker_killed;
#[cfg(target_os = "linux")]
mod sandbox_faults;
#[cfg(target_os = "linux")]
mod sandbox_limits;
#[cfg(target_os = "linux")]
mod sandbox_local;
#[cfg(target_os = "linux")]
mod sandbox_network;
#[cfg(target_os = "linux")]
mod sandbox_others;
#[cfg(target_os = "linux")]
mod sandbox_packages;
mod sandbox_python;
#[cfg(target_os = "linux")]
mod sandbox_task;
mod sandbox_tools;
mod sandbox_workspace;
mod serve_a2a;
mod serve_ag_ui;
#[cfg(target_os = "linux")]
mod serve_faults;
mod serve_mcp;
mod serve_openai;
mod serve_ops;
mod serve_process;
mod serve_sessions;
mod serve_tools;
mod serve_turns;
mod serve_web;
mod session;
mod setup;
mod tools;
#[cfg(unix)]
mod tui;
mod validate;
mod wires;
