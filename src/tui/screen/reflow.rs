//! What becomes of rows that are too long when a terminal becomes narrower.

/// What a terminal does with the rows on its screen when it becomes narrower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reflow {
    /// Rows that are too long go on in the next one.
    #[default]
    Yes,
    /// Rows are cut.
    No,
}

/// Terminals that cut, by `TERM`: the console of Linux, VT100 to VT525 and those that say they are such, the old rxvt, and
/// GNU screen.
const CUTS: &[&str] = &["linux", "ansi", "cons", "rxvt", "screen"];
/// Variables by which terminals that break rows are known, should the shell have been begun in an xterm before.
const BREAKS: &[&str] =
    &["VTE_VERSION", "KITTY_WINDOW_ID", "ALACRITTY_WINDOW_ID", "WEZTERM_PANE", "KONSOLE_VERSION", "WT_SESSION"];

impl Reflow {
    /// As the variables of the environment say. A wrong `No` leaves a row behind where a wrong `Yes` takes one away that
    /// was finished, so that it is `No` where they contradict each other.
    pub fn of<'a>(var: impl Fn(&str) -> Option<&'a str>) -> Self {
        let term = var("TERM").unwrap_or_default();
        let has = |name: &str| var(name).is_some_and(|value| !value.is_empty());
        // What runs in them is seen through them alone, and their own terminal is none of our business.
        let within = (has("STY"), has("TMUX") || has("ZELLIJ"));
        let cuts = match within {
            (true, _) => true,
            (false, true) => false,
            (false, false) => is_of(term, CUTS) || is_vt(term) || is_xterm(term, has),
        };
        if cuts { Self::No } else { Self::Yes }
    }
}

/// Whether `term` is one of `names`, in any of its variants: `rxvt-unicode` is another program than `rxvt`.
fn is_of(term: &str, names: &[&str]) -> bool {
    if term.starts_with("rxvt-unicode") {
        return false;
    }
    names.iter().any(|name| term.strip_prefix(name).is_some_and(|rest| !rest.starts_with(char::is_alphabetic)))
}

/// A VT and a number; vte is no VT.
fn is_vt(term: &str) -> bool {
    term.strip_prefix("vt").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// xterm itself, whose name the others go by too.
fn is_xterm(term: &str, has: impl Fn(&str) -> bool) -> bool {
    term.starts_with("xterm") && has("XTERM_VERSION") && !BREAKS.iter().any(|name| has(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &'static str)]) -> Reflow {
        Reflow::of(|name| vars.iter().find(|(set, _)| *set == name).map(|(_, value)| *value))
    }

    #[test]
    fn terminals_by_their_names() {
        for term in ["linux", "vt100", "vt220", "vt525-w", "ansi", "rxvt", "rxvt-16color", "screen", "screen-256color"]
        {
            assert_eq!(of(&[("TERM", term)]), Reflow::No, "{term}");
        }
        for term in
            ["xterm-256color", "vte", "vte-256color", "rxvt-unicode-256color", "foot", "xterm-kitty", "alacritty"]
        {
            assert_eq!(of(&[("TERM", term)]), Reflow::Yes, "{term}");
        }
        assert_eq!(of(&[]), Reflow::Yes);
    }

    #[test]
    fn xterm_cuts_and_what_runs_in_it_need_not() {
        let xterm = ("XTERM_VERSION", "XTerm(390)");
        assert_eq!(of(&[("TERM", "xterm-256color"), xterm]), Reflow::No);
        assert_eq!(of(&[("TERM", "tmux-256color"), xterm, ("TMUX", "/tmp/tmux-0/default,1,0")]), Reflow::Yes);
        assert_eq!(of(&[("TERM", "screen-256color"), xterm, ("TMUX", "/tmp/tmux-0/default,1,0")]), Reflow::Yes);
        assert_eq!(of(&[("TERM", "xterm-256color"), xterm, ("ZELLIJ", "0")]), Reflow::Yes);
        assert_eq!(of(&[("TERM", "xterm-256color"), xterm, ("VTE_VERSION", "7600")]), Reflow::Yes);
        assert_eq!(of(&[("TERM", "xterm-kitty"), xterm, ("KITTY_WINDOW_ID", "1")]), Reflow::Yes);
        assert_eq!(of(&[("TERM", "foot"), xterm]), Reflow::Yes, "begun from an xterm");
        assert_eq!(of(&[("TERM", "tmux-256color"), xterm]), Reflow::Yes, "over another shell");
    }

    #[test]
    fn gnu_screen_cuts_wherever_it_runs() {
        assert_eq!(of(&[("TERM", "screen"), ("STY", "1.pts-0.host")]), Reflow::No);
        assert_eq!(of(&[("TERM", "xterm-256color"), ("STY", "1.pts-0.host")]), Reflow::No);
        assert_eq!(
            of(&[("TERM", "screen"), ("STY", "1.x"), ("TMUX", "x,1,0")]),
            Reflow::No,
            "which of them is in which"
        );
        assert_eq!(of(&[("TERM", "tmux-256color"), ("STY", ""), ("TMUX", "x,1,0")]), Reflow::Yes);
    }
}
