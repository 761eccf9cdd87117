//! The part of the driver that says what the model is asked: by the agent, and by the caller of the turn.

use super::{
    driver::{Driver, Flow},
    output::FINAL_ANSWER,
};
use crate::{
    domain::ToolSpec,
    model::{ModelRequest, ToolChoice},
    tool::Listing,
};

impl Driver {
    /// Holds what the caller brought against the agent's own tools.
    pub(super) fn check_caller(&self, listing: &Listing) -> Flow {
        if self.scene.caller.concerns_tools() {
            self.scene.caller.check_against(&self.own_tools(listing))
        } else {
            Ok(())
        }
    }

    /// What the agent can call by itself.
    fn own_tools(&self, listing: &Listing) -> Vec<ToolSpec> {
        let member = &self.scene.member;
        let mut tools = listing.specs();
        tools.retain(|tool| !self.scene.is_own(&tool.name));
        tools.extend(member.delegates.iter().map(|link| link.tool.clone()));
        if self.scene.may_hand_off() {
            tools.extend(member.handoffs.iter().map(|link| link.tool.clone()));
        }
        tools.extend(self.scene.final_answer().map(|shape| shape.tool().clone()));
        tools
    }

    pub(super) fn request(&self, listing: &Listing) -> ModelRequest {
        let caller = &self.scene.caller;
        let mut tools = self.own_tools(listing);
        tools.extend_from_slice(&caller.tools);
        let native = self.scene.shape().filter(|_| self.scene.final_answer().is_none());
        let mut instructions = self.prompt.text.clone();
        if let Some(more) = &caller.instructions {
            let between = if instructions.is_empty() { "" } else { "\n\n" };
            instructions.extend([between, more]);
        }
        for server in &listing.unavailable {
            instructions
                .push_str(&format!("\n\nThe tools of `{}` are not available: {}", server.server, server.reason));
        }
        ModelRequest {
            instructions,
            messages: self.turn.context().to_vec(),
            tools,
            tool_choice: match (self.insist, self.first) {
                (true, _) => ToolChoice::Tool(FINAL_ANSWER.to_owned()),
                (false, true) => caller.tool_choice.clone(),
                (false, false) => ToolChoice::Auto,
            },
            output_schema: native.map(|shape| shape.schema().clone()),
            sampling: caller.sampling.clone(),
        }
    }
}
