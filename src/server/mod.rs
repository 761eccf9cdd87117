//! The server: one agent file, over every protocol that its callers already speak.
//!
//! `router.rs` has every route on one screen. A request becomes a turn in one way, [`Runs::start`], whatever the
//! protocol; what comes back is the agent's one stream of events, which each protocol's [`Encoder`] folds into its own
//! frames. One file a protocol under `protocol/`.

mod admin;
mod agents;
mod app;
mod auth;
mod bodies;
mod body;
mod connections;
mod edge;
mod error;
mod frames;
mod guard;
mod health;
mod limits;
mod listen;
mod metrics;
mod observe;
mod openapi;
mod page;
mod protocol;
mod router;
mod runs;
mod sessions;
mod tasks;
mod turns;

pub use agents::{Agents, Id, Target};
pub use app::App;
pub use auth::Caller;
pub use body::{Json, Params, parse};
pub use edge::Base;
pub use error::ApiError;
pub use frames::{Encoder, Flow, Frames, fold, sse, sse_of, sse_with};
pub use listen::{Move, bind, embedded, end, serve};
pub use protocol::{McpSessions, Protocol, serve_stdio};
pub(crate) use router::paths;
pub use runs::{Ask, Asks, Recording, Run, RunHandle, Runs};
pub use tasks::{NewTask, TaskResult, Tasks};
