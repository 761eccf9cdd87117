//! Frames, of states that are built by events and keys.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;
use ratatui::{
    Terminal,
    backend::TestBackend,
    text::{Line, Text},
    widgets::Paragraph,
};
use serde_json::json;

use super::{pager, view};
use crate::{
    agent::ApproveMode,
    domain::{
        AgentEvent, AgentPath, Answer, Decision, EventKind, FailureCode, Message, Question, SessionId, ToolCall,
        TurnId, TurnOutcome, Usage,
    },
    tui::{
        app::{About, App, Cmd, Msg},
        commands::{Confirm, Effect, Next, Speaker, Step},
        composer::Draft,
        screen::Size,
        theme::{Depth, Ground},
    },
};

/// An interface, and a clock that goes on when it is told to.
struct Stage {
    app: App,
    now: Instant,
    seq: u64,
    /// What went to the scrollback since the beginning.
    finished: Vec<Line<'static>>,
}

impl Stage {
    fn new(columns: u16, rows: u16) -> Self {
        let about = About {
            agent: "lead".to_owned(),
            model: Some("openai/gpt".to_owned()),
            window: Some(10_000),
            folder: "~/work".to_owned(),
            sandbox: Some("local rw, no network".to_owned()),
            modes: true,
            ..About::default()
        };
        let app = App::new(about, Depth::None, Some(Ground::Dark), Size { columns, rows });
        let mut stage = Self { app, now: Instant::now(), seq: 0, finished: vec![] };
        let _ = stage.frame();
        stage.finished.clear();
        stage
    }

    fn tell(&mut self, msg: Msg) -> Vec<Cmd> {
        if matches!(msg, Msg::Resize(_)) {
            // What was finished is the terminal's own.
            self.finished.clear();
        }
        self.app.update(msg, self.now)
    }

    fn press(&mut self, code: KeyCode) -> Vec<Cmd> {
        self.tell(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    fn ctrl(&mut self, c: char) -> Vec<Cmd> {
        self.tell(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)))
    }

    fn type_in(&mut self, text: &str) {
        for c in text.chars() {
            assert_eq!(self.press(KeyCode::Char(c)), []);
        }
    }

    /// Types a message, and lets time pass in which nobody types.
    fn say(&mut self, text: &str) -> Vec<Cmd> {
        self.type_in(text);
        let commands = self.press(KeyCode::Enter);
        self.pass(1);
        commands
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        let commands = self.tell(Msg::Tick);
        assert!(commands.iter().all(|command| matches!(command, Cmd::Keep(_))), "{commands:?}");
        let _ = self.frame();
    }

    fn event(&mut self, kind: EventKind) -> Vec<Cmd> {
        self.event_of("lead", kind)
    }

    fn event_of(&mut self, agent: &str, kind: EventKind) -> Vec<Cmd> {
        let mut names = agent.split('/');
        let root = AgentPath::root(names.next().unwrap_or_default());
        let event = AgentEvent {
            seq: self.seq,
            session: SessionId::from("ses_1"),
            turn: TurnId::from("turn_1"),
            agent: names.fold(root, |path, name| path.child(name, 1)),
            kind,
        };
        self.seq += 1;
        self.tell(Msg::Agent(Box::new(event)))
    }

    fn started(&mut self) {
        self.event(EventKind::TurnStarted { model: "openai/gpt".to_owned(), context_files: vec![] });
    }

    fn text(&mut self, text: &str) {
        self.event(EventKind::TextDelta { text: text.to_owned() });
    }

    fn answered(&mut self, text: &str) {
        let usage = Usage { input_tokens: 7_500, output_tokens: 400, cost: Some(0.0123), ..Usage::default() };
        self.event(EventKind::MessageCompleted { message: Message::assistant(text), stop: None, usage: Some(usage) });
    }

    fn finished(&mut self, outcome: TurnOutcome) -> Vec<Cmd> {
        let usage = Usage { input_tokens: 7_500, output_tokens: 400, cost: Some(0.0123), ..Usage::default() };
        self.event(EventKind::TurnFinished { outcome, usage })
    }

