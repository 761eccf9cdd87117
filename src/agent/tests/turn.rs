//! The pure machine: whatever happens in whatever order, and wherever it is broken off, the laws hold.

use proptest::prelude::*;
use serde_json::json;

use crate::{
    agent::{
        caller, history,
        laws::{check_laws_with, check_pairing},
        turn::{STOP_AFTER, Step, Turn, WARN_AFTER},
    },
    domain::{
        AgentEvent, AgentPath, CallId, Content, EventKind, FailureCode, Message, ToolOutcome, TurnOutcome, Usage,
    },
    model::{ModelDelta, StopReason},
};

/// One thing that happens to a turn.
#[derive(Clone, Debug)]
enum Act {
    /// The model is asked, if it is its turn.
    Ask,
    Delta(ModelDelta),
    Restart,
    /// The answer is whole.
    Done,
    /// The nth of the calls that are still open ends.
    Tool(usize, ToolOutcome),
    Steer,
}

/// The tools of the caller.
const ELSEWHERE: [&str; 1] = ["door"];

/// Plays a driver that does nothing but keep what it is given.
struct Play {
    turn: Turn,
    events: Vec<AgentEvent>,
    saved: Vec<Message>,
}

impl Play {
    fn new() -> Self {
        let turn = Turn::new(vec![], 100).with_tools_elsewhere(ELSEWHERE.map(str::to_owned));
        let mut play = Self { turn, events: vec![], saved: vec![] };
        play.emit(EventKind::TurnStarted { model: "scripted/model".to_owned(), context_files: vec![] });
        play.turn.push_user(Message::user("go"));
        play
    }

    fn emit(&mut self, kind: EventKind) {
        let seq = self.events.len() as u64;
        let (session, turn, agent) = ("ses_1".into(), "turn_1".into(), AgentPath::root("assistant"));
        self.events.push(AgentEvent { seq, session, turn, agent, kind });
    }

    fn act(&mut self, act: Act) {
        let step = self.turn.step();
        match (act, step) {
            (Act::Ask, _) => {}
            (Act::Delta(delta), Step::CallModel) => {
                if let Some(kind) = self.turn.on_delta(delta) {
                    self.emit(kind);
                }
            }
            (Act::Restart, Step::CallModel) => drop(self.turn.restart()),
            (Act::Done, Step::CallModel) => {
                for kind in self.turn.on_model_done() {
                    self.emit(kind);
                }
            }
            (Act::Tool(nth, outcome), Step::CallTools(calls)) => {
                let id = calls[nth % calls.len()].call_id.clone();
                let kind = self.turn.on_tool(&id, outcome).expect("an open call");
                self.emit(kind);
            }
            (Act::Steer, Step::Finish(TurnOutcome::Completed { .. })) => self.turn.push_user(Message::user("and?")),
            // Cannot happen at this step.
            (Act::Delta(_) | Act::Restart | Act::Done | Act::Tool(..) | Act::Steer, _) => {}
        }
        self.saved.extend(self.turn.take_unsaved());
    }

    /// Breaks the turn off here, and checks everything there is to check.
    fn close(self) -> Self {
        self.end(TurnOutcome::Canceled)
    }

    /// Hands the calls of the caller out, where they are all that is left; breaks the turn off elsewhere.
    fn hand_out(mut self) -> Self {
        match self.turn.step() {
            Step::Finish(outcome @ TurnOutcome::ToolCalls { .. }) => self.end(outcome),
            _ => self.close(),
        }
    }

    fn end(mut self, outcome: TurnOutcome) -> Self {
        for kind in self.turn.close(&outcome) {
            self.emit(kind);
        }
        self.saved.extend(self.turn.take_unsaved());
        let usage = self.turn.take_usage();
        self.emit(EventKind::TurnFinished { outcome: outcome.clone(), usage });
        if let Err(broken) = check_laws_with(&self.events, &ELSEWHERE) {
            panic!("{broken}\n{:#?}", self.events);
        }
        if let TurnOutcome::ToolCalls { calls } = outcome {
            assert_eq!(history::interrupted_calls(&self.saved), calls, "these alone are open");
            let results = caller::canceled(&calls);
            let context = history::paired([self.turn.context(), &results].concat());
            assert_eq!(check_pairing(&context), Ok(()));
            assert_eq!(history::paired([&self.saved[..], &results].concat()), context);
            return self;
        }
        assert_eq!(check_pairing(self.turn.context()), Ok(()));
        assert_eq!(history::paired(self.saved.clone()), self.turn.context(), "what was saved is what the model saw");
        assert_eq!(history::interrupted_calls(&self.saved), []);
        self
    }
}

