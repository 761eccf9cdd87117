//! `/undo` and `/diff`: what the agent changed in the user's folder, and what was said.

use super::{Effect, Failure, Name, Next, Part, Pick, Talk, sessions::Prompt};
use crate::{
    agent::LocalAgent,
    domain::SessionId,
    sandbox::workspace::{Journal, Mark, Record, Refused, UndoError, Undone, patch},
    tui::picker::Choice,
};

/// Files that are named in a preview.
const MOST_FILES: usize = 20;

/// What is to be gone back to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Code,
    Talk,
    Both,
}

/// What the journal of a session says.
struct Past {
    records: Vec<Record>,
    marks: Vec<Mark>,
}

impl Talk {
    pub(super) async fn undo(&self, arguments: &str) -> Result<Effect, Failure> {
        let agent = self.here(Name::Undo).await?;
        let prompts = self.prompts().await?;
        let journal = agent.boxes().journal_of_session(&self.key);
        let past = Past::read(&journal).await?;
        let (number, what) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
        if number.is_empty() {
            return Ok(Effect::next(Next::Pick(past.pick(&prompts))));
        }
        let prompt = Prompt::find(&prompts, number)?;
        let since = past.since(&prompts, prompt);
        let what = match what.trim() {
            "" => return Ok(Effect::next(Next::Pick(past.ways(&prompts, prompt, since)))),
            "code" => What::Code,
            "talk" => What::Talk,
            "both" => What::Both,
            other => {
                return Err(Failure::new(format!("`{}` cannot be taken back", crate::tool::cap::short(other, 20)))
                    .hint("code, talk or both"));
            }
        };
        let mut effect = Effect::default();
        if what != What::Talk {
            let call = since.ok_or_else(unknown)?;
            let undone = in_background(move || journal.undo(call, false)).await?;
            effect = told(&undone.map_err(|error| self.refused(&error, call))?);
        }
        if what != What::Code {
            self.back_to(prompt, &agent, &mut effect).await?;
        }
        Ok(effect)
    }

    /// Takes the message and what followed out of the session. All of it stays in a copy.
    async fn back_to(&self, prompt: &Prompt, agent: &LocalAgent, effect: &mut Effect) -> Result<(), Failure> {
        let copy = SessionId::new();
        agent.sessions().fork(&self.key, None, copy.clone()).await?;
        agent.sessions().truncate(&self.key, prompt.at).await?;
        let text = format!("you are back before message {}; what followed stays in session {copy}\n", prompt.at);
        effect.parts.push(Part::Text(text));
        effect.next = self.entered(self.key.session.clone(), true, Some(prompt.text.clone()));
        Ok(())
    }

    fn refused(&self, error: &UndoError, call: u64) -> Failure {
        let hint = matches!(error, UndoError::Changed(_)).then(|| {
            format!(
                "nothing was touched; `agentscope session undo {} --to {call} --force` takes them back as well",
                self.key.session
            )
        });
        Failure::of(error, hint)
    }

    pub(super) async fn diff(&self) -> Result<Effect, Failure> {
        let agent = self.here(Name::Diff).await?;
        let journal = agent.boxes().journal_of_session(&self.key);
        let copy = agent.boxes().workspace_of_session(&self.key).await?;
        let done = in_background(move || journal.differences()).await?;
        let done = done.map_err(|error| Failure::new(format!("could not compare the workspace: {error}")))?;
        let (pending, refused) = match copy {
            Some(copy) => in_background(move || copy.differences()).await??,
            None => (vec![], vec![]),
        };
        let mut parts = vec![];
        if !done.is_empty() {
            parts.push(Part::Patch(patch(&done)));
        }
        if !pending.is_empty() {
            let hint = format!("`agentscope session diff {} --apply` takes it over", self.key.session);
            parts.push(Part::Text(format!("in the private copy, not in the folder; {hint}:\n")));
            parts.push(Part::Patch(patch(&pending)));
        }
        if parts.is_empty() {
            parts.push(Part::Text("no difference\n".to_owned()));
        }
        Ok(Effect { parts, next: Next::Nothing }.warn(
            refused
                .iter()
                .map(|Refused { path, reason }| format!("`{}` would not be taken over: {reason}", path.display())),
        ))
    }
}

