//! The same test in a box of each backend that isolates.

use std::{path::PathBuf, sync::Arc};

use agentscope::{
    config::Env,
    sandbox::{
        BackendKind, BoxClient, BoxFolder, Clearance, Quiet, SandboxBackend, SandboxSpec, Token, Usage,
        client::Collected,
        docker::{DockerBackend, DockerSettings},
        wire::ExecSpec,
    },
};

use super::{
    engine::Engine,
    local::{self, Who, as_both_in, code},
};

/// Who makes the boxes of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// The `local` backend.
    By(Who),
    /// The `docker` backend.
    Docker,
}

impl Made {
    /// Whether nothing counts for the box but itself.
    pub fn without_cgroup(self) -> bool {
        self == Self::By(Who::Ordinary)
    }
}

/// Runs `test` on the `local` backend, as root and as an ordinary user, and on an engine. Where there is none, or a part
/// does not apply to one, that is said.
pub fn everywhere<F: Future<Output = ()>>(test: impl Fn(Made) -> F + Copy + Send + Sync + 'static) {
    everywhere_in(|| (), move |made, ()| test(made));
}

/// As [`everywhere`], with what `prepare` makes on the thread of each run.
pub fn everywhere_in<P, F: Future<Output = ()>>(
    prepare: impl Fn() -> P + Copy + Send + Sync + 'static,
    test: impl Fn(Made, P) -> F + Copy + Send + Sync + 'static,
) {
    as_both_in(prepare, move |who, prepared| test(Made::By(who), prepared));
    if Engine::find().is_none() {
        return;
    }
    let thread = std::thread::spawn(move || {
        let prepared = prepare();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test(Made::Docker, prepared));
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// A box that is gone afterwards.
pub struct Boxed {
    pub backend: Arc<dyn SandboxBackend>,
    pub spec: SandboxSpec,
    pub client: BoxClient,
    made: Made,
    root: PathBuf,
    _home: tempfile::TempDir,
}

impl Boxed {
    pub async fn start(made: Made) -> Self {
        Self::with(made, |_| {}).await
    }

    pub async fn with(made: Made, change: impl FnOnce(&mut SandboxSpec)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("boxes");
        let (kind, backend): (_, Arc<dyn SandboxBackend>) = match made {
            Made::By(_) => (BackendKind::Local, Arc::new(local::backend(home.path()))),
            Made::Docker => (BackendKind::Docker, Arc::new(docker(root.clone()))),
        };
        let mut spec = SandboxSpec::new(kind, "ann");
        // Nothing stays when a test fails.
        spec.lifetime.tied = true;
        if made == Made::Docker {
            spec.image = Some(engine().image);
        }
        change(&mut spec);
        backend.create(&spec, Clearance::given(), &Quiet).await.unwrap();
        let client = client(&backend, &spec, &root);
        Self { backend, spec, client, made, root, _home: home }
    }

    /// Makes one that was stopped again.
    pub async fn make_again(&mut self) {
        self.backend.create(&self.spec, Clearance::given(), &Quiet).await.unwrap();
        self.client = client(&self.backend, &self.spec, &self.root);
    }

    /// Where it keeps its things.
    pub fn folder(&self) -> BoxFolder {
        BoxFolder::new(&self.root, &self.spec.id)
    }

    /// Its daemon, by the number on this machine.
    pub fn daemon(&self) -> i32 {
        match self.made {
            Made::By(_) => self.folder().process().unwrap().pid,
            Made::Docker => self.inspected("{{.State.Pid}}").parse().unwrap(),
        }
    }

    /// The name of its folder in the hierarchies of cgroups.
    pub fn cgroup(&self) -> String {
        match self.made {
            Made::By(_) => format!("agentscope-{}", self.spec.id),
            Made::Docker => self.inspected("{{.Id}}"),
        }
    }

    fn inspected(&self, what: &str) -> String {
        engine().docker(&["inspect", "--format", what, &format!("agentscope-{}", self.spec.id)])
    }

    pub async fn sh(&self, script: &str) -> Collected {
        let spec = ExecSpec { argv: vec!["sh".into(), "-c".into(), script.into()], ..ExecSpec::default() };
        self.client.exec(&spec).await.unwrap().collect(1 << 20).await.unwrap()
    }

    /// What `script` prints on both streams, and its code.
    pub async fn said(&self, script: &str) -> String {
        let ran = self.sh(&format!("{{ {script}\n}} 2>&1")).await;
        format!("{}{}", String::from_utf8_lossy(&ran.stdout.bytes), code(ran.status))
    }

    pub async fn usage(&self) -> Usage {
        self.backend.inspect(&self.spec.id).await.unwrap().usage
    }

    /// Waits until no program runs in it. Who has ended is still counted until it is waited for.
    pub async fn await_quiet(&self) {
        let left = "grep -Lx -e sh -e grep -e agentscope /proc/[0-9]*/comm 2>/dev/null | grep -c .";
        loop {
            let quiet = match self.made {
                Made::By(_) => self.usage().await.pids == Some(1),
                Made::Docker => self.said(left).await == "0\n(1)",
            };
            if quiet {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    pub async fn stop(self) {
        self.backend.remove(&self.spec.id).await.unwrap();
        assert!(self.backend.list().await.unwrap().is_empty());
        let left: Vec<_> = std::fs::read_dir(&self.root).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn client(backend: &Arc<dyn SandboxBackend>, spec: &SandboxSpec, root: &std::path::Path) -> BoxClient {
    let token = Token::of(BoxFolder::new(root, &spec.id).path()).unwrap();
    BoxClient::new(backend.clone(), spec.id.clone(), &token)
}

fn engine() -> Engine {
    Engine::find().expect("it was found before the test began")
}

fn docker(root: PathBuf) -> DockerBackend {
    let engine = engine();
    std::fs::create_dir_all(&root).unwrap();
    DockerBackend::new(DockerSettings {
        kind: BackendKind::Docker,
        env: Env::fake("/", &[("DOCKER_HOST", &engine.host)]),
        root,
        program: env!("CARGO_BIN_EXE_agentscope").into(),
        runtime_binary: Some(engine.binary),
    })
}
