//! What the app asks for, done.

use std::{io, path::PathBuf, sync::Arc, time::Instant};

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CLOSING, Running, Turn};
use crate::{
    agent::{AgentRequest, Steer, Steering, TurnControl, attach, chain},
    domain::{Content, Message, Role},
    tui::{
        app::{Cmd, Msg},
        commands::{self, Failure, Next},
        composer::{self, Draft},
        effects,
        kept::Kept,
    },
};

impl Running {
    pub(super) fn perform(&mut self, command: Cmd) -> io::Result<()> {
        match command {
            Cmd::Send(draft) => return self.send(draft),
            Cmd::Remember(text) => {
                let recall = self.recall.clone();
                // A message is sent also where it cannot be kept.
                tokio::task::spawn_blocking(move || recall.add(&text).is_ok());
            }
            Cmd::Keep(draft) => self.keep(draft),
            Cmd::Find(request) => self.find(request),
            Cmd::Edit(text) => self.edit(text, Msg::Edited)?,
            Cmd::EditSummary(draft) => {
                let text = draft.summary.clone();
                self.edit(text, |edited| Msg::Summary(draft, edited))?;
            }
            Cmd::Reattach => {
                self.sent.append(&mut self.attachments);
                self.attachments = std::mem::take(&mut self.sent);
            }
            Cmd::Steer(draft) => return self.steer(&draft),
            Cmd::TakeBack => {
                if let Some(turn) = &self.turn
                    && turn.steering.take_back().is_some()
                {
                    return self.take(Msg::TakenBack);
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
            Cmd::Mode(mode) => self.talk.agent.set_mode(mode),
            Cmd::Command { name, arguments } => {
                let talk = self.talk.clone();
                self.run_aside(async move { Msg::Effect(talk.perform(&name, &arguments).await) });
            }
            Cmd::Confirmed(step) => {
                let talk = self.talk.clone();
                self.run_aside(async move { Msg::Effect(talk.confirmed(step).await) });
            }
            Cmd::Shell(line) => {
                let shell = self.env.var("SHELL").unwrap_or("/bin/sh").to_owned();
                let folder = self.env.cwd.clone();
                self.run_aside(async move { Msg::Shell(commands::shell(&line, &shell, &folder).await) });
            }
            Cmd::StopAside => {
                if let Some(aside) = self.aside.take() {
                    aside.abort();
                }
            }
            Cmd::Enter(entered) => {
                let history = entered.history;
                self.talk.enter(&Next::Session(entered));
                if history {
                    self.load_session();
                }
                self.look_at_sandbox();
                self.ask_speaker();
            }
            Cmd::AskSpeaker => self.ask_speaker(),
            Cmd::Copy(text) => return self.copy(&text),
            Cmd::Clear => self.screen.scroll_away()?,
            Cmd::Suspend => self.suspend()?,
            Cmd::Redraw => self.screen.resize(self.screen.size()),
            Cmd::OpenPager => self.terminal.open_pager()?,
            Cmd::ClosePager => self.terminal.close_pager()?,
            Cmd::Notify(text) => self.screen.pass(&effects::notification(&text))?,
            Cmd::Quit => self.quit(),
        }
        Ok(())
    }

    fn send(&mut self, draft: Draft) -> io::Result<()> {
        let files = match attach::attach(&draft.attachments, &self.env.cwd) {
            Ok(files) => files,
            Err(error) => return self.take(Msg::Refused(draft, chain(&error))),
        };
        let cancel = CancellationToken::new();
        let (answers, answered) = mpsc::channel(64);
        let steering = Steering::default();
        let control = TurnControl {
            answers: Some(answered),
            steer: Some(Steer::Queue(steering.clone())),
            ..TurnControl::unattended(cancel.clone())
        };
        let mut attachments = std::mem::take(&mut self.attachments);
        self.sent.clone_from(&attachments);
        attachments.extend(files);
        let content = message(&draft, attachments).content;
        let talk = self.talk.clone();
        let request = AgentRequest::message(talk.key.clone(), content);
        // What the agent changes from here on came of this message.
        let begun = async move {
            talk.mark().await;
            talk.agent.run(request, control)
        };
        let events = begun.into_stream().flatten().boxed();
        self.turn = Some(Turn { events, answers, steering, cancel });
        Ok(())
    }

    /// Sends into the turn that runs.
    fn steer(&mut self, draft: &Draft) -> io::Result<()> {
        let Some(turn) = &self.turn else { return Ok(()) };
        match attach::attach(&draft.attachments, &self.env.cwd) {
            Ok(files) => turn.steering.push(message(draft, files)),
            Err(error) => {
                self.take(Msg::TakenBack)?;
                return self.take(Msg::Crashed(format!("not sent: {}", chain(&error))));
            }
        }
        Ok(())
    }

    /// Keeps what is not sent, beside what goes on.
    fn keep(&mut self, draft: Option<Kept>) {
        self.keeps += 1;
        let (keeper, number, told) = (Arc::clone(&self.keeper), self.keeps, self.told.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = keeper.keep(number, draft.as_ref()) {
                let _ = told.send(Msg::NotKept(error.to_string()));
            }
        });
    }

    /// Does something beside the turns; one at a time.
    fn run_aside(&mut self, work: impl Future<Output = Msg> + Send + 'static) {
        let told = self.told.clone();
        let task = tokio::spawn(async move {
            let _ = told.send(work.await);
        });
        self.aside = Some(task.abort_handle());
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        let in_tmux = self.env.var("TMUX").is_some();
        match effects::clipboard(text, in_tmux) {
            Ok(bytes) => {
                self.screen.pass(&bytes)?;
                self.take(Msg::Copied { characters: text.chars().count(), in_tmux })
            }
            Err(why) => self.take(Msg::Effect(Err(Failure::from(why)))),
        }
    }

    fn find(&self, request: composer::Request) {
        let (told, folder, finder) = (self.told.clone(), self.env.cwd.clone(), Arc::clone(&self.finder));
        let home = self.env.var("HOME").map(PathBuf::from);
        tokio::task::spawn_blocking(move || {
            let _ = told.send(match request {
                composer::Request::Files { id, query } => Msg::Files(id, finder.find(&query)),
                composer::Request::Paths { id, paths } => {
                    Msg::Paths(id, composer::look_up(&paths, &folder, home.as_deref()))
                }
            });
        });
    }

    /// Gives the terminal to the user's editor. The turn goes on meanwhile, unseen.
    fn edit(
        &mut self,
        text: String,
        told_as: impl FnOnce(Result<String, String>) -> Msg + Send + 'static,
    ) -> io::Result<()> {
        self.screen.clear()?;
        self.keys = None;
        self.away = true;
        self.terminal.suspend();
        let editor = effects::editor(&self.env);
        let told = self.told.clone();
        tokio::spawn(async move {
            let _ = told.send(told_as(effects::edit(&editor, text).await));
        });
        Ok(())
    }

    /// Stops the process as Ctrl-Z does, until `fg`.
    fn suspend(&mut self) -> io::Result<()> {
        self.screen.clear()?;
        self.terminal.suspend();
        effects::stop();
        self.suspended = Some(Instant::now());
        self.back()
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
}

fn message(draft: &Draft, mut attachments: Vec<Content>) -> Message {
    let mut content = vec![Content::text(&draft.text)];
    content.append(&mut attachments);
    Message::new(Role::User, content)
}