impl Past {
    async fn read(journal: &Journal) -> Result<Self, Failure> {
        let journal = journal.clone();
        let read = in_background(move || Ok((journal.records()?, journal.marks()?))).await?;
        let unread = |error: std::io::Error| Failure::new(format!("could not read what the session changed: {error}"));
        let (records, marks) = read.map_err(unread)?;
        Ok(Self { records, marks })
    }

    /// The number that the first change after a message has or would have; `None` where that was not kept.
    fn since(&self, prompts: &[Prompt], prompt: &Prompt) -> Option<u64> {
        let before = prompts.iter().rev().map(|prompt| prompt.at).find(|at| *at < prompt.at);
        // Results of calls that were cut off may come between the mark and the message.
        let fits = |mark: &&Mark| mark.messages <= prompt.at && before.is_none_or(|before| mark.messages > before);
        self.marks.iter().rev().find(fits).map(|mark| mark.call)
    }

    /// The paths that were changed from a call on, each once.
    fn changed(&self, since: u64) -> Vec<String> {
        let mut paths: Vec<_> = self
            .records
            .iter()
            .filter(|record| record.call >= since)
            .flat_map(|record| record.changes.iter().map(|change| change.path.display().to_string()))
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    fn pick(&self, prompts: &[Prompt]) -> Pick {
        let choice = |prompt: &Prompt| {
            let choice = prompt.choice();
            match self.since(prompts, prompt).map(|call| self.changed(call).len()) {
                Some(changed @ 1..) => {
                    let about = format!("{}, {} changed since", choice.about, files(changed));
                    choice.about(about)
                }
                Some(0) | None => choice,
            }
        };
        Pick {
            title: "go back to before".to_owned(),
            choices: prompts.iter().rev().map(choice).collect(),
            current: None,
            command: "undo",
        }
    }

    /// What can be taken back, with what would become of it.
    fn ways(&self, prompts: &[Prompt], prompt: &Prompt, since: Option<u64>) -> Pick {
        let gone = prompts.iter().filter(|other| other.at >= prompt.at).count();
        let talk = format!("{gone} of your messages and their answers are left out of what follows");
        let changed = since.map(|call| self.changed(call));
        let code = match &changed {
            Some(changed) => {
                let more = changed.len().saturating_sub(MOST_FILES);
                let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
                let names = changed.iter().take(MOST_FILES).cloned().collect::<Vec<_>>().join("\n");
                format!("{} as they were:\n{names}{more}", files(changed.len()))
            }
            None => String::new(),
        };
        let why_not = match &changed {
            None => Some(unknown().text),
            Some(changed) if changed.is_empty() => Some("no file was changed since".to_owned()),
            Some(_) => None,
        };
        let number = prompt.at;
        let with_code = |word: &str, title: &str, preview: String| Choice {
            unavailable: why_not.clone(),
            ..Choice::new(format!("{number} {word}"), title).preview(preview)
        };
        Pick {
            title: "take back".to_owned(),
            choices: vec![
                with_code("both", "the code and the conversation", format!("{code}\n{talk}")),
                Choice::new(format!("{number} talk"), "the conversation").preview(talk.clone()),
                with_code("code", "the code", code.clone()),
            ],
            current: None,
            command: "undo",
        }
    }
}

fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    }
}

fn unknown() -> Failure {
    Failure::new("what was changed after this message was not kept apart")
}

fn told(undone: &Undone) -> Effect {
    let lines: String = undone.changes.iter().map(|change| change.told() + "\n").collect();
    let lines = if lines.is_empty() { "no file was changed since\n".to_owned() } else { lines };
    Effect::text(lines).warn(
        undone.refused.iter().map(|Refused { path, reason }| format!("`{}` stays as it is: {reason}", path.display())),
    )
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::new(format!("the work broke off: {error}")))
}
