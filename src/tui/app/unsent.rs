//! What is typed and not sent, kept while it is typed: at a pause, and now and then where there is none.

use std::time::{Duration, Instant};

use super::{App, Cmd, Msg};
use crate::{domain::EventKind, tui::kept::Kept};

const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5);

/// What was kept, and what may have changed since.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    kept: Option<String>,
    /// The first and the last change that are not kept.
    changed: Option<(Instant, Instant)>,
}

impl Unsent {
    pub(super) fn is_due(&self) -> bool {
        self.changed.is_some()
    }
}

impl App {
    /// What was typed and not sent: what is queued, and the draft.
    #[must_use]
    pub fn unsent(&self) -> Option<Kept> {
        let waiting = self.pending.steering.iter().chain(&self.pending.queued).map(|draft| draft.text.clone());
        let texts: Vec<_> = waiting.chain([self.composer.text()]).filter(|text| !text.trim().is_empty()).collect();
        (!texts.is_empty()).then(|| Kept { text: texts.join("\n\n"), resume: self.resume() })
    }

    /// To be told after each thing that happens what became of what is typed.
    pub(super) fn keep_unsent(&mut self, change: Change, now: Instant) -> Option<Cmd> {
        if change != Change::None {
            let first = self.unsent.changed.map_or(now, |(first, _)| first);
            self.unsent.changed = Some((first, now));
        }
        let (first, last) = self.unsent.changed?;
        let early = now.duration_since(last) < PAUSE && now.duration_since(first) < LONGEST;
        if early && change != Change::Taken {
            return None;
        }
        self.unsent.changed = None;
        let unsent = self.unsent();
        let text = unsent.as_ref().map(|unsent| unsent.text.clone());
        if text == self.unsent.kept {
            return None;
        }
        self.unsent.kept = text;
        Some(Cmd::Keep(unsent))
    }
}

/// What `msg` does to what is typed, or waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Perhaps,
    /// It was taken off the disk.
    Taken,
}

impl Change {
    pub(super) fn by(msg: &Msg) -> Self {
        match msg {
            Msg::Agent(event) if !matches!(event.kind, EventKind::TurnFinished { .. }) => Self::None,
            Msg::Kept(_) => Self::Taken,
            Msg::Agent(_)
            | Msg::Key(_)
            | Msg::Paste(_)
            | Msg::Unread(_)
            | Msg::TakenBack
            | Msg::Lost
            | Msg::Effect(_)
            | Msg::Shell(_)
            | Msg::Paths(..)
            | Msg::Edited(_)
            | Msg::Refused(..) => Self::Perhaps,
            _ => Self::None,
        }
    }
}
