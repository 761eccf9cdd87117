//! What ends: supervisors with their servers, and all of a deployment.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    Local, ask, blocking, missing,
    place::{Place, drop_folder},
    wire::Processes,
};
use crate::{
    config::{Env, Paths, Secret},
    deploy::{DeployError, Purge},
    sandbox::{Filter, ProcessId, Sandboxes},
};

/// Longer than a server takes to end what it answers.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a server may take that was left alone, before it is ended.
const ALONE: Duration = Duration::from_secs(25);
/// How long what was killed takes to be gone.
const KILLED: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Ends everything of the deployment that runs. Blocks the thread.
pub(super) fn all(place: &Place) -> Result<(), DeployError> {
    left(place, None)
}

/// Ends all supervisors but `keep`, with their servers, and what is left of those that died. Blocks the thread.
pub(super) fn left(place: &Place, keep: Option<&str>) -> Result<(), DeployError> {
    let kept = |id: &str| keep == Some(id) && place.connect(id).is_ok();
    for id in place.supervisors().into_iter().filter(|id| !kept(id)) {
        // It takes that away itself when it ends.
        let processes = std::fs::read(place.process(&id)).ok();
        // One that does not do what it is told is ended otherwise.
        let _ = ask::stop(place, &id, PATIENCE);
        if let Some(processes) = processes.and_then(|text| serde_json::from_slice(&text).ok()) {
            gone(&processes)?;
        }
        place.forget(&id);
    }
    Ok(())
}

/// Makes sure that the processes of a supervisor are gone: signals go to those alone that are still the ones that were
/// written down.
fn gone(processes: &Processes) -> Result<(), DeployError> {
    // The supervisor first: it would start the server again.
    for (process, patience) in [(processes.supervisor, KILLED), (processes.server, ALONE)] {
        let Some(process) = process else { continue };
        if within(process, patience) {
            continue;
        }
        signal(process, Signal::KILL);
        if !within(process, KILLED) {
            return Err(DeployError::Failed {
                what: format!("the process {} of the deployment does not end", process.pid),
                hint: Some("try again".to_owned()),
            });
        }
    }
    Ok(())
}

/// Whether it is gone by then.
fn within(process: ProcessId, patience: Duration) -> bool {
    let begun = Instant::now();
    while process.alive() {
        if begun.elapsed() > patience {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}

fn signal(process: ProcessId, signal: Signal) {
    if let Some(pid) = Pid::from_raw(process.pid).filter(|_| process.alive()) {
        let _ = kill_process(pid, signal);
    }
}

impl Local {
    /// Removes all of it, and with `purge` what it kept.
    pub(super) async fn clear(&self, name: &str, purge: Purge) -> Result<(), DeployError> {
        let place = self.place(name)?;
        let data = place.data();
        let (there, kept) = (place.folder.is_dir(), data.is_dir());
        let nothing_else = std::fs::read_dir(&place.folder).is_ok_and(|entries| entries.count() == usize::from(kept));
        if !there || (purge == Purge::No && nothing_else) {
            return Err(missing(name));
        }
        {
            let place = place.clone();
            blocking(move || all(&place)).await?;
        }
        self.end_sandboxes(&place).await;
        blocking(move || {
            let removing = || DeployError::io(format!("remove `{}`", place.folder.display()));
            if purge == Purge::Yes || !kept {
                return drop_folder(&place.folder).map_err(removing());
            }
            // The record last: what is half gone is still a deployment.
            drop_folder(&place.revisions()).map_err(removing())?;
            std::fs::remove_file(place.record()).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(removing()(error)),
            })
        })
        .await
    }

    /// Those that the agent made for its sessions. What cannot be ended ends by itself when nobody uses it.
    async fn end_sandboxes(&self, place: &Place) {
        let home = [("AGENTSCOPE_HOME".to_owned(), Secret::from(place.data().display().to_string()))];
        let env: Env = self.env.with(&home.into());
        let paths = Paths::new(&env);
        if !paths.state.join("sandboxes").is_dir() {
            return;
        }
        let sandboxes = Sandboxes::open(&env, &paths);
        let filter = Filter { all: true, ..Filter::default() };
        for info in sandboxes.list(&filter).await.unwrap_or_default() {
            let _ = sandboxes.remove(&info.id).await;
        }
    }
}
