//! Whether a tool call may run: the agent file's permissions, what the user has allowed before, and `--approve`.
//!
//! Only decides. Asking, and remembering what was answered for good, is up to the caller.

mod call;
mod granted;
mod launcher;
mod mode;
mod shell;
mod team;

use std::path::{Path, PathBuf};

use serde_json::Value;

use self::call::Call;
pub use self::{
    granted::{Granted, Grants},
    mode::Mode,
    team::under,
};
use super::Permitted;
use crate::{
    config::{
        Rule, RuleError,
        agent_file::{PermissionDefault, Permissions, Unattended},
        rule::Fit,
    },
    domain::DeniedBy,
};

/// `--approve`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApproveMode {
    #[default]
    Ask,
    /// What would be asked about is allowed; what is denied stays denied.
    Auto,
    /// What would be asked about is denied.
    Deny,
    /// Nothing may write.
    Plan,
}

/// Where the agent is used, which decides what holds for a call that no rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// What only reads is allowed, the rest asks.
    Chat {
        /// The tools of the sandbox can reach neither the user's files nor the network, so they are allowed as well.
        contained: bool,
    },
    /// The file's author listed the tools, and nobody else is there: what the agent has is allowed.
    Serve,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// To be put to the user, who may also allow it for the session or for good.
    Ask {
        reason: String,
    },
    Deny {
        by: DeniedBy,
        reason: String,
    },
}

/// A rule of the agent file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`permissions.{list}` holds `{rule}`, which is not a rule: {source}")]
pub struct PolicyError {
    list: &'static str,
    rule: String,
    source: RuleError,
}

/// Judges the calls of an agent.
#[derive(Debug)]
pub struct Policy {
    deny: Vec<Rule>,
    ask: Vec<Rule>,
    allow: Vec<Rule>,
    /// What the user allowed for good, in an earlier session.
    kept: Vec<Rule>,
    default: Option<PermissionDefault>,
    unattended: Unattended,
    mode: Mode,
    surface: Surface,
    workspace: PathBuf,
}

impl Policy {
    /// The policy of an agent file. `kept` are the user's own rules for it; `workspace` is the folder that relative
    /// paths of tools and rules start from, as an absolute path.
    ///
    /// # Errors
    /// A rule that cannot be read.
    pub fn new(
        permissions: &Permissions,
        kept: &[Rule],
        mode: impl Into<Mode>,
        surface: Surface,
        workspace: &Path,
    ) -> Result<Self, PolicyError> {
        let read = |list: &'static str, rules: &[String]| {
            rules
                .iter()
                .map(|rule| Rule::parse(rule).map_err(|source| PolicyError { list, rule: rule.clone(), source }))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            deny: read("deny", &permissions.deny)?,
            ask: read("ask", &permissions.ask)?,
            allow: read("allow", &permissions.allow)?,
            kept: kept.to_owned(),
            default: permissions.default,
            unattended: permissions.unattended.unwrap_or(Unattended::Deny),
            mode: mode.into(),
            surface,
            workspace: workspace.to_owned(),
        })
    }

    /// Decides about a call of the tool that rules call `name`. `writes` is what the tool says of this call;
    /// `attended` whether somebody can be asked; `granted` what the user allowed in this session.
    ///
    /// In this order: a rule that denies, plan mode, what the user allowed before, a rule that asks, a rule that
    /// allows, the default. A call that is only perhaps what a `deny` rule means is asked about.
    #[must_use]
    pub fn judge(&self, name: &str, arguments: &Value, writes: bool, attended: bool, granted: &Granted) -> Verdict {
        let call = Call::new(name, arguments, &self.workspace);
        // Of equals the last is the greatest: from the end, that is the one that stands first.
        let denied = self.deny.iter().rev().map(|rule| (call.fits(rule), rule)).max_by_key(|(fit, _)| *fit);
        if let Some((Fit::Yes, rule)) = denied {
            return Verdict::Deny { by: DeniedBy::Rule, reason: format!("the rule `{rule}` denies it") };
        }
        if self.mode.get() == ApproveMode::Plan && writes {
            return Verdict::Deny {
                by: DeniedBy::Plan,
                reason: "nothing may be changed while planning; say what you would do instead".to_owned(),
            };
        }
        if granted.is_this(name, arguments) || call.is_allowed(&self.kept.iter().chain(granted.rules())) {
            return Verdict::Allow;
        }
        if let Some((Fit::Maybe, rule)) = denied {
            return self.ask(format!("it may be what the rule `{rule}` denies"), attended);
        }
        if let Some(rule) = self.ask.iter().find(|rule| call.fits(rule) > Fit::No) {
            return self.ask(format!("the rule `{rule}` asks"), attended);
        }
        if call.is_allowed(&self.allow.iter().chain(&self.kept)) {
            return Verdict::Allow;
        }
        match self.default_of(name, writes) {
            PermissionDefault::Allow => Verdict::Allow,
            PermissionDefault::Deny => {
                Verdict::Deny { by: DeniedBy::Rule, reason: "no rule allows it, and the default is to deny".to_owned() }
            }
            PermissionDefault::Ask => {
                let reason = call.why_not(&self.allow.iter().chain(&self.kept));
                self.ask(reason, attended)
            }
        }
    }

    /// The rules that allow this call and its like, for the session or for good. Empty where no rule could be trusted
    /// with it, as with a command whose words are not known before it runs; then only this one call can be allowed.
    #[must_use]
    pub fn rules_for(&self, name: &str, arguments: &Value) -> Vec<Rule> {
        Call::new(name, arguments, &self.workspace).like_it()
    }

    /// The rules that hold, for people to read.
    #[must_use]
    pub fn permitted(&self, granted: &Granted) -> Permitted {
        let shown = |rules: &[Rule]| rules.iter().map(Rule::to_string).collect();
        Permitted {
            deny: shown(&self.deny),
            ask: shown(&self.ask),
            allow: shown(&self.allow),
            kept: shown(&self.kept),
            session: shown(granted.rules()),
            default: self.default,
            mode: self.mode.get(),
        }
    }

    /// What becomes of a call that has to be asked about.
    fn ask(&self, reason: String, attended: bool) -> Verdict {
        match self.mode.get() {
            ApproveMode::Auto => Verdict::Allow,
            ApproveMode::Deny => Verdict::Deny { by: DeniedBy::Mode, reason },
            ApproveMode::Ask | ApproveMode::Plan if attended => Verdict::Ask { reason },
            ApproveMode::Ask | ApproveMode::Plan => match self.unattended {
                Unattended::Allow => Verdict::Allow,
                Unattended::Deny => {
                    Verdict::Deny { by: DeniedBy::Unattended, reason: format!("{reason}, and nobody can be asked") }
                }
            },
        }
    }

    fn default_of(&self, name: &str, writes: bool) -> PermissionDefault {
        let harmless = match self.surface {
            Surface::Serve => true,
            Surface::Chat { contained } => !writes || contained && matches!(name, "python" | "shell" | "files.write"),
        };
        self.default.unwrap_or(if harmless { PermissionDefault::Allow } else { PermissionDefault::Ask })
    }
}

/// Whether `rule` is about the call, for hooks: a call that only may be what the rule means counts.
#[must_use]
pub fn matches(rule: &Rule, name: &str, arguments: &Value, workspace: &Path) -> bool {
    Call::new(name, arguments, workspace).fits(rule) > Fit::No
}

#[cfg(test)]
mod tests;
