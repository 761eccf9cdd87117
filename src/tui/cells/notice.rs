//! What the user should see happen: retries, other models, waits, compaction, warnings.

use std::time::{Duration, Instant};

use ratatui::text::Line;

use super::{
    Look,
    text::signed,
    time::{count, left, short},
};
use crate::{domain::Notice, tui::theme::Role};

/// What is waited for.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    pub notice: Notice,
    pub until: Instant,
}

impl Wait {
    /// Of a notice that says that something is waited for.
    pub(super) fn of(notice: &Notice, now: Instant) -> Option<Self> {
        match notice {
            Notice::Retry { wait_ms, .. } | Notice::RateLimited { wait_ms, .. } => {
                let until = now + Duration::from_millis(*wait_ms);
                Some(Self { notice: notice.clone(), until })
            }
            Notice::Fallback { .. }
            | Notice::Compacted { .. }
            | Notice::ToolServerFailed { .. }
            | Notice::Warning { .. } => None,
        }
    }

    pub(super) fn lines(&self, now: Instant, look: Look<'_>) -> Vec<Line<'static>> {
        let left = left(self.until.saturating_duration_since(now));
        let text = match &self.notice {
            Notice::Retry { model, attempt, reason, .. } => format!("{model}: {reason} · try {attempt} in {left}"),
            Notice::RateLimited { model, .. } => format!("{model}: rate limited · goes on in {left}"),
            Notice::Fallback { .. }
            | Notice::Compacted { .. }
            | Notice::ToolServerFailed { .. }
            | Notice::Warning { .. } => return vec![],
        };
        signed("↻ ", Role::Warning, &text, look)
    }
}

pub(super) fn lines(notice: &Notice, look: Look<'_>) -> Vec<Line<'static>> {
    let waited = |ms: &u64| left(Duration::from_millis(*ms));
    let (sign, role, text) = match notice {
        Notice::Retry { model, attempt, wait_ms, reason } => {
            ("↻ ", Role::Warning, format!("{model}: {reason} · waited {} for try {attempt}", waited(wait_ms)))
        }
        Notice::RateLimited { model, wait_ms } => {
            ("↻ ", Role::Warning, format!("{model}: rate limited · waited {}", waited(wait_ms)))
        }
        Notice::Fallback { from, to, reason } => {
            ("⇢ ", Role::Warning, format!("{from}: {reason} · going on with {to}"))
        }
        Notice::Compacted { before_tokens, after_tokens, summarized } => {
            let how = match summarized {
                0 => "old tool results trimmed".to_owned(),
                n => format!("{} summarised", count(usize::try_from(*n).unwrap_or(usize::MAX), "message")),
            };
            let (before, after) = (short(*before_tokens), short(*after_tokens));
            ("≡ ", Role::Dim, format!("context compacted from about {before} to {after} tokens · {how}"))
        }
        Notice::ToolServerFailed { server, reason } => {
            ("! ", Role::Warning, format!("MCP server {server} failed: {reason}"))
        }
        Notice::Warning { message } => ("! ", Role::Warning, message.clone()),
    };
    signed(sign, role, &text, look)
}
