//! What commands are about: the agent that is talked to, and in which session.

use std::{collections::BTreeMap, path::PathBuf};

use super::{Command, Effect, Failure, Name, Next, Offer, Place, Step, When, offer, spent, table::COMMANDS};
use crate::{
    agent::{Agent, LocalAgent},
    config::agent_file::SlashCommand,
    domain::SessionKey,
};

/// A conversation, as commands see it. A clone is for the work of one command; what comes of it is taken over with
/// [`Talk::enter`].
#[derive(Clone)]
pub struct Talk {
    pub agent: Agent,
    pub key: SessionKey,
    /// The commands of the agent file.
    pub commands: BTreeMap<String, SlashCommand>,
    /// Where files are written.
    pub cwd: PathBuf,
    /// What can be done: a screen, or lines alone.
    pub place: Place,
}

/// Who answers in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    pub agent: String,
    pub model: String,
    /// Tokens that fit into its context, where that is known.
    pub window: Option<u64>,
}

impl Talk {
    /// Who answers the next message. Nothing where a server keeps that.
    pub async fn speaker(&self) -> Option<Speaker> {
        let Agent::Local(agent) = &self.agent else { return None };
        let agent = agent.talking(&self.key).await.ok()?;
        Some(Speaker { agent: agent.name().to_owned(), model: agent.model_name(), window: agent.context_window() })
    }

