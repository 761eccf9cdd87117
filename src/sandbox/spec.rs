//! What a sandbox is made of: the whole of it, with every default applied and every path absolute.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// Twelve hexadecimal digits, random.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SandboxId(String);

impl SandboxId {
    #[must_use]
    pub fn random() -> Self {
        let mut id = uuid::Uuid::now_v7().simple().to_string();
        // The end of a version 7 UUID is random, its beginning is the time.
        Self(id.split_off(20))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SandboxId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not the id of a sandbox: twelve hexadecimal digits"))
        }
    }
}

impl TryFrom<String> for SandboxId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SandboxId> for String {
    fn from(id: SandboxId) -> Self {
        id.0
    }
}

impl fmt::Display for SandboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who makes the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendKind {
    Local,
    Docker,
    Gvisor,
    Host,
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Docker => "docker",
            Self::Gvisor => "gvisor",
            Self::Host => "host",
        })
    }
}

/// How strong the isolation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// Namespaces, landlock, seccomp and limits; or a container.
    A,
    /// Landlock, seccomp and limits: the same file system and process table, of which little can be reached.
    B,
    /// None: the `host` backend.
    #[serde(rename = "none")]
    None,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
            Self::None => "none",
        })
    }
}

/// A sandbox to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxSpec {
    pub id: SandboxId,
    pub backend: BackendKind,
    /// What is in the box, such as `base`.
    pub kind: String,
    /// Who made it.
    pub user: String,
    /// The chat session that it belongs to, if to one.
    pub session: Option<String>,
    /// The agent of the session that has it alone; `None` where the agents share it.
    pub agent: Option<String>,
    /// For backends with images.
    pub image: Option<String>,
    /// Installed before the box is made; it sees them read-only.
    #[serde(default)]
    pub packages: Packages,
    pub workspace: Workspace,
    pub mounts: Vec<Mount>,
    /// For every program inside; nothing else of our environment gets in.
    pub env: BTreeMap<String, String>,
    /// Refuse to start below it.
    pub min_tier: Tier,
    pub network: Network,
    pub limits: Limits,
    pub lifetime: Lifetime,
    /// Labels of the user's own.
    pub labels: BTreeMap<String, String>,
}

impl SandboxSpec {
    /// A new box with the defaults: an empty workspace, no network, five minutes without a call, a day in all.
    #[must_use]
    pub fn new(backend: BackendKind, user: &str) -> Self {
        Self {
            id: SandboxId::random(),
            backend,
            kind: "base".to_owned(),
            user: user.to_owned(),
            session: None,
            agent: None,
            image: None,
            packages: Packages::default(),
            workspace: Workspace { mode: WorkspaceMode::None, path: None, hide: vec![], protect: vec![] },
            mounts: vec![],
            env: BTreeMap::new(),
            min_tier: if backend == BackendKind::Host { Tier::None } else { Tier::B },
            network: Network::None,
            limits: Limits::default(),
            lifetime: Lifetime {
                idle: Some(Duration::from_secs(5 * 60)),
                age: Some(Duration::from_secs(24 * 60 * 60)),
                tied: false,
            },
            labels: BTreeMap::new(),
        }
    }

    /// The same without the values of its environment, which may be secrets: for what is written to disk.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut this = self.clone();
        this.env.values_mut().for_each(String::clear);
        this
    }
}

/// What programs inside can use besides what the machine or the image has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// For pip, such as `pandas>=2`.
    pub python: Vec<String>,
    /// For the package manager of an image.
    pub system: Vec<String>,
}

/// The folder that programs inside start in; they see it as `/workspace`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Workspace {
    pub mode: WorkspaceMode,
    /// On the host; `None` with mode `none`.
    pub path: Option<PathBuf>,
    /// Globs, relative to the workspace, of files that are not visible inside.
    pub hide: Vec<String>,
    /// Globs, relative to the workspace, of files that cannot be changed, made or replaced from inside.
    pub protect: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceMode {
    /// The folder itself: changes are merged into it after each call and journalled.
    Rw,
    Ro,
    /// A private copy; the folder stays as it is.
    Copy,
    /// A private empty folder.
    None,
}

impl fmt::Display for WorkspaceMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rw => "rw",
            Self::Ro => "ro",
            Self::Copy => "copy",
            Self::None => "none",
        })
    }
}

/// A folder or file of the host inside the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub host: PathBuf,
    pub inside: PathBuf,
    pub read_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    None,
    Full,
    /// Host names; `*.example.com` stands for every name below it, not for itself.
    Allow(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Thousandths of a processor.
    pub cpu_millis: u64,
    /// Bytes.
    pub memory: u64,
    pub pids: u32,
    /// Bytes that may be written into the workspace and `/tmp`.
    pub disk: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cpu_millis: 1000, memory: 512 << 20, pids: 128, disk: 1 << 30 }
    }
}

/// When a box ends by itself. Its own PID 1 sees to it, on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// Without a call for so long.
    pub idle: Option<Duration>,
    pub age: Option<Duration>,
    /// Ends with the process that made it.
    pub tied: bool,
}

/// What a backend finds of a box.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    pub id: SandboxId,
    pub backend: BackendKind,
    pub state: State,
    pub confinement: Confinement,
    pub usage: Usage,
    /// As it was made.
    pub spec: SandboxSpec,
    pub created: jiff::Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    Paused,
    Stopped,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        })
    }
}

/// What is known of a sandbox, whether or not its backend can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Starting,
    Running,
    Paused,
    Stopped,
    /// Its backend does not answer.
    Unknown,
}

impl Status {
    const ALL: [Self; 5] = [Self::Starting, Self::Running, Self::Paused, Self::Stopped, Self::Unknown];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl From<State> for Status {
    fn from(state: State) -> Self {
        match state {
            State::Running => Self::Running,
            State::Paused => Self::Paused,
            State::Stopped => Self::Stopped,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What holds a box in, as far as it was seen to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    pub tier: Tier,
    pub layers: Vec<Layer>,
}

/// One layer of isolation, or one limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Such as `user namespace`, `landlock`, `memory`.
    pub name: String,
    /// Such as `ABI 7`, `cgroup v1`, `soft`; why not, where it is not there.
    pub detail: String,
    pub active: bool,
}

/// What a machine offers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Probe {
    pub backend: BackendKind,
    /// `None`: cannot be used; the layers say why.
    pub confinement: Option<Confinement>,
    /// What the user can do for more.
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Since it was made.
    pub cpu: Option<Duration>,
    /// Bytes.
    pub memory: Option<u64>,
    pub pids: Option<u32>,
}
