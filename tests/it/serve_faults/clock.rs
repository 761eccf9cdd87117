//! The wall clock is set, by hours and in both directions, while a server runs and between two runs of it. Only the
//! clock of the processes under test: a library that is loaded into them stands between them and the system's.

use std::{fs, os::unix::fs::FileExt as _, process::Command, sync::mpsc};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::process;
use crate::common::{
    TestEnv,
    fake_model::{FakeModel, Reply},
    require::available,
    serve::Server,
};

const HOUR: i64 = 3600;

/// The clock of all that is started in an environment.
struct Clock(fs::File);

impl Clock {
    /// So many hours from now.
    fn set(&self, hours: i64) {
        self.0.write_all_at(&(hours * HOUR).to_ne_bytes(), 0).unwrap();
    }
}

/// An environment with a clock of its own. Nothing where there is no C compiler.
fn environment() -> Option<(TestEnv, Clock)> {
    let env = TestEnv::new();
    let (library, step) = (env.work().join("clock.so"), env.work().join("step"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/clock.c");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
    if !available("cc", made.is_ok_and(|status| status.success())) {
        return None;
    }
    let clock = Clock(fs::File::create(&step).unwrap());
    clock.set(0);
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    Some((env.var("LD_PRELOAD", path(&library)).var("CLOCK_STEP", path(&step)), clock))
}

/// A server whose model answers by script.
fn scripted(script: Vec<Reply>, yaml: &str) -> Option<(Server, Clock, FakeModel)> {
    let (env, clock) = environment()?;
    let model = FakeModel::start(script);
    let url = model.url();
    let fake = format!("{{provider: openai-compatible, model: fake, base_url: \"{url}\", api_key: k, retries: 0}}");
    let server = Server::start_in(env, &format!("name: demo\nmodel: fake\nmodels: {{fake: {fake}}}\n{yaml}"), &[]);
    Some((server, clock, model))
}

async fn asked(model: &FakeModel, times: usize) {
    while model.requests().len() < times {
        tokio::task::yield_now().await;
    }
}

/// How far from the system's clock the server's is, in hours.
fn distance(time: &Value) -> i64 {
    let time: Timestamp = time.as_str().unwrap().parse().unwrap();
    let minutes = time.duration_since(Timestamp::now()).as_secs() / 60;
    // Rounded: the test takes its time, too.
    (minutes + 30 * minutes.signum()) / 60
}

#[tokio::test]
async fn a_turn_has_its_time_whatever_the_clock_says() {
    let (go, wait) = mpsc::channel();
    let script = vec![Reply::text("one").held(wait), Reply::text("two")];
    let Some((server, clock, model)) = scripted(script, "limits: {time: 5m}\n") else { return };
    let body = process("s1", "hi");
    let (frames, ()) = tokio::join!(server.events("/process", &body), async {
        asked(&model, 1).await;
        for hours in [10, -10, 24 * 30, -5] {
            clock.set(hours);
            // It does not miss it: whoever asks it anything has it look at the time.
            assert_eq!(server.get("/readiness").await.0, 200);
        }
        go.send(()).unwrap();
    });
    let last = frames.last().unwrap();
    assert_eq!(last["status"], "completed", "{last}");
    // Nothing ends before it began.
    assert!(last["completed_at"].as_i64() >= last["created_at"].as_i64(), "{last}");
    // And the clock was indeed set.
    let said = json!({ "input": "and?", "session_id": "s2" });
    assert_eq!(server.events("/turns", &said).await.last().unwrap()["outcome"]["status"], "completed");
    let (_, list) = server.get("/sessions").await;
    assert_eq!((list[0]["id"].as_str(), distance(&list[0]["created_at"])), (Some("s2"), -5), "{list}");
}

#[tokio::test]
async fn a_question_waits_for_its_answer_whatever_the_clock_says() {
    let script = vec![Reply::calls(&[("todo", json!({ "items": [] }))]), Reply::text("done")];
    let yaml = "tools: [todo]\npermissions: {ask: [todo]}\nserve: {approval: {timeout: 5m, default: deny}}\n";
    let Some((server, clock, _model)) = scripted(script, yaml) else { return };
    let asked = server.events("/process", &process("s1", "hi")).await;
    let request = asked.iter().find(|frame| frame["type"] == "mcp_approval_request").unwrap();
    clock.set(10);
    assert_eq!(server.get("/health").await.0, 200);
    clock.set(-10);
    let id = asked.iter().find_map(|frame| frame["data"]["id"].as_str()).unwrap_or_else(|| panic!("{request}"));
    let data = json!({ "approval_request_id": id, "approve": true });
    let content = json!([{ "type": "data", "data": data }]);
    let input = json!([{ "type": "mcp_approval_response", "role": "user", "content": content }]);
    let frames = server.events("/process", &json!({ "session_id": "s1", "input": input })).await;
    let text = Value::Array(frames.clone()).to_string();
    assert_eq!(frames.last().unwrap()["status"], "completed", "{text}");
    assert!(text.contains("done") && !text.contains("denied"), "{text}");
}

#[tokio::test]
async fn a_rate_is_one_of_hours_that_pass() {
    let Some((env, clock)) = environment() else { return };
    let server = Server::start_in(env, "name: demo\nmodel: demo\nserve: {limits: {rate: 2/h}}\n", &[]);
    let ask = async || server.client.get(server.at("/sessions")).send().await.unwrap();
    for hours in [0, 10, -10, 0] {
        clock.set(hours);
        let (status, wait) = loop {
            let response = ask().await;
            if response.status() != 200 {
                let wait = response.headers()["retry-after"].to_str().unwrap().parse::<i64>().unwrap();
                break (response.status().as_u16(), wait);
            }
            assert_eq!(hours, 0, "a clock that is set gives nobody more");
        };
        assert_eq!(status, 429);
        assert!((1..=HOUR).contains(&wait), "{wait}");
    }
}

/// What was used last is what was used last, and what is kept for days is kept.
#[tokio::test]
async fn the_order_of_uses_is_not_that_of_the_clock() {
    let Some((env, clock)) = environment() else { return };
    let mut server = Server::start_in(env, "name: demo\nmodel: demo\n", &[]);
    let mut tasks = vec![];
    for (session, hours) in [("noon", 0), ("later", 20), ("set-back", -20), ("again", 3), ("noon", -30)] {
        clock.set(hours);
        let (_, task) = server.post("/process/task", &process(&format!("task-{hours}"), "hi")).await;
        let path = format!("/process/task/{}", task["task_id"].as_str().unwrap());
        while server.get(&path).await.1["status"] != "finished" {}
        tasks.push(path);
        let said = json!({ "input": format!("at {hours}"), "session_id": session });
        assert_eq!(server.events("/turns", &said).await.last().unwrap()["outcome"]["status"], "completed");
        // By another process each time, which knows nothing of the clock before.
        server = server.restarted();
    }
    let (_, list) = server.get("/sessions").await;
    let named = |session: &Value| session["id"].as_str().filter(|id| !id.starts_with("task")).map(str::to_owned);
    let order: Vec<_> = list.as_array().unwrap().iter().filter_map(named).collect();
    assert_eq!(order, ["noon", "again", "set-back", "later"]);
    let (_, noon) = server.get("/sessions/noon").await;
    let said: Vec<_> =
        noon["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "user").collect();
    assert_eq!(said[1]["content"][0]["text"], "at -30", "{noon}");
    // The time is told as the clock had it.
    assert_eq!(distance(&list[0]["updated_at"]), -30, "{list}");
    for path in &tasks {
        assert_eq!(server.get(path).await.1["status"], "finished");
    }
    let (_, list) = server.get("/process/task").await;
    let listed = list["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| format!("/process/task/{}", task["task_id"].as_str().unwrap()));
    assert!(listed.eq(tasks.into_iter().rev()), "{list}");
    let last = server.env.run(&["chat", "agent.yaml", "--continue", "-q", "and now?", "--user-id", "anonymous"]);
    assert_eq!(last.code, Some(0), "{last}");
    let (_, noon) = server.get("/sessions/noon").await;
    assert!(noon.to_string().contains("and now?"), "{noon}");
}

/// When to ask again is said by the provider's clock, which need not be ours.
#[tokio::test]
async fn a_date_to_ask_again_at_is_one_of_the_providers_clock() {
    let now = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let limited = Reply::status(429, "{}").header("date", &now).header("retry-after", &now);
    let model = FakeModel::start(vec![limited, Reply::text("there")]);
    let Some((env, clock)) = environment() else { return };
    clock.set(-10);
    let url = model.url();
    let fake = format!("{{provider: openai-compatible, model: fake, base_url: \"{url}\", api_key: k, retries: 1}}");
    let server = Server::start_in(env, &format!("name: demo\nmodel: fake\nmodels: {{fake: {fake}}}\n"), &[]);
    let frames = server.events("/process", &process("s1", "hi")).await;
    assert_eq!(frames.last().unwrap()["status"], "completed", "{frames:?}");
}
