//! Conversations from events, as they are shown.

mod corpus;

use std::time::{Duration, Instant};

use ratatui::text::Line;
use serde_json::{Value, json};

use super::{Detail, Transcript};
use crate::{
    domain::{
        AgentEvent, AgentPath, Content, DeniedBy, EventKind, FailureCode, Message, Notice, ToolCall, ToolOutcome,
        TurnOutcome, Usage,
    },
    tui::{
        text::line_width,
        theme::{Depth, Ground, Theme},
    },
};

/// A conversation on a screen of its own, with a clock that the test moves.
struct Chat {
    transcript: Transcript,
    width: u16,
    now: Instant,
    agent: AgentPath,
    scrollback: Vec<String>,
}

impl Chat {
    fn at(width: u16) -> Self {
        let now = Instant::now();
        let transcript = Transcript::new(Theme::default());
        Self { transcript, width, now, agent: AgentPath::root("assistant"), scrollback: vec![] }
    }

    fn wait(&mut self, ms: u64) -> &mut Self {
        self.now += Duration::from_millis(ms);
        self
    }

    fn event(&mut self, kind: EventKind) -> &mut Self {
        let agent = self.agent.clone();
        self.transcript.on_event(&AgentEvent { seq: 0, session: "s".into(), turn: "t".into(), agent, kind }, self.now);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.event(EventKind::TextDelta { text: text.to_owned() })
    }

    fn thinks(&mut self, text: &str) -> &mut Self {
        self.event(EventKind::ReasoningDelta { text: text.to_owned() })
    }

    fn starts(&mut self, id: &str, name: &str, arguments: Value) -> &mut Self {
        let call = ToolCall { call_id: id.into(), name: name.to_owned(), arguments, opaque: None };
        self.event(EventKind::ToolStarted { call })
    }

    fn writes(&mut self, id: &str, chunk: &str) -> &mut Self {
        self.event(EventKind::ToolOutput { call_id: id.into(), chunk: chunk.to_owned() })
    }

    fn ends(&mut self, id: &str, outcome: ToolOutcome) -> &mut Self {
        self.event(EventKind::ToolFinished { call_id: id.into(), outcome })
    }

    fn call(&mut self, name: &str, arguments: Value, outcome: ToolOutcome) -> &mut Self {
        self.starts("c", name, arguments).wait(1500).ends("c", outcome)
    }

    fn says(&mut self, text: &str) -> &mut Self {
        let message = Message::assistant(text);
        self.text(text).event(EventKind::MessageCompleted { message, stop: None, usage: None })
    }

    fn notice(&mut self, notice: Notice) -> &mut Self {
        self.event(EventKind::Notice { notice })
    }

    fn finishes(&mut self, outcome: TurnOutcome) -> &mut Self {
        self.event(EventKind::TurnFinished { outcome, usage: Usage::default() })
    }

    /// The scrollback and, below a line, what is live.
    fn frame(&mut self) -> String {
        let lines = self.transcript.drain(self.width, self.now);
        let lines: Vec<_> = lines.iter().map(|line| self.text_of(line)).collect();
        self.scrollback.extend(lines);
        let live = self.transcript.live(self.width, 12, self.now);
        let mut frame = self.scrollback.join("\n");
        if !live.is_empty() {
            frame.push_str("\n~~~\n");
            frame.push_str(&live.iter().map(|line| self.text_of(line)).collect::<Vec<_>>().join("\n"));
        }
        frame
    }

    fn text_of(&self, line: &Line<'_>) -> String {
        assert!(line_width(line) <= usize::from(self.width), "{line:?}");
        line.to_string()
    }

    fn pager(&self) -> String {
        let lines = self.transcript.whole(self.width, Detail::Full);
        lines.iter().map(|line| self.text_of(line)).collect::<Vec<_>>().join("\n")
    }
}

fn numbers(from: u32, to: u32) -> String {
    (from..=to).map(|n| format!("line {n}\n")).collect()
}

