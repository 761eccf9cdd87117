//! What becomes of a turn that waits for an answer when its session is asked something else.

use futures_util::StreamExt as _;

use super::Runs;
use crate::domain::SessionKey;

impl Runs {
    /// Says no to all that a parked turn of the session asks, and returns when that turn has ended: after the calls that
    /// it asked about, before it asks its model what to do next. [`Runs::start`] does this by itself. Nothing happens
    /// where none is parked.
    pub async fn decline(&self, key: &SessionKey) {
        let Some(mut run) = self.resume(key) else { return };
        run.handle().decline();
        while run.next().await.is_some() {}
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
