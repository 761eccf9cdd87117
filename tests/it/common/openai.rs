//! OpenAI's own client for Python.

use std::{path::PathBuf, process::Command};

use super::require;

/// The client, asked what everybody asks.
const HELLO: &str = "import sys, openai
client = openai.OpenAI(base_url=sys.argv[1] + '/v1', api_key=sys.argv[2], max_retries=0)
model = client.models.list().data[0].id
answer = client.chat.completions.create(model=model, messages=[{'role': 'user', 'content': 'hello'}])
print(answer.choices[0].message.content)";

/// A Python that has the client; `None` where there is none, and the test is skipped.
pub fn python() -> Option<Command> {
    let python = std::env::var_os("AGENTSCOPE_TEST_OPENAI_PYTHON").map(PathBuf::from).filter(|path| path.exists());
    require::available("openai", python.is_some()).then(|| Command::new(python.unwrap()))
}

/// Whether the demo model answers the client there.
pub fn answers(url: &str, token: &str) {
    let Some(mut python) = python() else { return };
    let output = python.args(["-c", HELLO, url, token]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("demo model"), "{said}");
}
