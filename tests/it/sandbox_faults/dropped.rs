//! Makings that nobody waits for any more, as where a call of a tool is canceled.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use agentscope::{
    config::{Env, Paths},
    sandbox::{BackendKind, LocalBackend, Quiet, Sandbox, SandboxSpec, Sandboxes, wire::ExecSpec},
};

use super::home::Home;

/// Moments at which a making is dropped: from before it begins until after it ends.
const MOMENTS: u32 = 40;

fn open(home: &Home) -> Sandboxes {
    let folder = home.env.home();
    let paths = Paths::new(&Env::fake(&folder, &[("AGENTSCOPE_HOME", folder.to_str().unwrap())]));
    let backend = LocalBackend::new(paths.state.join("sandboxes"), home.program().to_owned());
    Sandboxes::new(&paths, vec![Arc::new(backend)])
}

/// Between two such moments, as long as a whole making takes on this machine just now. A timer counts milliseconds.
async fn step(all: &Sandboxes) -> Duration {
    let began = Instant::now();
    let whole = all.create(SandboxSpec::new(BackendKind::Local, "ann"), None, &Quiet).await.unwrap();
    let took = began.elapsed();
    all.remove(whole.id()).await.unwrap();
    (took * 3 / 2 / MOMENTS).max(Duration::from_millis(1))
}

/// What is done for them goes on by itself, and keeps others away until it ends.
async fn settle(home: &Home) {
    let late = Instant::now() + Duration::from_secs(30);
    loop {
        let locks = home.census().locks;
        if locks.is_empty() {
            break;
        }
        assert!(Instant::now() < late, "{locks:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
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
        let (step, late, mut made) = (step(&all).await, Instant::now() + Duration::from_secs(60), vec![]);
        for moment in 0.. {
            if moment >= MOMENTS && made.len() >= 3 {
                break;
            }
            assert!(Instant::now() < late, "{} made", made.len());
            let mut spec = SandboxSpec::new(BackendKind::Local, "ann");
            spec.lifetime.tied = tied;
            home.expect(spec.id.as_str());
            made.extend(tokio::time::timeout(step * moment, all.create(spec, None, &Quiet)).await);
        }
        if tied {
            assert!(home.census().locks.len() >= made.len(), "the census does not see locks");
        }
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
    let step = step(&all).await;
    for moment in 0..MOMENTS {
        all.stop(first.id()).await.unwrap();
        let dropped = tokio::time::timeout(step * moment, all.for_session(spec(), None, &Quiet)).await;
        let again = all.for_session(spec(), None, &Quiet).await.unwrap();
        assert_eq!(again.id(), first.id());
        assert_eq!(sh(&again, "cat file").await, "kept\n", "dropped after {:?}", step * moment);
        // Who has it first is told what it lost; nobody where all but the telling was done for one who was gone.
        let in_time = dropped.is_ok();
        let told = [dropped.ok(), Some(Ok(again))].into_iter().flatten().map(|it| it.unwrap().take_replaced());
        let told = told.filter(|told| *told).count();
        assert!(told == 1 || told == 0 && !in_time, "dropped after {:?}: {told}", step * moment);
    }
    home.look();
    settle(&home).await;
}
