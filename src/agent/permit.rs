//! Whether a call may run: what the policy says, what the user says, what the hooks say.

use serde_json::{Value, json};

use super::{
    approval::Verdict,
    calls::Scene,
    hooks::{About, When},
};
use crate::{
    config::Rule,
    domain::{Decision, DeniedBy, EventKind, Notice, ToolCall, ToolOutcome},
};

impl Scene {
    /// # Errors
    /// The outcome of a call that may not run.
    pub(super) async fn permit(&self, call: &ToolCall, about: About<'_>, writes: bool) -> Result<(), ToolOutcome> {
        let granted = self.run.grants.of(&self.run.key);
        match self.member.policy.judge(about.name, about.arguments, writes, self.run.inbox.attended(), &granted) {
            Verdict::Allow => {}
            Verdict::Deny { by, reason } => return Err(ToolOutcome::Denied { by, reason }),
            Verdict::Ask { reason } => self.ask(call, about, reason).await?,
        }
        let event = || self.hook_event("before_tool", json!({ "call": call_json(call, about) }));
        self.until_canceled(self.member.hooks.run(When::BeforeTool, Some(about), &event))
            .await?
            .map_err(|reason| ToolOutcome::Denied { by: DeniedBy::Hook, reason })
    }

    async fn ask(&self, call: &ToolCall, about: About<'_>, reason: String) -> Result<(), ToolOutcome> {
        let answer = self.run.inbox.expect_approval(&call.call_id);
        let rules = self.member.policy.rules_for(about.name, about.arguments).iter().map(Rule::to_string).collect();
        self.emit(EventKind::ApprovalRequested { call: call.clone(), reason, rules }).await;
        let answer = self.until_canceled(self.run.inbox.wait(answer)).await;
        let decision = match &answer {
            Ok(Some(decision)) => decision.clone(),
            Ok(None) => Decision::Deny { reason: "nobody answered".to_owned() },
            Err(_) => Decision::Deny { reason: "the turn was canceled".to_owned() },
        };
        self.emit(EventKind::ApprovalResolved { call_id: call.call_id.clone(), decision }).await;
        match answer? {
            Some(Decision::Allow) => Ok(()),
            Some(Decision::AllowSession) => {
                self.allow_for_session(about);
                Ok(())
            }
            Some(Decision::AllowAlways) => {
                self.allow_always(about).await;
                Ok(())
            }
            Some(Decision::Deny { reason }) => Err(ToolOutcome::Denied { by: DeniedBy::User, reason }),
            None => Err(ToolOutcome::Denied {
                by: DeniedBy::Unattended,
                reason: "nobody answered whether it may run".to_owned(),
            }),
        }
    }

    /// Gives the rules that stand for the call from now on.
    fn allow_for_session(&self, about: About<'_>) -> Vec<Rule> {
        let rules = self.member.policy.rules_for(about.name, about.arguments);
        self.run.grants.add(&self.run.key, about.name, about.arguments, rules.clone());
        rules
    }

    async fn allow_always(&self, about: About<'_>) {
        let rules = self.allow_for_session(about);
        let kept = if rules.is_empty() {
            Err("no rule could stand for it; this very call is allowed for the session".to_owned())
        } else {
            self.team.keep(&rules)
        };
        if let Err(reason) = kept {
            let message = format!("the call is not allowed for good: {reason}");
            self.emit(EventKind::Notice { notice: Notice::Warning { message } }).await;
        }
    }

    /// Tells the hooks how a call ended.
    pub(super) async fn after_tool(&self, call: &ToolCall, about: About<'_>, outcome: &ToolOutcome) {
        let event = || self.hook_event("after_tool", json!({ "call": call_json(call, about), "outcome": outcome }));
        let ran = self.until_canceled(self.member.hooks.run(When::AfterTool, Some(about), &event)).await;
        if let Ok(Err(reason)) = ran {
            let message = format!("after_tool hook: {reason}");
            self.emit(EventKind::Notice { notice: Notice::Warning { message } }).await;
        }
    }

    /// What a hook is told: the moment, whose it is, and what `more` says.
    pub(super) fn hook_event(&self, event: &str, more: Value) -> Value {
        let mut told = json!({
            "event": event,
            "session": self.run.key.session,
            "user": self.run.key.user,
            "agent": self.path,
        });
        if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
            told.extend(more);
        }
        told
    }

    pub(super) async fn until_canceled<T>(&self, work: impl Future<Output = T>) -> Result<T, ToolOutcome> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ToolOutcome::Canceled),
            done = work => Ok(done),
        }
    }
}

fn call_json(call: &ToolCall, about: About<'_>) -> Value {
    json!({ "call_id": call.call_id, "name": call.name, "rule_name": about.name, "arguments": about.arguments })
}
