//! The loop: keys, the agent's events, signals and time go into the app; what it asks for is done.

mod perform;

use std::{
    io::{self, Stdout},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use crossterm::event::Event;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{sync::mpsc, task::AbortHandle};
use tokio_util::sync::CancellationToken;

use super::{
    app::{About, App, Msg},
    burst::Brackets,
    commands::Talk,
    composer::{self, Draft, Recall},
    kept::{Keeper, Kept},
    keys::{Input, Keys},
    probe,
    screen::{Reflow, Screen, Size},
    terminal::Terminal,
    theme::{Depth, Ground},
    view,
};
use crate::{
    agent::{Agent, EventStream, Steering},
    config::Env,
    domain::{AgentEvent, Answer, Content, EventKind, SessionKey, TurnOutcome},
    runtime::shutdown::{Signal, Signals, Told},
};

/// Frames are drawn no faster than this while events come.
const FRAME: Duration = Duration::from_millis(16);
/// How long tool servers are looked at whether they answer, and how often.
const STARTING: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(300);
/// How long the turn may take to end once the user left.
const CLOSING: Duration = Duration::from_secs(3);
/// How long after a stop of our own a sign that the process goes on belongs to it.
const STOPPED: Duration = Duration::from_millis(500);
/// Events that are taken in before the next look at the keys.
const BATCH: usize = 256;

/// What the interface is made of.
pub struct Setup {
    pub talk: Talk,
    /// There is something in the session to show.
    pub history: bool,
    pub about: About,
    pub depth: Depth,
    /// What the text stands on, where that is known beforehand.
    pub ground: Option<Ground>,
    pub reflow: Reflow,
    pub brackets: Brackets,
    pub env: Env,
    /// Where the history of the composer is.
    pub state: PathBuf,
    /// Sent at once.
    pub first: Option<String>,
    /// For the first message.
    pub attachments: Vec<Content>,
}

/// What is left to say.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The session that was talked in at last.
    pub session: SessionKey,
    /// Something was said, so that there is a session to go on with.
    pub said: bool,
    /// A signal ended it.
    pub interrupted: bool,
    pub unkept: Option<Unkept>,
}

/// A draft that could not be kept for the next start.
#[derive(Clone, Debug)]
pub struct Unkept {
    pub text: String,
    pub why: String,
}

/// A turn that runs.
struct Turn {
    events: EventStream,
    answers: mpsc::Sender<Answer>,
    steering: Steering,
    cancel: CancellationToken,
}

struct Running {
    talk: Talk,
    app: App,
    screen: Screen<Stdout>,
    terminal: Terminal,
    keys: Option<Keys>,
    brackets: Brackets,
    turn: Option<Turn>,
    first: Option<String>,
    attachments: Vec<Content>,
    /// Those of the turn that runs, should its message not be kept. Files that are named in the message are not among them.
    sent: Vec<Content>,
    finder: Arc<composer::Finder>,
    env: Env,
    state: PathBuf,
    recall: Recall,
    keeper: Arc<Keeper>,
    /// How often a draft was kept, and whether the user was told that it cannot be.
    keeps: u64,
    cannot_keep: bool,
    /// What is done aside tells here what came of it.
    told: mpsc::UnboundedSender<Msg>,
    /// How many tool servers answer, and how many there are; looked at until this time.
    servers: (usize, usize),
    starting: Option<Instant>,
    /// A command, or a line of the shell, that runs beside the turns.
    aside: Option<AbortHandle>,
    /// The user's editor has the terminal.
    away: bool,
    /// When the process went on after Ctrl-Z.
    suspended: Option<Instant>,
    /// When the last frame was drawn, and whether there is a newer one.
    drawn: Option<Instant>,
    dirty: bool,
    /// A signal ended it.
    terminated: bool,
    /// The user left, and the turn is given until then to end.
    closing: Option<Instant>,
}

