//! A real container engine: `dev/docker start` prints the variables that say where it is.

use std::{path::PathBuf, process::Command};

use super::{TestEnv, require};

/// The engine's address, an image with a shell and Python, and our executable as one static file.
#[derive(Clone, Debug)]
pub struct Engine {
    pub host: String,
    pub image: String,
    pub binary: PathBuf,
}

impl Engine {
    /// `None` where there is none, and the test is skipped.
    #[must_use]
    pub fn find() -> Option<Self> {
        let found = || {
            Some(Self {
                host: std::env::var("DOCKER_HOST").ok()?,
                image: std::env::var("AGENTSCOPE_TEST_IMAGE").ok()?,
                binary: std::env::var("AGENTSCOPE_RUNTIME_BINARY").ok()?.into(),
            })
        };
        let found = found();
        require::available("docker", found.is_some()).then_some(found).flatten()
    }

    /// The same with a network by which this machine reaches its containers.
    #[must_use]
    pub fn with_bridge() -> Option<Self> {
        let engine = Self::find()?;
        let there = engine.docker(&["network", "ls", "--format", "{{.Name}}"]).lines().any(|name| name == "bridge");
        require::available("docker-bridge", there).then_some(engine)
    }

    /// The same with gVisor's runtime.
    #[must_use]
    pub fn with_gvisor() -> Option<Self> {
        let engine = Self::find()?;
        let there = engine.docker(&["info", "--format", "{{json .Runtimes}}"]).contains("runsc");
        require::available("gvisor", there).then_some(engine)
    }

    /// Podman, where AGENTSCOPE_TEST_PODMAN names its socket and it has the same image.
    #[must_use]
    pub fn podman() -> Option<Self> {
        let host = std::env::var("AGENTSCOPE_TEST_PODMAN").ok();
        require::available("podman", host.is_some()).then_some(())?;
        Some(Self { host: host?, ..Self::find()? })
    }

    /// What the engine's own command line prints.
    pub fn docker(&self, args: &[&str]) -> String {
        let output = Command::new("docker").arg("--host").arg(&self.host).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A home of the binary whose sandboxes this engine makes.
    #[must_use]
    pub fn env(&self) -> TestEnv {
        TestEnv::new()
            .var("DOCKER_HOST", &self.host)
            .var("AGENTSCOPE_RUNTIME_BINARY", self.binary.display().to_string())
    }

    /// An image like the usual one in which `apk` is this script: no registry of packages is asked.
    #[must_use]
    pub fn with_package_manager(&self, script: &str) -> Image {
        let maker = format!("agentscope-base-{}", unique());
        let name = format!("agentscope-test-base:{}", unique());
        let install = "printf '#!/bin/sh\\n%s\\n' \"$0\" > /bin/apk; chmod +x /bin/apk";
        self.docker(&["run", "--name", &maker, "--network", "none", &self.image, "sh", "-c", install, script]);
        self.docker(&["commit", "--change", "CMD [\"python3\"]", &maker, &name]);
        self.docker(&["rm", &maker]);
        Image { engine: self.clone(), name }
    }
}

/// A word that no other test has.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An image that is gone afterwards, with those that were made of it.
pub struct Image {
    engine: Engine,
    pub name: String,
}

impl Drop for Image {
    fn drop(&mut self) {
        let ids =
            self.engine.docker(&["images", "-q", "--filter", &format!("since={}", self.name), "agentscope-packages"]);
        for id in ids.lines() {
            self.engine.docker(&["rmi", "--force", id]);
        }
        self.engine.docker(&["rmi", "--force", &self.name]);
    }
}
