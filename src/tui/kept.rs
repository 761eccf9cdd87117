//! What was typed and not sent when the interface ended, for its next start.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::config::make_private;

/// A draft that outlived its interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub text: String,
    /// The command that goes on with the session it was meant for.
    pub resume: String,
}

impl Kept {
    /// Keeps it, in place of one that was kept before. Waits for the disk.
    ///
    /// # Errors
    /// As the file system says.
    pub fn save(&self, state: &Path) -> io::Result<()> {
        make_private(state)?;
        let mut file = tempfile::NamedTempFile::new_in(state)?;
        serde_json::to_writer(&mut file, self)?;
        file.persist(file_of(state))?;
        Ok(())
    }

    /// Takes what was kept: it is given once. Waits for the disk.
    #[must_use]
    pub fn take(state: &Path) -> Option<Self> {
        let path = file_of(state);
        let kept = serde_json::from_slice(&std::fs::read(&path).ok()?).ok();
        // Where it cannot be removed it comes again, which is better than never.
        let _ = std::fs::remove_file(path);
        kept
    }
}

fn file_of(state: &Path) -> PathBuf {
    state.join("draft.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_given_once() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert_eq!(Kept::take(&state), None);
        let kept = Kept { text: "half a\nsentence".to_owned(), resume: "agentscope chat".to_owned() };
        kept.save(&state).unwrap();
        assert_eq!(Kept::take(&state), Some(kept));
        assert_eq!(Kept::take(&state), None);
        std::fs::write(file_of(&state), "{").unwrap();
        assert_eq!(Kept::take(&state), None);
    }
}
