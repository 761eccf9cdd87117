//! The agents of a file from outside: which there are, what each is and can do, and one call of one of its tools.

use serde_json::Value;

use super::{
    EventStream, LocalAgent, OpenError, TurnControl,
    caller::Opening,
    driver::{Driver, Flow, refused},
};
use crate::{
    domain::{CallId, SessionKey, ToolCall, ToolSpec, TurnOutcome},
    model::{ModelDelta, StopReason},
    sandbox::SandboxError,
    tool::{Listing, ToolboxError},
};

impl LocalAgent {
    /// As the agent file calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.root().name
    }

    /// The agents of its file, the file's own first.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.team().names()
    }

    /// The agent `name` of the same file, as one that users talk to. It shares with this one what they allowed, the
    /// sandboxes, and the end: what [`LocalAgent::drained`] of one waits for and closes is that of both.
    ///
    /// # Errors
    /// [`OpenError::Unknown`]; what is missing for it, as for [`LocalAgent::open`].
    pub fn named(&self, name: &str) -> Result<Self, OpenError> {
        Ok(self.with_root(self.team().member(name)?))
    }

    /// What the agent file says that it does; may be empty.
    #[must_use]
    pub fn description(&self) -> &str {
        self.team().description(&self.root().name)
    }

    /// `PROVIDER/MODEL`.
    #[must_use]
    pub fn model_name(&self) -> String {
        self.root().model.get().name().to_owned()
    }

    /// Tokens that fit into the context of its model, where that is known.
    #[must_use]
    pub fn context_window(&self) -> Option<u64> {
        self.root().model.get().capabilities().context_window
    }

    /// Its own tools as they are now, and the agents that it calls as tools. Waits for servers that are starting.
    ///
    /// # Errors
    /// A server that the file calls `required` and that does not answer.
    pub async fn tools(&self) -> Result<Vec<ToolSpec>, ToolboxError> {
        let listing = self.root().tools.list().await?;
        Ok(self.root().callable(&listing))
    }

    /// Runs one of [`LocalAgent::tools`], under the permissions and hooks that hold in a turn. The stream is that of a turn
    /// in which the model asks for this call and nothing else: `ToolFinished` has the outcome. Reads and writes no
    /// session; what the tool binds to `key`, such as a sandbox, stays for the next call until [`LocalAgent::forget`].
    #[must_use = "dropping the stream cancels the call"]
    pub fn call_tool(&self, name: &str, arguments: Value, key: SessionKey, control: TurnControl) -> EventStream {
        let call = ToolCall { call_id: CallId::new(), name: name.to_owned(), arguments, opaque: None };
        self.begin(key, Ok(Opening::call(call)), control)
    }

    /// Lets go of what is bound to a session that is gone, besides what the store has of it: what the user allowed, its
    /// sandboxes, the record of what it changed. Waits for calls that are not over.
    ///
    /// # Errors
    /// What could not be deleted.
    pub async fn forget(&self, key: &SessionKey) -> Result<(), SandboxError> {
        self.grants().forget(key);
        self.team().boxes().forget(key).await
    }
}

impl Driver {
    /// Makes one call as if the model had asked for it.
    pub(super) async fn call_one(&mut self, call: ToolCall) -> Flow<TurnOutcome> {
        let listing = self.list_tools().await?;
        if !self.scene.member.callable(&listing).iter().any(|tool| tool.name == call.name) {
            return Err(refused(listing.unknown(&call.name)));
        }
        self.play(call, listing).await?;
        self.until_canceled(std::future::ready(())).await?;
        Ok(TurnOutcome::Completed { output: None })
    }

    async fn play(&mut self, call: ToolCall, listing: Listing) -> Flow {
        self.scene.listing = Some(listing);
        self.turn.begin(vec![]);
        let _ = self.turn.step();
        let ToolCall { call_id, name, arguments, opaque } = call.clone();
        for delta in [
            ModelDelta::ToolCallStart { call_id: call_id.clone(), name, opaque },
            ModelDelta::ToolCallArguments { call_id, delta: arguments.to_string() },
            ModelDelta::Stop { reason: StopReason::ToolCalls, raw: "tool_calls".to_owned() },
        ] {
            // The arguments came whole.
            let _ = self.turn.on_delta(delta);
        }
        for kind in self.turn.on_model_done() {
            self.scene.emit(kind).await;
        }
        self.call_tools(&[call]).await
    }
}
