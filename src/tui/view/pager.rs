//! The whole conversation, a screen full of it.

use ratatui::{
    style::{Modifier, Style},
    text::Line,
};

use super::fit::{fit, plain};
use crate::tui::{app::App, theme::Role};

/// The rows of the pager's screen; nothing where it is not open.
pub fn pager(app: &mut App) -> Option<Vec<Line<'static>>> {
    let height = usize::from(app.size.rows.saturating_sub(1).max(1));
    let lines = app.transcript.whole(app.width());
    let pager = app.pager.as_mut()?;
    pager.clamp(lines.len(), height);
    let (top, count, hit) = (pager.top, lines.len(), pager.hit);
    let mut rows: Vec<_> = lines
        .into_iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(
            |(at, line)| {
                if hit == Some(at) { line.patch_style(Style::new().add_modifier(Modifier::REVERSED)) } else { line }
            },
        )
        .collect();
    rows.resize(height, Line::default());
    let bar = match (&pager.needle, pager.typing) {
        (needle, true) => format!("/{}", plain(needle)),
        (needle, false) if !needle.is_empty() && pager.hit.is_none() => format!("`{}` is nowhere", plain(needle)),
        _ => {
            let last = (top + height).min(count);
            format!("lines {} to {last} of {count} · / searches · n next · q back", (top + 1).min(count))
        }
    };
    rows.push(fit(Line::styled(bar, app.theme.style(Role::Accent)), app.width()));
    Some(rows)
}
