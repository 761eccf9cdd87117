//! In a real container engine: the image runs where there is nothing else.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::common::{
    TestEnv,
    engine::{Engine, unique},
};

/// A home on the engine whose layers are kept from one test to the next: packing a debug build takes long.
fn env(engine: &Engine) -> TestEnv {
    let env = engine.env();
    let shared = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("images");
    std::fs::create_dir_all(&shared).unwrap();
    std::fs::create_dir_all(env.home().join("cache")).unwrap();
    std::os::unix::fs::symlink(shared, env.home().join("cache/images")).unwrap();
    env
}

/// A container and an image that are gone afterwards.
struct Made<'a> {
    engine: &'a Engine,
    container: String,
    images: Vec<String>,
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        self.engine.docker(&["rm", "--force", "--volumes", &self.container]);
        for image in &self.images {
            self.engine.docker(&["rmi", "--force", image]);
        }
    }
}

#[tokio::test]
async fn the_image_runs_from_scratch_and_answers() {
    let Some(engine) = Engine::with_bridge() else { return };
    let env = env(&engine);
    let name = format!("agentscope-build-{}", unique());
    env.write(
        "agent.yaml",
        format!("name: {name}\nmodel: demo\nserve: {{tokens: [{{name: t, value: \"${{TOKEN}}\"}}]}}\n"),
    );
    let build = || -> Value {
        let output = env.run(&["build", "-o", "json"]);
        assert_eq!(output.code, Some(0), "{output}");
        serde_json::from_str(&output.stdout).unwrap()
    };
    let mut made = Made { engine: &engine, container: name.clone(), images: vec![] };
    let first = build();
    let image = first["image"].as_str().unwrap().to_owned();
    made.images.push(image.clone());
    assert_eq!(
        engine.docker(&["image", "inspect", "--format", "{{.Id}} {{.Config.User}}", &image]),
        format!("{} 65532:65532", first["id"].as_str().unwrap())
    );
    assert_eq!(build()["loaded"]["layers"], 0, "it is there");
    let started = engine.docker(&[
        "run",
        "--detach",
        "--name",
        &name,
        "--read-only",
        "--tmpfs",
        "/tmp",
        "--volume",
        "/data",
        "--cap-drop",
        "ALL",
        "--env",
        "TOKEN=s3cret",
        "--publish",
        "127.0.0.1::8080",
        &image,
    ]);
    assert!(!started.is_empty());
    let port = engine.docker(&["port", &name, "8080"]);
    let url = format!("http://{}", port.lines().next().unwrap_or_default());
    let client = reqwest::Client::builder().build().unwrap();
    let healthy = async {
        while client.get(format!("{url}/health")).send().await.and_then(reqwest::Response::error_for_status).is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(std::time::Duration::from_secs(60), healthy).await.is_err() {
        panic!("not healthy: {}", engine.docker(&["logs", &name]));
    }
    let body =
        json!({ "input": [{ "role": "user", "type": "message", "content": [{ "type": "text", "text": "hello" }] }] });
    let ask = || client.post(format!("{url}/process")).json(&body);
    assert_eq!(ask().send().await.unwrap().status(), 401);
    let answer = ask().bearer_auth("s3cret").send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("demo model") && answer.contains("completed"), "{answer}");
    // Only what is small is sent when the agent changes.
    env.write("agent.yaml", format!("name: {name}\nmodel: demo\ndescription: changed\n"));
    let changed = build();
    made.images.push(changed["image"].as_str().unwrap().to_owned());
    assert_eq!((&changed["layers"][0]["reused"], &changed["loaded"]["layers"]), (&json!(true), &json!(1)));
}
