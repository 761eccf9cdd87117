//! What may run: rules, the user's word, hooks.

use super::{Stage, calls, lines, outcome, run::Puppet, says, without_ids};
use crate::{
    domain::{AgentEvent, Answer, Decision, EventKind, FailureCode, TurnOutcome},
    model::scripted::ScriptedModel,
};

fn stage(yaml: &str) -> Stage {
    let call = || calls(&[("a", "puppet", r#"{"do":"it"}"#)]);
    Stage::new(yaml, vec![call(), call(), says("Well.")]).tool(Puppet::new("puppet"))
}

/// Events about calls, without those of the answer.
fn about_calls(events: &[AgentEvent]) -> String {
    let about: Vec<_> = events
        .iter()
        .filter(|event| {
            matches!(
                event.kind,
                EventKind::ApprovalRequested { .. }
                    | EventKind::ApprovalResolved { .. }
                    | EventKind::ToolFinished { .. }
                    | EventKind::Notice { .. }
            )
        })
        .cloned()
        .collect();
    lines(&about)
}

fn reply(decision: Decision) -> impl FnMut(&AgentEvent, &tokio_util::sync::CancellationToken) -> Vec<Answer> {
    move |event, _| match &event.kind {
        EventKind::ApprovalRequested { call, .. } => {
            vec![Answer::Approval { call_id: call.call_id.clone(), decision: decision.clone() }]
        }
        _ => vec![],
    }
}

const ASK: &str = "permissions: {ask: [puppet]}\n";

#[tokio::test]
async fn a_rule_denies() {
    insta::assert_snapshot!(about_calls(&stage("permissions: {deny: [puppet]}\n").turn("Go").await), @r#"
    assistant tool_finished {"call_id":"a","outcome":{"status":"denied","by":"rule","reason":"the rule `puppet` denies it"}}
    assistant tool_finished {"call_id":"call_","outcome":{"status":"denied","by":"rule","reason":"the rule `puppet` denies it"}}
    "#);
}

#[tokio::test]
async fn where_nobody_can_be_asked_nothing_is_asked() {
    insta::assert_snapshot!(about_calls(&stage(ASK).turn("Go").await), @r#"
    assistant tool_finished {"call_id":"a","outcome":{"status":"denied","by":"unattended","reason":"the rule `puppet` asks, and nobody can be asked"}}
    assistant tool_finished {"call_id":"call_","outcome":{"status":"denied","by":"unattended","reason":"the rule `puppet` asks, and nobody can be asked"}}
    "#);
}

#[tokio::test]
async fn the_user_decides_each_time() {
    insta::assert_snapshot!(about_calls(&stage(ASK).attended("Go", reply(Decision::Allow)).await), @r#"
    assistant approval_requested {"call":{"call_id":"a","name":"puppet","arguments":{"do":"it"}},"reason":"the rule `puppet` asks","rules":["puppet"]}
    assistant approval_resolved {"call_id":"a","decision":{"decision":"allow"}}
    assistant tool_finished {"call_id":"a","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
    assistant approval_requested {"call":{"call_id":"call_","name":"puppet","arguments":{"do":"it"}},"reason":"the rule `puppet` asks","rules":["puppet"]}
    assistant approval_resolved {"call_id":"call_","decision":{"decision":"allow"}}
    assistant tool_finished {"call_id":"call_","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
    "#);
    let no = Decision::Deny { reason: "not now".to_owned() };
    insta::assert_snapshot!(about_calls(&stage(ASK).attended("Go", reply(no)).await), @r#"
    assistant approval_requested {"call":{"call_id":"a","name":"puppet","arguments":{"do":"it"}},"reason":"the rule `puppet` asks","rules":["puppet"]}
    assistant approval_resolved {"call_id":"a","decision":{"decision":"deny","reason":"not now"}}
    assistant tool_finished {"call_id":"a","outcome":{"status":"denied","by":"user","reason":"not now"}}
    assistant approval_requested {"call":{"call_id":"call_","name":"puppet","arguments":{"do":"it"}},"reason":"the rule `puppet` asks","rules":["puppet"]}
    assistant approval_resolved {"call_id":"call_","decision":{"decision":"deny","reason":"not now"}}
    assistant tool_finished {"call_id":"call_","outcome":{"status":"denied","by":"user","reason":"not now"}}
    "#);
}

#[tokio::test]
async fn what_is_allowed_for_the_session_is_not_asked_again() {
    let stage = stage(ASK);
    let events = stage.attended("Go", reply(Decision::AllowSession)).await;
    insta::assert_snapshot!(about_calls(&events), @r#"
    assistant approval_requested {"call":{"call_id":"a","name":"puppet","arguments":{"do":"it"}},"reason":"the rule `puppet` asks","rules":["puppet"]}
    assistant approval_resolved {"call_id":"a","decision":{"decision":"allow_session"}}
    assistant tool_finished {"call_id":"a","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
    assistant tool_finished {"call_id":"call_","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
    "#);
    assert!(stage.kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_allowed_for_good_is_kept() {
    let stage = stage(ASK);
    stage.attended("Go", reply(Decision::AllowAlways)).await;
    let kept: Vec<_> = stage.kept.lock().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["puppet"]);
}

#[tokio::test]
async fn cancellation_resolves_what_was_asked() {
    let events = stage(ASK)
        .attended("Go", |event, cancel| {
            if matches!(event.kind, EventKind::ApprovalRequested { .. }) {
                cancel.cancel();
            }
            vec![]
        })
        .await;
    insta::assert_snapshot!(about_calls(&events), @r#"
    assistant approval_requested {"call":{"call_id":"a","name":"puppet","arguments":{"do":"it"}},"reason":"the rule `puppet` asks","rules":["puppet"]}
    assistant approval_resolved {"call_id":"a","decision":{"decision":"deny","reason":"the turn was canceled"}}
    assistant tool_finished {"call_id":"a","outcome":{"status":"canceled"}}
    "#);
}

/// A hook script beside the agent file; run by `sh`, because a file that was just written may still be open for writing in
/// a process that another test is about to start, and cannot be run then.
fn script(stage: &Stage, name: &str, text: &str) {
    stage.write(name, text);
}

#[tokio::test]
async fn hooks_are_told_and_may_refuse() {
    let stage = stage(
        "hooks:\n  session_start: [{run: [sh, ./log.sh]}]\n  before_tool: [{match: other, run: [sh, ./no.sh]}, {run: [sh, ./log.sh]}]\n  \
         after_tool: [{match: puppet, run: [sh, ./log.sh]}]\n  turn_end: [{run: [sh, ./log.sh]}]\n",
    );
    script(&stage, "log.sh", "cat >> log; echo >> log");
    script(&stage, "no.sh", "exit 1");
    stage.turn("Go").await;
    let log = std::fs::read_to_string(stage.folder.path().join("log")).unwrap();
    insta::assert_snapshot!(without_ids(&log), @r#"
    {"event":"session_start","session":"ses_1","user":"ann","agent":"assistant"}
    {"event":"before_tool","session":"ses_1","user":"ann","agent":"assistant","call":{"call_id":"a","name":"puppet","rule_name":"puppet","arguments":{"do":"it"}}}
    {"event":"after_tool","session":"ses_1","user":"ann","agent":"assistant","call":{"call_id":"a","name":"puppet","rule_name":"puppet","arguments":{"do":"it"}},"outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
    {"event":"before_tool","session":"ses_1","user":"ann","agent":"assistant","call":{"call_id":"call_","name":"puppet","rule_name":"puppet","arguments":{"do":"it"}}}
    {"event":"after_tool","session":"ses_1","user":"ann","agent":"assistant","call":{"call_id":"call_","name":"puppet","rule_name":"puppet","arguments":{"do":"it"}},"outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
    {"event":"turn_end","session":"ses_1","user":"ann","agent":"assistant","outcome":{"status":"completed"}}
    "#);
}

#[tokio::test]
async fn a_hook_that_does_not_say_yes_refuses() {
    let refused = |yaml: &'static str, text: &'static str| async move {
        let stage = stage(yaml);
        script(&stage, "guard.sh", text);
        let events = stage.turn("Go").await;
        about_calls(&events).lines().next().unwrap_or_default().to_owned()
    };
    let guard = "hooks: {before_tool: [{run: [sh, ./guard.sh]}]}\n";
    insta::assert_snapshot!(refused(guard, "echo 'not on a Friday'; exit 3").await, @r#"assistant tool_finished {"call_id":"a","outcome":{"status":"denied","by":"hook","reason":"not on a Friday"}}"#);
    insta::assert_snapshot!(refused(guard, "exit 1").await, @r#"assistant tool_finished {"call_id":"a","outcome":{"status":"denied","by":"hook","reason":"the hook `sh ./guard.sh` refused it (exit status: 1)"}}"#);
    insta::assert_snapshot!(refused(guard, "yes | head -c 1000000; exit 0").await, @r#"assistant tool_finished {"call_id":"a","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}"#);
    insta::assert_snapshot!(refused("hooks: {before_tool: [{run: [./gone.sh]}]}\n", "").await, @r#"assistant tool_finished {"call_id":"a","outcome":{"status":"denied","by":"hook","reason":"could not run the hook `./gone.sh`: No such file or directory (os error 2)"}}"#);
    let slow = "hooks: {before_tool: [{run: [sh, ./guard.sh], timeout: 20ms}]}\n";
    insta::assert_snapshot!(refused(slow, "sleep 1000 & wait").await, @r#"assistant tool_finished {"call_id":"a","outcome":{"status":"denied","by":"hook","reason":"the hook `sh ./guard.sh` took longer than 0.02 s"}}"#);
}

#[tokio::test]
async fn a_session_that_a_hook_refuses_does_not_start() {
    let stage = stage("hooks: {session_start: [{run: [sh, ./guard.sh]}]}\n");
    script(&stage, "guard.sh", "echo closed >&2; exit 1");
    let events = stage.turn("Go").await;
    assert!(matches!(outcome(&events), TurnOutcome::Failed { code: FailureCode::Hook, .. }));
    insta::assert_snapshot!(lines(&events), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant turn_finished {"outcome":{"status":"failed","code":"hook","message":"session_start hook: closed"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}
    "#);
    assert!(stage.root().requests().is_empty());
}

/// The agent `helper`, in the same file or in one of its own, calls `puppet` twice.
fn team(permissions: &str, own: &str, file: bool) -> Stage {
    let script = vec![calls(&[("a", "helper", r#"{"task":"go"}"#)]), says("Done.")];
    let call = || calls(&[("a", "puppet", r#"{"do":"it"}"#)]);
    let helper = format!("model: openai/helper\n{own}");
    let yaml = if file {
        format!("{permissions}tools: [{{agent: {{file: helper.yaml}}}}]\n")
    } else {
        format!(
            "{permissions}tools: [{{agent: helper}}]\nagents:\n  helper:\n    {}\n",
            helper.trim_end().replace('\n', "\n    ")
        )
    };
    let stage = Stage::new(&yaml, script)
        .model("openai/helper", ScriptedModel::new(vec![call(), call(), says("Well.")]))
        .tool(Puppet::new("puppet"));
    stage.write("helper.yaml", &format!("name: helper\n{helper}"));
    stage
}

#[tokio::test]
async fn what_the_leader_may_not_do_its_team_may_not() {
    const FREE: &str = "permissions: {allow: [puppet], default: allow, unattended: allow}\n";
    for file in [false, true] {
        let verdict = |permissions: &'static str, own: &'static str| async move {
            let shown = about_calls(&team(permissions, own, file).turn("Go").await);
            shown.lines().next().unwrap_or_default().replace("assistant/helper tool_finished ", "")
        };
        let verdicts = [
            verdict("permissions: {deny: [puppet]}\n", FREE).await,
            verdict("permissions: {ask: [puppet]}\n", FREE).await,
            verdict("permissions: {ask: [puppet], unattended: allow}\n", FREE).await,
            verdict("permissions: {default: deny, allow: [helper]}\n", "").await,
            verdict("permissions: {default: deny, allow: [helper]}\n", "permissions: {allow: [puppet]}\n").await,
            verdict("", "permissions: {deny: [puppet]}\n").await,
        ];
        insta::allow_duplicates! {
            insta::assert_snapshot!(verdicts.join("\n"), @r#"
            {"call_id":"call_","outcome":{"status":"denied","by":"rule","reason":"the rule `puppet` denies it"}}
            {"call_id":"call_","outcome":{"status":"denied","by":"unattended","reason":"the rule `puppet` asks, and nobody can be asked"}}
            {"call_id":"call_","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
            {"call_id":"call_","outcome":{"status":"denied","by":"rule","reason":"no rule allows it, and the default is to deny"}}
            {"call_id":"call_","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
            {"call_id":"call_","outcome":{"status":"denied","by":"rule","reason":"the rule `puppet` denies it"}}
            "#);
        }
    }
}

#[tokio::test]
async fn the_hooks_of_the_leader_guard_its_team() {
    for file in [false, true] {
        let stage = team(
            "hooks: {before_tool: [{match: puppet, run: [sh, ./guard.sh]}]}\n",
            "hooks: {before_tool: [{run: [sh, ./own.sh]}]}\n",
            file,
        );
        script(&stage, "guard.sh", "echo 'not by my team'; exit 1");
        script(&stage, "own.sh", "exit 0");
        let shown = about_calls(&stage.turn("Go").await);
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown.lines().next().unwrap_or_default(), @r#"assistant/helper tool_finished {"call_id":"call_","outcome":{"status":"denied","by":"hook","reason":"not by my team"}}"#);
        }
    }
}

#[tokio::test]
async fn what_the_user_allows_for_the_session_holds_for_the_team() {
    let script =
        vec![calls(&[("a", "puppet", r#"{"do":"it"}"#)]), calls(&[("b", "helper", r#"{"task":"go"}"#)]), says("Done.")];
    let stage = team(ASK, "", false).model("openai/root", ScriptedModel::new(script));
    let events = about_calls(&stage.attended("Go", reply(Decision::AllowSession)).await);
    assert_eq!(events.matches("approval_requested").count(), 1, "{events}");
    assert_eq!(events.matches("did it").count(), 3, "{events}");
}
