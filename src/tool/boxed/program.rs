//! Programs in the sandbox: their output as it comes, and as a model is told of it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    boxes::{About, AgentBox},
    report,
};
use crate::{
    domain::CallId,
    sandbox::{
        Action, BoxClient, SandboxError,
        client::{ExecError, Output},
        wire::{ExecSpec, ExitStatus, Limit},
    },
    tool::{ToolCx, ToolError, ToolHost, ToolResult, cap},
};

/// Most bytes of output that are shown while a program runs.
const SHOWN: usize = 256 * 1024;
/// Most bytes of each end of a stream that are kept.
const KEPT: usize = cap::TEXT;

/// A program to run for a model.
pub(in crate::tool) struct Program {
    pub(in crate::tool) argv: Vec<String>,
    pub(in crate::tool) timeout: Duration,
}

/// Runs a program and says what came of it.
///
/// # Errors
/// A program that cannot be started, or that ran into a limit; the model is told what it wrote until then.
pub(in crate::tool) async fn run(program: Program, sandbox: &AgentBox, cx: &ToolCx) -> Result<ToolResult, ToolError> {
    let about = About { action: Action::Exec { argv: program.argv.clone() }, watch: true };
    let spec = ExecSpec { argv: program.argv, timeout: Some(program.timeout), ..ExecSpec::default() };
    let mut screen = Screen::of(cx);
    let (ran, after) = sandbox
        .call(cx, about, async move |client, cancel| {
            let ran = read(&client, &spec, &mut screen, &cancel).await?;
            let exit = ran.as_ref().ok().map(|ran| ran.status.shell_code());
            Ok((ran, exit))
        })
        .await?;
    let ran = ran?;
    let mut parts = report::texts(&ran.stdout.text(), &ran.stderr.text());
    parts.extend(report::ended(ran.status, program.timeout, sandbox.settings()));
    parts.extend(report::besides(&after));
    if parts.is_empty() {
        parts.push("[no output]".to_owned());
    }
    let text = parts.join("\n");
    match ran.status.limit {
        Some(Limit::Timeout | Limit::Memory) => Err(ToolError::Failed(text)),
        Some(Limit::Pids | Limit::Disk) | None => Ok(ToolResult::text(text)),
    }
}

/// A program that has ended.
struct Ran {
    stdout: Kept,
    stderr: Kept,
    status: ExitStatus,
}

/// `Ok(Err)` is what a model did wrong, or that nobody wants to know any more.
async fn read(
    client: &BoxClient,
    spec: &ExecSpec,
    screen: &mut Screen,
    cancel: &CancellationToken,
) -> Result<Result<Ran, ToolError>, SandboxError> {
    let mut exec = match client.exec(spec).await {
        Ok(exec) => exec,
        Err(ExecError::Refused(failure)) => return Ok(Err(ToolError::Failed(failure.to_string()))),
        Err(ExecError::Sandbox(error)) => return Err(error),
    };
    let (mut stdout, mut stderr) = (Kept::default(), Kept::default());
    loop {
        let output = tokio::select! {
            output = exec.next() => output,
            // Dropping it kills it.
            () = cancel.cancelled() => return Ok(Err(ToolError::Canceled)),
        };
        match output {
            Some(Ok(Output::Stdout(bytes))) => {
                screen.show(&bytes).await;
                stdout.add(&bytes);
            }
            Some(Ok(Output::Stderr(bytes))) => {
                screen.show(&bytes).await;
                stderr.add(&bytes);
            }
            Some(Ok(Output::Exited(status))) => return Ok(Ok(Ran { stdout, stderr, status })),
            Some(Err(error)) => return Err(error),
            None => return Err(SandboxError::Box("the sandbox ended before the program did".to_owned())),
        }
    }
}

/// Where output is shown as it comes.
pub(super) struct Screen {
    host: Arc<dyn ToolHost>,
    call: CallId,
    preview: Preview,
}

impl Screen {
    pub(super) fn of(cx: &ToolCx) -> Self {
        Self { host: Arc::clone(&cx.host), call: cx.call_id.clone(), preview: Preview::default() }
    }

    pub(super) async fn show(&mut self, bytes: &[u8]) {
        if let Some(text) = self.preview.add(bytes) {
            self.host.output(&self.call, text).await;
        }
    }
}

/// The two ends of a stream that may never end.
#[derive(Default)]
pub(super) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: u64,
}

impl Kept {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..excess);
        self.dropped += excess as u64;
    }

    pub(super) fn text(&self) -> String {
        if self.dropped == 0 {
            let (front, back) = self.tail.as_slices();
            return String::from_utf8_lossy(&[self.head.as_slice(), front, back].concat()).into_owned();
        }
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&tail));
        format!("{head}\n[… {} bytes left out …]\n{tail}", self.dropped)
    }
}

/// Output as text while it comes: a character may come in two parts.
#[derive(Default)]
struct Preview {
    waiting: Vec<u8>,
    shown: usize,
}

impl Preview {
    fn add(&mut self, bytes: &[u8]) -> Option<String> {
        if self.shown > SHOWN {
            return None;
        }
        self.waiting.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.waiting) {
            Ok(text) => text.len(),
            // Only an end that may yet become a character waits.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.waiting.len(),
        };
        let rest = self.waiting.split_off(whole);
        let text = String::from_utf8_lossy(&std::mem::replace(&mut self.waiting, rest)).into_owned();
        self.shown += text.len();
        let text = if self.shown > SHOWN { format!("{text}\n[more output is not shown]\n") } else { text };
        (!text.is_empty()).then_some(text)
    }
}
