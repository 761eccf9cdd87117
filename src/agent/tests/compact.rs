//! Conversations that outgrow the model's window.

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::{Script, Stage, lines, outcome, says};
use crate::{
    agent::{DraftError, TurnControl, laws::assert_laws},
    domain::{AgentEvent, Content, EventKind, FailureCode, Message, Role, ToolCall, ToolOutcome, TurnOutcome},
    model::{Capabilities, ModelError, ModelErrorKind, scripted::ScriptedModel},
    store::Store as _,
};

fn stage(window: u64, script: Vec<Script>) -> Stage {
    let capabilities = Capabilities { context_window: Some(window), ..Capabilities::default() };
    Stage::new("", vec![]).model("openai/root", ScriptedModel::new(script).with_capabilities(capabilities))
}

fn notices(events: &[AgentEvent]) -> String {
    let notices: Vec<_> = events.iter().filter(|e| matches!(e.kind, EventKind::Notice { .. })).cloned().collect();
    lines(&notices)
}

/// 20 messages of 100 bytes.
async fn long_past(stage: &Stage) {
    let past: Vec<_> =
        (0..10).flat_map(|n| [Message::user(format!("{n:0>100}")), Message::assistant(format!("{n:0>100}"))]).collect();
    stage.store.append(&Stage::key(), &past).await.unwrap();
}

fn full() -> Script {
    let kind = ModelErrorKind::ContextFull { body: "too long".to_owned() };
    vec![Err(ModelError { model: "openai/root".to_owned(), kind, hint: None })]
}