/// Has the terminal until the user leaves. The turn that runs then is canceled; [`Agent::drained`] waits for it.
///
/// # Errors
/// A terminal that cannot be made raw, read or written.
pub async fn run(setup: Setup, signals: Signals) -> io::Result<Ending> {
    let terminal = Terminal::take()?;
    let (hangups, continues) = (Told::of_hangups()?, Told::of_continues()?);
    let (columns, rows) = crossterm::terminal::size()?;
    let size = Size { columns, rows };
    let (told, telling) = mpsc::unbounded_channel();
    let mut running = Running {
        talk: setup.talk,
        app: App::new(setup.about, setup.depth, setup.ground, size),
        screen: Screen::new(io::stdout(), size, setup.reflow),
        terminal,
        keys: None,
        brackets: setup.brackets,
        turn: None,
        first: setup.first,
        attachments: setup.attachments,
        sent: vec![],
        finder: Arc::new(composer::Finder::new(setup.env.cwd.clone())),
        env: setup.env,
        recall: Recall::of(&setup.state),
        keeper: Arc::new(Keeper::new(&setup.state)),
        keeps: 0,
        cannot_keep: false,
        state: setup.state,
        told,
        servers: (0, 0),
        starting: Some(Instant::now() + STARTING),
        aside: None,
        away: false,
        suspended: None,
        drawn: None,
        dirty: true,
        terminated: false,
        closing: None,
    };
    running.load_history();
    running.look_at_sandbox();
    running.offer()?;
    match setup.history {
        true => {
            running.app.expect_history();
            running.load_session();
            running.ask_speaker();
        }
        false => running.send_first()?,
    }
    let result = running.until_over(Inputs { signals, hangups, continues, telling }).await;
    // However it ended.
    let unkept = running.keep_draft();
    result?;
    running.finish(unkept)
}

/// What comes in besides keys and events.
struct Inputs {
    signals: Signals,
    hangups: Told,
    continues: Told,
    telling: mpsc::UnboundedReceiver<Msg>,
}

async fn next_key(keys: &mut Option<Keys>) -> Option<io::Result<Input>> {
    match keys {
        Some(keys) => keys.next().await,
        None => std::future::pending().await,
    }
}

async fn next_event(turn: &mut Option<Turn>) -> Option<AgentEvent> {
    match turn {
        Some(turn) => turn.events.next().await,
        None => std::future::pending().await,
    }
}