    /// What can be typed, the file's own commands last.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        let known = COMMANDS.iter().filter(|command| self.has(command)).map(|command| Offer {
            name: command.word.to_owned(),
            aliases: command.aliases,
            hint: command.hint.to_owned(),
            about: command.about.to_owned(),
            while_running: command.when == When::Always,
        });
        let own = self.commands.iter().filter(|(name, _)| Command::find(name).is_none()).map(|(name, command)| Offer {
            name: name.clone(),
            aliases: &[],
            hint: hint_of(&command.prompt).to_owned(),
            about: command.description.clone(),
            while_running: false,
        });
        known.chain(own).collect()
    }

    /// Does what was typed after the slash.
    ///
    /// # Errors
    /// Why it cannot be done, and what to do about it.
    pub async fn perform(&self, name: &str, arguments: &str) -> Result<Effect, Failure> {
        let Some(command) = Command::find(name) else { return self.own(name, arguments) };
        if !self.has(command) {
            return Err(Failure::new(format!("/{name} is for a chat that draws on the screen: leave out `--plain`")));
        }
        if command.hint.is_empty() && !arguments.is_empty() {
            return Err(Failure::new(format!("nothing can follow /{name}")));
        }
        Ok(match command.name {
            Name::Help => self.help(),
            Name::New => self.new_session(),
            Name::Sessions => self.sessions(arguments).await?,
            Name::Rename => self.rename(arguments).await?,
            Name::Delete => self.delete(arguments).await?,
            Name::Fork => self.fork(arguments).await?,
            Name::Undo => self.undo(arguments).await?,
            Name::Diff => self.diff().await?,
            Name::Agent => self.choose_agent(arguments).await?,
            Name::Model => self.choose_model(arguments).await?,
            Name::Effort => self.choose_effort(arguments).await?,
            Name::Tools => self.tools().await?,
            Name::Mcp => self.mcp().await?,
            Name::Skills => self.skills().await?,
            Name::Permissions => self.permissions(arguments).await?,
            Name::Sandbox => self.sandbox().await?,
            Name::Context => self.context().await?,
            Name::Cost => Effect::text(spent::shown(&self.usage().await?)),
            Name::Compact => self.compact(arguments).await?,
            Name::Export => self.export(arguments).await?,
            Name::Copy => self.copy().await?,
            Name::Theme => Effect::next(Next::Theme((!arguments.is_empty()).then(|| arguments.to_owned()))),
            Name::Keys => Effect::next(Next::Keys),
            Name::Editor => Effect::next(Next::Editor),
            Name::Clear => Effect::next(Next::Clear),
            Name::Exit => Effect::next(Next::Leave),
        })
    }

    /// Does what a yes was said to.
    ///
    /// # Errors
    /// As [`Talk::perform`].
    pub async fn confirmed(&self, step: Step) -> Result<Effect, Failure> {
        match step {
            Step::Compact(draft) => self.apply_compaction(&draft).await,
            Step::Delete(session) => self.delete_now(session).await,
        }
    }

    /// Takes over what a command changed: the session, the mode.
    pub fn enter(&mut self, next: &Next) {
        match next {
            Next::Session(entered) => self.key = entered.key.clone(),
            Next::Mode(mode) => self.agent.set_mode(*mode),
            Next::Nothing
            | Next::Pick(_)
            | Next::Confirm(_)
            | Next::Speaker
            | Next::Send(_)
            | Next::Copy(_)
            | Next::Theme(_)
            | Next::Keys
            | Next::Editor
            | Next::Clear
            | Next::Leave => {}
        }
    }

    /// To be told before each message that is sent: what the agent changes from here on came of it, and [`Name::Undo`] can
    /// go back to it. What cannot be kept cannot be gone back to; the message is sent all the same.
    pub async fn mark(&self) {
        mark(&self.agent, &self.key).await;
    }

    fn has(&self, command: &Command) -> bool {
        command.place == Place::Anywhere || self.place == Place::Screen
    }

    fn help(&self) -> Effect {
        let mut offers: Vec<_> = self
            .offers()
            .into_iter()
            .map(|offer| (format!("/{} {}", offer.name, offer.hint).trim_end().to_owned(), offer.about))
            .collect();
        offers.push(("!COMMAND".to_owned(), "run a command of your own shell".to_owned()));
        if self.place == Place::Anywhere {
            offers.push(("Ctrl-C".to_owned(), "stop the answer; twice, or at the prompt, leave".to_owned()));
        }
        let widest = offers.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let lines = offers.iter().map(|(name, about)| format!("{name:<widest$}  {about}").trim_end().to_owned() + "\n");
        Effect::text(lines.collect::<String>())
    }

    /// A command of the agent file: the prompt that it stands for.
    fn own(&self, name: &str, arguments: &str) -> Result<Effect, Failure> {
        match self.commands.get(name) {
            Some(command) => Ok(Effect::next(Next::Send(command.fill(arguments)))),
            None => {
                let offers = self.offers();
                Err(Failure::new(offer::unknown(name, offers.iter().map(|offer| offer.name.as_str()))))
            }
        }
    }

    /// The agent in this process that the user talks to.
    pub(super) async fn here(&self, name: Name) -> Result<LocalAgent, Failure> {
        match &self.agent {
            Agent::Local(agent) => Ok(agent.talking(&self.key).await?),
            Agent::Remote(_) => {
                let word = COMMANDS.iter().find(|command| command.name == name).map_or("", |command| command.word);
                Err(Failure::new(format!(
                    "/{word} cannot be done from here: the agent runs on a server, which keeps that to itself"
                )))
            }
        }
    }
}

/// As [`Talk::mark`].
pub async fn mark(agent: &Agent, key: &SessionKey) {
    let Agent::Local(agent) = agent else { return };
    // A session that is new has no messages.
    let messages = agent.sessions().info(key).await.map_or(0, |info| info.messages);
    let journal = agent.boxes().journal_of_session(key);
    let _ = tokio::task::spawn_blocking(move || journal.mark(messages)).await;
}

/// What a prompt of the agent file wants filled in.
fn hint_of(prompt: &str) -> &'static str {
    let numbered = prompt.split('$').skip(1).any(|after| after.starts_with(|c: char| matches!(c, '1'..='9')));
    if numbered || prompt.contains("$ARGUMENTS") { "[ARGUMENTS]" } else { "" }
}
