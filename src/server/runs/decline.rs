//! What becomes of a turn that waits for an answer when its session is asked something else.

use std::sync::Arc;

use futures_util::StreamExt as _;

use super::{RunHandle, Runs};
use crate::domain::{EventKind, SessionKey};

/// What the agent is told.
const ELSE: &str = "the user said something else";

impl Runs {
    /// Says no to all that a parked turn of the session asks, and returns when that turn has ended: after the calls that
    /// it asked about, before it goes on. [`Runs::start`] does this by itself. Nothing happens where none is parked.
    pub async fn decline(&self, key: &SessionKey) {
        let Some(mut run) = self.resume(key) else { return };
        let handle = Arc::clone(run.handle());
        refuse(&handle).await;
        while let Some(event) = run.next().await {
            match &event.kind {
                EventKind::ApprovalRequested { .. } | EventKind::QuestionAsked { .. } => refuse(&handle).await,
                // Before it asks its model what to do next; what it was told of its calls is saved all the same.
                EventKind::ApprovalResolved { .. } | EventKind::QuestionAnswered { .. }
                    if handle.asked().is_empty() =>
                {
                    handle.cancel();
                }
                _ => {}
            }
        }
    }
}

async fn refuse(handle: &RunHandle) {
    for ask in handle.asked() {
        // Late for one that was answered meanwhile.
        let _ = handle.answer(ask.answer(false, ELSE)).await;
    }
}