    /// Something is asked, and there for long enough to be read.
    fn asks(&mut self, agent: &str, command: &str) {
        self.asks_just_now(agent, command);
        self.pass(1);
    }

    fn asks_just_now(&mut self, agent: &str, command: &str) {
        let call = shell(command);
        self.event_of(agent, EventKind::ToolStarted { call: call.clone() });
        let rules = vec!["shell(git push *)".to_owned()];
        let reason = "no rule allows `git push`".to_owned();
        self.event_of(agent, EventKind::ApprovalRequested { call, reason, rules });
    }

    /// The whole terminal, as a frame shows it: the end of what was finished, and the live area below.
    fn frame(&mut self) -> String {
        let Size { columns, rows } = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let (lines, caret) = match pager(&mut self.app) {
            Some(lines) => (lines, None),
            None => {
                let frame = view(&mut self.app, self.now);
                assert!(frame.live.lines.len() <= usize::from(rows));
                self.finished.extend(frame.finished);
                let mut lines = self.finished.clone();
                let over = (lines.len() + frame.live.lines.len()).saturating_sub(usize::from(rows));
                lines.drain(..over);
                let above = u16::try_from(lines.len()).unwrap();
                let caret = frame.live.caret.map(|caret| (caret.x, caret.y + above));
                lines.extend(frame.live.lines);
                (lines, caret)
            }
        };
        assert!(lines.iter().all(|line| line.width() <= usize::from(columns)), "{lines:#?}");
        terminal
            .draw(|frame| {
                frame.render_widget(Paragraph::new(Text::from(lines)), frame.area());
                if let Some((x, y)) = caret {
                    assert!(x < columns && y < rows);
                }
            })
            .unwrap();
        let text = terminal.backend().to_string();
        let mut rows: Vec<_> = text.lines().map(|line| line.trim_matches('"').trim_end().to_owned()).collect();
        if let Some((x, y)) = caret {
            let row = &mut rows[usize::from(y)];
            // The caret, where it can be seen.
            let at = row.char_indices().nth(usize::from(x)).map_or(row.len(), |(at, _)| at);
            let gap = usize::from(x).saturating_sub(row.chars().count());
            row.insert_str(at, &format!("{}▏", " ".repeat(gap)));
        }
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows.join("\n")
    }
}

fn shell(command: &str) -> ToolCall {
    ToolCall {
        call_id: "call_1".into(),
        name: "shell".to_owned(),
        arguments: json!({ "command": command }),
        opaque: None,
    }
}

fn done() -> TurnOutcome {
    TurnOutcome::Completed { output: None }
}

#[test]
fn at_rest() {
    let mut stage = Stage::new(70, 10);
    stage.type_in("What is 2 + 2?");
    assert_snapshot!(stage.frame());
}

#[test]
fn while_it_works() {
    let mut stage = Stage::new(70, 16);
    assert_eq!(stage.say("Why?").len(), 2);
    stage.started();
    assert_snapshot!(stage.frame());
    stage.text("Because of ");
    stage.pass(61);
    stage.type_in("later");
    stage.press(KeyCode::Tab);
    stage.type_in("now");
    assert!(matches!(&stage.press(KeyCode::Enter)[..], [Cmd::Remember(_), Cmd::Steer(_)]));
    stage.type_in("half a dra");
    assert_snapshot!(stage.frame());
    // What was sent into the turn was read.
    stage.tell(Msg::Unread(0));
    assert_snapshot!(stage.frame());
}

#[test]
fn a_turn_that_ends() {
    let mut stage = Stage::new(90, 12);
    stage.say("Why?");
    stage.started();
    stage.text("Because.");
    stage.answered("Because.");
    assert_eq!(stage.finished(done()), []);
    assert_snapshot!(stage.frame());
}

