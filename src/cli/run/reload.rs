//! The agent file is read anew when it changes, or on SIGHUP. A version that does not hold is told in the log, and the
//! one before goes on.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use crate::{app::AgentApp, cli::CliError, runtime::shutdown::Told};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);

/// Size and time of change of a file; `None` where there is none.
type Mark = Option<(u64, Option<SystemTime>)>;

/// Never returns.
pub(super) async fn watch(app: &AgentApp, mut hangups: Option<Told>) {
    let mut known = marks(app.files());
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
        match app.reload().await {
            Ok(()) => {
                tracing::info!("the agent file was read anew");
                known = marks(app.files());
            }
            Err(error) => {
                let error = CliError::from(error).text();
                tracing::error!(error, "the agent file cannot be used; the version before goes on");
            }
        }
    }
}

async fn hung_up(hangups: &mut Option<Told>) {
    match hangups {
        Some(hangups) => hangups.recv().await,
        None => std::future::pending().await,
    }
}

fn marks(files: Vec<PathBuf>) -> Vec<(PathBuf, Mark)> {
    let mark = |path: &PathBuf| fs::metadata(path).ok().map(|file| (file.len(), file.modified().ok()));
    let marked = |path: PathBuf| {
        let mark = mark(&path);
        (path, mark)
    };
    files.into_iter().map(marked).collect()
}
