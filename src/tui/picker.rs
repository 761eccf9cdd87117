//! A list to choose from by a few letters, with a preview of what is selected: sessions, models, files, commands. Pure.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{
    layout::Position,
    style::Modifier,
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    composer::{Chord, ranked},
    text::{clean, cut, cut_start, graphemes, one_line, width},
    theme::{Role, Theme},
};

/// Below this many columns there is no room for a preview beside the list.
const PREVIEW: usize = 80;

/// One thing to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Comes back when it is chosen.
    pub key: String,
    /// What is searched.
    pub title: String,
    /// Stands beside the title, and is not searched.
    pub about: String,
    /// Shown while it is selected.
    pub preview: String,
    /// Why it cannot be chosen; `None` where it can.
    pub unavailable: Option<String>,
}

impl Choice {
    #[must_use]
    pub fn new(key: impl Into<String>, title: impl Into<String>) -> Self {
        Self { key: key.into(), title: title.into(), about: String::new(), preview: String::new(), unavailable: None }
    }

    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }

    #[must_use]
    pub fn preview(self, preview: impl Into<String>) -> Self {
        Self { preview: preview.into(), ..self }
    }
}

/// What came of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    /// Nothing yet.
    Open,
    /// The choice of this key.
    Chosen(String),
    /// It cannot be chosen, and why.
    Refused(String),
    Closed,
}

/// An open list.
#[derive(Clone, Debug)]
pub struct Picker {
    title: String,
    choices: Vec<Choice>,
    query: String,
    /// Those that fit, best first, with the characters that do.
    fits: Vec<(usize, Vec<u32>)>,
    selected: usize,
    top: usize,
    page: usize,
}

impl Picker {
    #[must_use]
    pub fn new(title: impl Into<String>, choices: Vec<Choice>) -> Self {
        let mut this =
            Self { title: title.into(), choices, query: String::new(), fits: vec![], selected: 0, top: 0, page: 1 };
        this.narrow();
        this
    }

    /// Selects the choice of this key, such as what holds now.
    #[must_use]
    pub fn at(mut self, key: &str) -> Self {
        self.selected = self.fits.iter().position(|(at, _)| self.choices[*at].key == key).unwrap_or(0);
        self
    }

    /// What is selected.
    #[must_use]
    pub fn selected(&self) -> Option<&Choice> {
        self.fits.get(self.selected).map(|(at, _)| &self.choices[*at])
    }