#[test]
fn the_queue_goes_on_by_itself_and_waits_after_an_interruption() {
    let mut stage = Stage::new(70, 14);
    stage.say("one");
    stage.started();
    for text in ["two", "three"] {
        stage.type_in(text);
        stage.press(KeyCode::Tab);
    }
    assert!(matches!(&stage.finished(done())[..], [Cmd::Send(draft)] if draft.text == "two"));
    stage.started();
    assert_eq!(stage.press(KeyCode::Esc), [Cmd::Cancel]);
    assert_eq!(stage.press(KeyCode::Esc), []);
    assert_eq!(stage.finished(TurnOutcome::Canceled), []);
    assert_snapshot!(stage.frame());
    assert!(matches!(&stage.press(KeyCode::Enter)[..], [Cmd::Send(draft)] if draft.text == "three"));
}

#[test]
fn a_queued_message_comes_back_to_be_edited() {
    let mut stage = Stage::new(70, 14);
    stage.say("one");
    stage.type_in("two");
    stage.press(KeyCode::Tab);
    stage.press(KeyCode::Up);
    stage.type_in(" more");
    stage.press(KeyCode::Tab);
    assert!(matches!(&stage.finished(done())[..], [Cmd::Send(draft)] if draft.text == "two more"));
}

#[test]
fn an_approval() {
    let mut stage = Stage::new(80, 20);
    stage.say("Push it.");
    stage.started();
    stage.asks("lead/reviewer", "git push --force origin main");
    assert_snapshot!(stage.frame());
    stage.press(KeyCode::Down);
    let answer = |decision| Cmd::Answer(Answer::Approval { call_id: "call_1".into(), decision });
    assert_eq!(stage.press(KeyCode::Enter), [answer(Decision::AllowSession)]);
    stage.asks("lead", "git push");
    assert_eq!(stage.press(KeyCode::Char('y')), [answer(Decision::Allow)]);
    stage.asks("lead", "git push");
    assert_eq!(stage.press(KeyCode::Char('a')), [answer(Decision::AllowAlways)]);
    stage.asks("lead", "git push");
    assert_eq!(stage.press(KeyCode::Char('x')), [answer(Decision::Deny { reason: String::new() }), Cmd::Cancel]);
}

#[test]
fn a_no_with_a_reason() {
    let mut stage = Stage::new(80, 20);
    stage.say("Push it.");
    stage.asks("lead", "git push");
    assert_eq!(stage.press(KeyCode::Char('n')), []);
    stage.type_in("not on a Friday");
    assert_snapshot!(stage.frame());
    let reason = "not on a Friday".to_owned();
    let answer = Cmd::Answer(Answer::Approval { call_id: "call_1".into(), decision: Decision::Deny { reason } });
    assert_eq!(stage.press(KeyCode::Enter), [answer]);
}

/// However long it is: every character can be seen, and what follows from the answer stays in sight.
#[test]
fn a_command_that_is_longer_than_the_terminal() {
    let mut stage = Stage::new(40, 14);
    stage.say("Do it.");
    let command: String = (0..30).map(|n| format!("step-{n:02} &&\n")).collect();
    stage.asks("lead", &command);
    let first = stage.frame();
    assert!(first.contains("step-00") && first.contains("no, and stop"));
    let mut seen = first.clone();
    for _ in 0..20 {
        stage.press(KeyCode::PageDown);
        seen.push_str(&stage.frame());
    }
    for n in 0..30 {
        assert!(seen.contains(&format!("step-{n:02}")), "{n} in\n{seen}");
    }
    assert!(first.contains("lines 1 to 4 of 33: PgUp, PgDn"), "{first}");
}

