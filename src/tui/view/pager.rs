//! The whole conversation, a screen full of it.

use ratatui::text::Line;

use super::{
    ask,
    fit::{fit, plain},
};
use crate::tui::{
    app::{App, Pager},
    cells::Transcript,
    theme::Role,
};

/// The rows of the pager's screen; nothing where it is not open.
pub fn pager(app: &mut App) -> Option<Vec<Line<'static>>> {
    let (all, width) = (usize::from(app.size.rows.max(1)), app.width());
    let typing = app.pager.as_ref()?.typing;
    // What is asked meanwhile has to be seen here too: the turn waits for it.
    let asked = app.asks.first().map(|ask| {
        let keys = if typing { "Esc, then q, answers" } else { "q answers" };
        format!("{keys}: {}", ask::headline(app, ask))
    });
    let asked = asked.map(|text| fit(Line::styled(text, app.theme.style(Role::Warning)), width));
    let height = all.saturating_sub(1 + usize::from(asked.is_some()));
    let pager = app.pager.as_mut()?;
    pager.page = height;
    let mut rows = pager.window.rows(&app.transcript, width, height);
    rows.resize(height, Line::default());
    rows.extend(asked);
    let bar = bar(pager, &app.transcript);
    rows.extend((rows.len() < all).then(|| fit(Line::styled(bar, app.theme.style(Role::Accent)), width)));
    Some(rows)
}

fn bar(pager: &Pager, transcript: &Transcript) -> String {
    match (&pager.needle, pager.typing) {
        (needle, true) => format!("/{}", plain(needle)),
        (needle, false) if !needle.is_empty() && !pager.window.has_hit() => format!("`{}` is nowhere", plain(needle)),
        _ => {
            let place = match (pager.window.is_at_end(), pager.window.cell(), transcript.len()) {
                (true, ..) => "the end".to_owned(),
                (false, cell, count) => format!("{} %", cell * 100 / count.max(1)),
            };
            format!("{place} · / searches · n next · q back")
        }
    }
}
