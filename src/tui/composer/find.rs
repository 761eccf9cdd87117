//! Finding files by a few of their letters. Waits for the disk: not to be called where keys are read.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::complete::{FileKind, FileMatch, ranked};

/// Files that are looked at; in a larger folder the rest is not found.
const MOST_FILES: usize = 50_000;
/// How long is looked.
const MOST_TIME: Duration = Duration::from_millis(500);
/// Files that are shown.
const MOST_SHOWN: usize = 50;

/// How long a list of the files is good for: what is typed asks again with every letter.
const FRESH: Duration = Duration::from_secs(5);

/// Finds files of one folder.
#[derive(Debug)]
pub struct Finder {
    folder: PathBuf,
    known: Mutex<Option<(Instant, Files)>>,
}

/// Paths as they are shown, and as they are.
type Files = Arc<[(String, PathBuf)]>;

impl Finder {
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, known: Mutex::default() }
    }

    /// The files that `query` is scattered over, best first; what `.gitignore` leaves out is left out. The folders come with
    /// a `/` at their end.
    #[must_use]
    pub fn find(&self, query: &str) -> Vec<FileMatch> {
        let files = self.files();
        let fits = ranked(query, files.iter(), |(shown, _)| shown);
        let shown = fits.into_iter().take(MOST_SHOWN);
        shown
            .map(|((shown, path), _)| FileMatch { kind: kind(shown, path), shown: shown.clone(), path: shown.into() })
            .collect()
    }

    /// Who asks while the folder is read waits for the same list.
    fn files(&self) -> Files {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, files)) = &*known
            && at.elapsed() < FRESH
        {
            return Arc::clone(files);
        }
        let files: Files = all(&self.folder).into();
        *known = Some((Instant::now(), Arc::clone(&files)));
        files
    }
}

fn kind(shown: &str, path: &Path) -> FileKind {
    if shown.ends_with('/') {
        FileKind::Folder
    } else if super::paths::is_image(path) {
        FileKind::Image
    } else {
        FileKind::Text
    }
}

fn all(folder: &Path) -> Vec<(String, PathBuf)> {
    let until = Instant::now() + MOST_TIME;
    // Also without a repository, and without asking its database: only files are read.
    let walk = ignore::WalkBuilder::new(folder).hidden(true).require_git(false).sort_by_file_name(Ord::cmp).build();
    walk.filter_map(Result::ok)
        .skip(1)
        .take(MOST_FILES)
        .take_while(|_| Instant::now() < until)
        .filter_map(|entry| {
            let shown = entry.path().strip_prefix(folder).ok()?.to_str()?;
            let file_type = entry.file_type()?;
            let end = if file_type.is_dir() { "/" } else { "" };
            (file_type.is_dir() || file_type.is_file()).then(|| (format!("{shown}{end}"), entry.path().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_ignores_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(".gitignore", "target/\n");
        write("target/main.rs", "");
        write(".hidden/main.rs", "");
        write("src/main.rs", "");
        write("src/domain/mod.rs", "");
        write("docs/main.png", "GIF89a");
        std::os::unix::fs::symlink("/", folder.path().join("all")).unwrap();
        let finder = Finder::new(folder.path().to_owned());
        let find = |query: &str| {
            let found = finder.find(query);
            found.iter().map(|file| format!("{} {:?}", file.shown, file.kind)).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(find("main"), @"
        docs/main.png Image
        src/main.rs Text
        src/domain/ Folder
        src/domain/mod.rs Text
        ");
        insta::assert_snapshot!(find("srcm"), @"
        src/main.rs Text
        src/domain/mod.rs Text
        src/domain/ Folder
        ");
        insta::assert_snapshot!(find(""), @"
        docs/ Folder
        docs/main.png Image
        src/ Folder
        src/domain/ Folder
        src/domain/mod.rs Text
        src/main.rs Text
        ");
        assert_eq!(find("zzz"), "");
    }
}