fn start(id: &str, name: &str) -> Act {
    Act::Delta(ModelDelta::ToolCallStart { call_id: id.into(), name: name.to_owned(), opaque: None })
}

fn arguments(id: &str, delta: &str) -> Act {
    Act::Delta(ModelDelta::ToolCallArguments { call_id: id.into(), delta: delta.to_owned() })
}

fn text(text: &str) -> Act {
    Act::Delta(ModelDelta::Text(text.to_owned()))
}

fn stop(reason: StopReason) -> Act {
    Act::Delta(ModelDelta::Stop { reason, raw: format!("{reason:?}") })
}

/// Two rounds: reasoning, text and two calls whose arguments interleave; then an answer.
fn standard() -> Vec<Act> {
    vec![
        Act::Ask,
        Act::Delta(ModelDelta::Reasoning { text: "hm".to_owned(), opaque: None }),
        Act::Delta(ModelDelta::Reasoning { text: String::new(), opaque: Some(json!("signed")) }),
        text("I "),
        text("look."),
        start("a", "look"),
        arguments("a", "{\"at"),
        start("b", "read"),
        arguments("b", "{}"),
        arguments("a", "\": 1}"),
        Act::Delta(ModelDelta::Usage(Usage { input_tokens: 5, output_tokens: 2, ..Usage::default() })),
        stop(StopReason::ToolCalls),
        Act::Done,
        Act::Tool(1, ToolOutcome::ok("b")),
        Act::Tool(0, ToolOutcome::ok("a")),
        Act::Ask,
        text("Done."),
        Act::Delta(ModelDelta::Usage(Usage { input_tokens: 9, output_tokens: 1, ..Usage::default() })),
        stop(StopReason::End),
        Act::Done,
    ]
}

fn play(acts: Vec<Act>) -> Play {
    let mut play = Play::new();
    for act in acts {
        play.act(act);
    }
    play
}

#[test]
fn a_turn_can_be_broken_off_anywhere() {
    for end in 0..=standard().len() {
        play(standard().into_iter().take(end).collect()).close();
    }
}

