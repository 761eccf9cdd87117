//! Makings that nobody waits for any more, as where a call of a tool is canceled.

use std::{sync::Arc, time::Duration};

use agentscope::{
    config::{Env, Paths},
    sandbox::{BackendKind, LocalBackend, Quiet, Sandbox, SandboxSpec, Sandboxes, wire::ExecSpec},
};

use super::home::Home;

/// Between two moments at which a making is dropped: from before it begins until after it ends.
const STEP: Duration = Duration::from_micros(400);
const STEPS: u32 = 60;

fn open(home: &Home) -> Sandboxes {
    let folder = home.env.home();
    let paths = Paths::new(&Env::fake(&folder, &[("AGENTSCOPE_HOME", folder.to_str().unwrap())]));
    let backend = LocalBackend::new(paths.state.join("sandboxes"), home.program().to_owned());
    Sandboxes::new(&paths, vec![Arc::new(backend)])
}

/// What is done for them goes on by itself, and keeps others away until it ends.
async fn settle(home: &Home) {
    while !home.census().locks.is_empty() {
        tokio::time::sleep(STEP).await;
    }
    home.settle();
}

async fn sh(sandbox: &Sandbox, script: &str) -> String {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    let ran = sandbox.client().unwrap().exec(&ExecSpec { argv, ..ExecSpec::default() }).await.unwrap();
    String::from_utf8(ran.collect(1 << 10).await.unwrap().stdout.bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_ones() {
    let home = Home::new();
    let all = open(&home);
    for tied in [false, true] {
        let mut made = vec![];
        for step in 0..STEPS {
            let mut spec = SandboxSpec::new(BackendKind::Local, "ann");
            spec.lifetime.tied = tied;
            made.extend(tokio::time::timeout(STEP * step, all.create(spec, None, &Quiet)).await);
            home.look();
        }
        assert!(made.len() < STEPS as usize, "none was dropped");
        for made in made {
            assert_eq!(sh(&made.unwrap(), "echo here").await, "here\n");
        }
        settle(&home).await;
    }
}

/// Whoever makes it anew meanwhile gets one that stays.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_session() {
    let home = Home::new();
    let all = open(&home);
    let spec = || SandboxSpec { session: Some("ses_one".into()), ..SandboxSpec::new(BackendKind::Local, "ann") };
    let first = all.for_session(spec(), None, &Quiet).await.unwrap();
    sh(&first, "echo kept > file").await;
    for step in 0..STEPS {
        all.stop(first.id()).await.unwrap();
        let _ = tokio::time::timeout(STEP * step, all.for_session(spec(), None, &Quiet)).await;
        let again = all.for_session(spec(), None, &Quiet).await.unwrap();
        assert_eq!(again.id(), first.id());
        assert_eq!(sh(&again, "cat file").await, "kept\n", "dropped after {:?}", STEP * step);
    }
    home.look();
    settle(&home).await;
}
