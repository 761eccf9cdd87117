//! The agent file is read anew when it changes, or on SIGHUP. A version that does not hold is told in the log, and the
//! one before goes on.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::{files, opened::Opener};
use crate::{
    cli::CliError,
    config::agent_file::{Loaded, Serve},
    runtime::shutdown::Hangups,
    server::App,
};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);

/// Size and time of change of a file; `None` where there is none.
type Mark = Option<(u64, Option<SystemTime>)>;

/// Never returns.
pub(super) async fn watch(
    opener: &Opener<'_>,
    app: &App,
    mut hangups: Option<Hangups>,
    permitted: impl Fn(&Serve) -> Result<(), CliError>,
) {
    let mut known = marks(files(&app.agents()));
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(LOOK) => false,
            () = hung_up(&mut hangups) => true,
        };
        let now = marks(known.iter().map(|(path, _)| path.clone()).collect());
        if now == known && !asked {
            continue;
        }
        known = now;
        match replace(opener, app, &permitted).await {
            Ok(()) => {
                tracing::info!("the agent file was read anew");
                known = marks(files(&app.agents()));
            }
            Err(error) => {
                let error = error.text();
                tracing::error!(error, "the agent file cannot be used; the version before goes on");
            }
        }
    }
}

async fn hung_up(hangups: &mut Option<Hangups>) {
    match hangups {
        Some(hangups) => hangups.recv().await,
        None => std::future::pending().await,
    }
}

async fn replace(
    opener: &Opener<'_>,
    app: &App,
    permitted: &impl Fn(&Serve) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let (loaded, keys) = opener.read()?;
    permitted(&loaded.file.serve)?;
    let before = app.agents();
    for part in fixed(&before.loaded, &loaded) {
        tracing::warn!(part, "this part of the agent file counts from the next start on");
    }
    app.replace(opener.open(loaded, keys, &app.stores).await?);
    Ok(())
}

/// What changed and cannot change while the server runs.
fn fixed(before: &Loaded, now: &Loaded) -> Vec<&'static str> {
    let (a, b) = (&before.file, &now.file);
    let stores = |loaded: &Loaded| {
        let storage = &loaded.file.storage;
        [&storage.sessions, &storage.state, &storage.long_term].map(|at| at.as_ref().map(|at| at.expose().to_owned()))
    };
    let otlp = |loaded: &Loaded| loaded.file.telemetry.as_ref().map(|telemetry| telemetry.otlp.clone());
    let changed = [
        ("serve.host", a.serve.host != b.serve.host),
        ("serve.port", a.serve.port != b.serve.port),
        ("storage", stores(before) != stores(now)),
        ("telemetry", otlp(before) != otlp(now)),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(part, _)| part).collect()
}

fn marks(files: Vec<PathBuf>) -> Vec<(PathBuf, Mark)> {
    let mark = |path: &PathBuf| fs::metadata(path).ok().map(|file| (file.len(), file.modified().ok()));
    let marked = |path: PathBuf| {
        let mark = mark(&path);
        (path, mark)
    };
    files.into_iter().map(marked).collect()
}
