//! The slash commands: one table for the screen and for the line mode, and what each of them does.
//!
//! What a command gives is data ([`Effect`]), so that both can show it. Commands wait for the disk and for models: not to
//! be run where keys are read.

mod about;
mod changes;
mod choose;
mod compact;
mod effect;
mod offer;
mod sessions;
mod shell;
mod spent;
mod table;
mod talk;

pub(in crate::tui) use self::compact::shown as compaction;
pub use self::{
    effect::{Confirm, Effect, Entered, Failure, Next, Part, Pick, Step},
    offer::{Line, Offer, unknown},
    shell::{ShellDone, shell},
    spent::{in_short, usage},
    table::{COMMANDS, Command, Name, Place, When},
    talk::{Speaker, Talk, mark},
};
