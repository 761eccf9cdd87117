//! The loop: keys, the agent's events, signals and time go into the app; what it asks for is done.

use std::{
    io::{self, Stdout},
    time::{Duration, Instant},
};

use crossterm::event::Event;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    app::{About, App, Cmd, Msg},
    crude::Draft,
    effects,
    keys::Keys,
    screen::{Reflow, Screen, Size},
    terminal::Terminal,
    theme::Theme,
    view,
};
use crate::{
    agent::{Agent, AgentRequest, EventStream, TurnControl},
    domain::{AgentEvent, Answer, Content, EventKind, Message, Role, SessionKey, Usage},
    runtime::shutdown::{Hangups, Signal, Signals},
};

/// Messages that may wait in a turn.
const STEERS: usize = 64;
/// Frames are drawn no faster than this while events come.
const FRAME: Duration = Duration::from_millis(16);
/// How long the turn may take to end once the user left.
const CLOSING: Duration = Duration::from_secs(3);
/// Events that are taken in before the next look at the keys.
const BATCH: usize = 256;

/// What the interface is made of.
pub struct Setup {
    pub agent: Agent,
    pub key: SessionKey,
    pub about: About,
    pub theme: Theme,
    pub reflow: Reflow,
    /// Sent at once.
    pub first: Option<String>,
    /// For the first message.
    pub attachments: Vec<Content>,
}

/// What is left to say.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    pub usage: Usage,
    /// Something was said, so that there is a session to go on with.
    pub said: bool,
    /// A signal ended it.
    pub interrupted: bool,
}

/// A turn that runs.
struct Turn {
    events: EventStream,
    answers: mpsc::Sender<Answer>,
    steer: mpsc::Sender<Message>,
    cancel: CancellationToken,
}

struct Running {
    agent: Agent,
    key: SessionKey,
    app: App,
    screen: Screen<Stdout>,
    terminal: Terminal,
    keys: Keys,
    turn: Option<Turn>,
    attachments: Vec<Content>,
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
pub async fn run(setup: Setup, mut signals: Signals) -> io::Result<Ending> {
    let terminal = Terminal::take()?;
    let mut hangups = Hangups::new()?;
    let (columns, rows) = crossterm::terminal::size()?;
    let size = Size { columns, rows };
    let mut running = Running {
        agent: setup.agent,
        key: setup.key,
        app: App::new(setup.about, setup.theme, size),
        screen: Screen::new(io::stdout(), size, setup.reflow),
        terminal,
        keys: Keys::new(),
        turn: None,
        attachments: setup.attachments,
        drawn: None,
        dirty: true,
        terminated: false,
        closing: None,
    };
    if let Some(text) = setup.first {
        running.send_first(text)?;
    }
    loop {
        running.draw_when_due()?;
        let wait = running.wait();
        tokio::select! {
            biased;
            key = running.keys.next() => running.on_input(key)?,
            signal = signals.recv() => running.on_signal(signal)?,
            () = hangups.recv() => running.on_signal(Signal::Terminate)?,
            event = next_event(&mut running.turn) => running.on_event(event)?,
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                running.dirty |= running.app.tick().is_some();
                running.take(Msg::Tick)?;
            }
        }
        if running.is_over() {
            return running.finish();
        }
    }
}

async fn next_event(turn: &mut Option<Turn>) -> Option<AgentEvent> {
    match turn {
        Some(turn) => turn.events.next().await,
        None => std::future::pending().await,
    }
}

