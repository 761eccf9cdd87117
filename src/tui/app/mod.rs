//! What the interface knows and decides. Pure: messages and the time go in, commands come out, and nothing is done here.

mod aside;
mod asks;
mod msg;
mod overlay;
mod pager;
mod pending;
mod prompt;
mod turn;
mod unsent;

use std::time::{Duration, Instant};

use ratatui::text::Line;

use self::unsent::{Change, Unsent};
pub use self::{
    asks::{Ask, Asked, Asks, Choice},
    msg::{Cmd, Msg, Ran},
    overlay::Overlay,
    pager::Pager,
    pending::Pending,
    turn::Work,
};
use super::{
    cells::Transcript,
    commands::Speaker,
    composer::{Composer, Draft},
    screen::Size,
    theme::{Depth, Ground, Role, Theme},
};
use crate::{
    agent::ApproveMode,
    domain::{SessionId, Usage},
};

/// How often the time that passes is drawn.
const SLOW_TICK: Duration = Duration::from_millis(250);
/// How long a second Ctrl-C or Esc counts as one with the first.
const TWICE: Duration = Duration::from_secs(2);

/// What is said of the agent.
#[derive(Clone, Debug, Default)]
pub struct About {
    pub agent: String,
    /// `PROVIDER/MODEL`, where known before the first answer.
    pub model: Option<String>,
    /// Tokens that fit into the model's context, where known.
    pub window: Option<u64>,
    pub welcome: Option<String>,
    /// The working folder, with `~` for the home.
    pub folder: String,
    /// What programs may do, such as `copy, no network`.
    pub sandbox: Option<String>,
    /// Where they run, once that is known: `local tier A`.
    pub place: Option<Ran>,
    /// The agent runs behind this address.
    pub remote: Option<String>,
    /// The command that talks to this agent.
    pub command: String,
    pub session: Option<SessionId>,
    /// The answer to a call that has to be asked about can be changed here.
    pub modes: bool,
    pub mode: ApproveMode,
}

/// The interface.
#[derive(Debug)]
pub struct App {
    pub(super) about: About,
    pub(super) theme: Theme,
    /// Colours that the terminal shows.
    pub(super) depth: Depth,
    pub(super) size: Size,
    pub(super) transcript: Transcript,
    pub(super) composer: Composer,
    /// The turn that runs.
    pub(super) work: Option<Work>,
    pub(super) asks: Asks,
    pub(super) pending: Pending,
    pub(super) mode: ApproveMode,
    pub(super) pager: Option<Pager>,
    /// A list or a question in place of the composer.
    pub(super) overlay: Option<Overlay>,
    /// What runs aside of the agent: a command, or a line of the shell.
    pub(super) aside: Option<Instant>,
    /// Lines for the scrollback besides those of the transcript, before them.
    pub(super) carried: Vec<Line<'static>>,
    /// When Esc was pressed with nothing to interrupt.
    pub(super) escaped: Option<Instant>,
    /// The agent that answers, where it is not the one that was chatted with first.
    pub(super) speaker: Option<String>,
    /// Of the session, as far as it went on here.
    pub(super) usage: Usage,
    /// Tokens that the last request to the model held.
    pub(super) context: Option<u64>,
    /// Tool servers that answer, and all of them.
    pub(super) servers: (usize, usize),
    /// Something was said.
    pub(super) said: bool,
    /// When Ctrl-C was pressed with nothing left to stop.
    pub(super) leaving: Option<Instant>,
    /// The session that is talked in is not there yet.
    pub(super) opening: bool,
    pub(super) last_key: Option<Instant>,
    unsent: Unsent,
    focused: bool,
}

impl App {
    #[must_use]
    pub fn new(about: About, depth: Depth, ground: Option<Ground>, size: Size) -> Self {
        let theme =
            Theme::new(if ground.is_some() { depth } else { depth.on_any_ground() }, ground.unwrap_or_default());
        let mut transcript = Transcript::new(theme);
        transcript.note(Role::Dim, &heading(&about));
        if let Some(welcome) = &about.welcome {
            transcript.note(Role::Text, welcome.trim_end());
        }
        Self {
            mode: about.mode,
            about,
            theme,
            depth,
            size,
            transcript,
            composer: Composer::default(),
            work: None,
            asks: Asks::default(),
            pending: Pending::default(),
            pager: None,
            overlay: None,
            speaker: None,
            aside: None,
            carried: vec![],
            escaped: None,
            usage: Usage::default(),
            context: None,
            servers: (0, 0),
            said: false,
            leaving: None,
            opening: false,
            last_key: None,
            unsent: Unsent::default(),
            focused: true,
        }
    }

    /// Takes in what happened; says what is to be done.
    #[must_use]
    pub fn update(&mut self, msg: Msg, now: Instant) -> Vec<Cmd> {
        let change = Change::by(&msg);
        let mut commands = self.take_in(msg, now);
        commands.extend(self.keep_unsent(change, now));
        commands
    }

