//! A real cluster: `dev/kubernetes start` prints the variables that say where it is.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use super::{TestEnv, engine::unique, registry::Registry, require};

/// A namespace of the cluster, and a registry that it pulls from; both are gone afterwards.
pub struct Cluster {
    /// The program, whose first argument is `kubectl`.
    pub program: PathBuf,
    pub kubeconfig: PathBuf,
    binary: PathBuf,
    pub namespace: String,
    pub registry: Registry,
}

impl Cluster {
    /// `None` where there is none, and the test is skipped.
    #[must_use]
    pub fn find() -> Option<Self> {
        let found = || {
            Some((
                PathBuf::from(std::env::var_os("AGENTSCOPE_TEST_KUBECTL")?),
                PathBuf::from(std::env::var_os("AGENTSCOPE_TEST_KUBECONFIG")?),
                PathBuf::from(std::env::var_os("AGENTSCOPE_RUNTIME_BINARY")?),
            ))
        };
        let found = found();
        require::available("kubernetes", found.is_some()).then_some(())?;
        let (program, kubeconfig, binary) = found?;
        let this =
            Self { program, kubeconfig, binary, namespace: format!("it-{}", unique()), registry: Registry::start()? };
        this.kubectl(&["create", "namespace", &this.namespace]);
        Some(this)
    }

    /// What the cluster's own command line prints, in the namespace.
    pub fn kubectl(&self, args: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        command.arg("kubectl").arg("--kubeconfig").arg(&self.kubeconfig).args(["--namespace", &self.namespace]);
        command.args(["--cache-dir", concat!(env!("CARGO_TARGET_TMPDIR"), "/kubectl")]);
        let output = command.args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Objects, as kind and name, such as `service/demo`.
    pub fn names(&self, kinds: &str) -> Vec<String> {
        let found = self.kubectl(&["get", kinds, "-o", "name"]);
        let mut names: Vec<_> = found.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    pub fn get(&self, what: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", what, "-o", "json"])).unwrap_or_default()
    }

    /// A home of the binary whose context is this namespace.
    #[must_use]
    pub fn env(&self) -> TestEnv {
        let env = TestEnv::new()
            .var("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .var("AGENTSCOPE_RUNTIME_BINARY", self.binary.display().to_string());
        let text = std::fs::read_to_string(&self.kubeconfig).unwrap();
        env.write(
            "kubeconfig",
            text.replace("user: test}}]", &format!("user: test, namespace: {}}}}}]", self.namespace)),
        );
        env.var("KUBECONFIG", "kubeconfig")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
    }
}
