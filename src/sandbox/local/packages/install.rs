//! A layer is made: by pip, in a box with network that ends with this process.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Pip, listed, missing, seal};
use crate::sandbox::{
    BackendKind, BoxClient, BoxFolder, Clearance, Lifetime, Limits, LocalBackend, Network, Progress,
    SandboxBackend as _, SandboxError, SandboxId, SandboxSpec, Token,
    client::{ExecError, Output},
    delete::delete_all,
    wire::{ExecSpec, ExitStatus, Limit},
};

const SCRIPT: &str = include_str!("install.py");
/// Longest time for an installation: a large package that is compiled.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Lines of what pip said last that are told when it fails.
const TOLD: usize = 12;
/// Longest line that is kept.
const LINE: usize = 500;

/// The folder of a layer that is being made, with a box of its own. Dropping it ends the box and deletes all of it.
pub(super) struct Staging {
    folder: PathBuf,
    backend: Arc<LocalBackend>,
    spec: SandboxSpec,
}

impl Staging {
    /// To be called by who holds the lock of the layer: what is there already was left by one who died.
    pub(super) fn new(folder: PathBuf, like: &LocalBackend) -> Result<Self, SandboxError> {
        clear(&folder).map_err(SandboxError::io(format!("delete `{}`", folder.display())))?;
        let mut spec = SandboxSpec::new(BackendKind::Local, "");
        spec.network = Network::Full;
        // Those of a build on this machine, not those of the box that is to have the packages.
        let cpus = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        spec.limits = Limits { cpu_millis: 1000 * cpus, memory: 4 << 30, pids: 512, disk: 32 << 30 };
        spec.lifetime = Lifetime { idle: None, age: Some(LONGEST), tied: true };
        let backend = Arc::new(LocalBackend::new(folder.clone(), like.program.clone()));
        Ok(Self { folder, backend, spec })
    }

    /// Puts the layer at `layer`, whole and read-only.
    pub(super) async fn install(
        mut self,
        wanted: &[String],
        python: &Path,
        pip: Pip,
        layer: &Path,
        progress: &dyn Progress,
    ) -> Result<(), SandboxError> {
        progress.step(&installing(wanted), None, None);
        self.spec.env = pip.env;
        self.spec.mounts = pip.mounts;
        self.backend.create(&self.spec, Clearance::given(), progress).await?;
        self.run(wanted, python).await?;
        self.backend.stop(&self.spec.id).await?;
        let layer = layer.to_owned();
        let moved = tokio::task::spawn_blocking(move || {
            let made = self.workspace().join("layer");
            seal::seal(&made).and_then(|()| seal::put(&made, &self.folder.join("half"), &layer))
        });
        moved.await.map_err(io::Error::other).flatten().map_err(SandboxError::io("keep the Python packages"))
    }

    fn workspace(&self) -> PathBuf {
        BoxFolder::new(&self.folder, &self.spec.id).workspace()
    }

    async fn run(&self, wanted: &[String], python: &Path) -> Result<(), SandboxError> {
        let folder = BoxFolder::new(&self.folder, &self.spec.id);
        let token = Token::of(folder.path()).map_err(SandboxError::io("read the key to the sandbox"))?;
        let client = BoxClient::new(self.backend.clone(), self.spec.id.clone(), &token);
        let mut argv: Vec<String> = [&python.display().to_string(), "-I", "-c", SCRIPT].map(str::to_owned).into();
        argv.extend(wanted.iter().cloned());
        let spec = ExecSpec { argv, timeout: Some(LONGEST), ..ExecSpec::default() };
        let mut exec = client.exec(&spec).await.map_err(|error| match error {
            ExecError::Refused(failure) => SandboxError::Failed { what: failure.to_string(), hint: None },
            ExecError::Sandbox(error) => error,
        })?;
        let mut heard = Heard::default();
        while let Some(output) = exec.next().await {
            match output? {
                Output::Stdout(bytes) | Output::Stderr(bytes) => heard.take(&bytes),
                Output::Exited(status) => return ended(status, wanted, heard),
            }
        }
        Err(SandboxError::Box("the sandbox ended before the packages were installed".to_owned()))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = self.backend.end(&self.spec.id);
        // What is left is deleted by the next who installs, or prunes.
        let _ = clear(&self.folder);
    }
}

/// Deletes what is left of a layer that was not finished; its box ended with its maker.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let backend = LocalBackend::new(folder.to_owned(), PathBuf::new());
    for id in entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<SandboxId>().ok()) {
        backend.end(&id).map_err(io::Error::other)?;
        backend.delete_all(&id)?;
    }
    delete_all(folder)
}

fn installing(wanted: &[String]) -> String {
    format!("installing the Python packages {}", listed(wanted))
}

/// The end of what pip said.
#[derive(Default)]
struct Heard {
    lines: VecDeque<String>,
    partial: Vec<u8>,
}

impl Heard {
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.line(),
                _ if self.partial.len() < LINE => self.partial.push(*byte),
                _ => {}
            }
        }
    }

    fn line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
        // What packages say is not ours: no control characters for the terminal.
        let line: String = line.trim_end().chars().filter(|c| !c.is_control()).collect();
        if line.trim().is_empty() {
            return;
        }
        self.lines.push_back(line);
        if self.lines.len() > TOLD {
            self.lines.pop_front();
        }
    }
}

fn ended(status: ExitStatus, wanted: &[String], mut heard: Heard) -> Result<(), SandboxError> {
    heard.line();
    let why = match status {
        ExitStatus { code: Some(0), .. } => return Ok(()),
        ExitStatus { code: Some(3), .. } => return Err(missing("pip for the Python")),
        ExitStatus { code: Some(4), .. } => return Err(missing("`venv` for the Python")),
        ExitStatus { limit: Some(Limit::Timeout), .. } => format!("it took longer than {} s", LONGEST.as_secs()),
        ExitStatus { limit: Some(_), .. } => "it ran out of memory, processes or disk".to_owned(),
        _ => "pip ended with an error".to_owned(),
    };
    let said = heard.lines.make_contiguous().join("\n");
    let hint = if said.contains("No matching distribution") {
        "check the name and the version, and that PIP_INDEX_URL or pip.conf names the index that has it"
    } else if ["NewConnectionError", "ConnectTimeout", "ProxyError", "SSLError", "Max retries"]
        .iter()
        .any(|word| said.contains(word))
    {
        "the index cannot be reached: PIP_INDEX_URL, HTTPS_PROXY and PIP_CERT say where and how"
    } else {
        "what pip says is above; a version with a wheel for this Python needs no compiler"
    };
    Err(SandboxError::Failed {
        what: format!("could not install the Python packages {}: {why}\n{said}", listed(wanted)),
        hint: Some(hint.to_owned()),
    })
}
