//! What no model of the tests through the binary can be made to do.

use serde_json::{Value, json};

use super::{
    encoder::ProcessEncoder,
    writer::{Head, Mode},
};
use crate::{
    domain::{
        AgentEvent, AgentPath, Content, EventKind, Image, Message, Role, SessionId, TaskId, ToolCall, TurnId,
        TurnOutcome, Usage,
    },
    server::{Encoder, Frames},
};

const TASK: &str = "task_0198c0de000070008000000000000000";

const SPENT: Usage = Usage { input_tokens: 3, output_tokens: 2, cached_tokens: 0, reasoning_tokens: 0, cost: None };

fn done(outcome: TurnOutcome) -> EventKind {
    EventKind::TurnFinished { outcome, usage: SPENT }
}

fn completed() -> EventKind {
    done(TurnOutcome::Completed { output: None })
}

fn text(text: &str) -> EventKind {
    EventKind::TextDelta { text: text.to_owned() }
}

fn whole(content: Vec<Content>) -> EventKind {
    EventKind::MessageCompleted { message: Message::new(Role::Assistant, content), stop: None, usage: None }
}

/// One whose model said what it took.
fn counted(content: Vec<Content>) -> EventKind {
    EventKind::MessageCompleted { message: Message::new(Role::Assistant, content), stop: None, usage: Some(SPENT) }
}

/// The bytes of a turn.
fn written(mode: Mode, kinds: &[EventKind]) -> String {
    let head = Head::task(None, "s1".to_owned(), &TaskId::from(TASK), 1_795_354_649);
    let mut encoder = ProcessEncoder::new(Box::new(|_, _| None), head, mode).finished_at(Some(1_795_354_671));
    let mut out = Frames::default();
    encoder.begin(&mut out);
    for (seq, kind) in (0..).zip(kinds) {
        let (session, turn) = (SessionId::from("s1"), TurnId::from("turn_1"));
        let event = AgentEvent { seq, session, turn, agent: AgentPath::root("a"), kind: kind.clone() };
        let _ = encoder.event(&event, &mut out);
    }
    encoder.end(false, &mut out);
    String::from_utf8(out.take().to_vec()).unwrap()
}

/// The frames, each in a few words.
fn outline(kinds: &[EventKind]) -> String {
    let frames = written(Mode::Plain, kinds);
    let frames = frames.split("\n\n").filter_map(|frame| frame.strip_prefix("data: "));
    frames.map(|frame| line(&serde_json::from_str(frame).unwrap())).collect::<Vec<_>>().join("\n")
}

fn line(frame: &Value) -> String {
    let mut words: Vec<_> = ["sequence_number", "object", "status", "type", "index", "text", "image_url", "data"]
        .into_iter()
        .filter_map(|key| frame.get(key).map(Value::to_string))
        .collect();
    if let Some(output) = frame["output"].as_array() {
        words.push(format!("{} messages", output.len()));
    }
    words.join(" ").replace('"', "")
}

#[test]
fn the_bytes_are_those_of_the_python_runtime() {
    let kinds = [text("Hello"), text(" wor"), text("ld"), counted(vec![Content::text("Hello world")]), completed()];
    let frames = written(Mode::Plain, &kinds);
    let id = "0198c0de-0000-7000-8000-00000000000";
    // Appendix A.1 of its traces; here with real usage, and without metadata that no agent of ours gives.
    let usage = r#"{"input_tokens":3,"output_tokens":2,"total_tokens":5}"#;
    let part = |number| {
        format!(
            r#"{{"sequence_number":{number},"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_{id}1","text":"Hello world"}}"#
        )
    };
    let message = format!(
        r#"{{"sequence_number":7,"object":"message","status":"completed","error":null,"id":"msg_{id}1","type":"message","role":"assistant","content":[{}],"code":null,"message":null,"usage":{usage},"metadata":{{}}}}"#,
        part(6)
    );
    let response = |number, status| {
        format!(
            r#"{{"sequence_number":{number},"object":"response","status":"{status}","error":null,"id":"response_{id}0","created_at":1795354649,"completed_at":null,"output":null,"usage":null,"session_id":"s1"}}"#
        )
    };
    let delta = |number, text| {
        format!(
            r#"{{"sequence_number":{number},"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_{id}1","text":"{text}"}}"#
        )
    };
    let expected = [
        response(0, "created"),
        response(1, "in_progress"),
        format!(
            r#"{{"sequence_number":2,"object":"message","status":"in_progress","error":null,"id":"msg_{id}1","type":"message","role":"assistant","content":null,"code":null,"message":null,"usage":null,"metadata":{{}}}}"#
        ),
        delta(3, "Hello"),
        delta(4, " wor"),
        delta(5, "ld"),
        part(6),
        message.clone(),
        format!(
            r#"{{"sequence_number":8,"object":"response","status":"completed","error":null,"id":"response_{id}0","created_at":1795354649,"completed_at":1795354671,"output":[{message}],"usage":{usage},"session_id":"s1"}}"#
        ),
    ];
    let expected: String = expected.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    assert_eq!(frames, expected);
}

#[test]
fn a_replay_goes_on_after_any_frame_with_the_same_ids() {
    let kinds = [text("Hello"), whole(vec![Content::text("Hello")]), completed()];
    let all = written(Mode::Replay { after: None }, &kinds);
    let frames: Vec<_> = all.split_inclusive("\n\n").collect();
    for (number, _) in frames.iter().enumerate() {
        assert!(frames[number].starts_with(&format!("id: {number}\ndata: ")));
        let rest = written(Mode::Replay { after: Some(number as u64) }, &kinds);
        assert_eq!(rest, frames[number + 1..].concat());
    }
    assert_eq!(written(Mode::Silent, &kinds), "");
}