    fn take_in(&mut self, msg: Msg, now: Instant) -> Vec<Cmd> {
        if matches!(msg, Msg::Edited(_) | Msg::Summary(..)) {
            self.asks.shown_again(now);
        }
        match msg {
            Msg::Key(key) => self.on_key(key, now),
            Msg::Paste(text) => self.on_paste(&text, now),
            Msg::Resize(size) => {
                self.size = size;
                vec![]
            }
            Msg::Focus(focused) => {
                self.focused = focused;
                vec![]
            }
            Msg::Agent(event) => self.on_event(&event, now),
            Msg::Unread(count) => {
                self.joined(count);
                vec![]
            }
            Msg::TakenBack => {
                if let Some(draft) = self.pending.steering.pop_back() {
                    self.give_back(draft);
                }
                vec![]
            }
            Msg::Lost => self.on_lost(),
            Msg::Effect(effect) => self.on_effect(effect, now),
            Msg::Shell(done) => self.on_shell(done, now),
            Msg::Opened(messages) => self.on_opened(messages, now),
            Msg::Used(usage) => {
                self.usage = usage;
                vec![]
            }
            Msg::Summary(draft, edited) => {
                self.on_summary(*draft, edited, now);
                vec![]
            }
            Msg::Interrupt => self.stop(now),
            Msg::Terminate => vec![Cmd::Quit],
            Msg::Tick => self.on_tick(now),
            told => {
                self.on_told(told);
                vec![]
            }
        }
    }

    /// The terminal, or the user, said what the text stands on.
    pub fn set_ground(&mut self, ground: Ground) {
        self.theme = Theme::new(self.depth, ground);
        self.transcript.set_theme(self.theme);
    }

    /// Begins with a message that was given with the command.
    pub fn open(&mut self, draft: Draft, now: Instant) -> Vec<Cmd> {
        self.composer.remember(&draft);
        let mut commands = vec![Cmd::Remember(draft.text.clone())];
        commands.extend(self.send(draft, now));
        commands
    }

    /// What the session holds is being read: nothing is sent before it is there.
    pub fn expect_history(&mut self) {
        self.opening = true;
    }

    /// Nothing more comes: all that waits to be shown is due.
    pub fn settle(&mut self) {
        self.transcript.settle();
    }

    /// Whether the session holds anything to go on with.
    #[must_use]
    pub fn said(&self) -> bool {
        self.said
    }

    fn on_tick(&mut self, now: Instant) -> Vec<Cmd> {
        for armed in [&mut self.leaving, &mut self.escaped] {
            *armed = armed.filter(|since| now.duration_since(*since) < TWICE);
        }
        self.asks.settle(self.last_key, now);
        vec![]
    }

    /// What was asked for outside is there.
    fn on_told(&mut self, msg: Msg) {
        match msg {
            Msg::Copied { characters, in_tmux } => {
                let why =
                    if in_tmux { "tmux takes `set -g set-clipboard on`" } else { "this terminal lets nobody copy" };
                let text = format!("{characters} characters copied; if they do not arrive, {why}");
                self.transcript.note(Role::Dim, &text);
                self.transcript.note(Role::Dim, "/export writes the session to a file");
            }
            Msg::Servers(ready, all) => self.servers = (ready, all),
            Msg::Offers(offers) => self.composer.set_commands(offers),
            Msg::Speaker(Speaker { agent, model, window }) => {
                (self.speaker, self.about.model, self.about.window) = (Some(agent), Some(model), window);
            }
            Msg::History(messages) => self.composer.load_history(&messages),
            Msg::Kept(kept) => {
                let about = format!("what you had typed and not sent is back; it was for: {}", kept.resume);
                self.transcript.note(Role::Dim, &about);
                // There may be several, and what was typed meanwhile.
                let typed = self.composer.text();
                let parts = [kept.text.as_str(), &typed].into_iter().filter(|part| !part.is_empty());
                self.composer.set_text(&parts.collect::<Vec<_>>().join("\n\n"));
            }
            Msg::Place(place) => self.about.place = Some(place),
            Msg::NotKept(why) => {
                let text = format!("what you type is not kept should this process die: {why}");
                self.transcript.note(Role::Warning, &text);
            }
            Msg::Crashed(what) => self.transcript.note(Role::Error, &what),
            Msg::Files(id, found) => self.composer.on_files(id, found),
            Msg::Paths(id, found) => self.composer.on_paths(id, found),
            Msg::Edited(Ok(text)) => self.composer.set_edited(&text),
            Msg::Edited(Err(why)) => self.transcript.note(Role::Error, &why),
            Msg::Refused(draft, why) => self.refused(draft, &why),
            _ => {}
        }
    }

    /// When to wake up for the next [`Msg::Tick`]; `None` where nothing moves by itself.
    #[must_use]
    pub fn tick(&self, now: Instant) -> Option<Duration> {
        let armed = self.leaving.is_some() || self.escaped.is_some();
        let slow = self.work.is_some() || self.aside.is_some() || armed;
        let slow =
            slow || self.asks.unsettled(now) || self.overlay.as_ref().is_some_and(|overlay| !overlay.is_ready(now));
        let slow = slow || self.unsent.is_due();
        // The pager shows what is there, and no time that passes.
        let shown = self.transcript.next_tick().filter(|_| self.pager.is_none());
        [shown, slow.then_some(SLOW_TICK)].into_iter().flatten().min()
    }

    /// The command that goes on with this session.
    #[must_use]
    pub fn resume(&self) -> String {
        match &self.about.session {
            Some(session) => format!("{} --session-id {session}", self.about.command),
            None => self.about.command.clone(),
        }
    }

    pub(super) fn width(&self) -> u16 {
        self.size.columns.max(1)
    }
}

fn heading(about: &About) -> String {
    let model = about.model.as_deref();
    let place = about.remote.as_deref().unwrap_or(&about.folder);
    [Some(about.agent.as_str()), model, Some(place)].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
