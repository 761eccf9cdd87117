//! The sandboxes of other users, for root.
//!
//! This program is started once more as each of them: nothing in their folders is read or changed with the rights of
//! root, whatever is there.

use std::{path::PathBuf, process::Stdio, time::Duration};

use futures_util::future::join_all;
use tokio::{io::AsyncReadExt as _, process::Command};

use crate::{
    cli::{CliError, Cx},
    sandbox::{AS_ANOTHER, Filter, Home, SandboxError, SandboxId, SandboxInfo, homes},
};

/// How long a user's sandboxes may take to be seen or stopped.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that are read of what is said.
const MOST: u64 = 16 << 20;

/// A sandbox of somebody else.
pub(super) struct Elsewhere {
    home: Home,
    id: SandboxId,
}

/// Those that fit, as root; nobody else sees any. A folder that was chosen by `AGENTSCOPE_HOME` is looked at alone.
pub(super) async fn list(filter: &Filter, cx: &Cx) -> Vec<SandboxInfo> {
    let all = join_all(places(cx).iter().map(|home| of(home, cx))).await;
    all.into_iter().flatten().filter(|info| filter.fits(info)).collect()
}

/// The one whose id is `id` or begins with it.
pub(super) async fn find(id: &str, cx: &Cx) -> Result<Option<Elsewhere>, CliError> {
    let mut found = vec![];
    for home in places(cx) {
        let ids = of(&home, cx).await.into_iter().map(|info| info.id).filter(|known| known.as_str().starts_with(id));
        found.extend(ids.map(|id| Elsewhere { home: home.clone(), id }));
    }
    if found.len() > 1 {
        let matches = found.into_iter().map(|there| there.id).collect();
        return Err(SandboxError::Ambiguous { prefix: id.to_owned(), matches }.into());
    }
    Ok(found.pop())
}

impl Elsewhere {
    pub(super) fn id(&self) -> &SandboxId {
        &self.id
    }

    /// Does `verb` to it, as its user would.
    pub(super) async fn run(&self, verb: &str) -> Result<(), CliError> {
        let failed = |why: &str| CliError::failed(format!("`{}` of the user `{}`: {why}", self.id, self.home.user));
        match ask(&self.home, &["sandbox", verb, self.id.as_str()]).await {
            Ok(_) => Ok(()),
            Err(why) => Err(failed(&why)),
        }
    }
}

fn places(cx: &Cx) -> Vec<Home> {
    let everybody = rustix::process::geteuid().is_root() && cx.env.var("AGENTSCOPE_HOME").is_none();
    if everybody { homes() } else { vec![] }
}

async fn of(home: &Home, cx: &Cx) -> Vec<SandboxInfo> {
    let listed = ask(home, &["sandbox", "list", "--all", "--output", "json"]).await;
    let listed = listed.and_then(|text| {
        serde_json::from_slice::<Vec<SandboxInfo>>(&text).map_err(|error| format!("it is not a list: {error}"))
    });
    match listed {
        // Who they say they are is not who they are.
        Ok(list) => list.into_iter().map(|info| SandboxInfo { user: home.user.clone(), ..info }).collect(),
        Err(why) => {
            cx.printer.warn(&format!("cannot see the sandboxes of `{}`: {why}", home.user));
            vec![]
        }
    }
}

/// What this program says to `args` as the user.
async fn ask(home: &Home, args: &[&str]) -> Result<Vec<u8>, String> {
    let itself = PathBuf::from("/proc/self/exe");
    let mut command = Command::new(itself);
    command.arg(AS_ANOTHER).args([home.uid, home.gid].map(|id| id.to_string())).args(args);
    command.env_clear().current_dir("/");
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", &home.folder);
    command.env("USER", &home.user).envs(home.variable.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let ran = async {
        let mut child = command.spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (mut out, mut err) = (vec![], vec![]);
        let read = async {
            if let Some(stdout) = stdout {
                stdout.take(MOST).read_to_end(&mut out).await?;
            }
            if let Some(stderr) = stderr {
                stderr.take(MOST).read_to_end(&mut err).await?;
            }
            child.wait().await
        };
        Ok::<_, std::io::Error>((read.await?, out, err))
    };
    match tokio::time::timeout(PATIENCE, ran).await {
        Err(_) => Err(format!("it took longer than {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok((status, out, _))) if status.success() => Ok(out),
        Ok(Ok((status, _, err))) => {
            let said = String::from_utf8_lossy(&err);
            let first = said.lines().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned);
            Err(first.unwrap_or_else(|| status.to_string()))
        }
    }
}
