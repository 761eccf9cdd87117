//! What goes into [`App::update`](super::App::update), and what comes out.

use crossterm::event::KeyEvent;

use crate::{
    agent::{ApproveMode, Compaction},
    domain::{AgentEvent, Answer, Message, Usage},
    tui::{
        commands::{Effect, Entered, Failure, Offer, ShellDone, Speaker, Step},
        composer::{Draft, FileMatch, Found, Request},
        kept::Kept,
        screen::Size,
    },
};

/// Something that happened.
#[derive(Debug)]
pub enum Msg {
    Key(KeyEvent),
    Paste(String),
    Resize(Size),
    /// The terminal's window is the one that is typed into, or no more.
    Focus(bool),
    Agent(Box<AgentEvent>),
    /// So many of the messages that were sent into the turn were not read yet.
    Unread(usize),
    /// What was sent into the turn last was taken back before it was read.
    TakenBack,
    /// The events of the turn ended without its end.
    Lost,
    /// What came of a command.
    Effect(Result<Effect, Failure>),
    /// What came of a line of the user's shell.
    Shell(Result<ShellDone, Failure>),
    /// The messages of the session that is talked in from here on.
    Opened(Result<Vec<Message>, Failure>),
    /// What the session that is gone on with used before.
    Used(Usage),
    /// Who answers from here on.
    Speaker(Speaker),
    /// Where programs run, or will.
    Place(Ran),
    /// So many tool servers answer, of so many.
    Servers(usize, usize),
    /// The slash commands that there are.
    Offers(Vec<Offer>),
    /// So many characters were given to the terminal's clipboard.
    Copied {
        characters: usize,
        in_tmux: bool,
    },
    /// Messages of earlier sessions, the oldest first.
    History(Vec<String>),
    /// What was typed and not sent the last time.
    Kept(Kept),
    /// What is typed cannot be kept on the disk, and why.
    NotKept(String),
    /// A part of the process panicked, and this is what it said.
    Crashed(String),
    /// Files that were asked for.
    Files(u64, Vec<FileMatch>),
    /// Which paths are files.
    Paths(u64, Vec<Found>),
    /// What the user's editor made of the draft; the error is why it could not.
    Edited(Result<String, String>),
    /// What the user's editor made of a summary; the error is why it could not.
    Summary(Box<Compaction>, Result<String, String>),
    /// The message could not be sent, and why.
    Refused(Draft, String),
    /// SIGINT, from elsewhere: the terminal sends Ctrl-C as a key.
    Interrupt,
    /// SIGTERM or SIGHUP.
    Terminate,
    /// Time passed.
    Tick,
}

/// Where programs of the agent run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// `local tier A`.
    In(String),
    /// They cannot run on this machine.
    Nowhere,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Cmd {
    /// Begin a turn.
    Send(Draft),
    /// What was sent along with the last message goes along with the next: the message was not kept.
    Reattach,
    /// Take back what was sent into the turn last, if it is not read yet.
    TakeBack,
    /// Keep it for later sessions.
    Remember(String),
    /// Keep what is not sent for the next start, in place of what was kept before.
    Keep(Option<Kept>),
    /// Do what a slash command says.
    Command {
        name: String,
        arguments: String,
    },
    /// A yes was said to this.
    Confirmed(Step),
    /// Go on in another session.
    Enter(Entered),
    /// Say who answers.
    AskSpeaker,
    /// Run a line of the user's shell.
    Shell(String),
    /// Stop the command, or the line of the shell.
    StopAside,
    /// Put this on the clipboard of the terminal.
    Copy(String),
    /// Take what is on the screen out of sight.
    Clear,
    /// Look for files.
    Find(Request),
    /// Open this in the user's editor.
    Edit(String),
    /// Open the summary of this draft in the user's editor.
    EditSummary(Box<Compaction>),
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
