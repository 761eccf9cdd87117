//! The interface on a terminal: `chat` where somebody looks at it.
//!
//! A pure [`App`](app::App) decides what happens (`update`) and what is seen (`view`); this loop brings it keys, events of
//! the agent and ticks, and performs what it asks for. Nothing outside this folder knows the terminal library.

pub mod app;
pub mod burst;
pub mod cells;
pub mod commands;
pub mod composer;
pub mod diff;
mod effects;
pub mod highlight;
pub mod kept;
pub mod keymap;
pub mod keys;
pub mod markdown;
pub mod pace;
pub mod picker;
pub mod probe;
mod run;
pub mod screen;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod view;

pub use self::{
    app::About,
    run::{Ending, Setup, run},
    screen::Reflow,
};