/// On a terminal of any size: who can say yes has seen what to.
#[test]
fn no_answer_is_given_to_what_cannot_be_seen() {
    let mut answered = 0;
    for (columns, rows) in
        [3, 12, 19, 20, 21, 30, 44].into_iter().flat_map(|columns| (1..=12).map(move |rows| (columns, rows)))
    {
        for key in ['y', 's', 'a', '1', '3', '\r'] {
            let mut stage = Stage::new(columns, rows);
            stage.say("Push it.");
            stage.asks("lead", "git push -f && rm -r build\nmake");
            let frame = stage.frame();
            let seen = ["shell", "git push -f"].iter().all(|text| frame.contains(text));
            let code = if key == '\r' { KeyCode::Enter } else { KeyCode::Char(key) };
            if !stage.press(code).is_empty() {
                assert!(seen && frame.contains('❯'), "{key:?} at {columns}×{rows}\n{frame}");
                assert!(rows > 3 && columns > 19);
                answered += 1;
                continue;
            }
            // It was only marked, and can be given now that it is seen; or there is no room.
            stage.pass(1);
            let frame = stage.frame();
            let given = stage.press(code);
            assert_eq!(given.is_empty(), rows < 4 || columns < 20, "{key:?} at {columns}×{rows}\n{frame}");
            assert!(given.is_empty() || frame.contains(&format!("❯ {}", answer_of(key))), "{key:?}\n{frame}");
            assert!(!given.is_empty() || frame.contains("too"), "it says why\n{frame}");
            assert!(!given.is_empty() || stage.press(KeyCode::Esc).len() == 2, "a no needs no room");
        }
    }
    assert!(answered > 100, "{answered}");
}

fn answer_of(key: char) -> char {
    match key {
        '1' | '\r' => 'y',
        '3' => 'a',
        key => key,
    }
}

#[test]
fn an_approval_on_small_terminals() {
    let small = [(20, 5), (30, 4), (40, 7), (19, 6)].map(|(columns, rows)| {
        let mut stage = Stage::new(columns, rows);
        stage.say("Push it.");
        stage.asks("lead/reviewer", "git push --force origin main");
        stage.frame()
    });
    assert_snapshot!(small.join("\n=====\n"));
}

/// A command says little without the tool that it is for.
#[test]
fn a_tool_with_a_long_name_is_named_in_full() {
    for (rows, fits) in [(6, false), (7, true)] {
        let mut stage = Stage::new(24, rows);
        stage.say("Push it.");
        let name = "github_enterprise__delete_repository_and_forks".to_owned();
        let call = ToolCall { name, ..shell("everything") };
        let (reason, rules) = ("no rule allows it".to_owned(), vec![]);
        stage.event(EventKind::ApprovalRequested { call, reason, rules });
        stage.pass(1);
        let frame = stage.frame();
        assert_eq!(frame.contains("nd_forks") && frame.contains("everything"), fits, "{frame}");
        assert_eq!(stage.press(KeyCode::Char('y')).is_empty(), !fits);
    }
}

/// It comes while the user looks at what was said before.
#[test]
fn an_approval_is_told_of_in_the_pager() {
    let mut stage = Stage::new(50, 8);
    stage.say("Push it.");
    stage.started();
    assert_eq!(stage.ctrl('t'), [Cmd::OpenPager]);
    stage.asks("lead", "git push");
    let frame = stage.frame();
    assert!(frame.contains("q answers: lead wants to run shell"), "{frame}");
    assert_eq!(stage.press(KeyCode::Char('/')), []);
    assert!(stage.frame().contains("Esc, then q, answers: lead wants"), "{}", stage.frame());
    assert_eq!(stage.press(KeyCode::Char('y')), [], "it is looked for");
    stage.press(KeyCode::Esc);
    assert_eq!(stage.press(KeyCode::Char('q')), [Cmd::ClosePager]);
    assert_eq!(stage.press(KeyCode::Char('y')), [], "nobody read it yet");
    stage.pass(1);
    assert_eq!(stage.press(KeyCode::Char('y')).len(), 1);
}

/// Keys that are typed into a message are no answer to what is asked at that moment.
#[test]
fn what_is_being_typed_answers_nothing() {
    let mut stage = Stage::new(80, 20);
    stage.say("Push it.");
    stage.type_in("tr");
    stage.asks_just_now("lead", "git push");
    stage.type_in("y");
    assert_snapshot!(stage.frame());
    stage.pass(1);
    assert!(!stage.frame().contains("❯"), "shown, and not read");
    assert_eq!(stage.press(KeyCode::Char('y')), []);
    stage.pass(1);
    assert!(stage.frame().contains("❯ y"));
}

