//! What an answer, and a long session, cost the terminal interface: `cargo bench --bench tui`.
//!
//! An answer comes in 200 pieces of 20 characters a second of a clock of its own, and a frame is made 60 times a second of it, as on a
//! terminal of 120 by 40. A text of twice the size is to take twice the time. Then keys are typed into the program itself,
//! which is `AGENTSCOPE_BENCH_BINARY` where that is set.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench prints, what fails ends it, and it has an environment of its own"
)]

mod typing;

use std::time::{Duration, Instant};

use agentscope::{
    domain::{AgentEvent, AgentPath, Content, EventKind, Message, Role, ToolCall, ToolOutcome},
    tui::{
        cells::{Transcript, Way, Window},
        theme::Theme,
    },
};
use serde_json::json;

const MEGABYTE: usize = 1 << 20;
const PIECE: Duration = Duration::from_millis(5);
const FRAME: Duration = Duration::from_micros(16_700);
const MESSAGES: usize = 10_000;
const COLUMNS: u16 = 120;
const ROWS: u16 = 40;

/// What models write: prose, a list, code, a table, and another script.
const PART: &str = "\
## What happens when a request arrives

The server reads the **head** of the request, looks up the route in a *prefix tree* and calls the handler; see
[the manual](https://example.org/manual/routes) for the rules. Nothing is copied on the way: `Bytes` are slices of one
buffer, and a handler that wants to keep them pays for that itself.

1. The head is read, at most 16 KiB of it.
2. The route is found:
   - first by its path,
   - then by its method.

```rust
fn route(&self, path: &str) -> Option<&Handler> {
    let found = self.tree.at(path).ok()?; // parameters are in `found.params`
    self.handlers.get(*found.value)
}
```

| Step | Time (µs) | Notes |
|------|----------:|-------|
| read | 12 | depends on the client |
| find | 0.4 | 路由表在启动时建立 👍 |

请求到达之后,服务器先读取请求头,再查找路由。整个过程不复制数据。

";

/// Keys that are typed.
const KEYS: usize = 1000;

fn main() {
    let only = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect::<Vec<_>>();
    let wants = |part: &str| only.is_empty() || only.iter().any(|name| name == part);
    if wants("typing") {
        typing::measure(KEYS);
    }
    if wants("answers") {
        answers_of_all_kinds();
    }
    if wants("sessions") {
        sessions();
    }
}

fn answers_of_all_kinds() {
    println!(
        "\n{:<28} {:>9} {:>9} {:>7} {:>12} {:>8}",
        "answer", "1 MB, s", "2 MB, s", "ratio", "p99 frame ms", "lines"
    );
    answers("prose, lists, code, tables", PART);
    answers("one block of code", "    let found = self.tree.at(path).ok()?; // a comment\n");
    answers("one list", "- an item of a list with **bold** words and `code` in it\n");
    answers("one table", "| a cell | another cell with more | 12.5 |\n");
    answers("one paragraph", "Words of one paragraph that never ends, with `code` and *emphasis*. ");
    answers("one word", "abcdefghij");
}

fn answers(name: &str, part: &str) {
    let begin = match name {
        "one block of code" => "```rust\n",
        "one table" => "| name | text | number |\n|---|---|--:|\n",
        _ => "",
    };
    let text = |size: usize| format!("{begin}{}", part.repeat(size.div_ceil(part.len())));
    // The syntaxes are read once.
    answer(&text(64 << 10));
    let (one, two) = (answer(&text(MEGABYTE)), answer(&text(2 * MEGABYTE)));
    let ratio = two.time.as_secs_f64() / one.time.as_secs_f64();
    let p99 = two.p99.as_secs_f64() * 1e3;
    let (first, second) = (one.time.as_secs_f64(), two.time.as_secs_f64());
    println!("{name:<28} {first:>9.2} {second:>9.2} {ratio:>7.2} {p99:>12.2} {:>8}", one.lines);
}

struct Cost {
    time: Duration,
    /// Of the time for a frame.
    p99: Duration,
    lines: usize,
}

fn answer(text: &str) -> Cost {
    let mut transcript = Transcript::new(Theme::default());
    let (start, mut now, mut shown, mut lines, mut frames) =
        (Instant::now(), Instant::now(), Instant::now(), 0, vec![]);
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(20).map_or(rest.len(), |(at, _)| at);
        transcript.on_event(&event(EventKind::TextDelta { text: rest[..end].to_owned() }), now);
        (rest, now) = (&rest[end..], now + PIECE);
        if now - shown >= FRAME {
            let before = Instant::now();
            lines += transcript.drain(COLUMNS, now).len();
            std::hint::black_box(transcript.live(COLUMNS, ROWS, now));
            frames.push(before.elapsed());
            shown = now;
        }
    }
    let message = Message::assistant(text);
    transcript.on_event(&event(EventKind::MessageCompleted { message, stop: None, usage: None }), now);
    lines += transcript.drain(COLUMNS, now).len();
    let time = start.elapsed();
    frames.sort_unstable();
    let p99 = frames.get(frames.len() * 99 / 100).copied().unwrap_or_default();
    Cost { time, p99, lines }
}

fn event(kind: EventKind) -> AgentEvent {
    AgentEvent { seq: 0, session: "ses_1".into(), turn: "turn_1".into(), agent: AgentPath::root("assistant"), kind }
}

/// From the messages of a session to the first frame.
fn sessions() {
    let messages: Vec<Message> = (0..MESSAGES).map(message).collect();
    let size: usize = messages.iter().map(|message| message.text().len()).sum();
    let before = resident("self");
    let start = Instant::now();
    let mut transcript = Transcript::history(Theme::default(), &messages);
    let lines = transcript.drain(COLUMNS, start).len();
    let painted = start.elapsed();
    let kept = resident("self").saturating_sub(before);
    println!(
        "\n{MESSAGES} messages, {size} B of text: first paint {:.1} ms, {lines} lines; {kept} KiB more resident, of {} KiB",
        painted.as_secs_f64() * 1e3,
        resident("self"),
    );
    let (mut window, start) = (Window::at_end(), Instant::now());
    window.rows(&transcript, COLUMNS, ROWS.into());
    let opened = start.elapsed();
    let start = Instant::now();
    window.to_start();
    assert!(!window.find(&transcript, "no such words", Way::Down), "nothing of it is there");
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("the pager opens in {:.1} ms and looks through all of it in {:.0} ms", ms(opened), ms(start.elapsed()));
}

/// A user's word, a call, its result, an answer.
fn message(n: usize) -> Message {
    let id = || format!("call_{}", n / 4).as_str().into();
    match n % 4 {
        0 => Message::user(format!("Question {n}: what happens when a request arrives, and what does it cost?")),
        1 => {
            let arguments = json!({"command": format!("grep -rn 'route {n}' src | head -20")});
            let call = ToolCall { call_id: id(), name: "run_shell_command".to_owned(), arguments, opaque: None };
            Message::new(Role::Assistant, vec![Content::ToolCall(call)])
        }
        2 => Message::tool_result(id(), ToolOutcome::ok("src/server/router.rs:12: fn route()\n".repeat(12))),
        _ => Message::assistant(PART),
    }
}

/// KiB of memory that a process has. Nothing where there is no such file.
fn resident(process: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
