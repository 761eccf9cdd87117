//! Which files are new or changed.

use std::{path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Entry, FileError, Root,
    root::Kind,
    walk::{End, Next, walk_for},
};

/// A call is not held up for longer.
const TIME: Duration = Duration::from_millis(300);
const MOST: usize = 100;
/// Folders full of what nobody asked for.
const DULL: &[&str] = &[".git", ".cache", ".venv", "__pycache__", "node_modules", "target"];

/// New and changed files, and whether there may be more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub files: Vec<Entry>,
    pub cut: bool,
}

impl Root {
    /// The files of the workspace whose content or name changed at `since` or later, in milliseconds since 1970.
    /// Folders that tools fill, such as `.git`, are passed over.
    pub(crate) fn changed(&self, since: i64) -> Result<Changed, FileError> {
        let mut files = vec![];
        let end = walk_for(TIME, self, Path::new("."), |item, _| {
            let name = item.name();
            if item.kind == Kind::Folder {
                return Ok(if DULL.contains(&name.as_str()) { Next::Skip } else { Next::Enter });
            }
            // Nobody can set this time, unlike that of the content.
            let nanos = i64::try_from(item.stat.st_ctime_nsec).unwrap_or_default();
            let changed = item.stat.st_ctime.saturating_mul(1000).saturating_add(nanos / 1_000_000);
            if item.kind == Kind::File && changed >= since {
                if files.len() == MOST {
                    return Ok(Next::Stop);
                }
                files.push(self.describe(&item.path, &item.stat));
            }
            Ok(Next::Enter)
        })?;
        Ok(Changed { files, cut: end != End::Complete })
    }
}
