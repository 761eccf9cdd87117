//! Where a tool comes from that an event names.

use super::LocalAgent;
use crate::domain::AgentPath;

impl LocalAgent {
    /// The MCP server that `tool` of the agent at `path` comes from, as the model was last sent it. `None` for every
    /// other tool, and where the agent is of another file.
    #[must_use]
    pub fn server_of(&self, path: &AgentPath, tool: &str) -> Option<String> {
        self.team().member(path.name()).ok()?.tools.server_of(tool)
    }
}
