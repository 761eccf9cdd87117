//! `/new`, `/sessions`, `/rename`, `/delete`, `/fork`, `/export`, `/copy`.

use std::{io::Write as _, path::PathBuf};

use jiff::tz::TimeZone;

use super::{Confirm, Effect, Entered, Failure, Name, Next, Part, Pick, Step, Talk};
use crate::{
    agent::Agent,
    domain::{Content, Message, Role, SessionId, SessionKey},
    store::{Export, SessionInfo, SessionUsage},
    tool::cap,
    tui::picker::Choice,
};

/// Sessions whose last words are shown beside them: reading them takes time.
const MOST_PREVIEWS: usize = 20;
/// The same: a session of more messages is not read for that.
const MOST_MESSAGES: u64 = 400;
/// Bytes of a message in a list or a preview.
const MOST_TEXT: usize = 300;

impl Talk {
    pub(super) fn new_session(&self) -> Effect {
        let session = SessionId::new();
        let text = format!("new session {session}\n");
        Effect::text(text).then(self.entered(session, false, None))
    }

    pub(super) async fn sessions(&self, id: &str) -> Result<Effect, Failure> {
        if id.is_empty() {
            return self.pick_session("sessions", "sessions").await;
        }
        let info = self.find(id).await?;
        let text = format!("session {}: {}\n", info.id, title(&info));
        Ok(Effect::text(text).then(self.entered(info.id, true, None)))
    }

    pub(super) async fn rename(&self, title: &str) -> Result<Effect, Failure> {
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if title.is_empty() {
            return Err(Failure::new("write the title after /rename"));
        }
        match &self.agent {
            Agent::Local(agent) => agent.sessions().rename(&self.key, &title).await.map_err(unsaid)?,
            Agent::Remote(agent) => agent.rename(&self.key.session, &title).await?,
        }
        Ok(Effect::text(format!("this session is called `{title}` now\n")))
    }

    pub(super) async fn delete(&self, id: &str) -> Result<Effect, Failure> {
        if id.is_empty() {
            return self.pick_session("delete a session", "delete").await;
        }
        let info = self.find(id).await?;
        let question = format!("delete `{}`, with its {} messages, for good", title(&info), info.messages);
        Ok(Effect::next(Next::Confirm(Confirm { question, then: Step::Delete(info.id) })))
    }

    pub(super) async fn delete_now(&self, session: SessionId) -> Result<Effect, Failure> {
        let key = SessionKey { user: self.key.user.clone(), session: session.clone() };
        match &self.agent {
            Agent::Local(agent) => {
                agent.sessions().remove(&key).await?;
                agent.forget(&key).await?;
            }
            Agent::Remote(agent) => agent.remove(&session).await?,
        }
        let done = Effect::text(format!("deleted {session}\n"));
        // Who deletes the session that is talked in goes on in a new one.
        Ok(if session == self.key.session { done.then(self.new_session().next) } else { done })
    }

    pub(super) async fn fork(&self, from: &str) -> Result<Effect, Failure> {
        let agent = self.here(Name::Fork).await?;
        let prompts = self.prompts().await?;
        let keep = match from {
            "" => {
                let all = Choice::new("all", "from here").about("with everything that was said");
                let before = prompts.iter().rev().map(Prompt::choice);
                return Ok(Effect::next(Next::Pick(Pick {
                    title: "go on in a copy, from before".to_owned(),
                    choices: std::iter::once(all).chain(before).collect(),
                    current: None,
                    command: "fork",
                })));
            }
            "all" => None,
            number => Some(Prompt::find(&prompts, number)?),
        };
        let session = SessionId::new();
        let messages = keep.map(|prompt| prompt.at);
        agent.sessions().fork(&self.key, messages, session.clone()).await.map_err(unsaid)?;
        let text = format!("session {session}, a copy of {}\n", self.key.session);
        Ok(Effect::text(text).then(self.entered(session, true, keep.map(|prompt| prompt.text.clone()))))
    }

