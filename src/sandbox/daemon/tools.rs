//! The contract's generic tools: results as MCP has them, with `exit` for what they do not say.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, response::Response, routing::post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Daemon,
    program::Program,
    python::Python,
    routes::{self, Failure, parse},
};
use crate::sandbox::wire::{CellEnd, CellEvent, CellOutcome, CellSpec, Channel, ExecSpec, ExitStatus};

/// What is kept of each stream, in bytes; the contract's answers come whole.
const KEPT: usize = 8 << 20;

pub(super) fn routes() -> Router<Arc<Daemon>> {
    Router::new().route("/tools/run_ipython_cell", post(cell)).route("/tools/run_shell_command", post(shell))
}

#[derive(Deserialize)]
struct Cell {
    code: String,
    /// Seconds.
    timeout: Option<f64>,
}

#[derive(Deserialize)]
struct Shell {
    command: String,
    /// Seconds.
    timeout: Option<f64>,
}

async fn cell(State(daemon): State<Arc<Daemon>>, body: Bytes) -> Result<Response, Failure> {
    let Cell { code, timeout } = parse(&body)?;
    if code.is_empty() {
        return Err(Failure::new(StatusCode::BAD_REQUEST, "Code is required."));
    }
    let mut events = Python::start(&daemon, CellSpec { code, timeout: duration(timeout)? }).await?;
    let (mut stdout, mut stderr, mut shown) = (Kept::default(), Kept::default(), vec![]);
    let mut end = CellEnd { outcome: CellOutcome::Died(None), lost: None };
    while let Some(event) = events.recv().await {
        match event {
            CellEvent::Stdout(text) => stdout.add(text.as_bytes()),
            CellEvent::Stderr(text) => stderr.add(text.as_bytes()),
            CellEvent::Display(bundle) => shown.extend(["image/png", "image/jpeg"].iter().find_map(|kind| {
                let data = bundle.get(*kind)?;
                Some(json!({ "type": "image", "data": data, "mimeType": kind, "annotations": null }))
            })),
            CellEvent::Done(done) => end = done,
        }
    }
    let failed = !stderr.is_empty() || !matches!(end.outcome, CellOutcome::Ok | CellOutcome::Error);
    let mut content = vec![text("stdout", &stdout.text())];
    if !stderr.is_empty() {
        content.push(text("stderr", &stderr.text()));
    }
    content.append(&mut shown);
    content.extend(end.lost.as_ref().map(|lost| text("lost", &format!("{lost}: its variables are gone"))));
    Ok(result(&content, failed, &json!(end)))
}

async fn shell(State(daemon): State<Arc<Daemon>>, body: Bytes) -> Result<Response, Failure> {
    let Shell { command, timeout } = parse(&body)?;
    if command.is_empty() {
        return Err(Failure::new(StatusCode::BAD_REQUEST, "Command is required."));
    }
    let argv = ["/bin/sh", "-c", &command].map(str::to_owned).to_vec();
    let spec = ExecSpec { argv, timeout: duration(timeout)?, ..ExecSpec::default() };
    let refused = |failure: crate::sandbox::wire::StartFailure| {
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, failure.to_string())
    };
    // Where the client goes away this is dropped, and the program killed.
    let mut program = Program::start(&daemon, &spec).await.map_err(refused)?;
    let (mut stdout, mut stderr) = (Kept::default(), Kept::default());
    while let Some((channel, bytes)) = program.output.recv().await {
        if channel == Channel::Stderr { &mut stderr } else { &mut stdout }.add(&bytes);
    }
    let status = program.handle.exit().await;
    let mut content = vec![text("stdout", &stdout.text())];
    if !stderr.is_empty() {
        content.push(text("stderr", &stderr.text()));
    }
    content.push(text("returncode", &python_code(&status).to_string()));
    Ok(result(&content, !stderr.is_empty() || status.limit.is_some(), &json!(status)))
}

/// As Python's `subprocess` gives it: minus the signal that ended the program.
fn python_code(status: &ExitStatus) -> i32 {
    status.code.unwrap_or_else(|| -status.signal.unwrap_or(1))
}

fn duration(seconds: Option<f64>) -> Result<Option<Duration>, Failure> {
    let wrong = |_| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "`timeout` is not a number of seconds");
    seconds.map(Duration::try_from_secs_f64).transpose().map_err(wrong)
}

fn text(description: &str, text: &str) -> Value {
    json!({ "type": "text", "text": text, "annotations": null, "description": description })
}

fn result(content: &[Value], failed: bool, exit: &Value) -> Response {
    routes::json(&json!({ "meta": null, "content": content, "isError": failed, "exit": exit }))
}

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    left_out: usize,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(KEPT - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..taken]);
        self.left_out += bytes.len() - taken;
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What is not UTF-8 is shown as U+FFFD.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        if self.left_out == 0 { text } else { format!("{text}\n[{} bytes more were left out]\n", self.left_out) }
    }
}
