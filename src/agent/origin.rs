//! Where a tool comes from that an event names.

use super::Agent;
use crate::domain::AgentPath;

impl Agent {
    /// The MCP server that `tool` of the agent at `path` comes from, as the model was last sent it. `None` for every
    /// other tool, and where the agent is of another file or process.
    #[must_use]
    pub fn server_of(&self, path: &AgentPath, tool: &str) -> Option<String> {
        match self {
            Self::Local(agent) => agent.team().member(path.name()).ok()?.tools.server_of(tool),
        }
    }
}
