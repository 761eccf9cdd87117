//! Structured final answers.

use serde_json::json;

use super::{Stage, calls, lines, outcome, says};
use crate::{
    domain::{FailureCode, TurnOutcome},
    model::{Capabilities, ToolChoice, scripted::ScriptedModel},
};

const YAML: &str =
    "output: {schema: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}}\n";

fn native(script: Vec<super::Script>) -> Stage {
    let model = ScriptedModel::new(script);
    let capabilities = Capabilities { structured_output: true, ..Capabilities::default() };
    Stage::new(YAML, vec![]).model("openai/root", model.with_capabilities(capabilities))
}

fn completed() -> TurnOutcome {
    TurnOutcome::Completed { output: Some(json!({ "n": 1 })) }
}

fn failed(outcome: &TurnOutcome) -> bool {
    matches!(outcome, TurnOutcome::Failed { code: FailureCode::Output, .. })
}

#[tokio::test]
async fn a_model_that_takes_a_schema_is_given_it_and_one_more_try() {
    let stage = native(vec![says(r#"{"n": 1}"#)]);
    assert_eq!(*outcome(&stage.turn("Count").await), completed());
    assert!(stage.root().requests()[0].output_schema.is_some());
    assert!(stage.root().requests()[0].tools.is_empty());

    let stage = native(vec![says(r#"{"n": "x"}"#), says(r#"{"n": 1}"#)]);
    assert_eq!(*outcome(&stage.turn("Count").await), completed());
    insta::assert_snapshot!(stage.root().requests()[1].messages[2].text(), @r#"This answer does not fit the required JSON Schema: at /n: "x" is not of type "integer". Answer again, with JSON that does."#);

    let stage = native(vec![says("no"), says("no")]);
    let events = stage.turn("Count").await;
    assert!(failed(outcome(&events)));
    insta::assert_snapshot!(lines(&events[events.len() - 1..]), @r#"assistant turn_finished {"outcome":{"status":"failed","code":"output","message":"the final answer does not fit `output.schema`: it is not JSON: expected ident at line 1 column 2","hint":"try another model, or a simpler schema"},"usage":{"input_tokens":20,"output_tokens":10,"cached_tokens":0,"reasoning_tokens":0,"cost":0.002}}"#);
}

#[tokio::test]
async fn a_model_that_takes_a_schema_only_alone_gets_it_where_the_agent_has_no_tools() {
    let capabilities = Capabilities { structured_output_alone: true, ..Capabilities::default() };
    let stage = |more: &str, script| {
        let model = ScriptedModel::new(script).with_capabilities(capabilities);
        Stage::new(&format!("{YAML}{more}"), vec![]).model("openai/root", model)
    };
    let alone = stage("", vec![says(r#"{"n": 1}"#)]);
    assert_eq!(*outcome(&alone.turn("Count").await), completed());
    assert!(alone.root().requests()[0].output_schema.is_some());
    assert!(alone.root().requests()[0].tools.is_empty());

    let with_tools = stage("tools: [todo]\n", vec![calls(&[("a", "final_answer", r#"{"n":1}"#)])]);
    assert_eq!(*outcome(&with_tools.turn("Count").await), completed());
    assert!(with_tools.root().requests()[0].output_schema.is_none());
}

#[tokio::test]
async fn any_other_model_answers_by_calling_a_tool() {
    let right = || calls(&[("a", "final_answer", r#"{"n":1}"#)]);
    let wrong = || calls(&[("a", "final_answer", r#"{"n":"x"}"#)]);
    for (script, requests) in [
        (vec![right()], 1),
        (vec![says("One."), right()], 2),
        (vec![wrong(), right()], 2),
        (vec![says(r#"{"n":1}"#)], 1),
    ] {
        let stage = Stage::new(YAML, script);
        assert_eq!(*outcome(&stage.turn("Count").await), completed());
        assert_eq!(stage.root().requests().len(), requests);
    }
    let stage = Stage::new(YAML, vec![says("One."), right()]);
    stage.turn("Count").await;
    let choices: Vec<_> = stage.root().requests().into_iter().map(|request| request.tool_choice).collect();
    assert_eq!(choices, [ToolChoice::Auto, ToolChoice::Tool("final_answer".to_owned())]);
    for script in [vec![wrong(), wrong()], vec![says("One."), says("One.")]] {
        assert!(failed(outcome(&Stage::new(YAML, script).turn("Count").await)));
    }
}
