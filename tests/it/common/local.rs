//! Boxes of the `local` backend, made by root and by an ordinary user.

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use agentscope::sandbox::{
    BackendKind, BoxClient, BoxFolder, Clearance, LocalBackend, Quiet, SandboxBackend as _, SandboxSpec, Tier, Token,
    client::Collected,
    wire::{ExecSpec, ExitStatus},
};
use rustix::thread::{Gid, Uid};

/// Who makes the boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Root,
    Ordinary,
}

thread_local! {
    /// Our executable, where whoever runs on this thread may reach it.
    static PROGRAM: RefCell<PathBuf> = RefCell::new(env!("CARGO_BIN_EXE_agentscope").into());
}

/// `nobody` has no processes and files of its own.
pub const ORDINARY: u32 = 65534;

/// Runs `test` as root and as an ordinary user, each on a thread of its own: on Linux identity belongs to threads.
pub fn as_both<F: Future<Output = ()>>(test: impl Fn(Who) -> F + Copy + Send + Sync + 'static) {
    as_both_in(|| (), move |who, ()| test(who));
}

/// As [`as_both`], with what `prepare` makes on the thread before it changes its identity.
pub fn as_both_in<P, F: Future<Output = ()>>(
    prepare: impl Fn() -> P + Copy + Send + Sync + 'static,
    test: impl Fn(Who, P) -> F + Copy + Send + Sync + 'static,
) {
    run(&[Tier::A], prepare, move |who, _, prepared| test(who, prepared));
}

/// As [`as_both`] in each of `tiers`. For tier B the thread and all that it starts are forbidden to make namespaces, as
/// by a container's own filter.
pub fn as_each<F: Future<Output = ()>>(tiers: &[Tier], test: impl Fn(Who, Tier) -> F + Copy + Send + Sync + 'static) {
    run(tiers, || (), move |who, tier, ()| test(who, tier));
}

fn run<P, F: Future<Output = ()>>(
    tiers: &[Tier],
    prepare: impl Fn() -> P + Copy + Send + Sync + 'static,
    test: impl Fn(Who, Tier, P) -> F + Copy + Send + Sync + 'static,
) {
    let root = rustix::process::geteuid().is_root();
    let shared = shared_program();
    let program = shared.path().join("agentscope");
    for (who, tier) in tiers.iter().flat_map(|tier| [(Who::Root, *tier), (Who::Ordinary, *tier)]) {
        if !root && who == Who::Root {
            eprintln!("skipped as root: these tests run as an ordinary user");
            continue;
        }
        let program = program.clone();
        let thread = std::thread::spawn(move || {
            PROGRAM.set(program);
            let prepared = prepare();
            if root && who == Who::Ordinary {
                let (uid, gid) = (Uid::from_raw(ORDINARY), Gid::from_raw(ORDINARY));
                rustix::thread::set_thread_groups(&[]).unwrap();
                rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
                rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            }
            if tier == Tier::B {
                forbid_namespaces();
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(test(who, tier, prepared));
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}

fn forbid_namespaces() {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    let refuse = SeccompAction::Errno(u32::try_from(rustix::io::Errno::PERM.raw_os_error()).unwrap());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new([(libc::SYS_unshare, vec![])].into(), SeccompAction::Allow, refuse, arch);
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// The executable may be below a folder that is root's alone, where an ordinary user cannot start it.
pub fn shared_program() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    super::place_program(&folder.path().join("agentscope"));
    folder
}

/// A box that is gone afterwards.
pub struct Local {
    pub home: tempfile::TempDir,
    pub backend: Arc<LocalBackend>,
    pub spec: SandboxSpec,
    pub client: BoxClient,
    pub tier: Tier,
}

/// Our executable, where whoever runs on this thread may reach it.
pub fn program() -> PathBuf {
    PROGRAM.with_borrow(Clone::clone)
}

pub fn backend(home: &Path) -> LocalBackend {
    LocalBackend::new(home.join("boxes"), program())
}

impl Local {
    pub async fn start() -> Self {
        Self::with(|_, _| {}).await
    }

    /// `change` gets the folder of the test too.
    pub async fn with(change: impl FnOnce(&mut SandboxSpec, &Path)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let backend = Arc::new(backend(home.path()));
        let mut spec = SandboxSpec::new(BackendKind::Local, "ann");
        // Nothing stays when a test fails.
        spec.lifetime.tied = true;
        change(&mut spec, home.path());
        let tier = backend.create(&spec, Clearance::given(), &Quiet).await.unwrap().tier;
        let token = Token::of(BoxFolder::new(&home.path().join("boxes"), &spec.id).path()).unwrap();
        let client = BoxClient::new(backend.clone(), spec.id.clone(), &token);
        Self { home, backend, spec, client, tier }
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

    pub async fn stop(self) {
        self.backend.remove(&self.spec.id).await.unwrap();
        assert!(self.backend.list().await.unwrap().is_empty());
        let left: Vec<_> = fs::read_dir(self.home.path().join("boxes")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

pub fn code(status: ExitStatus) -> String {
    match status {
        ExitStatus { code: Some(code), signal: None, limit: None } => format!("({code})"),
        other => format!("({other:?})"),
    }
}
