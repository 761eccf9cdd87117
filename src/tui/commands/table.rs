//! The table of the commands that every chat has.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Help,
    New,
    Sessions,
    Rename,
    Delete,
    Fork,
    Undo,
    Diff,
    Agent,
    Model,
    Effort,
    Tools,
    Mcp,
    Skills,
    Permissions,
    Sandbox,
    Context,
    Cost,
    Compact,
    Export,
    Copy,
    Theme,
    Keys,
    Editor,
    Clear,
    Exit,
}

/// When a command can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Also while the agent works.
    Always,
    /// It changes what the agent works on.
    Idle,
}

/// Where a command means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Anywhere,
    /// Where something is drawn.
    Screen,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    pub name: Name,
    pub word: &'static str,
    /// Other words for it.
    pub aliases: &'static [&'static str],
    /// What may follow; in angle brackets where something has to.
    pub hint: &'static str,
    pub about: &'static str,
    pub when: When,
    pub place: Place,
}

const fn row(name: Name, word: &'static str, hint: &'static str, about: &'static str) -> Command {
    Command { name, word, aliases: &[], hint, about, when: When::Always, place: Place::Anywhere }
}

impl Command {
    const fn idle(self) -> Self {
        Self { when: When::Idle, ..self }
    }

    const fn on_screen(self) -> Self {
        Self { place: Place::Screen, ..self }
    }

    /// The command that a word stands for.
    #[must_use]
    pub fn find(word: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|command| command.word == word || command.aliases.contains(&word))
    }
}

/// In the order in which they are shown.
pub const COMMANDS: &[Command] = &[
    row(Name::Help, "help", "", "this list"),
    row(Name::New, "new", "", "begin a new session").idle(),
    row(Name::Sessions, "sessions", "[ID]", "go on with an earlier session").idle(),
    row(Name::Rename, "rename", "<TITLE>", "give this session a title"),
    row(Name::Delete, "delete", "[ID]", "delete a session").idle(),
    row(Name::Fork, "fork", "[N|all]", "go on in a copy, of all or from before message N").idle(),
    row(Name::Undo, "undo", "[N] [code|talk|both]", "go back to before message N").idle(),
    row(Name::Diff, "diff", "", "show what this session changed"),
    row(Name::Agent, "agent", "[NAME]", "talk to another agent of the team").idle(),
    row(Name::Model, "model", "[NAME]", "have another model answer").idle(),
    row(Name::Effort, "effort", "[none|low|medium|high|TOKENS]", "how hard the model thinks").idle(),
    row(Name::Tools, "tools", "", "the tools the agent has"),
    row(Name::Mcp, "mcp", "", "the MCP servers, and whether they answer"),
    row(Name::Skills, "skills", "", "the skills the agent has"),
    row(Name::Permissions, "permissions", "[ask|auto|plan|deny]", "what is allowed, and what is asked about"),
    row(Name::Sandbox, "sandbox", "", "where programs of the agent run"),
    row(Name::Context, "context", "", "what fills the model's context"),
    row(Name::Cost, "cost", "", "tokens and money used so far"),
    row(Name::Compact, "compact", "[GUIDANCE]", "summarise the older part of the conversation").idle(),
    row(Name::Export, "export", "[FILE]", "write the session as Markdown, or JSON for a name in .json"),
    row(Name::Copy, "copy", "", "copy the last answer").on_screen(),
    row(Name::Theme, "theme", "[dark|light]", "the colours").on_screen(),
    row(Name::Keys, "keys", "", "the keys").on_screen(),
    row(Name::Editor, "editor", "", "write the message in $EDITOR").on_screen(),
    row(Name::Clear, "clear", "", "clear the screen").on_screen(),
    Command { aliases: &["quit"], ..row(Name::Exit, "exit", "", "leave") },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_word_stands_for_one_command() {
        let words: Vec<_> = COMMANDS.iter().flat_map(|row| row.aliases.iter().chain([&row.word])).collect();
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len());
        assert_eq!(Command::find("quit").unwrap().name, Name::Exit);
        assert!(Command::find("hlep").is_none());
    }
}
