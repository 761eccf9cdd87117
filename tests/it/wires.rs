//! What the four wires make of the bytes that providers send, over HTTP.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, sync::Arc};

use agentscope::{
    config::{Env, Keys, Paths, agent_file::ModelSpec},
    domain::{Message, Notice},
    model::{self, Model, ModelDelta, ModelError, ModelRequest},
    runtime::http::Http,
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::common::fake_model::{FakeModel, Reply};

/// A provider of each wire.
const WIRES: &[(&str, &str)] = &[
    ("chat", "openai-compatible"),
    ("responses", "openai-responses"),
    ("anthropic", "anthropic"),
    ("gemini", "gemini"),
];

fn cassette(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cassettes").join(name)).unwrap()
}

/// The model `m` of `provider` at `url`; `more` are further keys of the agent file.
fn open(provider: &str, url: &str, more: &Value) -> Arc<dyn Model> {
    let mut spec =
        json!({ "provider": provider, "model": "m", "base_url": url, "api_key": "sk-very-secret", "retries": 0 });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    let spec: ModelSpec = serde_json::from_value(spec).unwrap();
    open_all(&BTreeMap::from([("it".to_owned(), spec)]))
}

fn open_all(models: &BTreeMap<String, ModelSpec>) -> Arc<dyn Model> {
    let env = Env::fake("/", &[("AGENTSCOPE_HOME", "/nowhere")]);
    let keys = Keys::load(&env, &Paths::new(&env), None).unwrap();
    model::open("it", models, &keys, &Arc::new(Http::new(env, false))).unwrap()
}

async fn ask(model: &dyn Model) -> String {
    ask_for(model, ModelRequest { messages: vec![Message::user("hi")], ..ModelRequest::default() }).await
}

/// The whole answer as lines: neighbours of one kind joined, ids replaced by the order in which they came.
async fn ask_for(model: &dyn Model, request: ModelRequest) -> String {
    let mut deltas = match model.stream(request).await {
        Ok(deltas) => deltas,
        Err(error) => return failure(&error),
    };
    let mut ids = vec![];
    let mut number = |id: &str| {
        ids.iter().position(|known| known == id).unwrap_or_else(|| {
            ids.push(id.to_owned());
            ids.len() - 1
        })
    };
    let mut lines: Vec<(String, String)> = vec![];
    let mut add = |kind: String, text: &str| match lines.last_mut() {
        Some((last, all)) if *last == kind => all.push_str(text),
        _ => lines.push((kind, text.to_owned())),
    };
    while let Some(delta) = deltas.next().await {
        match delta {
            Ok(ModelDelta::Text(text)) => add("text".into(), &text),
            Ok(ModelDelta::Reasoning { text, opaque }) => {
                add("reasoning".into(), &text);
                if let Some(opaque) = opaque {
                    add("opaque".into(), &format!("{opaque}\n"));
                }
            }
            Ok(ModelDelta::ToolCallStart { call_id, name, opaque }) => {
                let opaque = opaque.map(|opaque| format!(" {opaque}")).unwrap_or_default();
                add(format!("call {}", number(call_id.as_str())), &format!("{name}{opaque} "));
            }
            Ok(ModelDelta::ToolCallArguments { call_id, delta }) => {
                add(format!("call {}", number(call_id.as_str())), &delta);
            }
            Ok(ModelDelta::Usage(usage)) => add(
                format!("usage {}/{} tokens", usage.input_tokens, usage.output_tokens),
                &format!("cached {} reasoning {} cost {:?}", usage.cached_tokens, usage.reasoning_tokens, usage.cost),
            ),
            Ok(ModelDelta::Stop { reason, raw }) => add("stop".into(), &format!("{reason:?} ({raw})")),
            Ok(ModelDelta::Notice(notice)) => add("notice".into(), &noted(&notice)),
            Ok(ModelDelta::Restart) => add("restart".into(), ""),
            Err(error) => add("error".into(), &failure(&error)),
        }
    }
    lines.iter().fold(String::new(), |mut all, (kind, text)| {
        writeln!(all, "{kind}: {}", text.trim_end()).unwrap();
        all
    })
}

/// Waits are random: left out.
fn noted(notice: &Notice) -> String {
    match notice {
        Notice::Retry { model, attempt, reason, .. } => format!("retry {attempt} of {model}: {reason}\n"),
        Notice::RateLimited { model, wait_ms } => format!("{model} is rate limited, wait {wait_ms} ms\n"),
        Notice::Fallback { from, to, reason } => format!("{from} -> {to}: {reason}\n"),
        other => format!("{other:?}\n"),
    }
}

fn failure(error: &ModelError) -> String {
    assert!(!format!("{error:?}").contains("sk-very-secret"), "a secret in {error:?}");
    let hint = error.hint.as_deref().unwrap_or("none");
    format!("{error}\n  hint: {hint}\n").replace(|c: char| c.is_ascii_control() && c != '\n', "?")
}

/// `text` with the port of the fake server taken out.
fn stable(text: &str, server: &FakeModel) -> String {
    text.replace(&server.address().to_string(), "HOST")
}

async fn play(wire: &str, provider: &str, name: &str) -> String {
    let bytes = cassette(&format!("{wire}/{name}.sse"));
    let server = FakeModel::start(vec![Reply::stream().bytes(bytes.clone()), Reply::stream().chunks(bytes.chunks(1))]);
    let model = open(provider, &server.url(), &json!({ "price": { "input": 1, "output": 10, "cached": 0.5 } }));
    let whole = ask(&*model).await;
    assert_eq!(ask(&*model).await, whole, "{wire}/{name} differs when every byte comes alone");
    whole
}

/// What every wire makes of its cassette of this name.
async fn everywhere(name: &str) -> String {
    let mut all = String::new();
    for (wire, provider) in WIRES {
        write!(all, "== {wire}\n{}", play(wire, provider, name).await).unwrap();
    }
    all
}

#[tokio::test]
async fn text_with_usage() {
    insta::assert_snapshot!(everywhere("text").await, @"
    == chat
    text: Héllo, 漢字 🦀
    usage 12/7 tokens: cached 4 reasoning 0 cost Some(8e-5)
    stop: End (stop)
    == responses
    text: Héllo, 漢字 🦀
    usage 12/7 tokens: cached 4 reasoning 0 cost Some(8e-5)
    stop: End (completed)
    == anthropic
    usage 12/1 tokens: cached 4 reasoning 0 cost Some(2e-5)
    text: Héllo, 漢字 🦀
    usage 12/7 tokens: cached 4 reasoning 0 cost Some(8e-5)
    stop: End (end_turn)
    == gemini
    text: Héllo,
    usage 12/0 tokens: cached 0 reasoning 0 cost Some(1.2e-5)
    text: 漢字 🦀
    usage 12/7 tokens: cached 4 reasoning 0 cost Some(8e-5)
    stop: End (STOP)
    ");
}

#[tokio::test]
async fn reasoning_then_parallel_calls() {
    insta::assert_snapshot!(everywhere("tools").await, @r#"
    == chat
    reasoning: Two cities, two calls.
    call 0: weather {"city":
    call 1: weather {"city":"Ro
    call 0: "Öslo"}
    call 1: me"}
    usage 50/30 tokens: cached 20 reasoning 10 cost Some(0.00034)
    stop: ToolCalls (tool_calls)
    == responses
    reasoning: Two cities, two calls.
    opaque: {"responses":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"Two cities, two calls."}],"encrypted_content":"gAAAA"}}
    call 0: weather
    call 1: weather
    call 0: {"city":
    call 1: {"city":"Ro
    call 0: "Öslo"}
    call 1: me"}
    usage 50/30 tokens: cached 20 reasoning 10 cost Some(0.00034)
    stop: ToolCalls (completed)
    == anthropic
    usage 50/2 tokens: cached 20 reasoning 0 cost Some(6e-5)
    reasoning: Two cities, two calls.
    opaque: {"anthropic":{"signature":"EqQBCgIYAhIM"}}
    reasoning: 
    opaque: {"anthropic":{"redacted":"EmwKAhgBEgy"}}
    call 0: weather {"city":
    call 1: weather {"city":"Ro
    call 0: "Öslo"}
    call 1: me"}
    usage 50/30 tokens: cached 20 reasoning 9 cost Some(0.00034)
    stop: ToolCalls (tool_use)
    == gemini
    reasoning: Two cities, two calls.
    usage 50/0 tokens: cached 0 reasoning 0 cost Some(5e-5)
    call 0: weather {"gemini":"EskBCsYB"} {"city":"Öslo"}
    call 1: weather {"city":"Rome"}
    usage 50/30 tokens: cached 20 reasoning 10 cost Some(0.00034)
    stop: ToolCalls (STOP)
    "#);
}

#[tokio::test]
async fn an_error_within_the_stream() {
    insta::assert_snapshot!(everywhere("error").await, @"
    == chat
    text: Hel
    error: openai-compatible/m: the provider reported an error while answering: The server had an error while processing your request
      hint: none
    == responses
    text: Hel
    error: openai-responses/m: the provider reported an error while answering: The server had an error while processing your request
      hint: none
    == anthropic
    usage 5/1 tokens: cached 0 reasoning 0 cost Some(1.5e-5)
    text: Hel
    error: anthropic/m: the provider reported an error while answering: The server had an error while processing your request
      hint: none
    == gemini
    text: Hel
    error: gemini/m: the provider reported an error while answering: The server had an error while processing your request
      hint: none
    ");
}

#[tokio::test]
async fn what_only_some_providers_do() {
    let mut all = String::new();
    for (wire, provider, name) in [
        ("chat", "openai-compatible", "whole_calls"),
        ("chat", "llamacpp", "llamacpp"),
        ("responses", "openai-responses", "incomplete"),
        ("gemini", "gemini", "blocked"),
        ("gemini", "gemini", "signed_text"),
    ] {
        write!(all, "== {wire}/{name}\n{}", play(wire, provider, name).await).unwrap();
    }
    insta::assert_snapshot!(all, @r#"
    == chat/whole_calls
    call 0: first {"n":1}
    call 1: second {"n":2}
    call 2: third {"n":3}
    call 3: fourth {"n":4}
    call 4: fifth {"n":5}
    call 5: sixth {}
    stop: ToolCalls (stop)
    == chat/llamacpp
    text:  naïve café
    usage 47/4 tokens: cached 24 reasoning 0 cost Some(7.5e-5)
    stop: End (stop)
    == responses/incomplete
    text: I cannot
    usage 9/3 tokens: cached 0 reasoning 0 cost Some(3.9e-5)
    stop: Length (max_output_tokens)
    == gemini/blocked
    usage 8/0 tokens: cached 0 reasoning 0 cost Some(8e-6)
    stop: Filtered (PROHIBITED_CONTENT)
    == gemini/signed_text
    text: Done.
    reasoning: 
    opaque: {"gemini":"c2lnbmVk"}
    reasoning: 
    opaque: {"gemini":"bGFzdA=="}
    usage 8/2 tokens: cached 0 reasoning 0 cost Some(2.8e-5)
    stop: Length (MAX_TOKENS)
    "#);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_and_a_body_that_just_ends() {
    let mut all = String::new();
    for (wire, provider) in WIRES {
        let bytes = cassette(&format!("{wire}/text.sse"));
        let half = &bytes[..bytes.len() / 2];
        let server = FakeModel::start(vec![Reply::stream().bytes(half).cut(), Reply::stream().bytes(half)]);
        let model = open(provider, &server.url(), &json!({}));
        for _ in 0..2 {
            write!(all, "== {wire}\n{}", stable(&ask(&*model).await, &server)).unwrap();
        }
    }
    insta::assert_snapshot!(all, @"
    == chat
    text: Héllo,
    error: openai-compatible/m: the connection to HOST broke: unexpected EOF during chunk size line
      hint: try again, or set `fallback`
    == chat
    text: Héllo,
    error: openai-compatible/m: HOST closed the connection in the middle of the answer
      hint: try again, or set `fallback`
    == responses
    error: openai-responses/m: the connection to HOST broke: unexpected EOF during chunk size line
      hint: try again, or set `fallback`
    == responses
    error: openai-responses/m: HOST closed the connection in the middle of the answer
      hint: try again, or set `fallback`
    == anthropic
    usage 12/1 tokens: cached 4 reasoning 0 cost None
    error: anthropic/m: the connection to HOST broke: unexpected EOF during chunk size line
      hint: try again, or set `fallback`
    == anthropic
    usage 12/1 tokens: cached 4 reasoning 0 cost None
    error: anthropic/m: HOST closed the connection in the middle of the answer
      hint: try again, or set `fallback`
    == gemini
    error: gemini/m: the connection to HOST broke: unexpected EOF during chunk size line
      hint: try again, or set `fallback`
    == gemini
    error: gemini/m: HOST closed the connection in the middle of the answer
      hint: try again, or set `fallback`
    ");
}

#[tokio::test]
async fn http_errors_name_the_model_and_the_next_step() {
    let cases: &[(&str, u16, &str)] = &[
        (
            "openai-compatible",
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-very-secret.","type":"invalid_request_error","code":"invalid_api_key"}}"#,
        ),
        ("openai-compatible", 404, r#"{"error":{"message":"The model `m` does not exist","code":"model_not_found"}}"#),
        (
            "openai-compatible",
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
        ),
        ("openai-compatible", 500, "<html><body>\n<h1>Internal Server Error</h1>\n</body></html>"),
        ("openai-compatible", 502, ""),
        ("ollama", 404, r#"{"error":{"message":"model \"m\" not found, try pulling it first","type":"api_error"}}"#),
        (
            "llamacpp",
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":8192}}"#,
        ),
        (
            "openai-responses",
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota"}}"#,
        ),
        (
            "anthropic",
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        ),
        ("anthropic", 529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
        (
            "gemini",
            400,
            r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (
            "gemini",
            400,
            r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
        ),
        (
            "dashscope",
            400,
            r#"{"error":{"message":"Range of input length should be [1, 129024]","code":"invalid_parameter_error"}}"#,
        ),
    ];
    let mut all = String::new();
    for (provider, status, body) in cases {
        let server = FakeModel::start(vec![Reply::status(*status, *body)]);
        let model = open(provider, &server.url(), &json!({}));
        all.push_str(&stable(&ask(&*model).await, &server));
    }
    insta::assert_snapshot!(all, @r#"
    error: openai-compatible/m: the API key was refused (HTTP 401): Incorrect API key provided: [secret].
      hint: check the key in `api_key` of the agent file; `agentscope setup` stores another
    error: openai-compatible/m: the provider answered HTTP 404: The model `m` does not exist
      hint: check the model name `m` and the address http://HOST/v1; `agentscope models` lists what is known
    error: openai-compatible/m: the conversation does not fit the model's context window: This model's maximum context length is 8192 tokens.
      hint: start a new session, or set `context_window` of this model in the agent file
    error: openai-compatible/m: the provider answered HTTP 500: <html><body> <h1>Internal Server Error</h1> </body></html>
      hint: the provider is in trouble: try again later, or set `fallback`
    error: openai-compatible/m: the provider answered HTTP 502: (no message)
      hint: the provider is in trouble: try again later, or set `fallback`
    error: ollama/m: the provider answered HTTP 404: model "m" not found, try pulling it first
      hint: `ollama pull m` fetches the model; `ollama list` shows what is there
    error: llamacpp/m: the conversation does not fit the model's context window: the request exceeds the available context size, try increasing it
      hint: start a new session, or set `context_window` of this model in the agent file
    error: openai-responses/m: the provider answered HTTP 429: You exceeded your current quota
      hint: check the plan and the credit of your account
    error: anthropic/m: the conversation does not fit the model's context window: prompt is too long: 210000 tokens > 200000 maximum
      hint: start a new session, or set `context_window` of this model in the agent file
    error: anthropic/m: the provider answered HTTP 529: Overloaded
      hint: the provider is in trouble: try again later, or set `fallback`
    error: gemini/m: the API key was refused (HTTP 400): API key not valid. Please pass a valid API key.
      hint: check the key in `api_key` of the agent file; `agentscope setup` stores another
    error: gemini/m: the conversation does not fit the model's context window: The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).
      hint: start a new session, or set `context_window` of this model in the agent file
    error: dashscope/m: the conversation does not fit the model's context window: Range of input length should be [1, 129024]
      hint: start a new session, or set `context_window` of this model in the agent file
    "#);
}

#[tokio::test]
async fn a_success_that_is_no_stream() {
    let mut all = String::new();
    for body in [
        r#"{"error":{"message":"model is loading","code":503}}"#,
        r#"{"id":"chatcmpl-1","choices":[{"message":{"content":"not streamed"}}]}"#,
        "<!doctype html><title>Sign in</title>",
        "",
        "data: {\"choices\": [\n\n",
        "plain text",
    ] {
        let server = FakeModel::start(vec![Reply::status(200, body)]);
        all.push_str(&stable(&ask(&*open("openai-compatible", &server.url(), &json!({}))).await, &server));
    }
    insta::assert_snapshot!(all, @r#"
    error: openai-compatible/m: the provider reported an error while answering: model is loading
      hint: none
    error: openai-compatible/m: could not read the provider's answer: no event stream but `{"id":"chatcmpl-1","choices":[{"message":{"content":"not streamed"}}]}`
      hint: is http://HOST/v1 the root of the provider's API?
    error: openai-compatible/m: could not read the provider's answer: a web page instead of an event stream
      hint: is http://HOST/v1 the root of the provider's API?
    error: openai-compatible/m: could not read the provider's answer: an empty answer instead of an event stream
      hint: is http://HOST/v1 the root of the provider's API?
    error: openai-compatible/m: could not read the provider's answer: EOF while parsing a list at line 1 column 13 in `{"choices": [`
      hint: is http://HOST/v1 the root of the provider's API?
    error: openai-compatible/m: could not read the provider's answer: no event stream but `plain text`
      hint: is http://HOST/v1 the root of the provider's API?
    "#);
}

#[tokio::test]
async fn a_failure_before_the_first_word_is_retried_and_one_after_it_is_not() {
    let first = json!({ "choices": [{ "delta": { "content": "Hel" } }] });
    let thought = json!({ "choices": [{ "delta": { "reasoning_content": "hm" } }] });
    let server = FakeModel::start(vec![
        Reply::stream().cut(),
        Reply::stream().event(&thought).cut(),
        Reply::status(429, "{}").header("retry-after", "0"),
        Reply::status(503, "{}").header("retry-after-ms", "1"),
        Reply::text("Hello there"),
        Reply::stream().event(&first).cut(),
    ]);
    let model = open("openai-compatible", &server.url(), &json!({ "retries": 4 }));
    let answers = [ask(&*model).await, ask(&*model).await].join("== the next request\n");
    insta::assert_snapshot!(stable(&answers, &server), @"
    notice: retry 1 of openai-compatible/m: the connection to HOST broke: unexpected EOF during chunk size line
    reasoning: hm
    restart: 
    notice: retry 2 of openai-compatible/m: the connection to HOST broke: unexpected EOF during chunk size line
    openai-compatible/m is rate limited, wait 0 ms
    retry 4 of openai-compatible/m: the provider answered HTTP 503: {}
    text: Hello there
    usage 20/5 tokens: cached 0 reasoning 0 cost None
    stop: End (stop)
    == the next request
    text: Hel
    error: openai-compatible/m: the connection to HOST broke: unexpected EOF during chunk size line
      hint: try again, or set `fallback`
    ");
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_long_retry_after_is_told_and_not_waited_for() {
    let server = FakeModel::start(vec![Reply::status(429, "{}").header("retry-after", "3600"), Reply::text("never")]);
    let model = open("openai-compatible", &server.url(), &json!({ "retries": 5 }));
    insta::assert_snapshot!(stable(&ask(&*model).await, &server), @"
    error: openai-compatible/m: rate limited (HTTP 429): {}
      hint: wait and try again, ask for a higher limit, or set `fallback`
    ");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn the_next_model_answers_where_the_first_cannot() {
    let server = FakeModel::start(vec![
        Reply::status(401, r#"{"error":"bad key"}"#),
        Reply::status(500, "{}"),
        Reply::text("Hello from the third"),
        // Compacting helps more than a model that is not known to take more.
        Reply::status(400, r#"{"error":"prompt is too long"}"#),
    ]);
    let spec = |fallback: &[&str]| {
        let spec = json!({ "provider": "openai-compatible", "model": "m", "base_url": server.url(), "retries": 0, "fallback": fallback });
        serde_json::from_value::<ModelSpec>(spec).unwrap()
    };
    let models = [("it", spec(&["second", "third", "it"])), ("second", spec(&["third"])), ("third", spec(&[]))];
    let model = open_all(&models.map(|(name, spec)| (name.to_owned(), spec)).into());
    let answers = [ask(&*model).await, ask(&*model).await].join("== the next request\n");
    insta::assert_snapshot!(stable(&answers, &server), @"
    notice: openai-compatible/m -> openai-compatible/m: the API key was refused (HTTP 401): bad key
    openai-compatible/m -> openai-compatible/m: the provider answered HTTP 500: {}
    text: Hello from the third
    usage 20/5 tokens: cached 0 reasoning 0 cost None
    stop: End (stop)
    == the next request
    error: openai-compatible/m: the conversation does not fit the model's context window: prompt is too long
      hint: start a new session, or set `context_window` of this model in the agent file
    ");
}

#[tokio::test]
async fn a_full_context_moves_on_to_a_model_that_is_known_to_take_more() {
    let full = || Reply::status(400, r#"{"error":"prompt is too long"}"#);
    let server = FakeModel::start(vec![full(), Reply::text("Hello from the larger"), full()]);
    let spec = |window: &str, fallback: &[&str]| {
        let spec = json!({
            "provider": "openai-compatible", "model": "m", "base_url": server.url(), "retries": 0,
            "context_window": window, "fallback": fallback,
        });
        serde_json::from_value::<ModelSpec>(spec).unwrap()
    };
    let with = |window: &str| {
        let models = [("it", spec("8k", &["other"])), ("other", spec(window, &[]))];
        open_all(&models.map(|(name, spec)| (name.to_owned(), spec)).into())
    };
    let answers = [ask(&*with("32k")).await, ask(&*with("8k")).await].join("== the next request\n");
    insta::assert_snapshot!(stable(&answers, &server), @"
    notice: openai-compatible/m -> openai-compatible/m: the conversation does not fit the model's context window: prompt is too long
    text: Hello from the larger
    usage 20/5 tokens: cached 0 reasoning 0 cost None
    stop: End (stop)
    == the next request
    error: openai-compatible/m: the conversation does not fit the model's context window: prompt is too long
      hint: the model takes 8000 tokens: start a new session or use another model
    ");
}

#[tokio::test]
async fn silence_ends_by_the_idle_timeout_and_a_slow_drip_by_the_whole_one() {
    let (hold, silent) = std::sync::mpsc::channel();
    let (hold_more, dripping) = std::sync::mpsc::channel();
    let word = json!({ "choices": [{ "delta": { "content": "Hel" } }] });
    let server =
        FakeModel::start(vec![Reply::stream().event(&word).wait(silent), Reply::stream().event(&word).wait(dripping)]);
    let idle = open("openai-compatible", &server.url(), &json!({ "idle_timeout": "50ms" }));
    let total = open("openai-compatible", &server.url(), &json!({ "timeout": "50ms" }));
    let answers = [ask(&*idle).await, ask(&*total).await].concat();
    drop((hold, hold_more));
    // On a busy machine the word may come too late.
    let answers = answers.replace("text: Hel\n", "");
    insta::assert_snapshot!(answers, @"
    error: openai-compatible/m: the provider sent nothing for 50 ms
      hint: raise `idle_timeout` of this model in the agent file
    error: openai-compatible/m: no whole answer within 50 ms
      hint: raise `timeout` of this model in the agent file
    ");
}

#[tokio::test]
async fn each_wire_sends_its_key_and_its_headers() {
    let mut all = String::new();
    for (wire, provider) in WIRES {
        let server = FakeModel::start(vec![Reply::stream()]);
        ask(&*open(provider, &server.url(), &json!({ "headers": { "X-Team": "docs" } }))).await;
        let request = server.requests().remove(0);
        let mut headers = request.headers.clone();
        headers
            .retain(|(name, _)| !matches!(name.as_str(), "host" | "content-length" | "user-agent" | "accept-encoding"));
        headers.sort();
        writeln!(all, "== {wire}: {} {}", request.method, request.path).unwrap();
        for (name, value) in headers {
            writeln!(all, "{name}: {value}").unwrap();
        }
    }
    insta::assert_snapshot!(all, @"
    == chat: POST /v1/chat/completions
    accept: text/event-stream
    authorization: Bearer sk-very-secret
    content-type: application/json
    x-team: docs
    == responses: POST /v1/responses
    accept: text/event-stream
    authorization: Bearer sk-very-secret
    content-type: application/json
    x-team: docs
    == anthropic: POST /v1/messages
    accept: text/event-stream
    anthropic-version: 2023-06-01
    content-type: application/json
    x-api-key: sk-very-secret
    x-team: docs
    == gemini: POST /v1/models/m:streamGenerateContent?alt=sse
    accept: text/event-stream
    content-type: application/json
    x-goog-api-key: sk-very-secret
    x-team: docs
    ");
}