#[test]
fn images_complete() {
    let image = Content::Image(Image { media_type: "image/png".into(), data: "AAAA".into() });
    insta::assert_snapshot!(outline(&[
        text("See"),
        whole(vec![Content::text("See"), image.clone(), image]),
        completed(),
    ]), @r"
    0 response created
    1 response in_progress
    2 message in_progress message
    3 content in_progress text 0 See
    4 content completed text 0 See
    5 message completed message
    6 message in_progress message
    7 content in_progress image 0 data:image/png;base64,AAAA
    8 content completed image 0 data:image/png;base64,AAAA
    9 content in_progress image 1 data:image/png;base64,AAAA
    10 content completed image 1 data:image/png;base64,AAAA
    11 message completed message
    12 response completed 2 messages
    ");
}

#[test]
fn what_an_answer_took_is_told_once_with_its_last_message() {
    let think = EventKind::ReasoningDelta { text: "hm".to_owned() };
    let call = |id: &str| {
        let (call_id, name, arguments) = (id.into(), "search".to_owned(), json!({}));
        Content::ToolCall(ToolCall { call_id, name, arguments, opaque: None })
    };
    let image = || Content::Image(Image { media_type: "image/png".into(), data: "AAAA".into() });
    for (kinds, want) in [
        (vec![think, text("hi"), counted(vec![Content::text("hi")])], vec!["reasoning -", "message 5"]),
        (vec![text("hi"), counted(vec![Content::text("hi"), image()])], vec!["message -", "message 5"]),
        (
            vec![text("hi"), counted(vec![Content::text("hi"), call("call_1"), call("call_2")])],
            vec!["message -", "plugin_call -", "plugin_call 5"],
        ),
        (vec![text("hi"), whole(vec![Content::text("hi")])], vec!["message -"]),
    ] {
        let frames = written(Mode::Plain, &[kinds, vec![completed()]].concat());
        let last: Value = serde_json::from_str(frames.trim_end().rsplit("data: ").next().unwrap()).unwrap();
        let line = |message: &Value| {
            let tokens = message["usage"]["total_tokens"].as_u64().map_or("-".to_owned(), |tokens| tokens.to_string());
            format!("{} {tokens}", message["type"].as_str().unwrap())
        };
        assert_eq!(last["output"].as_array().unwrap().iter().map(line).collect::<Vec<_>>(), want);
    }
}

#[test]
fn thoughts_that_come_back_stay_one_part_each() {
    let think = |text: &str| EventKind::ReasoningDelta { text: text.to_owned() };
    insta::assert_snapshot!(outline(&[
        think("hm"),
        text("hi"),
        think(" so"),
        text(" there"),
        whole(vec![Content::text("hi there")]),
        completed(),
    ]), @r"
    0 response created
    1 response in_progress
    2 message in_progress reasoning
    3 content in_progress text 0 hm
    4 message in_progress message
    5 content in_progress text 0 hi
    6 content in_progress text 0  so
    7 content in_progress text 0  there
    8 content completed text 0 hm so
    9 message completed reasoning
    10 content completed text 0 hi there
    11 message completed message
    12 response completed 2 messages
    ");
}

#[test]
fn a_call_that_was_never_finished_is_closed_and_no_output() {
    let arguments = |delta: &str| EventKind::ToolArgumentsDelta {
        call_id: "call_1".into(),
        name: "search".into(),
        delta: delta.to_owned(),
    };
    insta::assert_snapshot!(outline(&[arguments(""), arguments("{\"q\": \"a"), done(TurnOutcome::Canceled)]), @r"
    0 response created
    1 response in_progress
    2 message in_progress plugin_call
    3 content in_progress data 0 {call_id:call_1,name:search,arguments:}
    4 content in_progress data 0 {call_id:call_1,name:search,arguments:{\q\: \a\}}
    5 content canceled data 0 {call_id:call_1,name:search,arguments:{\q\: \a}
    6 message canceled plugin_call
    7 response canceled
    ");
}

#[test]
fn a_structured_answer_that_was_not_said_is_said() {
    let answer = json!({ "city": "Rome" });
    let ended = || done(TurnOutcome::Completed { output: Some(answer.clone()) });
    insta::assert_snapshot!(outline(&[ended()]), @r"
    0 response created
    1 response in_progress
    2 message in_progress message
    3 content in_progress text 0 {\city\:\Rome\}
    4 content completed text 0 {\city\:\Rome\}
    5 message completed message
    6 response completed 1 messages
    ");
    let said = "{ \"city\": \"Rome\" }";
    let frames = outline(&[text(said), whole(vec![Content::text(said)]), ended()]);
    assert!(frames.ends_with("1 messages"), "{frames}");
}

#[test]
fn long_arguments_are_not_repeated_with_every_letter() {
    let long = json!({ "text": "x".repeat(20_000) });
    let raw = long.to_string();
    let mut kinds: Vec<_> = raw
        .as_bytes()
        .chunks(4)
        .map(|piece| EventKind::ToolArgumentsDelta {
            call_id: "call_1".into(),
            name: "write".into(),
            delta: String::from_utf8(piece.to_vec()).unwrap(),
        })
        .collect();
    let call = ToolCall { call_id: "call_1".into(), name: "write".into(), arguments: long, opaque: None };
    kinds.extend([whole(vec![Content::ToolCall(call)]), completed()]);
    assert!(written(Mode::Plain, &kinds).len() < 15 * raw.len());
}

#[test]
fn a_turn_that_ends_without_a_word_has_failed() {
    insta::assert_snapshot!(outline(&[text("Hel")]), @r"
    0 response created
    1 response in_progress
    2 message in_progress message
    3 content in_progress text 0 Hel
    4 content completed text 0 Hel
    5 message completed message
    6 response failed 1 messages
    ");
}
