//! What an archive is called where it is extracted.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use super::{FileError, archive};

/// What the archive holds is one thing, a file or a folder with all below, whose own name is `from`; it becomes `to`.
/// Both are empty where names stay as they are, and `to` where what is in the folder goes without the folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    /// Bits of the modes of files that they do not get.
    pub(crate) without: u32,
}

/// The first entry of an archive.
pub(crate) struct Top {
    /// Empty for a folder without a name.
    pub(crate) name: PathBuf,
    pub(crate) is_folder: bool,
}

impl Top {
    /// # Errors
    /// [`FileError::Archive`]: no archive, one without an entry, or one that does not begin with a file or folder.
    pub(crate) fn of(archive: &mut File) -> Result<Self, FileError> {
        let mut top = None;
        archive::first(archive, |path, is_folder| top = Some(Self { name: path.to_owned(), is_folder }))?;
        let top = top.ok_or_else(|| FileError::Archive("it is empty".to_owned()))?;
        if top.name.components().count() > 1 {
            return Err(FileError::Archive(format!("it begins with `{}`", top.name.display())));
        }
        Ok(top)
    }
}

impl Names {
    /// The new name of `path`.
    ///
    /// # Errors
    /// What is not below `from`.
    pub(super) fn apply(&self, path: &Path) -> Result<PathBuf, FileError> {
        let below = path
            .strip_prefix(&self.from)
            .map_err(|_| FileError::Archive(format!("`{}` is not below `{}`", path.display(), self.from.display())))?;
        // Joined with nothing, a name would end in a slash.
        Ok(if below.as_os_str().is_empty() { self.to.clone() } else { self.to.join(below) })
    }

    /// A new name without [`to`](Self::to).
    pub(super) fn below<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.to).unwrap_or(path)
    }
}