    pub(super) async fn export(&self, file: &str) -> Result<Effect, Failure> {
        let export = self.read().await?;
        let name =
            if file.is_empty() { PathBuf::from(format!("{}.md", self.key.session)) } else { PathBuf::from(file) };
        let json = name.extension().is_some_and(|extension| extension == "json");
        let text = match json {
            true => serde_json::to_string_pretty(&export).map_err(|error| Failure::of(&error, None::<String>))? + "\n",
            false => export.markdown(),
        };
        let path = self.cwd.join(&name);
        let written = tokio::task::spawn_blocking(move || {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
            file.write_all(text.as_bytes())
        });
        let failed = |error: std::io::Error| {
            let told = Failure::new(format!("could not write `{}`: {error}", name.display()));
            match error.kind() {
                std::io::ErrorKind::AlreadyExists => told.hint("name a file that is not there yet"),
                _ => told,
            }
        };
        written.await.map_err(std::io::Error::other).and_then(|written| written).map_err(failed)?;
        Ok(Effect::text(format!("written to {}\n", name.display())))
    }

    pub(super) async fn copy(&self) -> Result<Effect, Failure> {
        let messages = self.read().await?.messages;
        let last = messages.iter().rev().filter(|message| message.role == Role::Assistant).map(Message::text);
        match last.into_iter().find(|text| !text.trim().is_empty()) {
            Some(text) => Ok(Effect::next(Next::Copy(text))),
            None => Err(Failure::new("there is no answer to copy yet")),
        }
    }

    /// What was said by the user, with its place in the session, the oldest first.
    pub(super) async fn prompts(&self) -> Result<Vec<Prompt>, Failure> {
        let messages = self.read().await?.messages;
        let prompts: Vec<_> = messages.iter().zip(0..).filter_map(|(message, at)| Prompt::of(message, at)).collect();
        if prompts.is_empty() { Err(nothing_said()) } else { Ok(prompts) }
    }

    /// What was said in this session, and what that used; nothing where it is new.
    ///
    /// # Errors
    /// A store, or a server, that does not give it.
    pub async fn said(&self) -> Result<(Vec<Message>, SessionUsage), Failure> {
        match &self.agent {
            Agent::Local(agent) => {
                let sessions = agent.sessions();
                Ok((sessions.history(&self.key).await?, sessions.usage(&self.key).await?))
            }
            Agent::Remote(_) => match self.read().await {
                Err(failure) if failure == nothing_said() => Ok((vec![], SessionUsage::default())),
                read => read.map(|Export { messages, usage, .. }| (messages, usage)),
            },
        }
    }

    /// The whole of this session.
    async fn read(&self) -> Result<Export, Failure> {
        match &self.agent {
            Agent::Local(agent) => Export::read(agent.sessions(), &self.key).await.map_err(unsaid),
            Agent::Remote(agent) => agent.export(&self.key.session).await.map_err(|error| match error {
                crate::agent::RemoteError::Refused { status: 404, .. } => nothing_said(),
                error => error.into(),
            }),
        }
    }

    async fn list(&self) -> Result<Vec<SessionInfo>, Failure> {
        match &self.agent {
            Agent::Local(agent) => {
                let mut sessions = agent.sessions().sessions(Some(&self.key.user)).await?;
                sessions.retain(|info| info.agent == agent.name());
                Ok(sessions)
            }
            Agent::Remote(agent) => Ok(agent.sessions().await?),
        }
    }

    /// The session of an id, of the start or the end of one, or `last` for the one used last besides this.
    async fn find(&self, id: &str) -> Result<SessionInfo, Failure> {
        let mut all = self.list().await?;
        if let Some(at) = all.iter().position(|info| info.id.as_str() == id) {
            return Ok(all.swap_remove(at));
        }
        if id == "last" {
            let other = all.into_iter().find(|info| info.id != self.key.session);
            return other.ok_or_else(|| Failure::new("there is no other session of this agent"));
        }
        all.retain(|info| info.id.as_str().starts_with(id) || info.id.as_str().ends_with(id));
        match all.len() {
            1 => Ok(all.swap_remove(0)),
            0 => {
                Err(Failure::new(format!("no session `{}` of this agent", cap::short(id, 60)))
                    .hint("/sessions lists them"))
            }
            many => Err(Failure::new(format!("{many} sessions begin or end with `{id}`")).hint("write more of the id")),
        }
    }

