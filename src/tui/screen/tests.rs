//! What a terminal makes of the bytes.

use std::num::NonZeroU16;

use proptest::prelude::*;
use ratatui::{
    layout::Position,
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

use super::*;

/// A screen and the terminal that it is on.
struct Stage {
    screen: Screen<Vec<u8>>,
    terminal: vt100::Parser,
}

impl Stage {
    fn new(columns: u16, rows: u16) -> Self {
        let terminal = vt100::Parser::new(non_zero(rows), non_zero(columns), 10_000);
        Self { screen: Screen::new(vec![], Size { columns, rows }, Reflow::No), terminal }
    }

    fn draw(&mut self, finished: &[Line<'_>], live: Live) {
        self.screen.draw(finished, live).unwrap();
        self.pass_on();
    }

    fn pass_on(&mut self) {
        let bytes = std::mem::take(&mut self.screen.out);
        assert!(!String::from_utf8_lossy(&bytes).contains("\x1b[2J"));
        self.terminal.process(&bytes);
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.terminal.set_size(non_zero(rows), non_zero(columns));
        self.screen.resize(Size { columns, rows });
    }

    fn history(&mut self) -> Vec<String> {
        let screen = self.terminal.screen_mut();
        let (rows, columns) = screen.size();
        let rows = usize::from(rows.get());
        let mut lines = vec![];
        let mut above = screen.scrollback_len();
        while above > 0 {
            screen.set_scrollback(above);
            lines.extend(screen.rows(0, columns.get()).take(above.min(rows)));
            above = above.saturating_sub(rows);
        }
        screen.set_scrollback(0);
        lines.extend(screen.rows(0, columns.get()));
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        lines
    }
}

fn non_zero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

fn live(lines: &[&str], caret: (u16, u16)) -> Live {
    let lines = lines.iter().map(|line| Line::from((*line).to_owned())).collect();
    Live { lines, caret: Some(Position::new(caret.0, caret.1)) }
}

#[test]
fn finished_lines_go_up_and_the_live_area_stays_below() {
    let mut stage = Stage::new(20, 5);
    stage.draw(&[], live(&["> ", "status"], (2, 0)));
    assert_eq!(stage.terminal.screen().cursor_position(), (0, 2));
    stage.draw(&[Line::from("one"), Line::from("two")], live(&["working", "> hi", "status"], (4, 1)));
    assert_eq!(stage.history(), ["one", "two", "working", "> hi", "status"]);
    assert_eq!(stage.terminal.screen().cursor_position(), (3, 4));
    stage.draw(&[Line::from("three")], live(&["> ", "status"], (2, 0)));
    assert_eq!(stage.history(), ["one", "two", "three", "> ", "status"]);
    stage.screen.clear().unwrap();
    stage.pass_on();
    assert_eq!(stage.history(), ["one", "two", "three"]);
    assert_eq!(stage.terminal.screen().cursor_position(), (3, 0));
}

#[test]
fn a_line_that_fills_its_row_is_whole() {
    let mut stage = Stage::new(5, 5);
    stage.draw(&[Line::from("12345")], live(&["abcde", "fghij"], (4, 1)));
    stage.draw(&[Line::from("67890")], live(&["klmno"], (0, 0)));
    assert_eq!(stage.history(), ["12345", "67890", "klmno"]);
}

#[test]
fn only_what_changed_is_written() {
    let mut stage = Stage::new(40, 10);
    stage.draw(&[], live(&["a long line that stays", "> h", "status"], (3, 1)));
    stage.screen.draw(&[], live(&["a long line that stays", "> hi", "status"], (4, 1))).unwrap();
    let bytes = String::from_utf8(stage.screen.out.clone()).unwrap();
    assert!(bytes.contains("> hi") && !bytes.contains("stays") && !bytes.contains("status"), "{bytes:?}");
    stage.pass_on();
    stage.screen.draw(&[], live(&["a long line that stays", "> hi", "status"], (4, 1))).unwrap();
    assert_eq!(stage.screen.out, b"");
}

#[test]
fn no_control_character_goes_out() {
    let mut stage = Stage::new(40, 5);
    stage.screen.draw(&[Line::from("a\x1b[2Jb\x07\u{9b}c")], Live::default()).unwrap();
    let bytes = String::from_utf8(stage.screen.out.clone()).unwrap();
    assert!(!bytes.contains("\x1b[2J") && !bytes.contains('\x07') && !bytes.contains('\u{9b}'), "{bytes:?}");
}

#[test]
fn styles_are_written_and_left() {
    let mut stage = Stage::new(40, 5);
    let style = Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Indexed(7)).add_modifier(Modifier::BOLD);
    stage.draw(&[Line::from(vec![Span::styled("x", style), Span::raw("y")])], Live::default());
    let screen = stage.terminal.screen();
    let (x, y) = (screen.cell(0, 0).unwrap(), screen.cell(0, 1).unwrap());
    assert_eq!((x.fgcolor(), x.bgcolor(), x.bold()), (vt100::Color::Rgb(1, 2, 3), vt100::Color::Idx(7), true));
    assert_eq!((y.fgcolor(), y.bgcolor(), y.bold()), (vt100::Color::Default, vt100::Color::Default, false));
}

/// A terminal that breaks its rows, which the parser is not: the rows are counted as such a one would.
#[test]
fn after_a_reflow_the_live_area_begins_further_up() {
    let mut screen = Screen::new(vec![], Size { columns: 40, rows: 10 }, Reflow::Yes);
    screen.draw(&[], live(&["a line of thirty-one characters", "short", "> text"], (6, 2))).unwrap();
    screen.out.clear();
    screen.resize(Size { columns: 10, rows: 10 });
    screen.draw(&[], live(&["x"], (0, 0))).unwrap();
    let bytes = String::from_utf8(screen.out).unwrap();
    assert!(bytes.starts_with("\x1b[?2026h\x1b[?25l\x1b[5A\r\x1b[J"), "{bytes:?}");
}

#[derive(Clone, Debug)]
enum Step {
    Draw { finished: usize, live: usize, caret: usize },
    Resize { columns: u16, rows: u16 },
    Suspend,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..9usize, 1..6usize, 0..6usize).prop_map(|(finished, live, caret)| Step::Draw { finished, live, caret }),
        2 => (20..60u16, 6..15u16).prop_map(|(columns, rows)| Step::Resize { columns, rows }),
        1 => Just(Step::Suspend),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_finished_line_is_in_the_history_once(steps in prop::collection::vec(step(), 1..40)) {
        let mut stage = Stage::new(30, 8);
        let (mut count, mut last) = (0, 0);
        for step in steps {
            match step {
                Step::Draw { finished, live, caret } => {
                    let lines: Vec<_> = (count..count + finished).map(|n| Line::from(format!("line {n}"))).collect();
                    count += finished;
                    last = live;
                    let rows: Vec<_> = (0..live).map(|n| Line::from(format!("live {n}"))).collect();
                    let caret = Position::new(3, u16::try_from(caret.min(live - 1)).unwrap());
                    stage.draw(&lines, Live { lines: rows, caret: Some(caret) });
                }
                Step::Resize { columns, rows } => stage.resize(columns, rows),
                Step::Suspend => {
                    stage.screen.clear().unwrap();
                    stage.pass_on();
                    last = 0;
                }
            }
        }
        let history = stage.history();
        let (finished, live): (Vec<_>, Vec<_>) = history.iter().partition(|line| line.starts_with("line"));
        let expected: Vec<_> = (0..count).map(|n| format!("line {n}")).collect();
        prop_assert_eq!(finished, expected.iter().collect::<Vec<_>>());
        prop_assert!(live.len() <= last, "{:?}", live);
    }
}
