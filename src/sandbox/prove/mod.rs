//! Ways out of a sandbox, tried: what `sandbox doctor --prove` shows, and what the tests hold every backend to.
//!
//! Each [`Attempt`] is a script that runs inside and says how it fared. It aims at a [`Stage`] of ours outside, so that
//! nothing of the user's is touched where it succeeds; whether something was, the stage tells too.

mod attempts;
mod stage;
mod verdict;

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;

pub use attempts::{ATTEMPTS, Attempt, Script, Wall};
pub use stage::Stage;
pub use verdict::Verdict;

use super::{
    Action, BackendKind, BoxClient, Network, Quiet, Sandbox, SandboxError, SandboxSpec, Sandboxes, Tier, Token,
    WorkspaceMode,
    client::{Collected, ExecError},
    wire::{ExecSpec, StartFailure},
};

/// Most bytes of what an attempt says that are looked at.
const LONGEST: usize = 1 << 16;
/// An attempt that takes longer was not made.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// How one backend stood up to all attempts.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    pub backend: BackendKind,
    pub tier: Tier,
    pub tried: Vec<Tried>,
}

/// One attempt, made.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    #[serde(flatten)]
    pub attempt: &'static Attempt,
    /// The layer that is there to stop it.
    pub layer: &'static str,
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Proof {
    /// How many were blocked, escaped, and could not be tried.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        let count = |which: fn(&Verdict) -> bool| self.tried.iter().filter(|tried| which(&tried.verdict)).count();
        [
            count(|verdict| matches!(verdict, Verdict::Blocked { .. })),
            count(|verdict| matches!(verdict, Verdict::Escaped { .. })),
            count(|verdict| matches!(verdict, Verdict::NotTried { .. })),
        ]
    }
}

/// Makes a sandbox of `backend` with the defaults, or from `image`, makes every attempt in it, and removes it.
///
/// # Errors
/// A backend that cannot be used here; a sandbox that is gone before the end, which no attempt may bring about.
pub async fn prove(
    all: &Sandboxes,
    backend: BackendKind,
    image: Option<&str>,
    user: &str,
) -> Result<Proof, SandboxError> {
    let mut stage = Stage::set().map_err(SandboxError::io("set up what the attempts aim at"))?;
    let mut spec = SandboxSpec::new(backend, user);
    spec.image = image.map(str::to_owned);
    let sandbox = make(all, spec, &stage).await?;
    let proof = prove_in(&sandbox, &mut stage).await;
    let closed = sandbox.close().await;
    proof.and_then(|proof| closed.map(|()| proof))
}

/// On the folder itself where the backend can, since there most can go wrong.
async fn make(all: &Sandboxes, mut spec: SandboxSpec, stage: &Stage) -> Result<Sandbox, SandboxError> {
    spec.network = if spec.backend == BackendKind::Host { Network::Full } else { Network::None };
    spec.lifetime.tied = true;
    let with = |mode| SandboxSpec { workspace: stage.workspace(mode), ..spec.clone() };
    match all.create(with(WorkspaceMode::Rw), None, &Quiet).await {
        Err(SandboxError::Unsupported { .. } | SandboxError::Failed { .. }) => {
            all.create(with(WorkspaceMode::Copy), None, &Quiet).await
        }
        made => made,
    }
}

async fn prove_in(sandbox: &Sandbox, stage: &mut Stage) -> Result<Proof, SandboxError> {
    let client = sandbox.client()?;
    let call = sandbox.begin(Action::Exec { argv: vec!["prove".to_owned()] }).await?;
    let tier = sandbox.confinement().map_or(Tier::None, |confinement| confinement.tier);
    let target = Target::of(&sandbox.folder(), tier);
    let mut tried = vec![];
    for attempt in ATTEMPTS {
        let verdict = attempt.make(client, stage, &target).await?;
        tried.push(Tried { attempt, layer: attempt.wall.layer(tier), verdict });
    }
    call.end(Some(0)).await?;
    let changed = stage.workspace_changed();
    for tried in &mut tried {
        tried.verdict = tried.verdict.clone().outside(tried.attempt, changed.as_deref());
    }
    Ok(Proof { backend: sandbox.spec().backend, tier, tried })
}

/// What an attempt is told of the sandbox that it is made in.
#[derive(Clone, Debug)]
pub struct Target {
    /// The folder of the host that is the sandbox's.
    folder: PathBuf,
    token: String,
    isolated: bool,
}

impl Target {
    #[must_use]
    pub fn of(folder: &std::path::Path, tier: Tier) -> Self {
        use sha2::Digest as _;
        // Its hash, so that it is known when it is found and not given away.
        let hash =
            |token: Token| sha2::Sha256::digest(token.expose()).iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            folder: folder.to_owned(),
            token: Token::of(folder).map(hash).unwrap_or_default(),
            isolated: tier != Tier::None,
        }
    }

    /// For the environment of a script.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, String> {
        let variables = [("PROVE_BOX", self.folder.display().to_string()), ("PROVE_TOKEN", self.token.clone())];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

impl Attempt {
    /// Makes it in the box of `client`.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn make(&self, client: &BoxClient, stage: &mut Stage, target: &Target) -> Result<Verdict, SandboxError> {
        let mut spec = ExecSpec { argv: self.script.argv(), timeout: Some(PATIENCE), ..ExecSpec::default() };
        spec.env = stage.variables();
        spec.env.extend(target.variables());
        if target.isolated {
            // Else the parent and the first process are the machine's, which are left alone.
            spec.env.insert("PROVE_INSIDE".to_owned(), "1".to_owned());
        }
        let said = match client.exec(&spec).await {
            Ok(running) => Verdict::of(&running.collect(LONGEST).await?),
            Err(ExecError::Refused(StartFailure::NotFound(program))) => {
                Verdict::NotTried { why: format!("there is no {program}") }
            }
            Err(ExecError::Refused(failure)) => Verdict::NotTried { why: failure.to_string() },
            Err(ExecError::Sandbox(error)) => return Err(error),
        };
        // Whatever it says of itself: what is seen outside counts.
        let verdict = stage.touched().map_or(said, |how| Verdict::Escaped { how });
        if let Verdict::Escaped { .. } = verdict {
            stage.replace_process().map_err(SandboxError::io("set up again what the attempts aim at"))?;
        }
        Ok(verdict)
    }
}
