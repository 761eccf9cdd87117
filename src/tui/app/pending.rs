//! Messages that were typed while the agent works.

use std::collections::VecDeque;

use crate::tui::composer::Draft;

/// What waits.
#[derive(Debug, Default)]
pub struct Pending {
    /// Sent into the turn, and not read by it yet.
    pub steering: VecDeque<Draft>,
    /// For the turns after it.
    pub queued: VecDeque<Draft>,
    /// A turn was interrupted: what is queued waits for Enter.
    pub held: bool,
}

impl Pending {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steering.is_empty() && self.queued.is_empty()
    }

    /// The turn is over: what it did not read comes first in the queue.
    pub fn turn_ended(&mut self) {
        while let Some(draft) = self.steering.pop_back() {
            self.queued.push_front(draft);
        }
    }

    /// The message that was queued last, to be edited.
    pub fn pull(&mut self) -> Option<Draft> {
        self.queued.pop_back()
    }
}