#[tokio::test]
async fn the_oldest_turns_become_a_summary_that_lasts() {
    let stage = stage(600, vec![says("They counted."), says("Ten."), says("Eleven.")]);
    long_past(&stage).await;
    let events = stage.turn("Next?").await;
    insta::assert_snapshot!(notices(&events), @r#"assistant notice {"notice":{"kind":"compacted","before_tokens":501,"after_tokens":129,"summarized":15}}"#);
    let requests = stage.root().requests();
    let first = &requests[1].messages[0];
    assert!(matches!(&first.content[0], Content::Summary { text, .. } if text == "They counted."), "{first:?}");
    assert_eq!(requests[1].messages.last(), Some(&Message::user("Next?")));
    assert_eq!(stage.history().await.len(), 23, "nothing is lost");
    stage.turn("And then?").await;
    let requests = stage.root().requests();
    assert_eq!(
        requests[2].messages[..requests[1].messages.len()],
        requests[1].messages,
        "the same after reading it back"
    );
}

#[tokio::test]
async fn old_results_are_trimmed_before_anything_is_summarised() {
    let stage = stage(1000, vec![says("Well.")]);
    let asked = Message::new(
        Role::Assistant,
        vec![Content::ToolCall(ToolCall {
            call_id: "a".into(),
            name: "look".to_owned(),
            arguments: serde_json::json!({}),
            opaque: None,
        })],
    );
    let result = Message::tool_result("a".into(), ToolOutcome::ok("x".repeat(4000)));
    let past = [Message::user("look"), asked, result, Message::assistant("Seen.")];
    stage.store.append(&Stage::key(), &past).await.unwrap();
    insta::assert_snapshot!(notices(&stage.turn("Next?").await), @r#"assistant notice {"notice":{"kind":"compacted","before_tokens":1015,"after_tokens":122,"summarized":0}}"#);
    assert_eq!(stage.root().requests().len(), 1);
    assert_eq!(stage.history().await[..4], past, "what is stored stays whole");
}

#[tokio::test]
async fn a_request_that_the_provider_finds_too_long_is_made_shorter_once() {
    let stage = Stage::new("", vec![full(), says("They counted."), says("Ten.")]);
    long_past(&stage).await;
    let events = stage.turn("Next?").await;
    assert_eq!(*outcome(&events), TurnOutcome::Completed { output: None });
    insta::assert_snapshot!(notices(&events), @r#"assistant notice {"notice":{"kind":"compacted","before_tokens":501,"after_tokens":104,"summarized":16}}"#);

    let stage = Stage::new("", vec![full(), says("They counted."), full()]);
    long_past(&stage).await;
    let events = stage.turn("Next?").await;
    assert!(matches!(outcome(&events), TurnOutcome::Failed { code: FailureCode::ContextFull, .. }));
}

#[tokio::test]
async fn a_summary_that_fails_is_told_and_the_turn_goes_on() {
    let stage = stage(600, vec![vec![], says("Ten.")]);
    long_past(&stage).await;
    let events = stage.turn("Next?").await;
    assert_eq!(*outcome(&events), TurnOutcome::Completed { output: None });
    insta::assert_snapshot!(notices(&events), @r#"assistant notice {"notice":{"kind":"warning","message":"could not summarise the conversation: scripted/model: the connection was cut in the middle of the answer"}}"#);
}

#[tokio::test]
async fn a_conversation_can_be_compacted_when_the_user_wants_it() {
    let stage = Stage::new("", vec![says("They counted.")]);
    long_past(&stage).await;
    let control = TurnControl::unattended(CancellationToken::new());
    let events: Vec<_> = stage.agent().compact(Stage::key(), control).collect().await;
    assert_laws(&events);
    insta::assert_snapshot!(lines(&events), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant notice {"notice":{"kind":"compacted","before_tokens":500,"after_tokens":53,"summarized":18}}
    assistant turn_finished {"outcome":{"status":"completed"},"usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    "#);
    let history = stage.history().await;
    assert!(matches!(history[20].content[0], Content::Summary { .. }));
}

fn unattended() -> TurnControl {
    TurnControl::unattended(CancellationToken::new())
}

#[tokio::test]
async fn a_summary_can_be_seen_before_it_holds() {
    let stage = Stage::new("", vec![says("They counted."), says("Nineteen."), says("They went on.")]);
    let agent = stage.agent();
    let short = agent.draft_compaction(&Stage::key(), "", unattended()).await;
    assert!(matches!(short, Err(DraftError::Short)), "{short:?}");
    long_past(&stage).await;
    let before = stage.history().await;
    let draft = agent.draft_compaction(&Stage::key(), "in verse", unattended()).await.unwrap();
    insta::assert_debug_snapshot!((&draft.summary, draft.summarized, draft.before_tokens, draft.after_tokens), @r#"
    (
        "They counted.",
        15,
        500,
        128,
    )
    "#);
    assert!(stage.root().requests()[0].instructions.ends_with("The user says of the summary: in verse"));
    assert_eq!(stage.history().await, before, "nothing is changed");
    stage.turn("Next?").await;
    let late = agent.apply_compaction(&Stage::key(), &draft).await;
    assert!(matches!(late, Err(DraftError::Late)), "{late:?}");
    let draft = agent.draft_compaction(&Stage::key(), "", unattended()).await.unwrap();
    agent.apply_compaction(&Stage::key(), &draft).await.unwrap();
    let history = stage.history().await;
    assert!(matches!(history.last().unwrap().content[0], Content::Summary { .. }));
    let usage = agent.context_use(&Stage::key()).await.unwrap();
    let names: Vec<_> = usage.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["summary", "your messages", "answers"]);
}

#[tokio::test]
async fn a_draft_that_fails_or_is_stopped_says_so() {
    let stage = Stage::new("", vec![vec![]]);
    long_past(&stage).await;
    let failed = stage.agent().draft_compaction(&Stage::key(), "", unattended()).await.unwrap_err();
    insta::assert_snapshot!(failed, @"scripted/model: the connection was cut in the middle of the answer");
    let control = unattended();
    control.cancel.cancel();
    let stopped = stage.agent().draft_compaction(&Stage::key(), "", control).await;
    assert!(matches!(stopped, Err(DraftError::Canceled)), "{stopped:?}");
}
