//! The `files` tools: those of the daemon, under their names.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::boxes::{About, AgentBox};
use crate::{
    domain::{Effect, ToolSpec},
    sandbox::{Action, BoxClient, FILE_TOOLS, FileTool},
    tool::{Tool, ToolCx, ToolError, ToolResult},
};

/// All of them.
pub(in crate::tool) fn tools(sandbox: &AgentBox) -> Arc<[Arc<dyn Tool>]> {
    let tool = |tool: &FileTool| -> Arc<dyn Tool> {
        let (effect, rule) = if tool.writes { (Effect::Writes, "files.write") } else { (Effect::Reads, "files.read") };
        let spec = ToolSpec {
            name: tool.name.to_owned(),
            description: tool.description.to_owned(),
            parameters: tool.parameters(),
            effect,
            rule_name: Some(rule.to_owned()),
        };
        Arc::new(Files { spec, name: tool.name, sandbox: sandbox.clone() })
    };
    FILE_TOOLS.iter().map(tool).collect()
}

struct Files {
    spec: ToolSpec,
    name: &'static str,
    sandbox: AgentBox,
}

#[async_trait]
impl Tool for Files {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn writes(&self, arguments: &Value) -> bool {
        self.spec.effect == Effect::Writes && arguments["dryRun"] != true
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let path = ["path", "source", "paths"].iter().find_map(|key| arguments.get(key));
        let path = path.map(|path| path.as_str().map_or_else(|| path.to_string(), str::to_owned));
        let action = Action::File { operation: self.name.to_owned(), path: path.unwrap_or_default() };
        let name = self.name;
        let work = async move |client: BoxClient, _| Ok((client.call_tool(name, &arguments).await?, None));
        let (said, after) = self.sandbox.call(cx, About { action, watch: false }, work).await?;
        let besides: String = super::report::besides(&after).iter().map(|line| format!("\n{line}")).collect();
        let text = said.map_err(|text| ToolError::Failed(text + &besides))? + &besides;
        Ok(ToolResult::text(text))
    }
}
