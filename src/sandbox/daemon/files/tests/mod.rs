mod archive;
mod escape;
mod http;
mod tools;

use std::{fs, path::Path, sync::Arc};

use super::Root;

/// A workspace, and a folder beside it that nothing may touch.
struct Place {
    dir: tempfile::TempDir,
    root: Arc<Root>,
}

impl Place {
    fn new() -> Self {
        Self::with_limit(1 << 20)
    }

    fn with_limit(most: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("ws")).unwrap();
        fs::create_dir(dir.path().join("ws-evil")).unwrap();
        fs::write(dir.path().join("ws-evil/secret"), "secret").unwrap();
        let root = Arc::new(Root::open(&dir.path().join("ws"), "/workspace", most).unwrap());
        Self { dir, root }
    }

    fn ws(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join("ws").join(path)
    }

    fn outside(&self) -> std::path::PathBuf {
        self.dir.path().join("ws-evil")
    }

    /// What lies outside is as it was.
    fn assert_untouched(&self) {
        let names: Vec<_> = fs::read_dir(self.outside()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["secret"]);
        assert_eq!(fs::read_to_string(self.outside().join("secret")).unwrap(), "secret");
    }

    /// Everything in the workspace, sorted.
    fn all(&self) -> Vec<String> {
        let top = self.ws("");
        let mut all: Vec<String> = walkdir::WalkDir::new(&top)
            .min_depth(1)
            .into_iter()
            .map(|entry| entry.unwrap().path().strip_prefix(&top).unwrap().display().to_string())
            .collect();
        all.sort();
        all
    }
}

fn link(target: impl AsRef<Path>, at: impl AsRef<Path>) {
    std::os::unix::fs::symlink(target, at).unwrap();
}
