//! Which sandboxes a verb is about: ids, or what they have in common.

use clap::{Args, ValueEnum};

use super::others::{self, Elsewhere};
use crate::{
    cli::{CliError, Cx, Output},
    sandbox::{Filter, SandboxError, SandboxId, Sandboxes, Status},
};

/// For verbs that take several.
#[derive(Debug, Args)]
pub(super) struct Selected {
    /// Ids, or the starts of them
    #[arg(
        value_name = "ID",
        required_unless_present_any = ["label", "state", "session", "all"],
        conflicts_with_all = ["label", "state", "session", "all"]
    )]
    ids: Vec<String>,
    #[command(flatten)]
    by: By,
    /// All of them
    #[arg(long)]
    all: bool,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    pub(super) output: Output,
}

/// What they have in common.
#[derive(Debug, Args)]
pub(super) struct By {
    /// Only those with this label
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = label)]
    label: Vec<(String, Option<String>)>,
    /// Only those in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<StateChoice>,
    /// Only that of this chat session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StateChoice {
    Starting,
    Running,
    Paused,
    Stopped,
    /// Its backend does not answer
    Unknown,
}

/// `NAME=VALUE`, or `NAME` alone.
pub(super) fn label(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if name.is_empty() || !name.chars().all(fits) {
        return Err("a label is NAME=VALUE, its name of letters, digits and `._-/`".to_owned());
    }
    Ok((name.to_owned(), value))
}

impl By {
    pub(super) fn filter(&self, all: bool) -> Filter {
        Filter {
            all,
            labels: self.label.clone(),
            state: self.state.map(|state| match state {
                StateChoice::Starting => Status::Starting,
                StateChoice::Running => Status::Running,
                StateChoice::Paused => Status::Paused,
                StateChoice::Stopped => Status::Stopped,
                StateChoice::Unknown => Status::Unknown,
            }),
            session: self.session.clone(),
        }
    }
}

impl Selected {
    /// Those that are meant. Every id is looked up before anything is done, so that a slip of the pen does nothing.
    pub(super) async fn find(&self, all: &Sandboxes, cx: &Cx) -> Result<Vec<SandboxId>, CliError> {
        if self.ids.is_empty() {
            let found = all.list(&self.by.filter(true)).await?;
            if found.is_empty() {
                cx.printer.stderr("no sandbox fits\n");
            }
            return Ok(found.into_iter().map(|info| info.id).collect());
        }
        let mut found = vec![];
        for id in &self.ids {
            match all.find(id).await {
                Ok(sandbox) if found.contains(sandbox.id()) => {}
                Ok(sandbox) => found.push(sandbox.id().clone()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// As [`find`](Self::find), and for root those of other users too. An id that does not exist is passed over, if it
    /// is a whole one.
    pub(super) async fn find_anywhere(
        &self,
        all: &Sandboxes,
        cx: &Cx,
    ) -> Result<(Vec<SandboxId>, Vec<Elsewhere>), CliError> {
        if self.ids.is_empty() {
            return Ok((self.find(all, cx).await?, vec![]));
        }
        let (mut found, mut elsewhere) = (vec![], vec![]);
        for id in &self.ids {
            match all.find(id).await {
                Ok(sandbox) if found.contains(sandbox.id()) => {}
                Ok(sandbox) => found.push(sandbox.id().clone()),
                Err(error @ SandboxError::NotFound { .. }) => match others::find(id, cx).await? {
                    Some(other) => elsewhere.push(other),
                    None if id.parse::<SandboxId>().is_ok() => {}
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            }
        }
        Ok((found, elsewhere))
    }
}