    /// Other choices, such as after one was renamed or deleted; what is selected stays if it is still there.
    pub fn set_choices(&mut self, choices: Vec<Choice>) {
        let key = self.selected().map(|choice| choice.key.clone());
        self.choices = choices;
        self.narrow();
        if let Some(at) = self.fits.iter().position(|(at, _)| Some(&self.choices[*at].key) == key.as_ref()) {
            self.selected = at;
        }
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Picked {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        const CTRL: KeyModifiers = KeyModifiers::CONTROL;
        match Chord::of(key) {
            Some(Chord(KeyCode::Esc, _) | Chord(KeyCode::Char('c' | 'g'), CTRL)) => return Picked::Closed,
            Some(Chord(KeyCode::Enter, NONE)) => return self.choose(),
            Some(Chord(KeyCode::Up, _) | Chord(KeyCode::Char('p' | 'k'), CTRL)) => self.step(-1),
            Some(Chord(KeyCode::Down | KeyCode::Tab, _) | Chord(KeyCode::Char('n' | 'j'), CTRL)) => self.step(1),
            Some(Chord(KeyCode::PageUp, _)) => self.selected = self.selected.saturating_sub(self.page),
            Some(Chord(KeyCode::PageDown, _)) => self.selected += self.page,
            Some(Chord(KeyCode::Home, _)) => self.selected = 0,
            Some(Chord(KeyCode::End, _)) => self.selected = usize::MAX,
            Some(Chord(KeyCode::Char('u'), CTRL)) => {
                self.query.clear();
                self.narrow();
            }
            Some(Chord(KeyCode::Backspace, _) | Chord(KeyCode::Char('h'), CTRL)) => {
                let end = self.query.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
                self.query.truncate(end);
                self.narrow();
            }
            Some(Chord(KeyCode::Char(c), NONE)) => self.on_paste(c.encode_utf8(&mut [0; 4])),
            Some(_) | None => {}
        }
        self.selected = self.selected.min(self.fits.len().saturating_sub(1));
        Picked::Open
    }

    /// Adds to what is searched for.
    pub fn on_paste(&mut self, text: &str) {
        self.query.push_str(&one_line(text));
        self.narrow();
    }

    fn choose(&self) -> Picked {
        match self.selected() {
            Some(Choice { unavailable: Some(why), .. }) => Picked::Refused(why.clone()),
            Some(choice) => Picked::Chosen(choice.key.clone()),
            None => Picked::Open,
        }
    }

    fn step(&mut self, by: isize) {
        let len = isize::try_from(self.fits.len()).unwrap_or(isize::MAX).max(1);
        let at = isize::try_from(self.selected).unwrap_or(0);
        self.selected = usize::try_from((at + by).rem_euclid(len)).unwrap_or(0);
    }

    fn narrow(&mut self) {
        let all = self.choices.iter().enumerate();
        self.fits = match self.query.trim() {
            "" => all.map(|(at, _)| (at, vec![])).collect(),
            query => {
                let fits = ranked(query, all, |(_, choice)| &choice.title);
                fits.into_iter().map(|((at, _), places)| (at, places)).collect()
            }
        };
        (self.selected, self.top) = (0, 0);
    }

    /// At most `height` rows, and where the caret is in them: what is searched for, the list, and beside it the preview.
    pub fn lines(&mut self, columns: u16, height: u16, theme: &Theme) -> (Vec<Line<'static>>, Position) {
        let (columns, height) = (usize::from(columns).max(1), usize::from(height).max(1));
        let (head, caret) = self.head(columns, theme);
        self.page = (height - 1).max(1);
        self.selected = self.selected.min(self.fits.len().saturating_sub(1));
        self.top = self.top.clamp((self.selected + 1).saturating_sub(self.page), self.selected);
        let with_preview = columns >= PREVIEW && self.choices.iter().any(|choice| !choice.preview.is_empty());
        let list_width = if with_preview { columns / 2 } else { columns };
        let mut rows: Vec<Line<'static>> = self.rows(list_width, theme);
        if with_preview {
            self.beside(&mut rows, list_width, columns, theme);
        }
        rows.truncate(height - 1);
        let lines = std::iter::once(head).chain(rows).collect();
        (lines, Position { x: u16::try_from(caret.min(columns - 1)).unwrap_or(u16::MAX), y: 0 })
    }

    fn head(&self, columns: usize, theme: &Theme) -> (Line<'static>, usize) {
        let count = format!("  {}/{}", self.fits.len(), self.choices.len());
        let title = cut(&format!("{} › ", one_line(&self.title)), columns / 2);
        let room = columns.saturating_sub(width(&title) + width(&count));
        let query = cut_start(&self.query, room);
        let caret = width(&title) + width(&query);
        let mut spans =
            vec![Span::styled(title, theme.style(Role::Heading)), Span::styled(query, theme.style(Role::Text))];
        if caret + width(&count) <= columns {
            spans.push(Span::styled(count, theme.style(Role::Dim)));
        }
        (Line::from(spans), caret)
    }

    fn rows(&self, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
        if self.fits.is_empty() {
            let text = if self.choices.is_empty() { "  nothing to choose from" } else { "  nothing fits" };
            return vec![Line::styled(cut(text, columns), theme.style(Role::Dim))];
        }
        let shown = self.fits.iter().enumerate().skip(self.top).take(self.page);
        shown
            .map(|(row, (at, places))| entry(&self.choices[*at], places, row == self.selected, columns, theme))
            .collect()
    }

    fn beside(&self, rows: &mut Vec<Line<'static>>, list_width: usize, columns: usize, theme: &Theme) {
        let preview = self.selected().map_or("", |choice| &choice.preview);
        let room = columns.saturating_sub(list_width + 2);
        let lines = clean(preview);
        let lines: Vec<_> = lines.lines().take(self.page).map(|line| cut(line, room)).collect();
        for (at, text) in lines.into_iter().enumerate() {
            if rows.len() <= at {
                rows.push(Line::default());
            }
            let row = &mut rows[at];
            let gap = " ".repeat(list_width.saturating_sub(super::text::line_width(row)));
            row.spans.push(Span::styled(format!("{gap}│ "), theme.style(Role::Dim)));
            row.spans.push(Span::styled(text, theme.style(Role::Text)));
        }
    }
}

fn entry(choice: &Choice, places: &[u32], selected: bool, columns: usize, theme: &Theme) -> Line<'static> {
    let role = match (selected, &choice.unavailable) {
        (_, Some(_)) => Role::Dim,
        (true, None) => Role::Selected,
        (false, None) => Role::Text,
    };
    let style = theme.style(role);
    let room = columns.saturating_sub(2);
    let title = cut(&one_line(&choice.title), room);
    let mut spans = vec![Span::raw(if selected { "› " } else { "  " })];
    // The places are characters of the title; where it was cleaned or cut, those beyond do no harm.
    let mut at = 0u32;
    for (grapheme, _) in graphemes(&title) {
        let letters = u32::try_from(grapheme.chars().count()).unwrap_or(1);
        let fits = places.iter().any(|place| (at..at + letters).contains(place));
        at += letters;
        let style = if fits { style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { style };
        match spans.last_mut() {
            Some(last) if spans_alike(last, style) => last.content.to_mut().push_str(grapheme),
            _ => spans.push(Span::styled(grapheme.to_owned(), style)),
        }
    }
    let about = choice.unavailable.as_deref().unwrap_or(&choice.about);
    let left = room.saturating_sub(width(&title) + 2);
    if !about.is_empty() && left > 3 {
        spans.push(Span::styled(format!("  {}", cut(&one_line(about), left)), theme.style(Role::Dim)));
    }
    Line::from(spans)
}

/// The sign in front keeps its own style.
fn spans_alike(span: &Span<'_>, style: ratatui::style::Style) -> bool {
    span.style == style && !matches!(span.content.as_ref(), "› " | "  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(picker: &mut Picker, code: KeyCode) -> Picked {
        picker.on_key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn typed(picker: &mut Picker, text: &str) {
        text.chars().for_each(|c| assert_eq!(press(picker, KeyCode::Char(c)), Picked::Open));
    }

    fn seen(picker: &mut Picker, columns: u16, height: u16) -> String {
        let (lines, caret) = picker.lines(columns, height, &Theme::default());
        let mut text = format!("caret at {}, {}\n", caret.x, caret.y);
        for line in lines {
            assert!(crate::tui::text::line_width(&line) <= usize::from(columns.max(3)), "{line:?}");
            let shown: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
            text.push_str(shown.trim_end());
            text.push('\n');
        }
        text
    }

    fn sessions() -> Picker {
        Picker::new(
            "sessions",
            vec![
                Choice::new("1", "Fix the parser").about("today, 12 messages").preview("You: fix it\nAgent: done"),
                Choice::new("2", "日本語のテスト").about("yesterday").preview("\u{1b}[2Jhidden\u{202e}"),
                Choice { unavailable: Some("in use elsewhere".to_owned()), ..Choice::new("3", "Write\nthe docs") },
                Choice::new("4", "Deploy"),
            ],
        )
    }

    #[test]
    fn a_list_is_narrowed_and_chosen_from() {
        let mut picker = sessions();
        insta::assert_snapshot!(seen(&mut picker, 40, 6), @"
        caret at 11, 0
        sessions ›   4/4
        › Fix the parser  today, 12 messages
          日本語のテスト  yesterday
          Write the docs  in use elsewhere
          Deploy
        ");
        typed(&mut picker, "pe");
        insta::assert_snapshot!(seen(&mut picker, 40, 6), @"
        caret at 13, 0
        sessions › pe  1/4
        › Fix the parser  today, 12 messages
        ");
        assert_eq!(press(&mut picker, KeyCode::Enter), Picked::Chosen("1".to_owned()));
        press(&mut picker, KeyCode::Backspace);
        press(&mut picker, KeyCode::Backspace);
        press(&mut picker, KeyCode::Up);
        press(&mut picker, KeyCode::Up);
        assert_eq!(press(&mut picker, KeyCode::Enter), Picked::Refused("in use elsewhere".to_owned()));
        typed(&mut picker, "zzz");
        insta::assert_snapshot!(seen(&mut picker, 40, 6), @"
        caret at 14, 0
        sessions › zzz  0/4
          nothing fits
        ");
        assert_eq!(press(&mut picker, KeyCode::Enter), Picked::Open);
        assert_eq!(press(&mut picker, KeyCode::Esc), Picked::Closed);
    }

    #[test]
    fn what_is_selected_is_previewed_where_there_is_room() {
        let mut picker = sessions().at("2");
        insta::assert_snapshot!(seen(&mut picker, 80, 6), @"
        caret at 11, 0
        sessions ›   4/4
          Fix the parser  today, 12 messages    │ �[2Jhidden�
        › 日本語のテスト  yesterday
          Write the docs  in use elsewhere
          Deploy
        ");
        picker.on_key(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL));
        insta::assert_snapshot!(seen(&mut picker, 80, 3), @"
        caret at 11, 0
        sessions ›   4/4
        › Fix the parser  today, 12 messages    │ You: fix it
          日本語のテスト  yesterday             │ Agent: done
        ");
        insta::assert_snapshot!(seen(&mut picker, 8, 3), @"
        caret at 4, 0
        ses…
        › Fix t…
          日本…
        ");
        for (columns, height) in [(0, 0), (1, 1), (3, 2), (400, 100)] {
            seen(&mut picker, columns, height);
        }
    }

    #[test]
    fn a_long_list_is_scrolled() {
        let mut picker = Picker::new("n", (0..100).map(|n| Choice::new(n.to_string(), format!("item {n}"))).collect());
        seen(&mut picker, 20, 5);
        press(&mut picker, KeyCode::PageDown);
        press(&mut picker, KeyCode::Down);
        insta::assert_snapshot!(seen(&mut picker, 20, 5), @"
        caret at 4, 0
        n ›   100/100
          item 2
          item 3
          item 4
        › item 5
        ");
        press(&mut picker, KeyCode::End);
        insta::assert_snapshot!(seen(&mut picker, 20, 3), @"
        caret at 4, 0
        n ›   100/100
          item 98
        › item 99
        ");
        picker.set_choices(vec![Choice::new("99", "item 99"), Choice::new("98", "item 98")]);
        assert_eq!(picker.selected().map(|choice| choice.key.as_str()), Some("99"));
    }
}
