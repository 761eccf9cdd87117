//! How a turn ended, where there is something to say.

use ratatui::text::Line;

use super::{Look, text::signed};
use crate::{
    domain::TurnOutcome,
    tui::{markdown, theme::Role},
};

pub(super) fn lines(outcome: &TurnOutcome, look: Look<'_>) -> Vec<Line<'static>> {
    match outcome {
        TurnOutcome::Completed { output: None } => vec![],
        TurnOutcome::Completed { output: Some(output) } => {
            let json = serde_json::to_string_pretty(output).unwrap_or_default();
            markdown::render(&format!("````json\n{json}\n````"), look.width, look.theme)
        }
        TurnOutcome::ToolCalls { calls } => {
            let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
            signed("‖ ", Role::Dim, &format!("waits for the results of {}", names.join(", ")), look)
        }
        TurnOutcome::Canceled => signed("■ ", Role::Warning, "interrupted", look),
        TurnOutcome::Failed { message, hint, code: _ } => {
            let mut lines = signed("✗ ", Role::Error, message, look);
            lines.extend(hint.iter().flat_map(|hint| signed("→ ", Role::Dim, hint, look)));
            lines
        }
    }
}
