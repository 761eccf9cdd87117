use proptest::prelude::*;

use super::*;
use crate::tui::text::{line_width, width};

const SAMPLE: &str = "\
# What it does

It reads **every file** and `counts` the *words*; see [the guide](https://example.org/guide).
A second line of the same paragraph.

1. Install it:
   ```bash
   cargo install words   # once
   ```
2. Run it
   - on one file
   - on many
     > with care

* [x] done
* [ ] to do

| Language | Words | Notes |
|:---------|------:|:-----:|
| English  | 1200 | short \\| simple |
| 日本語 | 98 | 漢字と仮名が混ざる 👍 |

Title
-----
<!-- a comment -->

---
    indented code
";

fn shown(lines: &[Line<'_>]) -> String {
    lines.iter().map(|line| format!("{line}")).collect::<Vec<_>>().join("\n")
}

fn at(width: usize) -> String {
    shown(&render(SAMPLE, width, &Theme::default()))
}

#[test]
fn wide() {
    insta::assert_snapshot!(at(80), @r"
    What it does

    It reads every file and counts the words; see the guide
    (https://example.org/guide).
    A second line of the same paragraph.

    1. Install it:
         cargo install words   # once
    2. Run it
       ◦ on one file
       ◦ on many
         │ with care

    ☑ done
    ☐ to do

    Language │ Words │         Notes
    ─────────┼───────┼──────────────────────
    English  │  1200 │    short | simple
    日本語   │    98 │ 漢字と仮名が混ざる 👍

    Title
    <!-- a comment -->

    ────────────────────────────────────────
      indented code
    ");
}

#[test]
fn narrow() {
    insta::assert_snapshot!(at(20), @r"
    What it does

    It reads every file
    and counts the
    words; see the guide
    (https://example.org
    /guide).
    A second line of the
    same paragraph.

    1. Install it:
         cargo install w
         ords   # once
    2. Run it
       ◦ on one file
       ◦ on many
         │ with care

    ☑ done
    ☐ to do

    Language: English
    Words: 1200
    Notes: short |
      simple

    Language: 日本語
    Words: 98
    Notes: 漢字と仮名が
      混ざる 👍

    Title
    <!-- a comment -->

    ────────────────────
      indented code
    ");
}

#[test]
fn very_wide_is_as_wide_as_the_text() {
    let lines = render(SAMPLE, 400, &Theme::default());
    assert_eq!(shown(&lines), at(120));
}

#[test]
fn what_models_write_though_the_rules_say_otherwise() {
    let show = |text: &str| shown(&render(text, 40, &Theme::default()));
    assert_eq!(show("1. a\n1. b\n1. c"), "1. a\n2. b\n3. c");
    assert_eq!(show("- a\n\n- b\n\n  more"), "• a\n\n• b\n\n  more");
    assert_eq!(show("- a\n    - b\n        - c"), "• a\n  ◦ b\n    ▪ c");
    assert_eq!(show("1. a\n```\ncode\n```\n2. b"), "1. a\n  code\n2. b");
    assert_eq!(show("1. a\n   ```\ncode\n```\n2. b"), "1. a\n     code\n2. b");
    assert_eq!(show("In 1999. It\n1999. was"), "In 1999. It\n1999. was");
    assert_eq!(show("> a\nlazy\n\nno more"), "│ a\n│ lazy\n\nno more");
    assert_eq!(show("-\n- b"), "•\n• b");
    assert_eq!(show("text\n| a | b |\n|---|---|\n| 1 | 2\nafter"), "text\na │ b\n──┼──\n1 │ 2\nafter");
    assert_eq!(show("a\r\nb\rc"), "a\nb\nc");
    assert_eq!(show("```\na\n\n\nb"), "  a\n\n\n  b");
}

#[test]
fn a_line_that_was_broken_for_a_page_goes_on() {
    let show = |text: &str| shown(&render(text, 200, &Theme::default()));
    let page =
        "A paragraph that somebody wrapped for a page of some eighty columns, and which\ngoes on here.\nThis is meant.";
    let whole =
        "A paragraph that somebody wrapped for a page of some eighty columns, and which goes on here.\nThis is meant.";
    assert_eq!(show(page), whole);
    assert_eq!(show("roses are red\nviolets are blue"), "roses are red\nviolets are blue");
}

#[test]
fn the_unfinished_block_is_shown_as_it_will_be() {
    let live = |text: &str| {
        let mut stream = Stream::new(40, &Theme::default());
        stream.push(text);
        (shown(&stream.drain()), shown(&stream.live()))
    };
    let both = |done: &str, live: &str| (done.to_owned(), live.to_owned());
    assert_eq!(live("one\n\ntwo **bo"), both("one", "\ntwo bo"));
    assert_eq!(live("one\n-"), both("", "one"), "it may become a heading, or a list");
    assert_eq!(live("see\n| a | b |\n|--"), both("", "see"), "it may become a table");
    assert_eq!(live("| a | b |\n|---|---|\n| 1"), both("", "a │ b\n──┼──\n1 │"));
    assert_eq!(live("```\nlet x\n``"), both("  let x", ""));
    assert_eq!(live("```\nlet x\nlet y"), both("  let x", "  let y"));
}

#[test]
fn a_long_table_is_shown_before_its_end() {
    let mut stream = Stream::new(40, &Theme::default());
    stream.push("|n|square|\n|-|-|\n");
    for n in 0..200 {
        stream.push(&format!("|{n}|{}|\n", n * n));
    }
    let done = stream.drain();
    assert_eq!(done.len(), 202);
    assert!(stream.live().is_empty());
}

#[test]
fn colours() {
    let lines = render("# T\n`c` [l](u)\n```rust\nlet x = 1;", 40, &Theme::default());
    insta::assert_debug_snapshot!(lines, @r#"
    [
        Line::from(Span::from("T").magenta().bold().underlined()),
        Line::from_iter([
            Span::from("c").yellow(),
            Span::from(" "),
            Span::from("l").cyan().underlined(),
            Span::from(" (u)").dim(),
        ]),
        Line::from_iter([
            Span::from("  "),
            Span::from("let").magenta(),
            Span::from(" x = "),
            Span::from("1").yellow(),
            Span::from(";"),
        ]),
    ]
    "#);
}

/// Marks, words and line ends in every order.
fn markdown() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(vec![
            "\n", "\n\n", "- ", "1. ", "2) ", "> ", "```", "```rust\n", "~~~", "# ", "---", "===", "| a | b |\n|---|--:|\n",
            "|", "**", "*", "_", "`", "[x](y)", "![i](j)", "<br>", "<!-- c -->", "    ", "  ", "\t", "\r", "\r\n", "\\",
            "&#27;", "字", "👨‍👩‍👧", "\u{301}", "\u{1b}[2J", "\u{202e}", "[ ] ", "~~", "word ", "a longer run of words ",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn the_cuts_do_not_matter(text in markdown(), width in 1usize..60, cuts in prop::collection::vec(1usize..7, 0..40)) {
        let theme = Theme::default();
        let whole = render(&text, width, &theme);
        let mut stream = Stream::new(width, &theme);
        let (mut lines, mut rest, mut cuts) = (vec![], text.as_str(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let count = cuts.next().unwrap_or(1);
            let end = rest.char_indices().nth(count).map_or(rest.len(), |(at, _)| at);
            stream.push(&rest[..end]);
            rest = &rest[end..];
            lines.extend(stream.drain());
            for line in stream.live() {
                prop_assert!(line_width(&line) <= width);
            }
        }
        lines.extend(stream.finish());
        prop_assert_eq!(&lines, &whole);
        for line in whole {
            prop_assert!(line_width(&line) <= width, "{:?}", line);
            prop_assert!(line.spans.iter().all(|span| !span.content.contains(|c: char| c.is_control())));
        }
    }

    #[test]
    fn every_word_is_shown(words in prop::collection::vec("[a-z]{3,8}", 1..12), marks in markdown()) {
        let (first, second) = marks.split_at(marks.char_indices().nth(5).map_or(marks.len(), |(at, _)| at));
        for word in words {
            let text = format!("{first}{word}{second}");
            let lines: String = render(&text, 400, &Theme::default()).iter().map(ToString::to_string).collect();
            prop_assert!(lines.contains(&word) || first.contains(['`', '~']) || second.is_empty(), "{:?} {}", text, width(&lines));
        }
    }
}
