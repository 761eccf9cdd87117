//! What a server may ask of us or tell us while it works: questions to the user, progress, log lines, changed lists.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rmcp::{
    ClientHandler,
    model::{
        ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability,
        ErrorData, FormElicitationCapability, Implementation, ProgressNotificationParam, ProgressToken,
        ProtocolVersion,
    },
    service::{NotificationContext, RequestContext, RoleClient},
};
use serde_json::Value;
use tokio::{sync::Notify, time::Instant};

use super::elicitation;
use crate::{
    domain::CallId,
    tool::{ToolHost, cap},
};

/// The handler of one connection.
#[derive(Clone)]
pub(super) struct Handler {
    /// The server's name, so that a user knows who asks.
    pub(super) server: Arc<str>,
    pub(super) calls: Calls,
    /// Rings when the server says that its list of tools changed.
    pub(super) changed: Arc<Notify>,
}

/// The calls that run on a connection.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<Arc<ActiveCall>>>>);

/// One call that runs.
pub(super) struct ActiveCall {
    call_id: CallId,
    host: Arc<dyn ToolHost>,
    pulse: Mutex<Pulse>,
}

struct Pulse {
    token: Option<ProgressToken>,
    /// When the server last showed that it works.
    last: Instant,
    /// Questions to the user that are open: a person may take their time.
    asking: usize,
}

/// Removes a call from the list when it ends, however it ends.
pub(super) struct Running {
    calls: Calls,
    pub(super) call: Arc<ActiveCall>,
}

impl Calls {
    pub(super) fn begin(&self, call_id: CallId, host: Arc<dyn ToolHost>) -> Running {
        let pulse = Mutex::new(Pulse { token: None, last: Instant::now(), asking: 0 });
        let call = Arc::new(ActiveCall { call_id, host, pulse });
        self.lock().push(Arc::clone(&call));
        Running { calls: self.clone(), call }
    }

    fn with_token(&self, token: &ProgressToken) -> Option<Arc<ActiveCall>> {
        self.lock().iter().find(|call| call.lock().token.as_ref() == Some(token)).cloned()
    }

    /// The call that a question is about. The protocol does not say; the latest is the best guess.
    fn latest(&self) -> Option<Arc<ActiveCall>> {
        self.lock().last().cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<ActiveCall>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.calls.lock().retain(|call| !Arc::ptr_eq(call, &self.call));
    }
}

impl ActiveCall {
    pub(super) fn set_token(&self, token: ProgressToken) {
        self.lock().token = Some(token);
    }

    /// Ends when the server showed no sign of work for `limit`, not counting the time in which the user was asked.
    pub(super) async fn silent_for(&self, limit: Duration) {
        loop {
            let due = {
                let mut pulse = self.lock();
                if pulse.asking > 0 {
                    pulse.last = Instant::now();
                }
                pulse.last + limit
            };
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }

    async fn show(&self, text: &str) {
        if !text.is_empty() {
            self.host.output(&self.call_id, format!("{}\n", cap::short(text, 2000))).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(deprecated, reason = "the next version of MCP drops log messages; servers of today send them")]
impl ClientHandler for Handler {
    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } = request else {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        };
        // A question outside of any call has nobody to go to.
        let Some(call) = self.calls.latest() else {
            return Ok(ElicitResult::new(ElicitationAction::Cancel));
        };
        let schema = serde_json::to_value(&requested_schema).unwrap_or_default();
        call.lock().asking += 1;
        let asked = Asking(&call);
        let message = format!("The MCP server `{}` asks: {message}", self.server);
        let answer = elicitation::ask(&*call.host, &message, &schema).await;
        drop(asked);
        Ok(match answer {
            Some(content) => ElicitResult::new(ElicitationAction::Accept).with_content(Value::Object(content)),
            None => ElicitResult::new(ElicitationAction::Cancel),
        })
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        let Some(call) = self.calls.with_token(&progress.progress_token) else { return };
        call.lock().last = Instant::now();
        let share = progress.total.map(|total| format!("{}/{total}", progress.progress));
        let text = match (share, progress.message) {
            (Some(share), Some(message)) => format!("{share} {message}"),
            (Some(text), None) | (None, Some(text)) => text,
            (None, None) => progress.progress.to_string(),
        };
        call.show(&text).await;
    }

    async fn on_logging_message(
        &self,
        message: rmcp::model::LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let Some(call) = self.calls.latest() else { return };
        match message.data {
            Value::String(text) => call.show(&text).await,
            other => call.show(&other.to_string()).await,
        }
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }

    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation =
            Some(ElicitationCapability::new().with_form(FormElicitationCapability::new().with_schema_validation(true)));
        // Later versions have no handshake in which to name them.
        ClientConfig::new(capabilities, Implementation::new("agentscope", env!("CARGO_PKG_VERSION")))
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}

struct Asking<'a>(&'a ActiveCall);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut pulse = self.0.lock();
        pulse.asking -= 1;
        pulse.last = Instant::now();
    }
}
