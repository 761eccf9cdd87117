use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
};

use async_trait::async_trait;

use super::*;
use crate::{
    config::Env,
    sandbox::{BoxFolder, BoxStream, Clearance, Confinement, Found, Progress, Quiet, State, Tier, Usage},
};

/// A backend whose boxes are entries of a map.
#[derive(Default)]
struct Fake {
    boxes: Mutex<BTreeMap<SandboxId, Found>>,
    /// That of all boxes.
    root: std::path::PathBuf,
    made: AtomicU32,
    silent: AtomicBool,
    broken: AtomicBool,
    /// Its boxes live before they answer, and it begins to make them before it may.
    quick: AtomicBool,
    /// What it makes does not answer.
    mute: AtomicBool,
    /// It works on the next until something is sent, or the sender is gone.
    work: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
}

impl Fake {
    fn set(&self, id: &SandboxId, state: State) -> Result<(), SandboxError> {
        let mut boxes = self.boxes.lock().unwrap();
        boxes.get_mut(id).ok_or_else(|| SandboxError::NotFound { id: id.to_string() })?.state = state;
        Ok(())
    }
}

#[async_trait]
impl SandboxBackend for Fake {
    fn kind(&self) -> BackendKind {
        BackendKind::Host
    }

    async fn probe(&self) -> Probe {
        Probe { backend: BackendKind::Host, confinement: None, hint: None }
    }

    async fn create(
        &self,
        spec: &SandboxSpec,
        mut clearance: Clearance,
        _progress: &dyn Progress,
    ) -> Result<Confinement, SandboxError> {
        let quick = self.quick.load(SeqCst);
        if !quick {
            clearance.await_granted().await?;
        }
        if self.broken.load(SeqCst) {
            return Err(SandboxError::Box("no room".to_owned()));
        }
        self.made.fetch_add(1, SeqCst);
        let confinement = Confinement { tier: Tier::None, layers: vec![] };
        let found = Found {
            id: spec.id.clone(),
            backend: BackendKind::Host,
            state: State::Running,
            confinement: confinement.clone(),
            usage: Usage::default(),
            spec: spec.without_secrets(),
            created: Timestamp::UNIX_EPOCH,
        };
        self.boxes.lock().unwrap().insert(spec.id.clone(), found);
        let work = self.work.lock().unwrap().take();
        if let Some(work) = work {
            // As where nothing can break it off.
            tokio::task::spawn_blocking(move || {
                let _ = work.recv();
                drop(clearance);
            });
            return std::future::pending().await;
        }
        if quick {
            let granted = tokio::task::spawn_blocking(move || clearance.block_on_granted().map(|()| clearance));
            match granted.await.unwrap() {
                Ok(mut clearance) => clearance.tell_alive(&confinement),
                Err(error) => {
                    self.boxes.lock().unwrap().remove(&spec.id);
                    return Err(error);
                }
            }
        } else {
            clearance.tell_alive(&confinement);
        }
        if self.mute.load(SeqCst) {
            self.boxes.lock().unwrap().remove(&spec.id);
            return Err(SandboxError::Box("no answer".to_owned()));
        }
        Ok(confinement)
    }

    async fn inspect(&self, id: &SandboxId) -> Result<Found, SandboxError> {
        let found = self.boxes.lock().unwrap().get(id).cloned();
        found.ok_or_else(|| SandboxError::NotFound { id: id.to_string() })
    }

    async fn list(&self) -> Result<Vec<Found>, SandboxError> {
        if self.silent.load(SeqCst) {
            return Err(SandboxError::Box("no answer".to_owned()));
        }
        Ok(self.boxes.lock().unwrap().values().cloned().collect())
    }

    async fn freeze(&self, id: &SandboxId, frozen: bool) -> Result<(), SandboxError> {
        self.set(id, if frozen { State::Paused } else { State::Running })
    }