#[test]
fn the_standard_turn() {
    let mut done = play(standard());
    assert_eq!(done.turn.step(), Step::Finish(TurnOutcome::Completed { output: None }));
    assert_eq!(done.turn.answer(), "Done.");
    let done = done.close();
    let roles: Vec<_> = done.turn.context().iter().map(|m| serde_json::to_string(m).unwrap()).collect();
    insta::assert_snapshot!(roles.join("\n"), @r#"
    {"role":"user","content":[{"type":"text","text":"go"}]}
    {"role":"assistant","content":[{"type":"reasoning","text":"hm","opaque":"signed"},{"type":"text","text":"I look."},{"type":"tool_call","call_id":"a","name":"look","arguments":{"at":1}},{"type":"tool_call","call_id":"b","name":"read","arguments":{}}]}
    {"role":"tool","content":[{"type":"tool_result","call_id":"a","outcome":{"status":"ok","content":[{"type":"text","text":"a"}]}}]}
    {"role":"tool","content":[{"type":"tool_result","call_id":"b","outcome":{"status":"ok","content":[{"type":"text","text":"b"}]}}]}
    {"role":"assistant","content":[{"type":"text","text":"Done."}]}
    "#);
    assert_eq!(done.saved[2], Message::tool_result("b".into(), ToolOutcome::ok("b")), "saved as it ended");
}

#[test]
fn what_is_kept_of_a_broken_answer_is_its_text() {
    let broken = play(standard().into_iter().take(9).collect()).close();
    assert_eq!(broken.saved, [Message::user("go"), Message { broken_off: true, ..Message::assistant("I look.") }]);
    let broken = play(vec![Act::Ask, start("a", "look"), arguments("a", "{")]).close();
    assert_eq!(broken.saved, [Message::user("go")]);
}

#[test]
fn calls_that_are_open_are_closed_as_canceled() {
    let broken = play(standard().into_iter().take(14).collect()).close();
    assert_eq!(
        broken.turn.context()[2..],
        [
            Message::tool_result("a".into(), ToolOutcome::Canceled),
            Message::tool_result("b".into(), ToolOutcome::ok("b"))
        ]
    );
}

#[test]
fn calls_of_the_caller_are_handed_out_after_ours_have_ended() {
    let asks = || vec![Act::Ask, start("a", "door"), start("b", "look"), start("c", "door"), Act::Done];
    let mut both = play(asks());
    assert!(matches!(both.turn.step(), Step::CallTools(calls) if calls.len() == 1));
    both.act(Act::Tool(0, ToolOutcome::ok("b")));
    let Step::Finish(TurnOutcome::ToolCalls { calls }) = both.turn.step() else { panic!("{:?}", both.turn) };
    assert_eq!(calls.iter().map(|call| call.call_id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert!(both.turn.waits_for_caller());
    both.hand_out();
    let ids = |done: &Play| history::interrupted_calls(&done.saved).len();
    assert_eq!(ids(&play(asks()).close()), 0, "broken off, nothing is open");
}

#[test]
fn arguments_are_read_as_models_write_them() {
    let read = |raw: &str| {
        let done =
            play(vec![Act::Ask, start("a", "look"), arguments("a", raw), stop(StopReason::ToolCalls), Act::Done]);
        done.turn.context()[1].calls().next().unwrap().arguments.clone()
    };
    assert_eq!(read(""), json!({}));
    assert_eq!(read("null"), json!({}));
    assert_eq!(read(" {\"a\": 1} "), json!({ "a": 1 }));
    assert_eq!(read(r#""{\"a\": 1}""#), json!({ "a": 1 }));
    assert_eq!(read("{\"a\": "), json!("{\"a\": "), "raw, to be answered as an error");
    assert_eq!(read("[1]"), json!("[1]"));
}

#[test]
fn call_ids_that_repeat_are_made_unique() {
    let round = || [Act::Ask, start("0", "look"), start("0", "look"), arguments("0", "{}"), Act::Done];
    let mut acts = round().to_vec();
    acts.extend([Act::Tool(0, ToolOutcome::ok("")), Act::Tool(0, ToolOutcome::ok(""))]);
    acts.extend(round());
    let done = play(acts).close();
    let ids: std::collections::HashSet<&CallId> =
        done.turn.context().iter().flat_map(Message::calls).map(|call| &call.call_id).collect();
    assert_eq!(ids.len(), 4);
}

#[test]
fn a_request_starts_over_only_before_its_first_text() {
    let mut before = play(vec![Act::Ask, start("a", "look")]);
    before.turn.restart().unwrap();
    before.act(start("a", "look"));
    before.act(Act::Done);
    let done = before.close();
    assert_eq!(done.turn.context()[1].calls().next().unwrap().call_id, "a".into(), "the id is free again");
    let mut after = play(vec![Act::Ask, text("Hel")]);
    assert!(after.turn.restart().is_err());
    after.close();
}

#[test]
fn an_answer_that_was_cut_or_withheld_says_so() {
    let notices = |acts: Vec<Act>| {
        let done = play(acts).close();
        let notices: Vec<_> = done
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Notice { notice } => Some(serde_json::to_string(notice).unwrap()),
                _ => None,
            })
            .collect();
        (notices.join("\n"), done.saved.len())
    };
    let (shown, saved) = notices(vec![Act::Ask, text("Once"), stop(StopReason::Length), Act::Done]);
    insta::assert_snapshot!(shown, @r#"{"kind":"warning","message":"the answer was cut off: it reached the model's output limit"}"#);
    assert_eq!(saved, 2);
    let (shown, saved) = notices(vec![Act::Ask, stop(StopReason::Filtered), Act::Done]);
    insta::assert_snapshot!(shown, @r#"{"kind":"warning","message":"the provider withheld the answer, or a part of it"}"#);
    assert_eq!(saved, 1, "no empty message");
    insta::assert_snapshot!(notices(vec![Act::Ask, stop(StopReason::End), Act::Done]).0, @r#"{"kind":"warning","message":"the model gave an empty answer"}"#);
}

#[test]
fn a_model_that_repeats_itself_is_told_and_then_stopped() {
    let mut loops = Play::new();
    let mut rounds = 0;
    let outcome = loop {
        for act in [Act::Ask, start("x", "look"), arguments("x", "{\"at\": 1}"), Act::Done] {
            loops.act(act);
        }
        rounds += 1;
        match loops.turn.step() {
            Step::Finish(outcome) => break outcome,
            _ => loops.act(Act::Tool(0, ToolOutcome::ok("nothing"))),
        }
        let told = loops.turn.context().last().unwrap().clone();
        let Content::ToolResult { outcome, .. } = &told.content[0] else { unreachable!() };
        assert_eq!(outcome.text().contains("in a row"), rounds >= WARN_AFTER, "round {rounds}");
    };
    assert_eq!(rounds, STOP_AFTER);
    assert!(matches!(outcome, TurnOutcome::Failed { code: FailureCode::Loop, .. }), "{outcome:?}");
    loops.close();
}

#[test]
fn a_job_that_is_polled_is_no_loop() {
    let mut polls = Play::new();
    for round in 0..2 * STOP_AFTER {
        for act in [Act::Ask, start("x", "look"), arguments("x", "{\"at\": 1}"), Act::Done] {
            polls.act(act);
        }
        assert!(matches!(polls.turn.step(), Step::CallTools(_)), "round {round}");
        polls.act(Act::Tool(0, ToolOutcome::ok(format!("{round} % done"))));
    }
    assert!(!format!("{:?}", polls.turn.context()).contains("in a row"));
    polls.close();
}

#[test]
fn steps_are_limited() {
    let mut turn = Turn::new(vec![], 1);
    turn.push_user(Message::user("go"));
    assert_eq!(turn.step(), Step::CallModel);
    assert_eq!(turn.step(), Step::CallModel, "until it was answered");
    turn.on_delta(ModelDelta::ToolCallStart { call_id: "a".into(), name: "look".to_owned(), opaque: None });
    turn.on_model_done();
    turn.on_tool(&"a".into(), ToolOutcome::ok(""));
    assert!(matches!(turn.step(), Step::Finish(TurnOutcome::Failed { code: FailureCode::StepLimit, .. })));
}

fn any_act() -> impl Strategy<Value = Act> {
    let id = prop::sample::select(vec!["0", "1", "2"]);
    prop_oneof![
        3 => Just(Act::Ask),
        2 => Just(Act::Done),
        1 => Just(Act::Restart),
        1 => Just(Act::Steer),
        4 => ".{0,3}".prop_map(|t| text(&t)),
        2 => (".{0,2}", any::<bool>()).prop_map(|(text, end)| {
            Act::Delta(ModelDelta::Reasoning { text, opaque: end.then(|| json!("end")) })
        }),
        3 => id.clone().prop_map(|id| start(id, "look")),
        2 => id.clone().prop_map(|id| start(id, "door")),
        3 => (id, prop::sample::select(vec!["{}", "{\"a\":", "1}", "x"])).prop_map(|(id, t)| arguments(id, t)),
        1 => Just(stop(StopReason::End)),
        4 => (0..4_usize).prop_map(|nth| Act::Tool(nth, ToolOutcome::ok("ok"))),
        1 => (0..4_usize).prop_map(|nth| Act::Tool(nth, ToolOutcome::Failed { error: "no".to_owned() })),
    ]
}

proptest! {
    #[test]
    fn the_laws_hold_for_any_script(acts in prop::collection::vec(any_act(), 0..60)) {
        play(acts.clone()).close();
        play(acts).hand_out();
    }
}
