//! A real registry: Debian's `docker-registry`, on a port of its own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use super::require;

/// Runs until it is dropped; what was pushed is gone then.
pub struct Registry {
    /// Such as `127.0.0.1:40123`.
    pub host: String,
    folder: tempfile::TempDir,
    child: Child,
}

/// Of the user `ann`, whose password is `pass-word`, as `htpasswd -B` writes it.
const ANN: &str = "ann:$2y$05$abcdefghijklmnopqrstuulQElbHkP7vjLqXxb3Lzm18cJsfRyGH6\n";

impl Registry {
    /// `None` where it is not installed, and the test is skipped.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// One that wants to know who asks.
    #[must_use]
    pub fn start_locked() -> Option<Self> {
        Self::start_with("auth:\n  htpasswd:\n    realm: test\n    path: FOLDER/htpasswd\n")
    }

    fn start_with(more: &str) -> Option<Self> {
        let mut version = Command::new("docker-registry");
        let version = version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        let found = version.status().is_ok_and(|status| status.success());
        require::available("registry", found).then_some(())?;
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        std::fs::write(folder.path().join("htpasswd"), ANN).unwrap();
        let config = folder.path().join("config.yml");
        let settings = format!(
            "version: 0.1\nlog: {{level: info, formatter: json}}\nstorage:\n  filesystem: {{rootdirectory: FOLDER/data}}\n  \
             delete: {{enabled: true}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n{more}"
        );
        std::fs::write(&config, settings.replace("FOLDER", &at)).unwrap();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .env_clear()
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let host =
            lines.find_map(|line| Some(line.split_once("listening on ")?.1.split('"').next()?.to_owned())).unwrap();
        // Nobody may be kept from writing its log.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { host, folder, child })
    }

    /// Files of contents that it keeps.
    #[must_use]
    pub fn blobs(&self) -> usize {
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        let folders = std::fs::read_dir(blobs).into_iter().flatten().flatten();
        folders.map(|two| std::fs::read_dir(two.path()).unwrap().count()).sum()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
