//! The text inside a block: emphasis, code, links.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::tui::{
    text::clean,
    theme::{Role, Theme},
};

/// The lines of a paragraph, a heading or a cell: one for each line of the source, for models break lines on purpose.
pub(super) fn inline(source: &str, base: Style, theme: &Theme) -> Vec<Line<'static>> {
    // A full stop before it, taken away again, keeps the parser from finding a block in it.
    let text = format!(".{source}");
    let mut output = Output { theme, styles: vec![base], lines: vec![Line::default()], links: vec![], stop: true };
    for event in Parser::new_ext(&text, Options::ENABLE_STRIKETHROUGH) {
        output.on_event(event);
    }
    if output.lines.len() > 1 {
        output.lines.pop_if(|line| line.spans.is_empty());
    }
    output.lines
}

/// `source` with the emphasis and the code ended that are still open, as they will be once the rest is there.
pub(super) fn closed(source: &str) -> String {
    let (mut strong, mut code) = (false, false);
    let mut rest = source;
    while let Some(at) = rest.find(['*', '`']) {
        let tail = &rest[at..];
        let step = if tail.starts_with('`') {
            code = !code;
            1
        } else if tail.starts_with("**") && !code {
            strong = !strong;
            2
        } else {
            1
        };
        rest = &tail[step..];
    }
    let source = source.trim_end_matches(|c| (strong && c == '*') || (code && c == '`') || c == ' ');
    format!("{source}{}{}", if code { "`" } else { "" }, if strong { "**" } else { "" })
}

struct Output<'a> {
    theme: &'a Theme,
    styles: Vec<Style>,
    lines: Vec<Line<'static>>,
    /// Addresses of the links that are open, and the text shown for each so far.
    links: Vec<(String, String)>,
    /// The full stop is still to be taken away.
    stop: bool,
}

impl Output<'_> {
    fn on_event(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.styled(&code, self.style().patch(self.theme.style(Role::Code))),
            Event::InlineHtml(html) | Event::Html(html) if is_break(&html) => self.lines.push(Line::default()),
            Event::InlineHtml(html) | Event::Html(html) => self.text(&html),
            Event::SoftBreak | Event::HardBreak => self.lines.push(Line::default()),
            Event::Start(tag) => self.start(&tag),
            Event::End(end) => self.end(end),
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => self.text(&text),
            Event::Rule | Event::TaskListMarker(_) => {}
        }
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn start(&mut self, tag: &Tag<'_>) {
        let style = self.style();
        let style = match tag {
            Tag::Emphasis => style.add_modifier(Modifier::ITALIC),
            Tag::Strong => style.add_modifier(Modifier::BOLD),
            Tag::Strikethrough => style.add_modifier(Modifier::CROSSED_OUT),
            Tag::Link { dest_url, .. } => {
                self.links.push((dest_url.to_string(), String::new()));
                style.patch(self.theme.style(Role::Link))
            }
            Tag::Image { dest_url, .. } => {
                self.text("image: ");
                self.links.push((dest_url.to_string(), String::new()));
                style.patch(self.theme.style(Role::Link))
            }
            // What the parser takes for a block in the middle of a text.
            _ => return self.break_line(),
        };
        self.styles.push(style);
    }

    fn end(&mut self, end: TagEnd) {
        match end {
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => drop(self.styles.pop()),
            TagEnd::Link | TagEnd::Image => {
                self.styles.pop();
                let Some((address, shown)) = self.links.pop() else { return };
                if address.strip_prefix("mailto:").unwrap_or(&address) != shown {
                    self.styled(&format!(" ({address})"), self.theme.style(Role::Dim));
                }
            }
            _ => {}
        }
    }

    fn break_line(&mut self) {
        if self.lines.last().is_some_and(|line| !line.spans.is_empty()) {
            self.lines.push(Line::default());
        }
    }

    fn text(&mut self, text: &str) {
        let text = if std::mem::take(&mut self.stop) { text.strip_prefix('.').unwrap_or(text) } else { text };
        for (_, shown) in &mut self.links {
            shown.push_str(text);
        }
        self.styled(text, self.style());
    }

    fn styled(&mut self, text: &str, style: Style) {
        // An entity (`&#27;`) is a character only now.
        for (i, part) in clean(text).split('\n').enumerate() {
            if i > 0 {
                self.lines.push(Line::default());
            }
            let Some(line) = self.lines.last_mut() else { continue };
            match line.spans.last_mut() {
                _ if part.is_empty() => {}
                Some(span) if span.style == style => span.content.to_mut().push_str(part),
                _ => line.spans.push(Span::styled(part.to_owned(), style)),
            }
        }
    }
}

fn is_break(html: &str) -> bool {
    matches!(html.trim().to_ascii_lowercase().as_str(), "<br>" | "<br/>" | "<br />")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> String {
        let mark = |span: &Span<'_>| {
            let has = |modifier, sign: &'static str| if span.style.add_modifier.contains(modifier) { sign } else { "" };
            let signs = [has(Modifier::BOLD, "B"), has(Modifier::ITALIC, "I"), has(Modifier::UNDERLINED, "U")].concat();
            if signs.is_empty() { span.content.to_string() } else { format!("[{signs}:{}]", span.content) }
        };
        let lines = inline(source, Style::new(), &Theme::default());
        lines.iter().map(|line| line.spans.iter().map(mark).collect::<String>()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn emphasis_code_and_links() {
        assert_eq!(shown("**bold** and *it* and _it_"), "[B:bold] and [I:it] and [I:it]");
        assert_eq!(shown("*\"quoted\"* ~~gone~~ a_b_c"), "[I:\"quoted\"] gone a_b_c");
        assert_eq!(
            shown("[docs](https://a.b/c) <https://a.b> <me@a.b>"),
            "[U:docs] (https://a.b/c) [U:https://a.b] [U:me@a.b]"
        );
        assert_eq!(shown("![a cat](cat.png)"), "image: [U:a cat] (cat.png)");
        assert_eq!(shown("one\ntwo<br>three"), "one\ntwo\nthree");
        assert_eq!(shown("."), ".");
        assert_eq!(shown("- no list\n    # no heading"), "- no list\n# no heading");
    }

    #[test]
    fn nothing_is_hidden() {
        assert_eq!(shown("a <!-- secret --> <b onclick=x>b</b>"), "a <!-- secret --> <b onclick=x>b</b>");
        assert_eq!(shown("a\n<div>\nb</div>\n\nc"), "a\n<div>\nb</div>\nc");
        assert_eq!(shown("[a]: https://b.c"), "[a]: https://b.c");
        assert_eq!(shown("&#27;[2J &lt; &#8238;x"), "�[2J < �x");
        assert_eq!(
            shown("[https://good.example](https://evil.example)"),
            "[U:https://good.example] (https://evil.example)"
        );
    }

    #[test]
    fn what_is_open_is_closed() {
        let all = ["**bo", "a `co", "**a** b", "**", "`a*b`", "* x", "**a `b"].map(closed);
        assert_eq!(all, ["**bo**", "a `co`", "**a** b", "**", "`a*b`", "* x", "**a `b`**"]);
    }
}
