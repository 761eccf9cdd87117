//! A home whose sandboxes are the test's own, used by root or by an ordinary user.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;

use super::census::{Census, stat};
use crate::common::{
    Output, TestEnv,
    local::{ORDINARY, Who, shared_program},
};

/// A home on the `local` backend.
pub struct Home {
    pub env: TestEnv,
    pub who: Who,
    program: PathBuf,
    _shared: tempfile::TempDir,
    seen: Mutex<BTreeSet<String>>,
    firsts: Mutex<BTreeSet<(i32, u64)>>,
}

/// Runs `test` as root, if these tests are, and as an ordinary user.
pub fn as_both(test: impl Fn(&Home)) {
    if rustix::process::geteuid().is_root() {
        test(&Home::of(Who::Root));
    }
    test(&Home::of(Who::Ordinary));
}

impl Home {
    /// Of whoever runs the tests.
    pub fn new() -> Self {
        Self::of(if rustix::process::geteuid().is_root() { Who::Root } else { Who::Ordinary })
    }

    pub fn of(who: Who) -> Self {
        let (env, shared) = (TestEnv::new(), shared_program());
        for folder in [env.home().parent().unwrap(), &env.work()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let program = shared.path().join("agentscope");
        Self { env, who, program, _shared: shared, seen: Mutex::default(), firsts: Mutex::default() }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        self.command_of(&self.program, args)
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A shell as this user, with the binary as `$AGENTSCOPE`.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = self.command_of(Path::new("sh"), &["-c", script]);
        command.env("AGENTSCOPE", &self.program);
        command
    }

    fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let template = self.env.command(args);
        let mut command = Command::new(program);
        command.args(args).env_clear().current_dir(self.env.work()).stdin(Stdio::null());
        for (name, value) in template.get_envs() {
            command.envs(value.map(|value| (name, value)));
        }
        if self.who == Who::Ordinary && rustix::process::geteuid().is_root() {
            command.uid(ORDINARY).gid(ORDINARY);
        }
        command
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        spawn(self.command(&[&["sandbox"], args].concat()))
    }

    pub fn sandbox(&self, args: &[&str]) -> Output {
        self.output(self.command(&[&["sandbox"], args].concat()))
    }

    pub fn output(&self, command: Command) -> Output {
        self.finish(spawn(command))
    }

    pub fn finish(&self, child: Child) -> Output {
        let output = child.wait_with_output().unwrap();
        Output {
            code: output.status.code(),
            stdout: self.env.redact(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.env.redact(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Makes one that stays, and gives its id.
    pub fn create(&self, args: &[&str]) -> String {
        let output = self.sandbox(&[&["create", "--backend", "local"], args].concat());
        assert_eq!(output.code, Some(0), "{output}");
        self.look();
        output.stdout.trim().to_owned()
    }

    pub fn sh(&self, id: &str, script: &str) -> Output {
        self.sandbox(&["exec", id, "sh", "-c", script])
    }

    pub fn folder(&self, id: &str) -> PathBuf {
        self.env.home().join("state/sandboxes").join(id)
    }

    /// The first process of a box.
    pub fn first(&self, id: &str) -> Option<Pid> {
        let text = fs::read(self.folder(id).join("process.json")).ok()?;
        let process: Value = serde_json::from_slice(&text).ok()?;
        Pid::from_raw(i32::try_from(process["pid"].as_i64()?).ok()?)
    }

    /// Kills the first process of a box and waits until it is gone.
    pub fn kill_first(&self, id: &str) {
        let first = self.first(id).unwrap();
        let pidfd = pidfd_open(first, PidfdFlags::empty()).unwrap();
        kill_process(first, Signal::KILL).unwrap();
        ended(&pidfd, None);
    }

    /// Waits until a box has ended by itself.
    pub fn await_end(&self, id: &str) {
        if let Ok(pidfd) = pidfd_open(self.first(id).unwrap(), PidfdFlags::empty()) {
            ended(&pidfd, None);
        }
    }

    /// All sandboxes, by id and state.
    pub fn list(&self) -> Vec<(String, String)> {
        self.listed().iter().map(|info| (text(&info["id"]), text(&info["state"]))).collect()
    }

    pub fn listed(&self) -> Vec<Value> {
        let output = self.sandbox(&["list", "--all", "-o", "json"]);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output}");
        serde_json::from_str(&output.stdout).unwrap()
    }

    pub fn state(&self, id: &str) -> Option<String> {
        self.list().into_iter().find(|(listed, _)| listed == id).map(|(_, state)| state)
    }

    /// Counts what is left of this one, too.
    pub fn expect(&self, id: &str) {
        self.seen.lock().unwrap().insert(id.to_owned());
    }

    /// Remembers which boxes there are, so that what is left of them is found.
    pub fn look(&self) {
        for entry in fs::read_dir(self.env.home().join("state/sandboxes")).into_iter().flatten().flatten() {
            let id = entry.file_name().into_string().unwrap();
            if let Some(first) = self.first(&id).and_then(|pid| stat(pid.as_raw_pid())) {
                self.firsts.lock().unwrap().insert(first);
            }
            self.seen.lock().unwrap().insert(id);
        }
    }

    pub fn census(&self) -> Census {
        self.look();
        Census::take(&self.env.home(), &self.seen.lock().unwrap(), &self.firsts.lock().unwrap())
    }

    /// Every box that has a folder is listed, and what is pruned and removed leaves nothing.
    #[track_caller]
    pub fn settle(&self) -> Vec<(String, String)> {
        self.look();
        let listed = self.list();
        for folder in self.census().folders {
            let id = folder.file_name().unwrap().to_str().unwrap().trim_start_matches("agentscope-").to_owned();
            assert!(listed.iter().any(|(listed, _)| *listed == id), "{} is not listed: {listed:?}", folder.display());
        }
        for verb in [&["prune"][..], &["rm", "--all"]] {
            let output = self.sandbox(verb);
            assert_eq!(output.code, Some(0), "{verb:?} {output}");
        }
        assert_eq!(self.list(), []);
        assert_eq!(self.census(), Census::default());
        listed
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let mut clear = self.command(&["sandbox", "rm", "--all"]);
        if std::thread::panicking() {
            // What went wrong first is what is to be told.
            let _ = clear.output();
            return;
        }
        let output = self.output(clear);
        assert_eq!(output.code, Some(0), "{output}");
    }
}

pub fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Kills `child` after so long, unless it ends before; whether it did.
pub fn killed_after(child: &Child, time: Duration) -> bool {
    let pid = Pid::from_child(child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    if ended(&pidfd, Some(time)) {
        return false;
    }
    kill_process(pid, Signal::KILL).unwrap();
    ended(&pidfd, None);
    true
}

/// Waits for the process, at most for so long; whether it has ended.
pub fn ended(pidfd: &rustix::fd::OwnedFd, time: Option<Duration>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let time = time.map(|time| Timespec::try_from(time).unwrap());
    let mut waiting = [PollFd::new(pidfd, PollFlags::IN)];
    loop {
        match poll(&mut waiting, time.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return ready.unwrap() == 1,
        }
    }
}
