//! Whether a new revision answers, asked where nobody else reaches it.

use std::{net::SocketAddr, os::unix::net::UnixStream, process::Stdio, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Child, Said, Shared, say};
use crate::{deploy::probe, sandbox};

/// Between two questions: doubled from the first to the last.
const LOOK: Duration = Duration::from_millis(4);
const LOOK_AT_MOST: Duration = Duration::from_millis(100);
/// One that says the same for so long will not get ready by itself.
const SETTLED: Duration = Duration::from_secs(8);
/// Of an answer that is shown.
const SHOWN: usize = 200;

/// Gives the reason where it does not.
pub(super) async fn prove(
    shared: &Arc<Shared>,
    child: &mut Child,
    address: SocketAddr,
    asker: &UnixStream,
) -> Result<(), String> {
    let patience = Duration::from_secs(shared.begin.patience);
    say(asker, &Said::Step("waiting until it answers".to_owned()));
    tokio::select! {
        // One that ended is not asked any more.
        biased;
        why = child.ended() => return Err(format!("the new revision ended: {why}")),
        ready = ready(&shared.begin.token, address, patience) => ready?,
    }
    if let Some((prompt, expect)) = &shared.begin.smoke {
        say(asker, &Said::Step("asking it what `deploy.smoke` says".to_owned()));
        let answer = tokio::time::timeout(patience, ask(shared, address, prompt)).await;
        let answer = answer.map_err(|_| {
            format!("the new revision did not answer `deploy.smoke` within {} s", shared.begin.patience)
        })??;
        if let Some(expect) = expect.as_ref().filter(|expect| !answer.contains(*expect)) {
            let shown: String = answer.trim().chars().take(SHOWN).collect();
            return Err(format!(
                "the new revision answered `deploy.smoke` with `{shown}`, which has no `{expect}` in it"
            ));
        }
    }
    Ok(())
}

async fn ready(token: &str, address: SocketAddr, patience: Duration) -> Result<(), String> {
    let started = Instant::now();
    let (mut said, mut since, mut look) = (String::new(), Instant::now(), LOOK);
    loop {
        let why = match readiness(token, address).await {
            Ok(()) => return Ok(()),
            Err(why) => why,
        };
        if why != said {
            (said, since) = (why, Instant::now());
        }
        if !said.is_empty() && since.elapsed() > SETTLED {
            return Err(format!("the new revision is not ready: {said}"));
        }
        if started.elapsed() > patience {
            let why = if said.is_empty() { "it does not answer" } else { &said };
            return Err(format!("the new revision was not ready within {} s: {why}", patience.as_secs()));
        }
        tokio::time::sleep(look).await;
        look = (look * 2).min(LOOK_AT_MOST);
    }
}

/// Why the server there is not ready; nothing is said where it does not listen yet.
pub(super) async fn readiness(token: &str, address: SocketAddr) -> Result<(), String> {
    let token = token.to_owned();
    let asked = tokio::task::spawn_blocking(move || probe::ask(address, Some(&token)));
    match asked.await {
        Ok(Ok((200, _))) => Ok(()),
        Ok(Ok((_, body))) => Err(probe::reasons(&body)),
        _ => Err(String::new()),
    }
}

/// What it answers in a session that is gone afterwards.
async fn ask(shared: &Shared, address: SocketAddr, prompt: &str) -> Result<String, String> {
    const SESSION: &str = "deploy-smoke";
    let asked = tokio::process::Command::new(sandbox::program())
        .args(["chat", &format!("http://{address}"), &format!("--query={prompt}")])
        .args(["--session-id", SESSION, "--user-id", SESSION])
        .env("AGENTSCOPE_HOME", shared.place.data())
        .env("AGENTSCOPE_TOKEN", &shared.begin.token)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = asked.await.map_err(|error| format!("`deploy.smoke` could not be asked: {error}"))?;
    let token = shared.begin.token.clone();
    let path = format!("/sessions/{SESSION}?user_id={SESSION}");
    // A session that stays does no harm.
    let _ = tokio::task::spawn_blocking(move || probe::request("DELETE", &path, address, Some(&token))).await;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("the new revision could not answer `deploy.smoke`: {}", said.trim()))
}