    async fn connect(&self, id: &SandboxId) -> Result<Box<dyn BoxStream>, SandboxError> {
        Err(SandboxError::NotFound { id: id.to_string() })
    }

    async fn stop(&self, id: &SandboxId) -> Result<(), SandboxError> {
        self.set(id, State::Stopped)
    }

    async fn remove(&self, id: &SandboxId) -> Result<(), SandboxError> {
        self.boxes.lock().unwrap().remove(id);
        BoxFolder::new(&self.root, id).remove().map_err(SandboxError::io("remove"))
    }
}

struct Home {
    _folder: tempfile::TempDir,
    paths: Paths,
    fake: Arc<Fake>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let paths = Paths::new(&Env::fake("/", &[("AGENTSCOPE_HOME", home.to_str().unwrap())]));
        let fake = Fake { root: paths.state.join("sandboxes"), ..Fake::default() };
        Self { _folder: folder, paths, fake: Arc::new(fake) }
    }

    /// As another process would see them.
    fn open(&self) -> Sandboxes {
        Sandboxes::new(&self.paths, vec![self.fake.clone()])
    }
}

fn spec() -> SandboxSpec {
    SandboxSpec::new(BackendKind::Host, "ann")
}

fn of_session() -> SandboxSpec {
    SandboxSpec { session: Some("s-one".to_owned()), ..spec() }
}

async fn states(all: &Sandboxes) -> Vec<Status> {
    let all = all.list(&Filter { all: true, ..Filter::default() }).await.unwrap();
    all.into_iter().map(|info| info.state).collect()
}

#[tokio::test]
async fn made_found_stopped_removed() {
    let home = Home::new();
    let made = home.open().create(spec(), None, &Quiet).await.unwrap();
    let all = home.open();
    let found = all.find(&made.id().as_str()[..11]).await.unwrap();
    assert_eq!(found.id(), made.id());
    assert_eq!(states(&all).await, [Status::Running]);
    all.pause(made.id()).await.unwrap();
    assert_eq!(states(&all).await, [Status::Paused]);
    all.resume(made.id()).await.unwrap();
    for _ in 0..2 {
        all.stop(made.id()).await.unwrap();
        assert_eq!(states(&all).await, [Status::Stopped]);
    }
    for _ in 0..2 {
        all.remove(made.id()).await.unwrap();
        assert_eq!(states(&all).await, []);
    }
    assert!(matches!(all.find(made.id().as_str()).await, Err(SandboxError::NotFound { .. })));
    let audited: Vec<_> = all.audit().read(|_| true).unwrap().into_iter().map(|record| record.action).collect();
    let create = Action::Create { backend: BackendKind::Host };
    assert_eq!(audited, [create, Action::Pause, Action::Resume, Action::Stop, Action::Remove]);
}

#[tokio::test]
async fn what_fails_leaves_nothing() {
    let home = Home::new();
    let all = home.open();
    home.fake.broken.store(true, SeqCst);
    assert!(all.create(spec(), None, &Quiet).await.is_err());
    assert_eq!(states(&all).await, []);
}

#[tokio::test]
async fn no_more_are_made_than_there_may_be() {
    let home = Home::new();
    let all = home.open();
    home.fake.quick.store(true, SeqCst);
    for _ in 0..2 {
        all.create(spec(), Some(2), &Quiet).await.unwrap();
    }
    let refused = all.create(spec(), Some(2), &Quiet).await;
    assert!(matches!(refused, Err(SandboxError::TooMany { limit: 2 })));
    assert_eq!(home.fake.made.load(SeqCst), 2, "none is made before it is known that there may be one more");
    assert_eq!(home.fake.boxes.lock().unwrap().len(), 2);
    assert_eq!(states(&all).await, [Status::Running, Status::Running]);
}