/// A key that is held down, or pressed twice, answers what was there and not what comes next.
#[test]
fn one_key_is_one_answer() {
    let mut stage = Stage::new(80, 20);
    stage.say("Push it.");
    stage.asks("lead", "git push");
    stage.asks("lead", "git push --force");
    assert_eq!(stage.press(KeyCode::Char('a')).len(), 1);
    for _ in 0..5 {
        assert_eq!(stage.press(KeyCode::Char('a')), []);
        assert_eq!(stage.press(KeyCode::Enter), []);
        stage.now += Duration::from_millis(300);
    }
    assert!(stage.frame().contains("git push --force"));
    stage.pass(1);
    assert_eq!(stage.press(KeyCode::Char('y')).len(), 1);
}

/// As a path does: here it is no command.
#[test]
fn an_answer_that_begins_with_a_slash() {
    let mut stage = Stage::new(60, 20);
    stage.say("Plan it.");
    let question = Question { text: "Which folder?".to_owned(), choices: vec![], closed: false };
    stage.event(EventKind::QuestionAsked { id: "q_1".into(), question });
    stage.pass(1);
    stage.press(KeyCode::Char('1'));
    stage.type_in("/srv/data");
    let answer = Cmd::Answer(Answer::Question { id: "q_1".into(), answer: Some("/srv/data".to_owned()) });
    assert_eq!(stage.press(KeyCode::Enter), [answer]);
}

#[test]
fn nothing_is_sent_into_a_session_that_is_not_there_yet() {
    let mut stage = Stage::new(60, 20);
    stage.app.expect_history();
    stage.type_in("And?");
    assert_eq!(stage.press(KeyCode::Enter), [Cmd::Remember("And?".to_owned())]);
    let sent = stage.tell(Msg::Opened(Ok(vec![Message::user("Hi."), Message::assistant("Hello.")])));
    assert!(matches!(&sent[..], [Cmd::Send(draft)] if draft.text == "And?"), "{sent:?}");
}

/// What is not for the agent does not reach it, whichever key sends it.
#[test]
fn a_shell_line_is_not_queued_for_the_agent() {
    let mut stage = Stage::new(80, 20);
    stage.say("Push it.");
    stage.started();
    stage.type_in("!git stash");
    let shell = Cmd::Shell("git stash".to_owned());
    assert_eq!(stage.press(KeyCode::Tab), [Cmd::Remember("!git stash".to_owned()), shell]);
    assert_eq!(stage.finished(done()), []);
}

#[test]
fn a_question() {
    let mut stage = Stage::new(60, 20);
    stage.say("Plan it.");
    let question = Question {
        text: "Which day?".to_owned(),
        choices: vec!["Monday".to_owned(), "Friday".to_owned()],
        closed: false,
    };
    let ask = EventKind::QuestionAsked { id: "q_1".into(), question };
    stage.event(ask.clone());
    stage.pass(1);
    assert_snapshot!(stage.frame());
    let answer =
        |answer: Option<&str>| Cmd::Answer(Answer::Question { id: "q_1".into(), answer: answer.map(str::to_owned) });
    assert_eq!(stage.press(KeyCode::Char('2')), [answer(Some("Friday"))]);
    stage.event(ask.clone());
    stage.pass(1);
    stage.press(KeyCode::Char('3'));
    stage.type_in("Sunday");
    assert_eq!(stage.press(KeyCode::Enter), [answer(Some("Sunday"))]);
    stage.pass(1);
    stage.event(ask);
    stage.pass(1);
    assert_eq!(stage.press(KeyCode::Esc), [answer(None)]);
}

