//! The `python` tool.

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    boxes::{About, AgentBox, BoxSettings},
    program::{Kept, Screen},
    report,
};
use crate::{
    domain::{Content, Effect, Image, ToolSpec},
    sandbox::{
        Action, BoxClient, SandboxError,
        wire::{CellEnd, CellEvent, CellOutcome, CellSpec, Limit},
    },
    tool::{Tool, ToolCx, ToolError, ToolResult},
};

/// Images that models take.
const IMAGES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];
/// Most images of a cell that are kept.
const MOST_IMAGES: usize = crate::tool::cap::IMAGES + 1;

/// `run_ipython_cell`: a cell in the session's lasting Python.
pub(in crate::tool) struct Python {
    spec: ToolSpec,
    sandbox: AgentBox,
}

impl Python {
    pub(in crate::tool) fn new(sandbox: AgentBox) -> Self {
        let description = format!(
            "Run Python code and return its output. Variables and imports stay from one call to the next. The value of \
             the last expression is shown; so are images that are displayed. {}",
            report::policy(sandbox.settings())
        );
        let spec = ToolSpec {
            name: "run_ipython_cell".to_owned(),
            description,
            parameters: json!({
                "type": "object",
                "properties": {"code": {"type": "string", "description": "IPython code to execute"}},
                "required": ["code"],
            }),
            effect: Effect::Writes,
            rule_name: Some("python".to_owned()),
        };
        Self { spec, sandbox }
    }
}

#[async_trait]
impl Tool for Python {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let code = arguments["code"].as_str().unwrap_or_default().to_owned();
        if code.trim().is_empty() {
            return Err(ToolError::Arguments("the code is empty".to_owned()));
        }
        let about = About { action: Action::Cell { code: code.clone() }, watch: true };
        let spec = CellSpec { code, timeout: Some(self.sandbox.timeout()) };
        let mut screen = Screen::of(cx);
        let work = async move |client: BoxClient, cancel| {
            let ran = read(&client, &spec, &mut screen, &cancel).await?;
            let exit = ran.as_ref().ok().map(|ran| u8::from(ran.end.outcome != CellOutcome::Ok));
            Ok((ran, exit))
        };
        let (ran, after) = self.sandbox.call(cx, about, work).await?;
        let Ran { stdout, stderr, images, end } = ran?;
        let mut parts = report::texts(&plain(&stdout.text()), &plain(&stderr.text()));
        let ended = ended(&end, self.sandbox.settings());
        parts.extend(ended.clone());
        parts.extend(report::besides(&after));
        if parts.is_empty() && images.is_empty() {
            parts.push("[no output]".to_owned());
        }
        let text = parts.join("\n");
        if ended.is_some() {
            return Err(ToolError::Failed(text));
        }
        let text = (!text.is_empty()).then(|| Content::text(text));
        Ok(ToolResult {
            content: text.into_iter().chain(images.into_iter().map(Content::Image)).collect(),
            state: None,
        })
    }
}

/// A cell that has ended.
struct Ran {
    stdout: Kept,
    stderr: Kept,
    images: Vec<Image>,
    end: CellEnd,
}

async fn read(
    client: &BoxClient,
    spec: &CellSpec,
    screen: &mut Screen,
    cancel: &CancellationToken,
) -> Result<Result<Ran, ToolError>, SandboxError> {
    let mut cell = match client.cell(spec).await {
        // Its own words, such as that there is no Python.
        Err(SandboxError::Box(said)) => return Ok(Err(ToolError::Failed(said))),
        cell => cell?,
    };
    let (mut stdout, mut stderr, mut images) = (Kept::default(), Kept::default(), vec![]);
    loop {
        let event = tokio::select! {
            event = cell.next() => event,
            // Dropping it interrupts it.
            () = cancel.cancelled() => return Ok(Err(ToolError::Canceled)),
        };
        match event.transpose()? {
            Some(CellEvent::Stdout(text)) => {
                screen.show(text.as_bytes()).await;
                stdout.add(text.as_bytes());
            }
            Some(CellEvent::Stderr(text)) => {
                screen.show(text.as_bytes()).await;
                stderr.add(text.as_bytes());
            }
            Some(CellEvent::Display(mut bundle)) => {
                let image = IMAGES.iter().find_map(|kind| Some((*kind, bundle.remove(*kind)?)));
                if let Some((kind, data)) = image.filter(|_| images.len() < MOST_IMAGES) {
                    let data = data.split_whitespace().collect();
                    images.push(Image { media_type: kind.to_owned(), data });
                }
            }
            Some(CellEvent::Done(end)) => return Ok(Ok(Ran { stdout, stderr, images, end })),
            None => return Err(SandboxError::Box("the sandbox ended before the cell did".to_owned())),
        }
    }
}

/// How the cell ended, where its output does not say that.
fn ended(end: &CellEnd, settings: &BoxSettings) -> Option<String> {
    let seconds = settings.timeout().as_secs_f32();
    let what = match end.outcome {
        CellOutcome::Ok | CellOutcome::Error => None,
        CellOutcome::Interrupted => Some("interrupted".to_owned()),
        CellOutcome::TimedOut => Some(format!("timed out after {seconds} s")),
        CellOutcome::Died(Some(Limit::Memory)) => {
            Some(format!("killed: out of memory, the limit is {} MiB", settings.memory() >> 20))
        }
        CellOutcome::Died(Some(Limit::Pids)) => {
            Some(format!("Python ended: too many processes, the limit is {}", settings.pids()))
        }
        CellOutcome::Died(Some(Limit::Disk)) => Some("Python ended: no space left in the sandbox".to_owned()),
        CellOutcome::Died(Some(Limit::Timeout) | None) => Some("Python ended".to_owned()),
    };
    match (what, &end.lost) {
        (None, None) => None,
        (Some(what), None) => Some(format!("[{what}]")),
        (None, Some(lost)) => Some(format!("[{lost}]")),
        (Some(what), Some(lost)) => Some(format!("[{what}; {lost}]")),
    }
}

/// Without the colors that are meant for a terminal.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        // Source: ECMA-48, 5.4: parameters and intermediates, then one final byte.
        rest = after.trim_start_matches(|c| matches!(c, '\x20'..='\x3f'));
        if rest.starts_with(|c| matches!(c, '\x40'..='\x7e')) {
            rest = &rest[1..];
        }
    }
    plain.push_str(rest);
    plain
}