impl Running {
    async fn until_over(&mut self, mut inputs: Inputs) -> io::Result<()> {
        self.draw_when_due()?;
        self.probe()?;
        self.keys = Some(Keys::start(self.brackets));
        while !self.is_over() {
            self.look_at_servers()?;
            self.draw_when_due()?;
            let wait = self.wait();
            tokio::select! {
                biased;
                key = next_key(&mut self.keys) => self.on_input(key)?,
                signal = inputs.signals.recv() => self.on_signal(signal)?,
                () = inputs.hangups.recv() => self.on_signal(Signal::Terminate)?,
                () = inputs.continues.recv() => self.on_continued()?,
                Some(msg) = inputs.telling.recv() => self.on_told(msg)?,
                event = next_event(&mut self.turn) => self.on_event(event)?,
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                    self.dirty |= self.app.tick(Instant::now()).is_some();
                    self.take(Msg::Tick)?;
                }
            }
        }
        Ok(())
    }

    /// The chat does not wait for tool servers; it says how many are there.
    fn look_at_servers(&mut self) -> io::Result<()> {
        let (Some(until), Agent::Local(agent)) = (self.starting, &self.talk.agent) else { return Ok(()) };
        let servers = agent.servers_ready();
        if servers.0 == servers.1 || Instant::now() >= until {
            self.starting = None;
        }
        if servers == self.servers {
            return Ok(());
        }
        self.servers = servers;
        self.take(Msg::Servers(servers.0, servers.1))
    }

    /// Keeps what was typed and not sent, for the next start. Gives it back where that cannot be done, and why.
    fn keep_draft(&self) -> Option<Unkept> {
        let unsent = self.app.unsent();
        let error = self.keeper.keep(u64::MAX, unsent.as_ref()).err()?;
        Some(Unkept { text: unsent?.text, why: error.to_string() })
    }

    /// Sends the message that was given with the command, the first time.
    fn send_first(&mut self) -> io::Result<()> {
        let Some(text) = self.first.take() else { return Ok(()) };
        for command in self.app.open(Draft::from(text.as_str()), Instant::now()) {
            self.perform(command)?;
        }
        Ok(())
    }

    /// Takes `msg` in, and does what follows from it.
    fn take(&mut self, msg: Msg) -> io::Result<()> {
        if !matches!(msg, Msg::Tick) {
            self.dirty = true;
        }
        for command in self.app.update(msg, Instant::now()) {
            self.perform(command)?;
        }
        Ok(())
    }

    /// Asks the terminal what it stands on, once the first frame is there. Until it says so only colours are shown that
    /// can be read on any ground.
    fn probe(&mut self) -> io::Result<()> {
        match self.app.theme.depth() {
            Depth::None => Ok(()),
            _ => self.screen.pass(probe::QUERY),
        }
    }

    fn load_history(&self) {
        let (recall, told, state) = (self.recall.clone(), self.told.clone(), self.state.clone());
        tokio::task::spawn_blocking(move || {
            // Without its history the composer works as well.
            let _ = told.send(Msg::History(recall.load().unwrap_or_default()));
            for kept in Kept::take(&state) {
                let _ = told.send(Msg::Kept(kept));
            }
        });
    }

    /// Finds out where programs run, which is not waited for.
    pub(super) fn look_at_sandbox(&self) {
        let (talk, told) = (self.talk.clone(), self.told.clone());
        tokio::spawn(async move {
            if let Some(place) = talk.place().await {
                let _ = told.send(Msg::Place(place));
            }
        });
    }

    /// Finds out who answers, which may be an agent that took over.
    pub(super) fn ask_speaker(&self) {
        let (talk, told) = (self.talk.clone(), self.told.clone());
        tokio::spawn(async move {
            if let Some(speaker) = talk.speaker().await {
                let _ = told.send(Msg::Speaker(speaker));
            }
        });
    }

    /// Says which slash commands there are.
    fn offer(&mut self) -> io::Result<()> {
        let offers = self.talk.offers();
        self.take(Msg::Offers(offers))
    }

    /// Reads what was said in the session that is talked in now.
    fn load_session(&self) {
        let (talk, told) = (self.talk.clone(), self.told.clone());
        tokio::spawn(async move {
            let opened = talk.said().await.map(|(messages, usage)| {
                let _ = told.send(Msg::Used(usage.total()));
                messages
            });
            let _ = told.send(Msg::Opened(opened));
        });
    }

    fn on_told(&mut self, msg: Msg) -> io::Result<()> {
        if self.away && matches!(msg, Msg::Edited(_) | Msg::Summary(..)) {
            self.away = false;
            self.back()?;
            self.keys = Some(Keys::start(self.brackets));
        }
        if matches!(msg, Msg::NotKept(_)) && std::mem::replace(&mut self.cannot_keep, true) {
            return Ok(());
        }
        if let Msg::Shell(Ok(done)) = &msg {
            self.attachments.push(done.content.clone());
        }
        let opened = matches!(msg, Msg::Opened(_));
        self.take(msg)?;
        if opened { self.send_first() } else { Ok(()) }
    }

    /// A key, and those that came with it, are seen at once.
    fn on_input(&mut self, input: Option<io::Result<Input>>) -> io::Result<()> {
        let mut next = Some(input);
        while let Some(input) = next {
            match input {
                Some(input) => match input? {
                    Input::Event(event) => self.on_terminal(event)?,
                    Input::Background(color) => {
                        self.app.set_ground(Ground::of(color));
                        self.dirty = true;
                    }
                },
                None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            }
            if self.is_over() {
                return Ok(());
            }
            next = self.keys.as_mut().and_then(Keys::waiting).map(Some);
        }
        self.drawn = None;
        Ok(())
    }

    fn on_terminal(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Key(key) => self.take(Msg::Key(key)),
            Event::Paste(text) => self.take(Msg::Paste(text)),
            Event::Resize(columns, rows) => {
                let size = Size { columns, rows };
                self.screen.resize(size);
                self.take(Msg::Resize(size))
            }
            Event::FocusGained => self.take(Msg::Focus(true)),
            Event::FocusLost => self.take(Msg::Focus(false)),
            Event::Mouse(_) => Ok(()),
        }
    }

    fn on_signal(&mut self, signal: Signal) -> io::Result<()> {
        self.terminated |= signal == Signal::Terminate;
        self.take(match signal {
            Signal::Interrupt => Msg::Interrupt,
            Signal::Terminate => Msg::Terminate,
        })
    }

    /// An event, and those that came with it.
    fn on_event(&mut self, event: Option<AgentEvent>) -> io::Result<()> {
        let mut next = Some(event);
        let mut left = BATCH;
        while let Some(event) = next {
            let Some(event) = event else {
                self.turn = None;
                return self.take(Msg::Lost);
            };
            self.on_agent(event)?;
            left -= 1;
            let more = left > 0 && self.turn.is_some();
            next = if more { next_event(&mut self.turn).now_or_never() } else { None };
        }
        Ok(())
    }

    fn on_agent(&mut self, event: AgentEvent) -> io::Result<()> {
        if let Some(turn) = &self.turn {
            let unread = turn.steering.unread();
            self.take(Msg::Unread(unread))?;
        }
        if matches!(event.kind, EventKind::TurnFinished { .. }) && event.agent.depth() == 0 {
            self.turn = None;
            if !matches!(event.kind, EventKind::TurnFinished { outcome: TurnOutcome::Failed { .. }, .. }) {
                self.sent.clear();
            }
            self.look_at_sandbox();
            for crash in self.terminal.take_crashes() {
                self.take(Msg::Crashed(crash))?;
            }
        }
        self.take(Msg::Agent(Box::new(event)))
    }

    fn is_over(&self) -> bool {
        self.closing.is_some_and(|until| self.turn.is_none() || Instant::now() >= until)
    }

    /// Leaves what was said on the screen, and nothing below it.
    fn finish(mut self, unkept: Option<Unkept>) -> io::Result<Ending> {
        if self.app.pager.is_some() {
            self.terminal.close_pager()?;
        }
        self.app.settle();
        let frame = view::view(&mut self.app, Instant::now());
        self.screen.draw(&frame.finished, frame.live)?;
        self.screen.clear()?;
        let (said, session) = (self.app.said(), self.talk.key.clone());
        Ok(Ending { session, said, interrupted: self.terminated, unkept })
    }

    /// Takes the terminal again, after somebody else had it.
    fn back(&mut self) -> io::Result<()> {
        self.terminal.resume()?;
        self.screen.forget();
        let (columns, rows) = crossterm::terminal::size()?;
        let size = Size { columns, rows };
        self.screen.resize(size);
        self.take(Msg::Resize(size))
    }

    /// Somebody else stopped the process, and it goes on: in the meantime a shell may have had the terminal, whose modes are
    /// now its own.
    fn on_continued(&mut self) -> io::Result<()> {
        // After a stop of our own the terminal was taken again already.
        if self.away || self.suspended.is_some_and(|since| since.elapsed() < STOPPED) {
            return Ok(());
        }
        self.terminal.suspend();
        self.back()?;
        if self.app.pager.is_some() {
            self.terminal.open_pager()?;
        }
        Ok(())
    }

    /// The terminal may have another size already, and tell of it later: a row of the old width would be broken in two.
    fn look_at_size(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        if let Ok(told) = rustix::termios::tcgetwinsize(rustix::stdio::stdout()) {
            let size = Size { columns: told.ws_col, rows: told.ws_row };
            if size != self.screen.size() && size.columns > 0 && size.rows > 0 {
                self.screen.resize(size);
                return self.take(Msg::Resize(size));
            }
        }
        Ok(())
    }

    /// How long nothing need be done.
    fn wait(&self) -> Option<Duration> {
        let frame = self.drawn.filter(|_| self.dirty && !self.away).map(|drawn| FRAME.saturating_sub(drawn.elapsed()));
        let closing = self.closing.map(|until| until.saturating_duration_since(Instant::now()));
        let starting = self.starting.map(|_| LOOK);
        [frame, self.app.tick(Instant::now()), closing, starting].into_iter().flatten().min()
    }

    fn draw_when_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let due = self.drawn.is_none_or(|drawn| now.duration_since(drawn) >= FRAME);
        if !self.dirty || !due || self.away {
            return Ok(());
        }
        self.look_at_size()?;
        self.drawn = Some(now);
        self.dirty = false;
        match view::pager(&mut self.app) {
            Some(rows) => self.screen.pass(&super::screen::whole(&rows, self.screen.size().columns)),
            None => {
                let frame = view::view(&mut self.app, now);
                self.screen.draw(&frame.finished, frame.live)
            }
        }
    }
}
