//! The whole conversation, a screen full of it.

use ratatui::text::Line;

use super::fit::{fit, plain};
use crate::tui::{app::App, theme::Role};

/// The rows of the pager's screen; nothing where it is not open.
pub fn pager(app: &mut App) -> Option<Vec<Line<'static>>> {
    let (height, width) = (usize::from(app.size.rows.saturating_sub(1).max(1)), app.width());
    let pager = app.pager.as_mut()?;
    let mut rows = pager.window.rows(&app.transcript, width, height);
    rows.resize(height, Line::default());
    let bar = match (&pager.needle, pager.typing) {
        (needle, true) => format!("/{}", plain(needle)),
        (needle, false) if !needle.is_empty() && !pager.window.has_hit() => format!("`{}` is nowhere", plain(needle)),
        _ => {
            let place = match (pager.window.is_at_end(), pager.window.cell(), app.transcript.len()) {
                (true, ..) => "the end".to_owned(),
                (false, cell, count) => format!("{} %", cell * 100 / count.max(1)),
            };
            format!("{place} · / searches · n next · q back")
        }
    };
    rows.push(fit(Line::styled(bar, app.theme.style(Role::Accent)), width));
    Some(rows)
}
