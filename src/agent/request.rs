//! What the model is asked, by the agent and by the caller of the turn, and whether that can be.

use std::sync::Arc;

use super::{
    Brought, LocalAgent,
    caller::Caller,
    driver::{Driver, Flow},
    output::{FINAL_ANSWER, Shape},
    team::Member,
};
use crate::{
    domain::{SessionKey, ToolSpec, TurnOutcome},
    model::{ModelRequest, ToolChoice},
    tool::Listing,
};

impl LocalAgent {
    /// Looks whether a turn can be begun with what its caller brings, so that it can be refused before its first event. The
    /// turn looks again: tools of servers change.
    ///
    /// # Errors
    /// The end of a turn that asks for what cannot be.
    pub async fn check_brought(&self, key: &SessionKey, brought: &Brought) -> Result<(), TurnOutcome> {
        let Brought { history: _, instructions: _, tools, tool_choice, output_schema, sampling } = brought;
        let caller = Caller::new(Brought {
            history: None,
            instructions: None,
            tools: tools.clone(),
            tool_choice: tool_choice.clone(),
            output_schema: output_schema.clone(),
            sampling: sampling.clone(),
        })?;
        if !caller.concerns_tools() {
            return Ok(());
        }
        let member = match &brought.history {
            Some(_) => Arc::clone(self.root()),
            None => self.active(&self.store().state(key).await?),
        };
        // Servers that are not there are for the turn to tell.
        let Ok(listing) = member.tools.list().await else { return Ok(()) };
        caller.check_against(&member.own_tools(&listing, &caller, true))
    }
}

impl Member {
    /// What it can call by itself in a turn of `caller`.
    fn own_tools(&self, listing: &Listing, caller: &Caller, hands_off: bool) -> Vec<ToolSpec> {
        let answer = self.final_answer(caller);
        let is_own = |name: &str| {
            self.delegate(name).is_some() || self.handoff(name).is_some() || (name == FINAL_ANSWER && answer.is_some())
        };
        let mut tools = listing.specs();
        tools.retain(|tool| !is_own(&tool.name));
        tools.extend(self.delegates.iter().map(|link| link.tool.clone()));
        if hands_off {
            tools.extend(self.handoffs.iter().map(|link| link.tool.clone()));
        }
        tools.extend(answer.map(|shape| shape.tool().clone()));
        tools
    }

    /// The tool that takes the final answer, for a model that cannot be given the schema, or not next to tools.
    pub(super) fn final_answer<'a>(&'a self, caller: &'a Caller) -> Option<&'a Shape> {
        let capabilities = self.model.get().capabilities();
        let has_tools = || self.has_tools() || !caller.tools.is_empty();
        let native = capabilities.structured_output || (capabilities.structured_output_alone && !has_tools());
        caller.shape.as_ref().or(self.shape.as_ref()).filter(|_| !native)
    }
}

impl Driver {
    /// Holds what the caller brought against the agent's own tools.
    pub(super) fn check_caller(&self, listing: &Listing) -> Flow {
        if self.scene.caller.concerns_tools() {
            self.scene.caller.check_against(&self.own_tools(listing))
        } else {
            Ok(())
        }
    }

    fn own_tools(&self, listing: &Listing) -> Vec<ToolSpec> {
        self.scene.member.own_tools(listing, &self.scene.caller, self.scene.may_hand_off())
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