#[test]
fn several_are_asked_at_once() {
    let mut stage = Stage::new(80, 24);
    stage.say("Push it.");
    stage.asks("lead/reviewer", "git push origin a");
    let question = Question { text: "Which day?".to_owned(), choices: vec![], closed: false };
    stage.event(EventKind::QuestionAsked { id: "q_1".into(), question });
    stage.pass(1);
    assert_snapshot!(stage.frame());
    // Resolved elsewhere, such as by a deadline.
    stage.event_of(
        "lead/reviewer",
        EventKind::ApprovalResolved { call_id: "call_1".into(), decision: Decision::Deny { reason: String::new() } },
    );
    assert!(stage.frame().contains("Which day?"));
    stage.finished(TurnOutcome::Canceled);
    assert!(!stage.frame().contains("Which day?"));
}

#[test]
fn modes_are_cycled_and_always_seen() {
    let mut stage = Stage::new(30, 6);
    let mut seen = vec![];
    for _ in 0..4 {
        let commands = stage.press(KeyCode::BackTab);
        let Some(Cmd::Mode(mode)) = commands.first() else { panic!("{commands:?}") };
        seen.push((*mode, stage.frame().lines().last().unwrap().to_owned()));
    }
    let [a, b, c, d] = &seen[..] else { panic!() };
    assert_eq!([a.0, b.0, c.0, d.0], [ApproveMode::Auto, ApproveMode::Plan, ApproveMode::Ask, ApproveMode::Auto]);
    assert!(a.1.starts_with("auto") && b.1.starts_with("plan") && c.1.starts_with("ask"), "{seen:?}");
}

