//! Agents that work together, on a model server that answers by script.

use serde_json::json;

use super::scripted;
use crate::common::fake_model::Reply;

#[test]
fn a_sub_agent_gives_its_answer_to_the_caller() {
    let script = vec![
        Reply::calls(&[("helper", json!({ "task": "find it" }))]),
        Reply::text("It is there."),
        Reply::text("Found it."),
    ];
    let (env, server) = scripted("tools: [{agent: helper}]\nagents: {helper: {description: Helps.}}\n", script);
    insta::assert_snapshot!(env.run(&["chat", "-q", "Where is it?"]), @r#"
    exit 0
    --- stdout
    Found it.
    --- stderr
    using ./agent.yaml
    tool helper {"task":"find it"}: It is there.
    "#);
    let last = server.requests().pop().unwrap().body["messages"].to_string();
    assert!(last.contains("It is there."), "{last}");
}

#[test]
fn a_handoff_lasts() {
    let script = vec![
        Reply::calls(&[("transfer_to_sales", json!({}))]),
        Reply::text("What would you like?"),
        Reply::text("Here you are."),
    ];
    let yaml = "handoffs: [sales]\nagents: {sales: {description: Sells., instructions: You sell.}}\n";
    let (env, server) = scripted(yaml, script);
    insta::assert_snapshot!(env.run(&["chat", "--session-id", "s", "-q", "I want one"]), @"
    exit 0
    --- stdout
    What would you like?
    --- stderr
    using ./agent.yaml
    tool transfer_to_sales {}: The conversation is handed over to `sales`. You are `sales` from here on.
    handed over to sales
    ");
    insta::assert_snapshot!(env.run(&["chat", "--session-id", "s", "-q", "A red one"]), @"
    exit 0
    --- stdout
    Here you are.
    --- stderr
    using ./agent.yaml
    ");
    let last = server.requests().pop().unwrap().body["messages"].to_string();
    assert!(last.contains("You sell."), "{last}");
}

#[test]
fn a_structured_answer_is_json() {
    let yaml = "tools: [todo]\noutput: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}}\n";
    let script = vec![
        Reply::calls(&[("final_answer", json!({ "n": "many" }))]),
        Reply::calls(&[("final_answer", json!({ "n": 3 }))]),
    ];
    let (env, _server) = scripted(yaml, script);
    insta::assert_snapshot!(env.run(&["chat", "-q", "How many?"]), @r#"
    exit 0
    --- stdout
    {
      "n": 3
    }
    --- stderr
    using ./agent.yaml
    tool final_answer {"n":"many"}: failed: the answer does not fit: invalid arguments: at /n: "many" is not of type "integer". Call `final_answer` again.
    tool final_answer {"n":3}: The answer was accepted.
    "#);
}

/// The leading agent's word binds those it calls, also through the binary.
#[test]
fn what_the_lead_is_denied_its_helper_is_denied() {
    let script = vec![
        Reply::calls(&[("helper", json!({ "task": "plan" }))]),
        Reply::calls(&[("todo", json!({ "items": [] }))]),
        Reply::text("I may not."),
        Reply::text("It may not."),
    ];
    let yaml = "tools: [{agent: helper}]\npermissions: {deny: [todo]}\n\
                agents: {helper: {description: Helps., tools: [todo], permissions: {allow: [todo]}}}\n";
    let (env, _server) = scripted(yaml, script);
    insta::assert_snapshot!(env.run(&["chat", "-q", "Plan"]), @r#"
    exit 0
    --- stdout
    It may not.
    --- stderr
    using ./agent.yaml
    lead/helper: tool todo {"items":[]}: denied: the rule `todo` denies it
    tool helper {"task":"plan"}: I may not.
    "#);
}

#[test]
fn a_call_that_is_only_text_is_explained() {
    let call = r#"```json
{"name": "todo", "arguments": {"items": []}}
```"#;
    let (env, _server) = scripted("tools: [todo]\n", vec![Reply::text(call)]);
    insta::assert_snapshot!(env.run(&["chat", "-q", "Plan it"]), @r#"
    exit 0
    --- stdout
    ```json
    {"name": "todo", "arguments": {"items": []}}
    ```
    --- stderr
    using ./agent.yaml
    hint: the model wrote a tool call as text; `text_tool_calls: true` under `models` in the agent file has such calls run
    "#);
}
