//! A home, a working folder and an environment of the test's own.

use std::{
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Puts our executable at `to`, for who may not enter the folder that it was built in.
pub fn place_program(to: &Path) {
    let built = env!("CARGO_BIN_EXE_agentscope");
    if std::fs::hard_link(built, to).is_err() {
        // By another process: one that a test starts while this one writes would keep the file open, and nobody may run
        // a file that is open for writing.
        assert!(Command::new("cp").arg(built).arg(to).status().unwrap().success());
    }
}

/// Runs the binary in folders that are gone afterwards.
pub struct TestEnv {
    root: tempfile::TempDir,
    program: PathBuf,
    vars: Vec<(String, String)>,
}

impl TestEnv {
    #[must_use]
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        Self { root, program: env!("CARGO_BIN_EXE_agentscope").into(), vars: vec![] }
    }

    /// Runs this file, which is the binary where another user may reach it.
    #[must_use]
    pub fn program(mut self, path: PathBuf) -> Self {
        self.program = path;
        self
    }

    /// Sets a variable for every command of this test.
    #[must_use]
    pub fn var(mut self, name: &str, value: impl Into<String>) -> Self {
        self.vars.push((name.to_owned(), value.into()));
        self
    }

    /// The working folder.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// `$AGENTSCOPE_HOME`.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Writes a file below the working folder.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    #[must_use]
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.work().join(name)).unwrap()
    }

    /// The binary with this environment, for tests that need the process itself.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path())
            .env("USER", "ann")
            .env("LANG", "C.UTF-8")
            .env("AGENTSCOPE_HOME", self.home())
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end, with nothing on standard input.
    #[must_use = "snapshot the output or assert the exit code"]
    pub fn run(&self, args: &[&str]) -> Output {
        self.finish(self.command(args), b"")
    }

    /// Runs the binary to its end with `stdin` piped in.
    #[must_use = "snapshot the output or assert the exit code"]
    pub fn run_with(&self, args: &[&str], stdin: impl AsRef<[u8]>) -> Output {
        self.finish(self.command(args), stdin.as_ref())
    }

    /// Runs `command` to its end with `stdin` piped in.
    #[must_use = "snapshot the output or assert the exit code"]
    pub fn finish(&self, mut command: Command, stdin: &[u8]) -> Output {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let writer = child.stdin.take().map(|mut pipe| {
            let stdin = stdin.to_owned();
            // A program that does not read all of its input is not an error of the test.
            std::thread::spawn(move || drop(pipe.write_all(&stdin)))
        });
        let output = child.wait_with_output().unwrap();
        if let Some(writer) = writer {
            writer.join().unwrap();
        }
        Output {
            code: output.status.code(),
            stdout: self.redact(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.redact(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let shown = |path: &Path| path.display().to_string();
        text.replace(&shown(&self.work()), "[WORK]")
            .replace(&shown(&self.home()), "[HOME]")
            .replace(&shown(self.root.path()), "[ROOT]")
    }
}

/// What a command did, shown whole for a snapshot.
#[derive(Debug)]
pub struct Output {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit {code}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        if !self.stdout.is_empty() {
            write!(f, "--- stdout\n{}", self.stdout)?;
        }
        if !self.stderr.is_empty() {
            write!(f, "--- stderr\n{}", self.stderr)?;
        }
        Ok(())
    }
}

/// Waits until a part of the answer that is being written in a session is kept.
pub fn kept(env: &TestEnv, session: &str) {
    let holds_answer = |text: &str| {
        let sessions: serde_json::Value = serde_json::from_str(text).unwrap();
        sessions.as_array().unwrap().iter().any(|found| found["id"] == session && found["messages"] == 2)
    };
    while !holds_answer(&env.run(&["session", "list", "-o", "json"]).stdout) {
        std::thread::yield_now();
    }
}
