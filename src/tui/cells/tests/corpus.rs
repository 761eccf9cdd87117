//! What models, tools and pages have tried with terminals and with people who read them, through every cell.

use serde_json::{Value, json};

use super::Chat;
use crate::{
    domain::{
        AgentPath, Content, DeniedBy, EventKind, FailureCode, Message, Notice, ToolCall, ToolOutcome, TurnOutcome,
    },
    tui::{cells::Transcript, theme::Theme},
};

/// Each stands between two words that are to be seen.
const CORPUS: [&str; 40] = [
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}[10A\u{1b}[2K",
    "\u{1b}[8mhidden\u{1b}[28m",
    "\u{1b}[31;1mred\u{1b}[0m",
    "\u{1b}[38:2::1:2:3mred",
    "\u{1b}[?1049h\u{1b}[?25l",
    "\u{1b}[6n",
    "\u{1b}[201~",
    "\u{1b}]0;a title\u{7}",
    "\u{1b}]2;a title\u{1b}\\",
    "\u{1b}]52;c;cm0gLXJmIC8=\u{7}",
    "\u{1b}]8;;https://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "\u{1b}]1337;File=name=a;inline=1:AAAA\u{7}",
    "\u{1b}P+q544e\u{1b}\\",
    "\u{1b}_Gf=100;AAAA\u{1b}\\",
    "\u{1b}^private\u{1b}\\",
    "\u{1b}Xstring\u{1b}\\",
    "\u{1b}c",
    "\u{1b}(0lqk\u{1b}(B",
    "\u{1b}#8",
    "\u{1b}[",
    "\u{1b}",
    "\u{9b}2J",
    "\u{9d}0;a title\u{9c}",
    "\u{90}q\u{9c}",
    "\u{9f}APC\u{9c}",
    "\u{85}next",
    "\u{7}\u{7}\u{8}\u{8}\u{8}\u{7f}",
    "\u{e}\u{f}\u{5}\u{0}",
    "one\rtwo\r\r\nthree",
    "a\u{b}b\u{c}c",
    "\u{202e}txt.exe\u{202c}",
    "\u{2066}a\u{2069}\u{2067}b\u{2068}",
    "r\u{200b}m\u{200c} \u{200d}-\u{2060}r\u{feff}f\u{ad}",
    "\u{200e}\u{200f}\u{61c}",
    "hi\u{e0001}\u{e0069}\u{e0067}\u{e007f}",
    "v\u{fe00}\u{e0100}\u{e01ef}s",
    "\u{2028}\u{2029}\u{3164}\u{115f}\u{ffa0}",
    "z\u{fff9}a\u{fffa}b\u{fffb}\u{206a}",
    "\u{1d173}\u{180e}\u{34f}\t\u{a0}",
];

/// The events and the messages that untrusted text comes in.
fn untrusted(chat: &mut Chat, text: &str) {
    let hint = Some(text.to_owned());
    let owned = || text.to_owned();
    chat.transcript.user(text);
    chat.transcript.note(crate::tui::theme::Role::Dim, text);
    chat.event(EventKind::TurnStarted { model: owned(), context_files: vec![owned()] });
    chat.thinks(text).text(text);
    chat.frame();
    for name in ["run_shell_command", "run_ipython_cell", "read_file", "write_file", "edit_file", "todo", "fetch", text]
    {
        let arguments = json!({
            "command": text, "code": text, "path": text, "url": text, "content": text,
            "edits": [{"oldText": "old", "newText": text}], "items": [{"text": text}], text: text,
        });
        chat.event(EventKind::ToolArgumentsDelta { call_id: "c".into(), name: name.to_owned(), delta: owned() });
        chat.starts("c", name, arguments.clone()).writes("c", text);
        chat.frame();
        chat.ends("c", ToolOutcome::ok(format!("```diff\n+{text}\n```")));
        chat.call(name, Value::String(owned()), ToolOutcome::Failed { error: owned() });
        chat.call(name, arguments, ToolOutcome::Denied { by: DeniedBy::User, reason: owned() });
    }
    for (from, wait_ms) in [(owned(), 0), (owned(), 9000)] {
        chat.notice(Notice::Retry { model: from.clone(), attempt: 1, wait_ms, reason: owned() });
        chat.frame();
        chat.notice(Notice::RateLimited { model: from.clone(), wait_ms });
        chat.notice(Notice::Fallback { from, to: owned(), reason: owned() });
    }
    chat.notice(Notice::ToolServerFailed { server: owned(), reason: owned() })
        .notice(Notice::Warning { message: owned() });
    let question = crate::domain::Question { text: owned(), choices: vec![], closed: false };
    chat.event(EventKind::QuestionAsked { id: "q".into(), question });
    chat.event(EventKind::QuestionAnswered { id: "q".into(), answer: Some(owned()) });
    chat.event(EventKind::HandedOff { to: AgentPath::root(text) });
    let root = std::mem::replace(&mut chat.agent, AgentPath::root(text).child(text, 1));
    chat.event(EventKind::TurnStarted { model: owned(), context_files: vec![] }).text(text).starts(
        "d",
        text,
        json!({}),
    );
    chat.frame();
    chat.ends("d", ToolOutcome::ok(text)).finishes(TurnOutcome::Canceled);
    chat.agent = root;
    chat.says(&format!("```{text}\n{text}\n```\n# {text}\n- {text}\n> `{text}` [{text}](http://{text})\n\n|{text}|b|\n|-|-|\n|{text}|{text}|"));
    chat.finishes(TurnOutcome::Completed { output: Some(json!({ text: text })) });
    chat.finishes(TurnOutcome::Failed { code: FailureCode::Model, message: owned(), hint });
    chat.frame();
}