/// One turn with everything in it.
fn everything(chat: &mut Chat) {
    chat.transcript.user("Make the tests pass, please.\nAnd say what was wrong.");
    chat.event(EventKind::TurnStarted { model: "demo/demo".to_owned(), context_files: vec![] });
    chat.thinks("First I look at the tests.\n\n").wait(4200).thinks("Then at the code.\nAnd at what it says.\nDone.");
    chat.says("I will **run** them.");
    chat.call(
        "run_shell_command",
        json!({"command": "cargo test"}),
        ToolOutcome::ok(numbers(1, 40) + "[exit status 101]"),
    );
    chat.call("read_file", json!({"path": "src/lib.rs"}), ToolOutcome::ok(numbers(1, 12)));
    let diff = "```diff\n--- src/lib.rs\n+++ src/lib.rs\n@@ -1,2 +1,2 @@\n fn add(a: u8, b: u8) -> u8 {\n-    a - b\n+    a + b\n```\n\n";
    let edits = json!({"path": "src/lib.rs", "edits": [{"oldText": "a - b", "newText": "a + b"}]});
    chat.call("edit_file", edits, ToolOutcome::ok(diff));
    chat.call("write_file", json!({"path": "NOTES.md", "content": "a\nb\n"}), ToolOutcome::ok("ok"));
    chat.call("mcp_search", json!({"query": "why", "limit": 3}), ToolOutcome::Failed { error: "no server".to_owned() });
    let reason = "the rule `shell` denies it".to_owned();
    chat.call("run_shell_command", json!({"command": "rm -rf /"}), ToolOutcome::Denied { by: DeniedBy::Rule, reason });
    let items = json!({"items": [{"text": "look", "status": "done"}, {"text": "mend", "status": "in_progress"}, {"text": "tell"}]});
    chat.call("todo", items, ToolOutcome::ok("To-do list"));
    chat.says("It *subtracted*:\n\n```rust\na - b\n```");
    chat.finishes(TurnOutcome::Completed { output: None });
}

