//! A box of the backend without isolation.

use std::sync::Arc;

use agentscope::{
    config::Env,
    sandbox::{
        BackendKind, BoxClient, BoxFolder, Clearance, HostBackend, Quiet, SandboxBackend as _, SandboxSpec, Token,
        client::Collected, wire::ExecSpec,
    },
};

/// A box on the host that is gone afterwards.
pub struct Host {
    pub home: tempfile::TempDir,
    pub backend: Arc<HostBackend>,
    pub spec: SandboxSpec,
    pub client: BoxClient,
}

impl Host {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut SandboxSpec)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let env = Env::fake(home.path(), &[("PATH", &std::env::var("PATH").unwrap()), ("SECRET", "s3cret")]);
        let program = env!("CARGO_BIN_EXE_agentscope").into();
        let backend = Arc::new(HostBackend::new(home.path().to_owned(), program, &env));
        let mut spec = SandboxSpec::new(BackendKind::Host, "ann");
        // Nothing stays when a test fails.
        spec.lifetime.tied = true;
        change(&mut spec);
        backend.create(&spec, Clearance::given(), &Quiet).await.unwrap();
        let token = Token::of(BoxFolder::new(home.path(), &spec.id).path()).unwrap();
        let client = BoxClient::new(backend.clone(), spec.id.clone(), &token);
        Self { home, backend, spec, client }
    }

    pub async fn sh(&self, script: &str) -> Collected {
        self.run(&ExecSpec { argv: vec!["sh".into(), "-c".into(), script.into()], ..ExecSpec::default() }).await
    }

    pub async fn run(&self, spec: &ExecSpec) -> Collected {
        self.client.exec(spec).await.unwrap().collect(1 << 20).await.unwrap()
    }

    pub async fn stop(self) {
        self.backend.remove(&self.spec.id).await.unwrap();
        assert!(self.backend.list().await.unwrap().is_empty());
    }
}