/// Nothing but what is seen, at its place.
fn assert_tame(shown: &str) {
    for c in shown.chars() {
        let wild = (c.is_control() && c != '\n')
            || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}')
            || matches!(c, '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}' | '\u{e0000}'..='\u{e0fff}');
        assert!(!wild, "{c:?} in {shown:?}");
    }
}

#[test]
fn nothing_that_is_shown_drives_the_terminal_or_hides() {
    for width in [20, 80] {
        for wild in CORPUS {
            let mut chat = Chat::at(width);
            let text = format!("before{wild}after");
            untrusted(&mut chat, &text);
            let (frame, pager) = (chat.frame(), chat.pager());
            assert_tame(&frame);
            assert_tame(&pager);
            assert!(pager.contains("before") && pager.contains("after"), "{pager}");
        }
    }
}

#[test]
fn an_earlier_conversation_is_tame_too() {
    for wild in CORPUS {
        let call =
            ToolCall { call_id: "c".into(), name: wild.to_owned(), arguments: json!({wild: wild}), opaque: None };
        let image = crate::domain::Image { media_type: wild.to_owned(), data: String::new() };
        let content = vec![
            Content::Reasoning { text: wild.to_owned(), opaque: None },
            Content::text(wild),
            Content::Image(image),
            Content::Summary { text: wild.to_owned(), keep: 0 },
            Content::ToolCall(call),
        ];
        let message = Message::new(crate::domain::Role::Assistant, content);
        let result = Message::tool_result("c".into(), ToolOutcome::ok(wild));
        let mut chat = Chat::at(30);
        chat.transcript = Transcript::history(Theme::default(), &[Message::user(wild), message, result]);
        assert_tame(&chat.frame());
        assert_tame(&chat.pager());
    }
}

proptest::proptest! {
    /// Widths are asserted where lines are read.
    #[test]
    fn no_order_of_events_breaks_it(steps in proptest::collection::vec((0u8..17, "\\PC{0,12}|\u{1b}\\[2J|a\nb"), 0..40), width in 1u16..50) {
        let mut chat = Chat::at(width);
        let root = chat.agent.clone();
        for (step, text) in steps {
            match step {
                0 => chat.text(&text),
                1 => chat.thinks(&text),
                2 => chat.says(&text),
                3 => chat.starts("c", &text, json!({"command": text})),
                4 => chat.writes("c", &text),
                5 => chat.ends("c", ToolOutcome::ok(text)),
                6 => chat.starts("d", "edit_file", json!({"path": text, "edits": 3})),
                7 => chat.ends("d", ToolOutcome::Failed { error: text }),
                8 => chat.notice(Notice::RateLimited { model: text, wait_ms: 90 }),
                9 => chat.notice(Notice::Warning { message: text }),
                10 => chat.finishes(TurnOutcome::Canceled),
                11 => chat.event(EventKind::TurnStarted { model: text, context_files: vec![] }),
                12 => {
                    chat.agent = chat.agent.child("helper", 1);
                    &mut chat
                }
                13 => {
                    chat.agent = root.clone();
                    &mut chat
                }
                14 => chat.wait(50),
                15 => {
                    chat.transcript.user(&text);
                    &mut chat
                }
                _ => {
                    chat.frame();
                    &mut chat
                }
            };
        }
        chat.frame();
        chat.pager();
    }
}
