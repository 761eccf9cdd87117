//! `--approve`, which the user of a chat may change while turns run.

use std::sync::{Arc, Mutex, PoisonError};

use super::ApproveMode;

/// The mode that every policy of a team goes by. A clone is another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Mode(Arc<Mutex<ApproveMode>>);

impl Mode {
    #[must_use]
    pub fn get(&self) -> ApproveMode {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds for the next call that is judged.
    pub fn set(&self, mode: ApproveMode) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}

impl From<ApproveMode> for Mode {
    fn from(mode: ApproveMode) -> Self {
        Self(Arc::new(Mutex::new(mode)))
    }
}