#[tokio::test]
async fn one_that_does_not_go_on_leaves_nothing() {
    for quick in [false, true] {
        let home = Home::new();
        let all = home.open();
        assert_eq!(states(&all).await, []);
        home.fake.quick.store(quick, SeqCst);
        home.fake.mute.store(true, SeqCst);
        assert!(all.create(spec(), None, &Quiet).await.is_err_and(|error| error.to_string() == "no answer"));
        assert_eq!(states(&all).await, []);
        assert!(home.fake.boxes.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_listing_that_is_behind_does_not_take_back_what_a_maker_wrote() {
    let home = Home::new();
    let all = home.open();
    let one = all.create(spec(), None, &Quiet).await.unwrap();
    let read = |id: SandboxId| all.registry(move |registry| registry.get(&id));
    let before = read(one.id().clone()).await.unwrap().unwrap();
    // It ended, which the listing saw, and somebody made it anew.
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    let making = Arc::new(all.try_hold(one.id()).unwrap().unwrap());
    all.begin(one.spec(), None, &making).await.unwrap();
    let confinement = before.confinement.clone().unwrap();
    let id = one.id().clone();
    assert!(all.registry(move |registry| registry.started(&id, &confinement)).await.unwrap());
    assert!(!all.registry(move |registry| registry.correct(&before, Status::Stopped)).await.unwrap());
    assert_eq!(read(one.id().clone()).await.unwrap().unwrap().state, Status::Running);
}

#[tokio::test]
async fn what_is_being_made_is_left_alone_and_waited_for() {
    let home = Home::new();
    let all = home.open();
    let one = all.create(spec(), None, &Quiet).await.unwrap();
    // As where it is on record that it lives, and the backend does not show it yet.
    let held = all.try_hold(one.id()).unwrap();
    let there = home.fake.boxes.lock().unwrap().remove(one.id()).unwrap();
    assert_eq!(states(&home.open()).await, [Status::Running]);
    let other = home.open();
    let mut stopping = std::pin::pin!(other.stop(one.id()));
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(20), &mut stopping).await.is_err(),
        "it did not wait"
    );
    home.fake.boxes.lock().unwrap().insert(one.id().clone(), there);
    drop(held);
    stopping.await.unwrap();
    assert_eq!(states(&all).await, [Status::Stopped]);
}

/// As a call of a tool that is canceled.
#[tokio::test]
async fn who_works_on_one_that_nobody_waits_for_keeps_others_away() {
    let home = Home::new();
    let all = home.open();
    let (done, work) = std::sync::mpsc::channel();
    *home.fake.work.lock().unwrap() = Some(work);
    let spec = spec();
    let at_work = async {
        while home.fake.boxes.lock().unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        _ = all.create(spec.clone(), None, &Quiet) => unreachable!("it works until it is told"),
        () = at_work => {}
    }
    assert!(all.is_being_made(&spec.id).unwrap());
    // As the backend shows it.
    assert_eq!(states(&home.open()).await, [Status::Running]);
    drop(done);
    all.await_maker(&spec.id).await.unwrap();
    assert_eq!(states(&home.open()).await, []);
}

#[tokio::test]
async fn a_folder_of_nobody_is_deleted_and_one_that_is_being_made_is_not() {
    let home = Home::new();
    let all = home.open();
    let spec = spec();
    let folder = BoxFolder::new(&all.shared.root, &spec.id);
    folder.make().unwrap();
    let held = all.try_hold(&spec.id).unwrap();
    assert_eq!(states(&all).await, []);
    assert!(folder.exists());
    drop(held);
    assert_eq!(states(&all).await, []);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_session_finds_its_own_again() {
    let home = Home::new();
    let one = home.open().for_session(of_session(), None, &Quiet).await.unwrap();
    let again = home.open().for_session(of_session(), None, &Quiet).await.unwrap();
    assert_eq!(one.id(), again.id());
    let bob = SandboxSpec { user: "bob".to_owned(), ..of_session() };
    let other = home.open().for_session(bob, None, &Quiet).await.unwrap();
    assert_ne!(one.id(), other.id());
    assert_eq!(home.fake.made.load(SeqCst), 2);
    // Stopped, or of another making, it is made again on the workspace it had.
    home.open().stop(one.id()).await.unwrap();
    let again = home.open().for_session(of_session(), None, &Quiet).await.unwrap();
    assert_eq!(one.id(), again.id());
    let wider = SandboxSpec { network: crate::sandbox::Network::Full, ..of_session() };
    let again = home.open().for_session(wider, None, &Quiet).await.unwrap();
    assert_eq!(one.id(), again.id());
    assert_eq!(home.fake.made.load(SeqCst), 4);
    assert_eq!(home.fake.boxes.lock().unwrap()[one.id()].spec.network, crate::sandbox::Network::Full);
}

/// It may work next time, on the workspace that is still there.
#[tokio::test]
async fn a_session_that_cannot_be_made_anew_keeps_its_own() {
    let home = Home::new();
    let all = home.open();
    let one = all.for_session(of_session(), None, &Quiet).await.unwrap();
    let folder = BoxFolder::new(&all.shared.root, one.id());
    folder.make().unwrap();
    let confinement = one.confinement().unwrap().clone();
    folder
        .write_record(&crate::sandbox::Record { spec: one.spec().clone(), confinement, created: Timestamp::now() })
        .unwrap();
    all.stop(one.id()).await.unwrap();
    home.fake.broken.store(true, SeqCst);
    assert!(all.for_session(of_session(), None, &Quiet).await.is_err());
    home.fake.broken.store(false, SeqCst);
    let again = home.open().for_session(of_session(), None, &Quiet).await.unwrap();
    assert_eq!(again.id(), one.id());
    assert!(again.take_replaced());
    assert!(!again.take_replaced(), "it is told once");
}

/// As after `kill -9` while it was being made anew.
#[tokio::test]
async fn a_session_keeps_the_workspace_of_one_that_was_half_made_anew() {
    let home = Home::new();
    let all = home.open();
    let one = all.for_session(of_session(), None, &Quiet).await.unwrap();
    let making = Arc::new(all.try_hold(one.id()).unwrap().unwrap());
    all.begin(one.spec(), None, &making).await.unwrap();
    drop(making);
    assert_eq!(states(&home.open()).await, [Status::Stopped]);
    let again = home.open().for_session(of_session(), None, &Quiet).await.unwrap();
    assert_eq!(again.id(), one.id());
}

/// The clock of its daemon is frozen too.
#[tokio::test]
async fn one_that_is_paused_for_too_long_is_stopped() {
    let home = Home::new();
    let all = home.open();
    let one = all.create(spec(), None, &Quiet).await.unwrap();
    all.pause(one.id()).await.unwrap();
    assert_eq!(states(&all).await, [Status::Paused]);
    let id = one.id().clone();
    all.registry(move |registry| registry.set_expiry(&id, Timestamp::UNIX_EPOCH)).await.unwrap();
    assert_eq!(states(&all).await, [Status::Stopped]);
}

#[tokio::test]
async fn two_at_once_of_a_session_get_one() {
    let home = Home::new();
    let (one, other) = (home.open(), home.open());
    let (one, other) =
        tokio::join!(one.for_session(of_session(), None, &Quiet), other.for_session(of_session(), None, &Quiet));
    assert_eq!(one.unwrap().id(), other.unwrap().id());
    assert_eq!(home.fake.made.load(SeqCst), 1);
}

/// What dies with its maker is cleared up by whoever looks next, and not before.
#[tokio::test]
async fn the_tied_end_with_their_maker() {
    let home = Home::new();
    let tie = |mut spec: SandboxSpec| {
        spec.lifetime.tied = true;
        spec
    };
    let all = home.open();
    let one = all.create(tie(spec()), None, &Quiet).await.unwrap();
    let talk = all.for_session(tie(of_session()), None, &Quiet).await.unwrap();
    assert_eq!(states(&home.open()).await, [Status::Running, Status::Running]);
    drop(one);
    assert_eq!(states(&home.open()).await, [Status::Running]);
    drop(talk);
    assert_eq!(states(&home.open()).await, [Status::Stopped], "a session keeps its workspace");
    let closed = all.create(tie(spec()), None, &Quiet).await.unwrap();
    closed.close().await.unwrap();
    assert_eq!(home.fake.boxes.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_there_is_wins() {
    let home = Home::new();
    let all = home.open();
    let one = all.create(spec(), None, &Quiet).await.unwrap();
    let two = all.create(spec(), None, &Quiet).await.unwrap();
    // A backend that is silent says nothing about its boxes.
    home.fake.silent.store(true, SeqCst);
    assert_eq!(states(&all).await, [Status::Unknown, Status::Unknown]);
    home.fake.silent.store(false, SeqCst);
    home.fake.boxes.lock().unwrap().remove(one.id());
    assert_eq!(states(&all).await, [Status::Stopped, Status::Running]);
    // A lost registry.
    std::fs::remove_file(&all.shared.database).unwrap();
    let all = home.open();
    assert_eq!(all.find(two.id().as_str()).await.unwrap().spec().user, "ann");
    assert_eq!(states(&all).await, [Status::Running]);
}

/// As after `kill -9` while it was being made.
#[tokio::test]
async fn the_half_made_are_cleared_up() {
    let home = Home::new();
    let all = home.open();
    let spec = spec();
    let held = Arc::new(all.try_hold(&spec.id).unwrap().unwrap());
    all.begin(&spec, None, &held).await.unwrap();
    home.fake.create(&spec, Clearance::given(), &Quiet).await.unwrap();
    assert_eq!(states(&home.open()).await, [Status::Running]);
    drop(held);
    assert_eq!(states(&home.open()).await, []);
    assert!(home.fake.boxes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn as_many_as_there_may_be() {
    let home = Home::new();
    let all = home.open();
    let one = all.create(spec(), Some(1), &Quiet).await.unwrap();
    assert!(matches!(all.create(spec(), Some(1), &Quiet).await, Err(SandboxError::TooMany { limit: 1 })));
    // One that ended by itself is noticed.
    home.fake.set(one.id(), State::Stopped).unwrap();
    all.create(spec(), Some(1), &Quiet).await.unwrap();
}

#[tokio::test]
async fn what_was_made_anew_since_it_was_listed_is_not_pruned() {
    let home = Home::new();
    let all = home.open();
    let one = all.for_session(of_session(), None, &Quiet).await.unwrap();
    all.stop(one.id()).await.unwrap();
    let listed = all.info(one.id()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    all.for_session(of_session(), None, &Quiet).await.unwrap();
    assert!(!all.remove_listed(&listed).await.unwrap());
    assert_eq!(states(&all).await, [Status::Running]);
    all.stop(one.id()).await.unwrap();
    assert!(all.remove_listed(&all.info(one.id()).await.unwrap()).await.unwrap());
    assert_eq!(states(&all).await, []);
}

#[tokio::test]
async fn the_old_are_pruned() {
    let home = Home::new();
    let all = home.open();
    let one = all.create(spec(), None, &Quiet).await.unwrap();
    all.create(spec(), None, &Quiet).await.unwrap();
    all.stop(one.id()).await.unwrap();
    let ids = |pruned: Vec<SandboxInfo>| pruned.into_iter().map(|info| info.id).collect::<Vec<_>>();
    assert!(ids(all.prune(Timestamp::UNIX_EPOCH, false).await.unwrap()).is_empty(), "too young");
    assert_eq!(ids(all.prune(Timestamp::now(), true).await.unwrap()), [one.id().clone()]);
    assert_eq!(ids(all.prune(Timestamp::now(), false).await.unwrap()), [one.id().clone()]);
    assert_eq!(states(&all).await, [Status::Running]);
}
