//! Again and again, and many at once, in one process.

use std::{collections::BTreeSet, fs, sync::Arc};

use agentscope::{
    config::{Env, Paths},
    sandbox::{BackendKind, LocalBackend, Quiet, SandboxSpec, Sandboxes, wire::ExecSpec},
};

use super::census::Census;

struct Here {
    home: tempfile::TempDir,
    all: Sandboxes,
}

impl Here {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let env = Env::fake("/", &[("AGENTSCOPE_HOME", home.path().to_str().unwrap())]);
        let paths = Paths::new(&env);
        let program = env!("CARGO_BIN_EXE_agentscope").into();
        let backend = Arc::new(LocalBackend::new(paths.state.join("sandboxes"), program));
        Self { home, all: Sandboxes::new(&paths, vec![backend]) }
    }

    async fn cycle(&self, word: &str) -> String {
        let sandbox = self.all.create(SandboxSpec::new(BackendKind::Local, "ann"), None, &Quiet).await.unwrap();
        let spec = ExecSpec { argv: vec!["echo".to_owned(), word.to_owned()], ..ExecSpec::default() };
        let ran = sandbox.client().unwrap().exec(&spec).await.unwrap().collect(1 << 10).await.unwrap();
        assert_eq!(ran.status.code, Some(0));
        assert_eq!(ran.stdout.bytes, format!("{word}\n").as_bytes());
        self.all.stop(sandbox.id()).await.unwrap();
        self.all.remove(sandbox.id()).await.unwrap();
        sandbox.id().to_string()
    }
}

/// How often, from the environment or a number that takes little time.
fn times(name: &str, few: usize) -> usize {
    std::env::var(name).map_or(few, |value| value.parse().unwrap())
}

/// What this process has, besides what other tests in it have at the same time.
#[derive(Debug)]
struct Own {
    descriptors: usize,
    resident: u64,
    zombies: usize,
    mounts: usize,
}

impl Own {
    fn take() -> Self {
        let me = std::process::id();
        let stat = |pid: &str| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let zombie = |pid: &str| {
            let stat = stat(pid);
            let fields: Vec<_> = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ').collect();
            fields.first() == Some(&"Z") && fields.get(1).is_some_and(|parent| *parent == me.to_string())
        };
        let statm = fs::read_to_string("/proc/self/statm").unwrap();
        Self {
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            resident: statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4,
            zombies: fs::read_dir("/proc")
                .unwrap()
                .flatten()
                .filter(|entry| entry.file_name().to_str().is_some_and(zombie))
                .count(),
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count(),
        }
    }
}

/// `AGENTSCOPE_CYCLES=1000` for as many as the numbers are worth something with; then this process has to run this test
/// alone, and its own counts are compared too.
#[tokio::test]
async fn nothing_grows() {
    let (here, cycles) = (Here::new(), times("AGENTSCOPE_CYCLES", 60));
    let mut ids = BTreeSet::new();
    for _ in 0..10 {
        ids.insert(here.cycle("warm").await);
    }
    let before = Own::take();
    for n in 0..cycles {
        ids.insert(here.cycle(&n.to_string()).await);
    }
    let after = Own::take();
    assert_eq!(Census::take(here.home.path(), &ids, &BTreeSet::new()), Census::default());
    if std::env::var("AGENTSCOPE_CYCLES").is_ok() {
        eprintln!("{cycles} cycles: before {before:?}, after {after:?}");
        assert!(after.descriptors <= before.descriptors + 4, "{before:?} {after:?}");
        assert!(after.resident <= before.resident + (8 << 10), "{before:?} {after:?}");
        assert_eq!((after.zombies, after.mounts), (before.zombies, before.mounts));
    }
}

/// `AGENTSCOPE_AT_ONCE=100` for more.
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once() {
    let here = Arc::new(Here::new());
    let cycles = (0..times("AGENTSCOPE_AT_ONCE", 30)).map(|n| {
        let here = Arc::clone(&here);
        tokio::spawn(async move { here.cycle(&n.to_string()).await })
    });
    let mut ids = BTreeSet::new();
    for cycle in cycles.collect::<Vec<_>>() {
        ids.insert(cycle.await.unwrap());
    }
    assert_eq!(Census::take(here.home.path(), &ids, &BTreeSet::new()), Census::default());
}
