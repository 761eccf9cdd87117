//! The one line that is always there: what is known, the most needed first, cut from the right where it is narrow.

use std::time::Instant;

use ratatui::text::{Line, Span};

use super::fit::{fit, plain};
use crate::{
    agent::ApproveMode,
    tui::{
        app::{App, Ran},
        theme::Role,
    },
};

/// The context of the model is shown as a warning from here on, in percent, and as an error from there.
const FULL: (u64, u64) = (75, 95);

/// The status line.
pub(super) fn line(app: &App, now: Instant) -> Line<'static> {
    let mut parts = vec![mode(app)];
    if app.leaving.is_some() {
        parts.push((Role::Warning, "Ctrl-C again leaves".to_owned()));
    }
    if app.escaped.is_some() {
        parts.push((Role::Warning, "Esc again goes back to an earlier message".to_owned()));
    }
    parts.push((Role::Dim, plain(app.speaker.as_ref().unwrap_or(&app.about.agent))));
    parts.extend(app.about.model.as_deref().map(|model| (Role::Dim, plain(model))));
    parts.extend(context(app));
    parts.extend(usage(app));
    parts.extend(sandbox(app));
    parts.extend((app.servers.1 > 0).then(|| servers(app.servers)));
    let waiting = app.pending.steering.len() + app.pending.queued.len();
    parts.extend((waiting > 0).then(|| (Role::Accent, format!("{waiting} queued"))));
    parts.extend((app.asks.count() > 1).then(|| (Role::Accent, format!("{} asked", app.asks.count()))));
    parts.extend(app.work.as_ref().map(|work| (Role::Dim, span(now.duration_since(work.since).as_secs()))));
    joined(&parts, app)
}

/// As many of the parts as there is room for; the first is always there.
fn joined(parts: &[(Role, String)], app: &App) -> Line<'static> {
    let width = usize::from(app.width());
    let mut line = Line::default();
    for (role, text) in parts {
        let mut next = line.clone();
        if !next.spans.is_empty() {
            next.push_span(Span::styled(" · ", app.theme.style(Role::Dim)));
        }
        next.push_span(Span::styled(text.clone(), app.theme.style(*role)));
        if next.width() > width && !line.spans.is_empty() {
            break;
        }
        line = next;
    }
    fit(line, app.width())
}

fn mode(app: &App) -> (Role, String) {
    if !app.about.modes {
        // What it asks about is decided where it runs, and not told.
        return (Role::Dim, "remote".to_owned());
    }
    let (role, text) = match app.mode {
        ApproveMode::Ask => (Role::Success, "ask"),
        ApproveMode::Auto => (Role::Error, "auto"),
        ApproveMode::Plan => (Role::Accent, "plan"),
        ApproveMode::Deny => (Role::Warning, "deny"),
    };
    (role, text.to_owned())
}

fn context(app: &App) -> Option<(Role, String)> {
    let used = app.context?;
    let Some(window) = app.about.window.filter(|window| *window > 0) else {
        return Some((Role::Dim, format!("{} context", count(used))));
    };
    let percent = used * 100 / window;
    let role = match percent {
        percent if percent >= FULL.1 => Role::Error,
        percent if percent >= FULL.0 => Role::Warning,
        _ => Role::Dim,
    };
    Some((role, format!("{percent}% of {}", count(window))))
}

fn usage(app: &App) -> Option<(Role, String)> {
    let tokens = app.usage.total_tokens();
    let cost = app.usage.cost.map(|cost| format!(" ${cost:.2}")).unwrap_or_default();
    (tokens > 0).then(|| (Role::Dim, format!("{} tokens{cost}", count(tokens))))
}

/// Where programs of the agent run, and what they may do.
pub(super) fn sandbox(app: &App) -> Option<(Role, String)> {
    let may = app.about.sandbox.as_deref()?;
    Some(match &app.about.place {
        None => (Role::Dim, may.to_owned()),
        Some(Ran::In(place)) => (Role::Dim, format!("{place}, {may}")),
        Some(Ran::Nowhere) => (Role::Warning, "no sandbox here".to_owned()),
    })
}

fn servers((ready, all): (usize, usize)) -> (Role, String) {
    (if ready < all { Role::Warning } else { Role::Dim }, format!("MCP {ready}/{all}"))
}

/// A number of tokens in few characters.
pub(super) fn count(tokens: u64) -> String {
    match tokens {
        0..1_000 => tokens.to_string(),
        1_000..10_000 => format!("{}.{}k", tokens / 1_000, tokens % 1_000 / 100),
        10_000..1_000_000 => format!("{}k", tokens / 1_000),
        _ => format!("{}.{}M", tokens / 1_000_000, tokens % 1_000_000 / 100_000),
    }
}

/// A span of time in few characters.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}
