//! The `shell` tool.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    boxes::AgentBox,
    program::{Program, run},
    report,
};
use crate::{
    domain::{Effect, ToolSpec},
    tool::{Tool, ToolCx, ToolError, ToolResult},
};

/// `run_shell_command`: a command line in a shell of its own.
pub(in crate::tool) struct Shell {
    spec: ToolSpec,
    sandbox: AgentBox,
}

impl Shell {
    pub(in crate::tool) fn new(sandbox: AgentBox) -> Self {
        let description = format!(
            "Run a command in /bin/sh and return its output. Each call is a shell of its own that starts in the \
             working directory. {}",
            report::policy(sandbox.settings())
        );
        let spec = ToolSpec {
            name: "run_shell_command".to_owned(),
            description,
            parameters: json!({
                "type": "object",
                "properties": {"command": {"type": "string", "description": "Shell command to execute"}},
                "required": ["command"],
            }),
            effect: Effect::Writes,
            rule_name: Some("shell".to_owned()),
        };
        Self { spec, sandbox }
    }
}

#[async_trait]
impl Tool for Shell {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let command = arguments["command"].as_str().unwrap_or_default();
        if command.trim().is_empty() {
            return Err(ToolError::Arguments("the command is empty".to_owned()));
        }
        if command.contains('\0') {
            return Err(ToolError::Arguments("a command cannot hold a NUL".to_owned()));
        }
        let argv = ["/bin/sh", "-c", command].map(str::to_owned).to_vec();
        run(Program { argv, timeout: self.sandbox.settings().timeout() }, &self.sandbox, cx).await
    }
}
