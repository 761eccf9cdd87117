//! What becomes of a turn that waits for an answer when its session is asked something else.

use futures_util::StreamExt as _;

use super::{Runs, room::Seat};
use crate::domain::SessionKey;

impl Runs {
    /// Says no to all that a parked turn of the session asks, and returns when that turn has ended: after the calls that
    /// it asked about, before it asks its model what to do next. [`Runs::start`] does this by itself. Nothing happens
    /// where none is parked.
    pub async fn decline(&self, key: &SessionKey) {
        self.decline_for_seat(key).await;
    }

    /// The same, and gives the place that the turn had.
    pub(super) async fn decline_for_seat(&self, key: &SessionKey) -> Option<Seat> {
        let mut run = self.resume(key)?;
        run.handle().decline();
        while run.next().await.is_some() {}
        run.into_seat()
    }

    /// As [`Runs::decline`], where the turn of the session is parked or recorded.
    pub async fn decline_recorded(&self, key: &SessionKey) {
        self.decline(key).await;
        let Some(handle) = self.of_session(key).filter(|handle| !handle.asked().is_empty()) else { return };
        let Ok(recording) = self.recording(None, &handle.turn) else { return };
        handle.decline();
        recording.over().await;
    }
}
