//! `agentscope session`: what is remembered of earlier conversations.

mod diff;
mod export;
mod fork;
mod list;
mod prune;
mod rename;
mod rm;
mod show;
mod undo;

use clap::{Args, Subcommand};

use super::{CliError, Cx, Exit};
use crate::{
    domain::SessionKey,
    sandbox::{SandboxError, Sandboxes, workspace::Journal},
    store::{SessionInfo, SqliteStore, Store},
    ui::printable,
};

/// List, read, copy and delete earlier conversations; show and undo what they changed
///
/// A session is named by its id, the start or the end of it, or `last` for the one used last.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope session list
  agentscope session show last
  agentscope session export last --file talk.md
  agentscope session fork last --at 4
  agentscope session undo last                   files are again as they were before the session")]
pub(super) struct SessionArgs {
    #[command(subcommand)]
    verb: Verb,
    /// Whose sessions; your own where absent
    #[arg(long, global = true, value_name = "USER", visible_alias = "user", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    user_id: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Diff(diff::DiffArgs),
    Export(export::ExportArgs),
    Fork(fork::ForkArgs),
    List(list::ListArgs),
    Prune(prune::PruneArgs),
    Rename(rename::RenameArgs),
    Rm(rm::RmArgs),
    Show(show::ShowArgs),
    Undo(undo::UndoArgs),
}

pub(super) fn run(args: &SessionArgs, cx: &Cx) -> Result<Exit, CliError> {
    let user = args.user_id.clone().unwrap_or_else(|| cx.env.user().to_owned());
    let sessions = Sessions { store: SqliteStore::open(&cx.paths), user };
    cx.block_on(async {
        match &args.verb {
            Verb::Diff(args) => diff::run(args, &sessions, cx).await,
            Verb::Export(args) => export::run(args, &sessions, cx).await,
            Verb::Fork(args) => fork::run(args, &sessions, cx).await,
            Verb::List(args) => list::run(args, &sessions, cx).await,
            Verb::Prune(args) => prune::run(args, &sessions, cx).await,
            Verb::Rename(args) => rename::run(args, &sessions, cx).await,
            Verb::Rm(args) => rm::run(args, &sessions, cx).await,
            Verb::Show(args) => show::run(args, &sessions, cx).await,
            Verb::Undo(args) => undo::run(args, &sessions, cx).await,
        }
    })
}

/// Runs what waits for the disk beside the runtime.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(CliError::failed("the work broke off").because(&error)))
}

fn failed(error: &SandboxError) -> CliError {
    let this = CliError::from_error(Exit::Failed, error);
    match error.hint() {
        Some(hint) => this.hint(hint),
        None => this,
    }
}

/// Forgets what a session that is gone changed in its workspace, and removes its sandboxes.
async fn forget_changes(key: &SessionKey, cx: &Cx) {
    if let Err(error) = Sandboxes::open(&cx.env, &cx.paths).remove_of_session(key).await {
        cx.printer.warn(&format!("could not remove the sandbox of session `{}`: {error}", key.session));
    }
    if let Err(error) = Journal::of_session(&cx.paths.state, key).remove() {
        cx.printer.warn(&format!("could not delete the record of what session `{}` changed: {error}", key.session));
    }
}

/// The sessions of one user.
struct Sessions {
    store: SqliteStore,
    user: String,
}

impl Sessions {
    /// Those there are, last used first.
    async fn all(&self) -> Result<Vec<SessionInfo>, CliError> {
        Ok(self.store.sessions(Some(&self.user)).await?)
    }

    /// The session that `name` stands for: an id, the start or the end of one, or `last`. Ids begin with the
    /// time, so that those of one day begin alike: it is the end that tells them apart.
    async fn find(&self, name: &str) -> Result<SessionInfo, CliError> {
        let mut all = self.all().await?;
        if let Some(exact) = all.iter().position(|info| info.id.as_str() == name) {
            return Ok(all.swap_remove(exact));
        }
        if name == "last" {
            return all.into_iter().next().ok_or_else(|| {
                CliError::not_found(format!("`{}` has no session yet", self.user)).hint("`agentscope chat` begins one")
            });
        }
        all.retain(|info| {
            let id = info.id.as_str();
            !name.is_empty() && (id.starts_with(name) || id.ends_with(name))
        });
        match all.len() {
            1 => Ok(all.swap_remove(0)),
            0 => Err(CliError::not_found(format!("no session `{name}`"))
                .hint("`agentscope session list` shows the sessions there are")),
            many => {
                let ids: Vec<String> = all.iter().take(5).map(|info| format!("`{}`", info.id)).collect();
                let more = if many > ids.len() { ", …" } else { "" };
                Err(CliError::usage(format!("{many} sessions begin or end with `{name}`: {}{more}", ids.join(", ")))
                    .hint("write more of the id"))
            }
        }
    }

    fn key(&self, info: &SessionInfo) -> SessionKey {
        SessionKey { user: self.user.clone(), session: info.id.clone() }
    }
}

/// What a session is called in a text for people.
fn title(info: &SessionInfo) -> String {
    if info.title.is_empty() { "(no messages yet)".to_owned() } else { printable(&info.title).replace('\n', " ") }
}