    async fn pick_session(&self, heading: &str, command: &'static str) -> Result<Effect, Failure> {
        let sessions = self.list().await?;
        if sessions.is_empty() {
            return Err(Failure::new("there are no sessions of this agent yet"));
        }
        let mut choices = vec![];
        for (at, info) in sessions.iter().enumerate() {
            let used = info.updated_at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
            let about = format!("{} messages, {used}", info.messages);
            let preview = if at < MOST_PREVIEWS { self.preview(info).await } else { String::new() };
            choices.push(Choice::new(info.id.as_str(), title(info)).about(about).preview(preview));
        }
        Ok(Effect::next(Next::Pick(Pick {
            title: heading.to_owned(),
            choices,
            current: Some(self.key.session.to_string()),
            command,
        })))
    }

    /// How a session ended.
    async fn preview(&self, info: &SessionInfo) -> String {
        let head = format!("{}\n", info.id);
        let Agent::Local(agent) = &self.agent else { return head };
        if info.messages > MOST_MESSAGES {
            return head;
        }
        let key = SessionKey { user: info.user.clone(), session: info.id.clone() };
        let messages = agent.sessions().history(&key).await.unwrap_or_default();
        let said = messages.iter().filter(|message| message.role != Role::Tool && !message.text().trim().is_empty());
        let mut last: Vec<_> = said.rev().take(4).map(spoken).collect();
        last.reverse();
        format!("{head}\n{}", last.join("\n"))
    }

    pub(super) fn entered(&self, session: SessionId, history: bool, prompt: Option<String>) -> Next {
        let key = SessionKey { user: self.key.user.clone(), session };
        Next::Session(Entered { key, history, prompt })
    }
}

/// A session is kept from its first message on.
fn unsaid(error: crate::store::StoreError) -> Failure {
    match error {
        crate::store::StoreError::NotFound(_) => nothing_said(),
        error => error.into(),
    }
}

fn nothing_said() -> Failure {
    Failure::new("nothing was said in this session yet")
}

fn title(info: &SessionInfo) -> String {
    if info.title.is_empty() { "(no messages yet)".to_owned() } else { info.title.replace('\n', " ") }
}

fn spoken(message: &Message) -> String {
    let who = if message.role == Role::User { "You" } else { "Agent" };
    format!("{who}: {}\n", cap::short(message.text().trim(), MOST_TEXT))
}

/// A message of the user.
pub(super) struct Prompt {
    /// Messages of the session before it.
    pub(super) at: u64,
    pub(super) text: String,
}

impl Prompt {
    fn of(message: &Message, at: u64) -> Option<Self> {
        // What is attached follows what was typed.
        let typed = message.content.iter().find_map(|part| match part {
            Content::Text { text } => Some(text.clone()),
            _ => None,
        });
        let summary = message.content.iter().any(|part| matches!(part, Content::Summary { .. }));
        (message.role == Role::User && !summary).then(|| Self { at, text: typed.unwrap_or_default() })
    }

    /// That of a number, as the lists give it.
    pub(super) fn find<'a>(prompts: &'a [Self], number: &str) -> Result<&'a Self, Failure> {
        let number = number.trim();
        let found = number.parse().ok().and_then(|at: u64| prompts.iter().find(|prompt| prompt.at == at));
        found.ok_or_else(|| {
            let known = prompts.iter().map(|prompt| prompt.at.to_string()).collect::<Vec<_>>().join(", ");
            Failure::new(format!("message `{}` is none of yours", cap::short(number, 20)))
                .hint(format!("your messages are {}", cap::short(&known, 200)))
        })
    }

    pub(super) fn choice(&self) -> Choice {
        let line = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        Choice::new(self.at.to_string(), cap::short(&line, MOST_TEXT))
            .about(format!("message {}", self.at))
            .preview(self.text.clone())
    }
}

impl Effect {
    pub(super) fn warn(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.parts.extend(warnings.into_iter().map(Part::Warning));
        self
    }
}