impl Running {
    fn send_first(&mut self, text: String) -> io::Result<()> {
        for command in self.app.open(Draft { text }, Instant::now()) {
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

    /// A key, and those that came with it, are seen at once.
    fn on_input(&mut self, input: Option<io::Result<Event>>) -> io::Result<()> {
        let mut next = Some(input);
        while let Some(input) = next {
            match input {
                Some(input) => self.on_terminal(input?)?,
                None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            }
            if self.is_over() {
                return Ok(());
            }
            next = self.keys.waiting().map(Some);
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
            let unread = STEERS - turn.steer.capacity();
            self.take(Msg::Unread(unread))?;
        }
        if matches!(event.kind, EventKind::TurnFinished { .. }) && event.agent.depth() == 0 {
            self.turn = None;
        }
        self.take(Msg::Agent(Box::new(event)))
    }

    fn perform(&mut self, command: Cmd) -> io::Result<()> {
        match command {
            Cmd::Send(draft) => self.send(draft),
            Cmd::Steer(draft) => {
                if let Some(turn) = &self.turn {
                    // Where there is no room the message stays, and becomes the next turn.
                    let _ = turn.steer.try_send(message(draft, vec![]));
                }
            }
            Cmd::Answer(answer) => {
                if let Some(turn) = &self.turn {
                    // The turn may have ended meanwhile; then nobody needs the answer.
                    let _ = turn.answers.try_send(answer);
                }
            }
            Cmd::Cancel => {
                if let Some(turn) = &self.turn {
                    turn.cancel.cancel();
                }
            }
            Cmd::Mode(mode) => self.agent.set_mode(mode),
            Cmd::Suspend => self.suspend()?,
            Cmd::Redraw => self.screen.resize(self.screen.size()),
            Cmd::OpenPager => self.terminal.open_pager()?,
            Cmd::ClosePager => self.terminal.close_pager()?,
            Cmd::Notify(text) => self.screen.pass(&effects::notification(&text))?,
            Cmd::Quit => self.quit(),
        }
        Ok(())
    }

    fn send(&mut self, draft: Draft) {
        let cancel = CancellationToken::new();
        let (answers, answered) = mpsc::channel(64);
        let (steer, steered) = mpsc::channel(STEERS);
        let control =
            TurnControl { answers: Some(answered), steer: Some(steered), ..TurnControl::unattended(cancel.clone()) };
        let content = message(draft, std::mem::take(&mut self.attachments)).content;
        let events = self.agent.run(AgentRequest::message(self.key.clone(), content), control);
        self.turn = Some(Turn { events, answers, steer, cancel });
    }

    /// Leaves; what the turn said so far is shown first. The second time does not wait for it.
    fn quit(&mut self) {
        match (&self.turn, self.closing) {
            (Some(turn), None) => {
                turn.cancel.cancel();
                self.closing = Some(Instant::now() + CLOSING);
            }
            // Dropping the events cancels the turn, which is still saved.
            (Some(_), Some(_)) => self.turn = None,
            (None, _) => self.closing = Some(Instant::now()),
        }
    }

    fn is_over(&self) -> bool {
        self.closing.is_some_and(|until| self.turn.is_none() || Instant::now() >= until)
    }

    /// Leaves what was said on the screen, and nothing below it.
    fn finish(mut self) -> io::Result<Ending> {
        if self.app.pager.is_some() {
            self.terminal.close_pager()?;
        }
        let frame = view::view(&mut self.app, Instant::now());
        self.screen.draw(&frame.finished, frame.live)?;
        self.screen.clear()?;
        let (usage, said) = self.app.ending();
        Ok(Ending { usage, said, interrupted: self.terminated })
    }

    /// Stops the process as Ctrl-Z does, until `fg`.
    fn suspend(&mut self) -> io::Result<()> {
        self.screen.clear()?;
        self.terminal.suspend();
        effects::stop();
        self.terminal.resume()?;
        self.screen.forget();
        let (columns, rows) = crossterm::terminal::size()?;
        let size = Size { columns, rows };
        self.screen.resize(size);
        self.app_resized(size)
    }

    fn app_resized(&mut self, size: Size) -> io::Result<()> {
        self.take(Msg::Resize(size))
    }

    /// How long nothing need be done.
    fn wait(&self) -> Option<Duration> {
        let frame = self.drawn.filter(|_| self.dirty).map(|drawn| FRAME.saturating_sub(drawn.elapsed()));
        let closing = self.closing.map(|until| until.saturating_duration_since(Instant::now()));
        [frame, self.app.tick(), closing].into_iter().flatten().min()
    }

    fn draw_when_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let due = self.drawn.is_none_or(|drawn| now.duration_since(drawn) >= FRAME);
        if !self.dirty || !due {
            return Ok(());
        }
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

fn message(draft: Draft, mut attachments: Vec<Content>) -> Message {
    let mut content = vec![Content::text(draft.text)];
    content.append(&mut attachments);
    Message { role: Role::User, content }
}
