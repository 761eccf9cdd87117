//! The whole conversation, a screen full of it.

use ratatui::{
    style::{Modifier, Style},
    text::Line,
};

use super::fit::{fit, plain};
use crate::tui::{app::App, theme::Role};

/// The rows of the pager's screen; nothing where it is not open.
pub fn pager(app: &mut App) -> Option<Vec<Line<'static>>> {
    let (height, width) = (usize::from(app.size.rows.saturating_sub(1).max(1)), app.width());
    let pager = app.pager.as_mut()?;
    pager.refresh(&app.transcript, width);
    let count = pager.lines().len();
    pager.clamp(count, height);
    let (top, hit) = (pager.top, pager.hit);
    let marked = |(at, line): (usize, &Line<'static>)| match hit {
        Some(hit) if hit == at => line.clone().patch_style(Style::new().add_modifier(Modifier::REVERSED)),
        _ => line.clone(),
    };
    let mut rows: Vec<_> = pager.lines().iter().enumerate().skip(top).take(height).map(marked).collect();
    rows.resize(height, Line::default());
    let bar = match (&pager.needle, pager.typing) {
        (needle, true) => format!("/{}", plain(needle)),
        (needle, false) if !needle.is_empty() && hit.is_none() => format!("`{}` is nowhere", plain(needle)),
        _ => {
            let last = (top + height).min(count);
            format!("lines {} to {last} of {count} · / searches · n next · q back", (top + 1).min(count))
        }
    };
    rows.push(fit(Line::styled(bar, app.theme.style(Role::Accent)), width));
    Some(rows)
}