#[test]
fn the_status_line_drops_from_the_right() {
    let mut stage = Stage::new(120, 8);
    stage.say("Why?");
    stage.answered("Because.");
    stage.finished(done());
    let lines = [120u16, 70, 40, 20, 5].map(|columns| {
        stage.tell(Msg::Resize(Size { columns, rows: 8 }));
        stage.frame().lines().last().unwrap().to_owned()
    });
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn ctrl_c_has_three_states() {
    let mut stage = Stage::new(60, 10);
    stage.say("Go.");
    stage.type_in("draft");
    assert_eq!(stage.ctrl('c'), []);
    assert_eq!(stage.ctrl('c'), [Cmd::Cancel]);
    stage.finished(TurnOutcome::Canceled);
    assert_eq!(stage.ctrl('c'), []);
    assert!(stage.frame().contains("Ctrl-C again leaves"));
    stage.pass(3);
    assert!(!stage.frame().contains("Ctrl-C again leaves"));
    assert_eq!(stage.ctrl('c'), []);
    assert_eq!(stage.ctrl('c'), [Cmd::Quit]);
}

#[test]
fn the_pager_shows_everything() {
    let mut stage = Stage::new(50, 8);
    stage.say("List.");
    let text: String = (0..20).map(|n| format!("entry {n}\n\n")).collect();
    stage.text(&text);
    stage.answered(&text);
    stage.finished(done());
    let _ = stage.frame();
    assert_eq!(stage.ctrl('t'), [Cmd::OpenPager]);
    assert_snapshot!(stage.frame());
    stage.press(KeyCode::Char('/'));
    stage.type_in("ENTRY 7");
    stage.press(KeyCode::Enter);
    assert!(stage.frame().starts_with("entry 7"), "{}", stage.frame());
    stage.press(KeyCode::Char('n'));
    assert!(stage.frame().starts_with("entry 7"), "there is one");
    assert_eq!(stage.press(KeyCode::Char('q')), [Cmd::ClosePager]);
}

#[test]
fn tiny_and_huge_terminals() {
    for (columns, rows) in [(1, 1), (2, 2), (5, 3), (20, 5), (400, 100)] {
        let mut stage = Stage::new(columns, rows);
        stage.say("A message that is longer than a tiny terminal is wide.");
        stage.started();
        stage.text("An answer that is long, too. 这是一个很长的句子。");
        let _ = stage.frame();
        stage.asks("lead/reviewer", "git push --force origin main");
        let _ = stage.frame();
        stage.press(KeyCode::Char('n'));
        let _ = stage.frame();
        stage.ctrl('t');
        let _ = stage.frame();
    }
}

/// Somebody looks elsewhere.
#[test]
fn a_notification_only_where_nobody_looks() {
    let mut stage = Stage::new(60, 10);
    stage.say("Go.");
    stage.asks("lead", "git push");
    stage.press(KeyCode::Char('y'));
    assert_eq!(stage.finished(done()), []);
    stage.say("Again.");
    stage.tell(Msg::Focus(false));
    stage.pass(10);
    assert!(matches!(&stage.finished(done())[..], [Cmd::Notify(_)]));
}

#[test]
fn a_message_that_could_not_be_sent_comes_back() {
    let mut stage = Stage::new(60, 10);
    stage.say("Look at this.");
    stage.tell(Msg::Refused(Draft::from("Look at this."), "there is no file `x`".to_owned()));
    assert_snapshot!(stage.frame());
}

/// Nothing that was sent or is typed is lost where the session cannot be had.
#[test]
fn a_message_that_was_not_kept_waits_beside_what_is_typed() {
    let busy = || TurnOutcome::Failed { code: FailureCode::Busy, message: "in use".to_owned(), hint: None };
    let mut stage = Stage::new(90, 16);
    stage.say("Look at this.");
    stage.type_in("half a dra");
    assert_eq!(stage.finished(busy()), [Cmd::Reattach]);
    assert_snapshot!(stage.frame());
    stage.type_in("ft");
    stage.ctrl('c');
    stage.press(KeyCode::Up);
    assert!(matches!(&stage.press(KeyCode::Enter)[..], [_, Cmd::Send(draft)] if draft.text == "Look at this."));
    stage.pass(1);
    assert_eq!(stage.finished(busy()), [Cmd::Reattach]);
    assert!(stage.frame().contains("it is back below"));
    // Something came: the session has it.
    let mut stage = Stage::new(90, 16);
    stage.say("Look at this.");
    stage.text("I see");
    let full = TurnOutcome::Failed { code: FailureCode::Store, message: "no space left".to_owned(), hint: None };
    assert_eq!(stage.finished(full), []);
}

#[test]
fn a_rule_that_is_cut_is_shown_in_full_elsewhere() {
    for width in 40..=60 {
        let mut stage = Stage::new(width, 24);
        stage.started();
        stage.asks("lead", "git push origin");
        let frame = stage.frame();
        let whole = frame.contains("keeps the rule shell(git push *)");
        assert!(whole || frame.contains("rules: shell(git push *)"), "{width}:\n{frame}");
    }
}

#[test]
fn what_a_yes_is_for_is_seen_with_the_keys_that_say_so() {
    let question = "delete `Which of the colours of the rainbow is it`, with its 11 messages, for good".to_owned();
    for (columns, rows) in [(120, 24), (40, 24), (30, 6), (12, 4), (3, 2)] {
        let mut stage = Stage::new(columns, rows);
        let confirm = Confirm { question: question.clone(), then: Step::Delete(SessionId::from("s")) };
        stage.tell(Msg::Effect(Ok(Effect { parts: vec![], next: Next::Confirm(confirm) })));
        stage.now += Duration::from_secs(1);
        let frame = stage.frame();
        let said = frame.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(rows < 6 || said.contains(&format!("{question}? y or n")), "{columns}:\n{frame}");
        assert!(columns < 12 || said.contains("y or n"), "{columns}:\n{frame}");
    }
}

#[test]
fn the_status_line_names_who_answers() {
    let mut stage = Stage::new(90, 12);
    let helper = Speaker { agent: "helper".to_owned(), model: "openai/mini".to_owned(), window: None };
    stage.tell(Msg::Speaker(helper));
    assert!(stage.frame().contains("helper · openai/mini"));
    stage.say("Hand me over.");
    stage.event_of("sales", EventKind::TurnStarted { model: "openai/gpt".to_owned(), context_files: vec![] });
    assert!(stage.frame().contains("sales · openai/gpt"));
}
