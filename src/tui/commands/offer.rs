//! What can be typed: how a line is read, and the commands that are offered.

/// A command that can be typed, as lists and completion show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Without the slash.
    pub name: String,
    /// Other words for it.
    pub aliases: &'static [&'static str],
    /// What may follow, such as `[NAME]`; empty where nothing may.
    pub hint: String,
    pub about: String,
    /// Whether it can be done while the agent works.
    pub while_running: bool,
}

impl Offer {
    /// Whether `word` means this command.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        self.name == word || self.aliases.contains(&word)
    }
}

/// How a line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// For the agent.
    Message(&'a str),
    /// For the shell: begins with `!`.
    Shell(&'a str),
    /// Begins with `/`. A space in front makes a message of it.
    Command { name: &'a str, arguments: &'a str },
}

impl<'a> Line<'a> {
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        if let Some(command) = text.strip_prefix('/') {
            let (name, arguments) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
            return Self::Command { name: name.trim_end(), arguments: arguments.trim() };
        }
        match text.strip_prefix('!') {
            Some(command) if !command.trim().is_empty() => Self::Shell(command.trim()),
            Some(_) | None => Self::Message(text),
        }
    }
}

/// What to say of a command that there is not.
#[must_use]
pub fn unknown<'a>(name: &str, offers: impl IntoIterator<Item = &'a str>) -> String {
    let name = crate::tool::cap::short(name, 40);
    let similar = offers
        .into_iter()
        .map(|offer| (strsim::jaro_winkler(offer, &name), offer))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match similar {
        Some((_, similar)) => format!("there is no command /{name}: did you mean /{similar}?"),
        None => format!("there is no command /{name}: /help lists them; a space in front makes a message of it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let command = |name, arguments| Line::Command { name, arguments };
        assert_eq!(Line::read("/model  openai/gpt "), command("model", "openai/gpt"));
        assert_eq!(Line::read("/compact keep\nthe names"), command("compact", "keep\nthe names"));
        assert_eq!(Line::read("/"), command("", ""));
        assert_eq!(Line::read(" /etc/passwd"), Line::Message(" /etc/passwd"));
        assert_eq!(Line::read("! git status"), Line::Shell("git status"));
        assert_eq!(Line::read("!"), Line::Message("!"));
        assert_eq!(Line::read("hi / !"), Line::Message("hi / !"));
    }

    #[test]
    fn an_unknown_command_is_told_of() {
        let offers = ["help", "model", "exit"];
        assert_eq!(unknown("modle", offers), "there is no command /modle: did you mean /model?");
        insta::assert_snapshot!(
            unknown("usr/bin", offers),
            @"there is no command /usr/bin: /help lists them; a space in front makes a message of it"
        );
    }
}
