//! Slash commands of the agent file, filled in.

use super::SlashCommand;

impl SlashCommand {
    /// The prompt with `$ARGUMENTS` and `$1`, `$2`, … filled in; a number beyond the arguments becomes nothing. What
    /// is filled in is not looked at again, so an argument may hold a dollar.
    #[must_use]
    pub fn fill(&self, arguments: &str) -> String {
        let words: Vec<_> = arguments.split_whitespace().collect();
        let mut filled = String::with_capacity(self.prompt.len() + arguments.len());
        let mut rest = self.prompt.as_str();
        while let Some(at) = rest.find('$') {
            filled.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if let Some(after) = rest.strip_prefix("ARGUMENTS") {
                filled.push_str(arguments.trim());
                rest = after;
            } else if let Ok(number @ 1..) = rest[..digits].parse::<usize>() {
                filled.push_str(words.get(number - 1).unwrap_or(&""));
                rest = &rest[digits..];
            } else {
                filled.push('$');
            }
        }
        filled + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_filled_in_once() {
        let fill = |prompt: &str, arguments: &str| {
            SlashCommand { description: String::new(), prompt: prompt.to_owned() }.fill(arguments)
        };
        assert_eq!(fill("Fix $1 in $2", "a b c"), "Fix a in b");
        assert_eq!(fill("Do: $ARGUMENTS.", " a  b "), "Do: a  b.");
        assert_eq!(fill("$1 then $2", "$2"), "$2 then ");
        assert_eq!(fill("costs $5, $x, $0, $", ""), "costs , $x, $0, $");
        assert_eq!(fill("é$1é", "日本"), "é日本é");
    }
}
