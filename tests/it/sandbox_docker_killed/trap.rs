//! A way to an engine on which something happens in the middle of a request.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::common::engine::Engine;

type Act = Box<dyn FnOnce() + Send>;

/// A socket in a folder of its own.
pub struct Trap {
    folder: tempfile::TempDir,
    act: Arc<Mutex<Option<Act>>>,
}

impl Trap {
    /// Does `act` once it has passed on the beginning of the first request whose line contains `request`. The answer, if
    /// the engine is quick enough to give one, is lost.
    pub fn on(engine: &Engine, request: &'static str, act: impl FnOnce() + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let far = engine.host.strip_prefix("unix://").unwrap().to_owned();
        let act: Arc<Mutex<Option<Act>>> = Arc::new(Mutex::new(Some(Box::new(act))));
        let sprung = Arc::clone(&act);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // Nobody listens any more: who comes now is hung up on.
                let Ok(far) = UnixStream::connect(&far) else { continue };
                let (back, answers) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let (act, lost) = (Arc::clone(&act), Arc::new(AtomicBool::new(false)));
                let heard = Arc::clone(&lost);
                std::thread::spawn(move || ask(near, far, request, &act, &lost));
                std::thread::spawn(move || answer(answers, back, &heard));
            }
        });
        Self { folder, act: sprung }
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// Whether such a request came.
    pub fn sprung(&self) -> bool {
        self.act.lock().unwrap().is_none()
    }
}

fn ask(mut from: UnixStream, mut to: UnixStream, request: &str, act: &Mutex<Option<Act>>, lost: &AtomicBool) {
    let mut part = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut part) {
        let line = part[..length].split(|byte| *byte == b'\r').next().unwrap_or_default();
        let caught = String::from_utf8_lossy(line).contains(request).then(|| act.lock().unwrap().take()).flatten();
        lost.fetch_or(caught.is_some(), Ordering::SeqCst);
        if to.write_all(&part[..length]).is_err() {
            break;
        }
        if let Some(act) = caught {
            act();
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn answer(mut from: UnixStream, mut to: UnixStream, lost: &AtomicBool) {
    let mut part = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut part) {
        if !lost.load(Ordering::SeqCst) && to.write_all(&part[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
