//! The same attempts in a container of the engine that `dev/docker start` starts.

use std::sync::Arc;

use agentscope::{
    config::Env,
    sandbox::{
        BackendKind, BoxClient, BoxFolder, Clearance, Quiet, SandboxBackend as _, SandboxSpec, Tier, Token,
        WorkspaceMode,
        docker::{DockerBackend, DockerSettings},
        prove::{ATTEMPTS, Stage, Target},
        wire::ExecSpec,
    },
};

use super::tally::Tally;
use crate::common::require;

#[tokio::test]
async fn no_attempt_gets_out_of_a_container() {
    let variable = |name: &str| std::env::var(name).ok();
    let found =
        variable("DOCKER_HOST").zip(variable("AGENTSCOPE_TEST_IMAGE")).zip(variable("AGENTSCOPE_RUNTIME_BINARY"));
    if !require::available("docker", found.is_some()) {
        return;
    }
    let ((host, image), binary) = found.unwrap();
    let root = tempfile::tempdir().unwrap();
    let backend = Arc::new(DockerBackend::new(DockerSettings {
        kind: BackendKind::Docker,
        env: Env::fake("/", &[("DOCKER_HOST", &host)]),
        root: root.path().to_owned(),
        program: env!("CARGO_BIN_EXE_agentscope").into(),
        runtime_binary: Some(binary.into()),
    }));
    let mut stage = Stage::set().unwrap();
    let mut spec = SandboxSpec::new(BackendKind::Docker, "ann");
    spec.image = Some(image);
    spec.lifetime.tied = true;
    spec.workspace = stage.workspace(WorkspaceMode::Copy);
    backend.create(&spec, Clearance::given(), &Quiet).await.unwrap();
    let folder = BoxFolder::new(root.path(), &spec.id);
    let client = BoxClient::new(backend.clone(), spec.id.clone(), &Token::of(folder.path()).unwrap());
    let target = Target::of(folder.path(), Tier::A);
    // Its controls are those of the local boxes: the same scripts on the same machine.
    let mut tally = Tally::of("docker".to_owned());
    for attempt in ATTEMPTS {
        let inside = attempt.make(&client, &mut stage, &target).await.unwrap();
        tally.add(attempt, inside.outside(attempt, stage.workspace_changed().as_deref()), None);
    }
    // Whatever `core_pattern` is on the machine of the test.
    let limits = ExecSpec { argv: ["cat", "/proc/self/limits"].map(str::to_owned).to_vec(), ..ExecSpec::default() };
    let limits = client.exec(&limits).await.unwrap().collect(1 << 16).await.unwrap();
    let limits = String::from_utf8_lossy(&limits.stdout.bytes).into_owned();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).map(str::split_whitespace);
    assert_eq!(core.unwrap().skip(4).take(2).collect::<Vec<_>>(), ["1", "1"], "{limits}");
    backend.remove(&spec.id).await.unwrap();
    tally.check(0);
}
