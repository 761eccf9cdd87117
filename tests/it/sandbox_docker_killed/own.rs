//! An engine of the test's own, which it may kill. It and all that it starts are in namespaces of their own, whose first
//! process reads from a pipe of the test: so nothing outlives the test, however that ends, and the engine of the other
//! tests, its network and its mounts are out of reach.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{
    engine::{Engine, unique},
    require::available,
};

/// The first process of the namespaces. What the engine keeps at fixed places is kept from the machine's.
const FIRST: &str = "mkdir -p /run/containerd /run/docker && mount -t tmpfs none /run/containerd && \
                     mount -t tmpfs none /run/docker && echo ready; cat >/dev/null; :";

pub struct Own {
    /// How to reach it.
    pub engine: Engine,
    folder: tempfile::TempDir,
    space: Child,
    /// Of the namespaces, by its number on the machine.
    first: i32,
    daemon: Option<Child>,
    /// The folder in each hierarchy that is above the containers'.
    cgroup: String,
}

impl Own {
    /// One that runs and has the image of the tests. `None` where it cannot be, and the test is skipped.
    pub fn start() -> Option<Self> {
        let shared = Engine::find()?;
        let found = rustix::process::geteuid().is_root()
            && ["dockerd", "unshare", "nsenter"].iter().all(|program| in_path(program));
        available("docker", found).then_some(())?;
        let folder = tempfile::tempdir().unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args(["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--net", "sh", "-c", FIRST]);
        let mut space = unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 6];
        space.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        let host = format!("unix://{}", folder.path().join("docker.sock").display());
        let mut own = Self {
            first: child_of(space.id()),
            engine: Engine { host, ..shared.clone() },
            folder,
            space,
            daemon: None,
            cgroup: format!("agentscope-engine-{}", unique()),
        };
        own.run();
        let image = own.folder.path().join("image.tar").display().to_string();
        shared.docker(&["save", "--output", &image, &shared.image]);
        assert!(own.engine.docker(&["load", "--input", &image]).contains(&shared.image));
        Some(own)
    }

    /// Starts it, also again, and waits until it answers.
    pub fn run(&mut self) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let log = fs::OpenOptions::new().create(true).append(true).open(path("log")).unwrap();
        let mut daemon = Command::new("nsenter");
        daemon.args(["--target", &self.first.to_string(), "--pid", "--mount", "--net", "dockerd"]);
        daemon.args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("dockerd.pid")]);
        daemon.args(["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"]);
        daemon.args(["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", &format!("/{}", self.cgroup)]);
        daemon.args(["--host", &self.engine.host]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut daemon = daemon.spawn().unwrap();
        while self.engine.docker(&["version", "--format", "{{.Server.Version}}"]).is_empty() {
            let log = || fs::read_to_string(path("log")).unwrap();
            assert!(daemon.try_wait().unwrap().is_none(), "the engine ended: {}", log());
        }
        self.daemon = Some(daemon);
    }

    /// What kills it, once.
    pub fn killer(&mut self) -> impl FnOnce() + Send + 'static {
        let mut daemon = self.daemon.take().unwrap();
        move || {
            kill_process(Pid::from_raw(child_of(daemon.id())).unwrap(), Signal::KILL).unwrap();
            daemon.wait().unwrap();
        }
    }

    /// The programs of the engine and of its containers.
    pub fn programs(&self) -> Vec<String> {
        let space = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let own = space(self.first);
        let contained = |pid: i32| {
            fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|cgroups| cgroups.contains(&self.cgroup))
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let inside = pids.filter(|pid| *pid != self.first && (space(*pid) == own || contained(*pid)));
        let mut names: Vec<String> = inside
            .filter_map(|pid| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
                let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
                // The other is what the first waits for.
                (!rest.starts_with('Z') && name != "cat").then(|| name.to_owned())
            })
            .collect();
        names.sort();
        names
    }

    /// What is mounted for its containers.
    pub fn mounts(&self) -> Vec<String> {
        let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", self.first)).unwrap();
        let of_containers = |line: &&str| {
            ["/overlay2/", "/containers/", "/netns/"].iter().any(|part| line.contains(part))
                // What an engine that is killed while it makes a container's first layer never finds again.
                && !line.contains("-init/merged")
                && line.contains(self.folder.path().to_str().unwrap())
        };
        mounts.lines().filter(of_containers).map(str::to_owned).collect()
    }

    pub fn folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Waits until these are what runs: what was killed ends later.
    pub fn await_programs(&self, wanted: &[&str]) {
        while self.programs() != wanted {
            std::thread::yield_now();
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // With the first process of a namespace all others end, before it is seen to have ended.
        drop(self.space.stdin.take());
        let _ = self.space.wait();
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.wait();
        }
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            remove_cgroup(&hierarchy.path().join(&self.cgroup));
        }
        remove_cgroup(&Path::new("/sys/fs/cgroup").join(&self.cgroup));
    }
}

fn remove_cgroup(folder: &Path) {
    for below in fs::read_dir(folder).into_iter().flatten().flatten() {
        if below.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_cgroup(&below.path());
        }
    }
    let _ = fs::remove_dir(folder);
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| folder.join(program).exists())
}

/// The one process that `pid` started.
fn child_of(pid: u32) -> i32 {
    loop {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        if let Ok(child) = children.trim().parse() {
            return child;
        }
    }
}
