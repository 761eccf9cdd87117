//! What goes into [`App::update`](super::App::update), and what comes out.

use crossterm::event::KeyEvent;

use crate::{
    agent::ApproveMode,
    domain::{AgentEvent, Answer},
    tui::{
        composer::{Draft, FileMatch, Found, Request},
        kept::Kept,
        screen::Size,
    },
};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Msg {
    Key(KeyEvent),
    Paste(String),
    Resize(Size),
    /// The terminal's window is the one that is typed into, or no more.
    Focus(bool),
    Agent(Box<AgentEvent>),
    /// So many of the messages that were sent into the turn were not read yet.
    Unread(usize),
    /// The events of the turn ended without its end.
    Lost,
    /// Messages of earlier sessions, the oldest first.
    History(Vec<String>),
    /// What was typed and not sent the last time.
    Kept(Kept),
    /// A part of the process panicked, and this is what it said.
    Crashed(String),
    /// Files that were asked for.
    Files(u64, Vec<FileMatch>),
    /// Which paths are files.
    Paths(u64, Vec<Found>),
    /// What the user's editor made of the draft; the error is why it could not.
    Edited(Result<String, String>),
    /// The message could not be sent, and why.
    Refused(Draft, String),
    /// SIGINT, from elsewhere: the terminal sends Ctrl-C as a key.
    Interrupt,
    /// SIGTERM or SIGHUP.
    Terminate,
    /// Time passed.
    Tick,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Cmd {
    /// Begin a turn.
    Send(Draft),
    /// Keep it for later sessions.
    Remember(String),
    /// Look for files.
    Find(Request),
    /// Open this in the user's editor.
    Edit(String),
    /// Send into the running turn.
    Steer(Draft),
    Answer(Answer),
    /// Cancel the turn; what it said so far is kept.
    Cancel,
    /// What becomes of calls that have to be asked about, from now on.
    Mode(ApproveMode),
    /// Stop the process, as shells do with Ctrl-Z.
    Suspend,
    /// Draw everything that is live anew.
    Redraw,
    OpenPager,
    ClosePager,
    /// Tell the user, who looks elsewhere.
    Notify(String),
    Quit,
}