#[test]
fn a_turn_at_80_columns() {
    let mut chat = Chat::at(80);
    everything(&mut chat);
    insta::assert_snapshot!(chat.frame(), @r"
    › Make the tests pass, please.
      And say what was wrong.

    ∴ thought for 4.2 s
      First I look at the tests.
      Then at the code.
      And at what it says.
      Done.

    I will run them.

    ✗ Ran cargo test · exit 101 · 1.5 s
      line 1
      line 2
      … 35 more lines
      line 38
      line 39
      line 40
      [exit status 101]
    ✓ Read src/lib.rs · 12 lines · 1.5 s
    ✓ Edited src/lib.rs · +1 −1 · 1.5 s
        @@ -1,2 +1,2 @@
        fn add(a: u8, b: u8) -> u8 {
      -     a - b
      +     a + b
    ✓ Wrote NOTES.md · 2 lines · 1.5 s
    ✗ mcp_search why · failed · 1.5 s
      no server
    ⊘ Running rm -rf / · denied · 1.5 s
      the rule `shell` denies it
    ✓ Planned · 1 of 3 done · 1.5 s
      ☑ look
      ▸ mend
      ☐ tell

    It subtracted:

      a - b
    ");
}

#[test]
fn looks_at_files_stand_in_one_line() {
    let mut chat = Chat::at(60);
    chat.event(EventKind::TurnStarted { model: "demo/demo".to_owned(), context_files: vec![] });
    chat.call("read_file", json!({"path": "a.rs"}), ToolOutcome::ok("one"));
    chat.call("read_multiple_files", json!({"paths": ["b.rs", "c.rs"]}), ToolOutcome::ok("two"));
    chat.thinks("And the folder?");
    let held = "✓ Read 3 files a.rs, b.rs, c.rs · 3.0 s";
    assert_eq!(chat.frame(), format!("\n~~~\n{held}\n\n∴ thinking · 0.0 s\n  And the folder?"));
    chat.call("list_directory", json!({"path": "src"}), ToolOutcome::ok("three"));
    chat.call("read_file", json!({"path": "d.rs"}), ToolOutcome::Failed { error: "no such file".to_owned() });
    chat.call("read_file", json!({"path": "e.rs"}), ToolOutcome::ok("five"));
    chat.finishes(TurnOutcome::Completed { output: None });
    insta::assert_snapshot!(chat.frame(), @"
    ✓ Read 3 files a.rs, b.rs, c.rs · 3.0 s

    ∴ thought for 0.0 s
      And the folder?

    ✓ Listed src · 1 line · 1.5 s
    ✗ Read d.rs · failed · 1.5 s
      no such file
    ✓ Read e.rs · 1 line · 1.5 s
    ");
    assert!(chat.pager().contains("✓ Read b.rs, c.rs · 1 line · 1.5 s\n  two"), "{}", chat.pager());
}

#[test]
fn a_turn_at_20_columns() {
    let mut chat = Chat::at(20);
    everything(&mut chat);
    insta::assert_snapshot!(chat.frame(), @r"
    › Make the tests
      pass, please.
      And say what was
      wrong.

    ∴ thought for 4.2 s
      First I look at
      the tests.
      Then at the code.
      … 3 more lines

    I will run them.

    ✗ Ran ca… · exit 101
      line 1
      line 2
      … 35 more lines
      line 38
      line 39
      line 40
      [exit status 101]
    ✓ Read s… · 12 lines
    ✓ Edited sr… · +1 −1
        @@ -1,2 +1,2 @@
        fn add(a: u8, b:
         u8) -> u8 {
      -     a - b
      +     a + b
    ✓ Wrote N… · 2 lines
    ✗ mcp_search · fail…
      no server
    ⊘ Running … · denied
      the rule `shell` …
    ✓ Planned · 1 of 3 …
      ☑ look
      ▸ mend
      ☐ tell

    It subtracted:

      a - b
    ");
}

#[test]
fn a_turn_in_full() {
    let mut chat = Chat::at(60);
    everything(&mut chat);
    insta::assert_snapshot!(chat.pager(), @r#"
    › Make the tests pass, please.
      And say what was wrong.

    ∴ thought for 4.2 s
      First I look at the tests.
      Then at the code.
      And at what it says.
      Done.

    I will run them.

    ✗ Ran cargo test · exit 101 · 1.5 s
      line 1
      line 2
      line 3
      line 4
      line 5
      line 6
      line 7
      line 8
      line 9
      line 10
      line 11
      line 12
      line 13
      line 14
      line 15
      line 16
      line 17
      line 18
      line 19
      line 20
      line 21
      line 22
      line 23
      line 24
      line 25
      line 26
      line 27
      line 28
      line 29
      line 30
      line 31
      line 32
      line 33
      line 34
      line 35
      line 36
      line 37
      line 38
      line 39
      line 40
      [exit status 101]
    ✓ Read src/lib.rs · 12 lines · 1.5 s
      line 1
      line 2
      line 3
      line 4
      line 5
      line 6
      line 7
      line 8
      line 9
      line 10
      line 11
      line 12
    ✓ Edited src/lib.rs · +1 −1 · 1.5 s
        @@ -1,2 +1,2 @@
        fn add(a: u8, b: u8) -> u8 {
      -     a - b
      +     a + b
    ✓ Wrote NOTES.md · 2 lines · 1.5 s
      a
      b
      ────────────
      ok
    ✗ mcp_search why · failed · 1.5 s
      {
        "query": "why",
        "limit": 3
      }
      ────────────
      no server
    ⊘ Running rm -rf / · denied · 1.5 s
      the rule `shell` denies it
    ✓ Planned · 1 of 3 done · 1.5 s
      ☑ look
      ▸ mend
      ☐ tell

    It subtracted:

      a - b
    "#);
}

#[test]
fn what_runs_is_live() {
    let mut chat = Chat::at(60);
    chat.thinks("Hm.\nWhat to do?").wait(2100);
    insta::assert_snapshot!(chat.frame(), @r"

    ~~~
    ∴ thinking · 2.1 s
      Hm.
      What to do?
    ");
    chat.event(EventKind::ToolArgumentsDelta {
        call_id: "c".into(),
        name: "run_shell_command".to_owned(),
        delta: "{\"comm".to_owned(),
    });
    insta::assert_snapshot!(chat.frame(), @r"
    ∴ thought for 2.1 s
      Hm.
      What to do?
    ~~~

    ✎ Running · writing the call · 6 B
    ");
    chat.starts("c", "run_shell_command", json!({"command": "make all"}))
        .writes("c", "\u{1b}[32mone\u{1b}[0m\n")
        .wait(1000);
    insta::assert_snapshot!(chat.frame(), @r"
    ∴ thought for 2.1 s
      Hm.
      What to do?
    ~~~

    ● Running make all · 1.0 s
      one
    ");
    let call = ToolCall {
        call_id: "d".into(),
        name: "fetch".to_owned(),
        arguments: json!({"url": "http://a.b"}),
        opaque: None,
    };
    chat.event(EventKind::ToolStarted { call: call.clone() });
    chat.writes("c", &numbers(1, 50)).wait(70_000);
    chat.set_waiting(&call);
    insta::assert_snapshot!(chat.frame(), @r"
    ∴ thought for 2.1 s
      Hm.
      What to do?
    ~~~

    ● Running make all · 1 min 11 s
      … 46 lines before
      line 46
      line 47
      line 48
      line 49
      line 50
    ? Fetching http://a.b · waits for you
    ");
    chat.ends("c", ToolOutcome::ok("one\n")).finishes(TurnOutcome::Canceled);
    insta::assert_snapshot!(chat.frame(), @r"
    ∴ thought for 2.1 s
      Hm.
      What to do?

    ✓ Ran make all · 1 min 11 s
      one
    ■ Fetching http://a.b · canceled
    ■ interrupted
    ");
}

impl Chat {
    fn set_waiting(&mut self, call: &ToolCall) {
        // The event has more to say to others.
        let event = json!({"seq": 0, "session": "s", "turn": "t", "agent": "assistant", "type": "approval_requested",
            "call": call, "reason": "it asks", "rules": []});
        self.transcript.on_event(&serde_json::from_value(event).unwrap(), self.now);
    }
}

#[test]
fn agents_of_agents_are_nested_with_their_path() {
    let mut chat = Chat::at(60);
    chat.says("I ask around.").starts("r", "researcher", json!({"task": "find out"}));
    let root = std::mem::replace(&mut chat.agent, AgentPath::root("assistant").child("researcher", 2));
    chat.event(EventKind::TurnStarted { model: "demo/demo".to_owned(), context_files: vec![] });
    chat.text("I look it up.\nThen I tell.");
    chat.starts("f", "fetch", json!({"url": "https://a.example/b"})).wait(300);
    insta::assert_snapshot!(chat.frame(), @r"
    I ask around.
    ~~~

    ● researcher find out · 0.3 s
    ▸ researcher#2
    │ Then I tell.
    │ ● Fetching https://a.example/b · 0.3 s
    ");
    chat.ends("f", ToolOutcome::ok("x\ny"));
    chat.agent = AgentPath::root("assistant").child("researcher", 2).child("reader", 1);
    chat.event(EventKind::TurnStarted { model: "demo/demo".to_owned(), context_files: vec![] });
    chat.call("read_file", json!({"path": "a"}), ToolOutcome::ok("z"))
        .finishes(TurnOutcome::Completed { output: None });
    chat.agent = AgentPath::root("assistant").child("researcher", 2);
    chat.finishes(TurnOutcome::Completed { output: None });
    chat.agent = root;
    chat.ends("r", ToolOutcome::ok("It is so.")).says("It is so.").finishes(TurnOutcome::Completed { output: None });
    insta::assert_snapshot!(chat.frame(), @r"
    I ask around.

    ▸ researcher#2
    │ ✓ Fetched https://a.example/b · 2 lines · 0.3 s

    ▸ researcher#2 ▸ reader
    │ │ ✓ Read a · 1 line · 1.5 s

    ✓ researcher find out · 1.8 s
      It is so.

    It is so.
    ");
}

#[test]
fn waits_count_down_and_stay_on_record() {
    let mut chat = Chat::at(60);
    let model = || "openai/gpt".to_owned();
    chat.notice(Notice::Retry { model: model(), attempt: 2, wait_ms: 3000, reason: "status 503".to_owned() }).wait(900);
    insta::assert_snapshot!(chat.frame(), @r"

    ~~~
    ↻ openai/gpt: status 503 · try 2 in 3 s
    ");
    chat.wait(3000);
    insta::assert_snapshot!(chat.frame(), @"↻ openai/gpt: status 503 · waited 3 s for try 2");
    chat.notice(Notice::RateLimited { model: model(), wait_ms: 20_000 }).wait(1);
    chat.notice(Notice::Fallback { from: model(), to: "demo/demo".to_owned(), reason: "rate limited".to_owned() });
    chat.notice(Notice::Compacted { before_tokens: 90_000, after_tokens: 3_100, summarized: 12 });
    chat.notice(Notice::ToolServerFailed { server: "docs".to_owned(), reason: "it ended".to_owned() });
    chat.notice(Notice::Warning { message: "look out".to_owned() });
    let (code, message) = (FailureCode::Model, "`openai/gpt` answered with status 503".to_owned());
    chat.finishes(TurnOutcome::Failed { code, message, hint: Some("try again, or another model".to_owned()) });
    insta::assert_snapshot!(chat.frame(), @r"
    ↻ openai/gpt: status 503 · waited 3 s for try 2
    ↻ openai/gpt: rate limited · waited 20 s
    ⇢ openai/gpt: rate limited · going on with demo/demo
    ≡ context compacted from about 90.0k to 3.1k tokens · 12
      messages summarised
    ! MCP server docs failed: it ended
    ! look out
    ✗ `openai/gpt` answered with status 503
    → try again, or another model
    ");
}

#[test]
fn an_answer_comes_by_whole_lines_and_is_shown_once() {
    let mut chat = Chat::at(40);
    chat.text("one\n\ntwo\n\nthr");
    insta::assert_snapshot!(chat.frame(), @"one");
    chat.wait(17);
    insta::assert_snapshot!(chat.frame(), @"one");
    chat.wait(100).text("ee\n\nfour");
    insta::assert_snapshot!(chat.frame(), @r"
    one

    two

    three
    ~~~

    four
    ");
    chat.says(" and five");
    insta::assert_snapshot!(chat.frame(), @r"
    one

    two

    three

    four and five
    ");
    assert_eq!(chat.transcript.last_answer(), Some("one\n\ntwo\n\nthree\n\nfour and five"));
    assert_eq!(chat.frame(), chat.pager());
}

#[test]
fn an_answer_that_was_not_streamed_is_shown_too() {
    let mut chat = Chat::at(40);
    let content = vec![Content::Reasoning { text: "Hm.".to_owned(), opaque: None }, Content::text("Yes.")];
    let message = Message::new(crate::domain::Role::Assistant, content);
    chat.event(EventKind::MessageCompleted { message, stop: None, usage: None });
    chat.finishes(TurnOutcome::Completed { output: Some(json!({"n": 1})) });
    insta::assert_snapshot!(chat.frame(), @r#"
    ∴ thought
      Hm.

    Yes.

      {
        "n": 1
      }
    "#);
}

#[test]
fn without_colours_everything_is_still_told_apart() {
    let mut chat = Chat::at(60);
    chat.transcript.set_theme(Theme::new(Depth::None, Ground::Light));
    everything(&mut chat);
    let lines = chat.transcript.whole(60, Detail::Full);
    assert!(lines.iter().flat_map(|line| &line.spans).all(|span| span.style.fg.is_none() && span.style.bg.is_none()));
    chat.transcript.set_theme(Theme::new(Depth::True, Ground::Light));
    let coloured = chat.transcript.whole(60, Detail::Full);
    let text = |lines: &[Line<'_>]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(text(&lines), text(&coloured), "a sign says what a colour says");
}

#[test]
fn emoji_and_scripts_stay_whole() {
    let mut chat = Chat::at(40);
    chat.transcript.user("👨‍👩‍👧 👍🏽 ❤️ 🇩🇪 می‌خواهم 中文 ภาษาไทย é");
    insta::assert_snapshot!(chat.frame(), @"› 👨‍👩‍👧 👍🏽 ❤️ 🇩🇪 می‌خواهم 中文 ภาษาไทย é");
}

#[test]
fn of_an_earlier_conversation_only_the_end_is_laid_out() {
    let messages: Vec<_> = (0..3000)
        .map(|n| {
            if n % 2 == 0 { Message::user(format!("question {n}")) } else { Message::assistant(format!("answer {n}")) }
        })
        .collect();
    let mut chat = Chat::at(40);
    chat.transcript = Transcript::history(Theme::default(), &messages);
    let frame = chat.frame();
    assert!(frame.starts_with("… 2900 messages before this\n"), "{frame}");
    assert!(frame.ends_with("› question 2998\n\nanswer 2999"), "{frame}");
    assert_eq!(chat.transcript.len(), 3000);
    assert_eq!(chat.transcript.lines(0, 40, Detail::Folded)[0].to_string(), "› question 0");
    chat.says("More.");
    assert!(chat.frame().ends_with("answer 2999\n\nMore."));
}

#[test]
fn a_narrower_terminal_gets_narrower_lines() {
    let mut chat = Chat::at(60);
    chat.text("A paragraph that is wide enough to be broken once it is narrow.\n\nAnd another one of the same kind, which is longer");
    chat.frame();
    chat.width = 24;
    chat.frame();
    chat.says(" still.").finishes(TurnOutcome::Completed { output: None });
    insta::assert_snapshot!(chat.frame(), @r"
    A paragraph that is wide enough to be broken once it is
    narrow.

    And another one of the
    same kind, which is
    longer still.
    ");
}
