//! `agentscope sandbox cp`.

use std::path::PathBuf;

use axum::body::Body;
use clap::Args;
use http_body_util::BodyExt as _;
use tokio_util::io::ReaderStream;

use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::{Action, BoxClient, EntryKind, Extracted, SandboxError, Sandboxes},
};

/// Copy files and folders into a sandbox that runs, or out of one
///
/// Into a folder that is there, else under the new name; of `DIR/.` what is in the folder, without it. Paths in a
/// sandbox are below its workspace. Links stay links, and one that leads out of what is copied is refused, as are
/// devices and pipes; nothing is written then.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope sandbox cp data.csv 3f2a:data/
  agentscope sandbox cp 3f2a:out ./results
  agentscope sandbox cp 3f2a:out - | tar -t
  tar -c src | agentscope sandbox cp - 3f2a:.")]
pub(super) struct CpArgs {
    /// A path, ID:PATH in a sandbox, or - for a tar archive on standard input
    #[arg(value_name = "SRC")]
    source: String,
    /// A path, ID:PATH in a sandbox, or - for a tar archive on standard output
    #[arg(value_name = "DST")]
    destination: String,
    /// How to say what was copied: not at all, or as JSON
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

/// One side of a copy.
enum Side<'a> {
    Box { id: &'a str, path: &'a str },
    Host(PathBuf),
    Stream,
}

impl<'a> Side<'a> {
    /// A path of this machine that has a colon is written with `./` before it.
    fn of(text: &'a str, cx: &Cx) -> Self {
        match text.split_once(':') {
            _ if text == "-" => Self::Stream,
            Some((id, path)) if !id.is_empty() && !id.contains('/') => Self::Box { id, path },
            // Joined as text: a slash or dot at its end means something.
            _ if text.starts_with('/') => Self::Host(PathBuf::from(text)),
            _ => Self::Host(PathBuf::from(format!("{}/{text}", cx.env.cwd.display()))),
        }
    }
}

pub(super) async fn run(args: &CpArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let (source, destination) = (Side::of(&args.source, cx), Side::of(&args.destination, cx));
    let id = match (&source, &destination) {
        (Side::Box { id, .. }, Side::Host(_) | Side::Stream) | (Side::Host(_) | Side::Stream, Side::Box { id, .. }) => {
            id
        }
        _ => {
            return Err(CliError::usage("one of the two is ID:PATH, in a sandbox, and the other is not")
                .hint("`./a:b` is a path of this machine"));
        }
    };
    if matches!(destination, Side::Stream) && args.output == Output::Json {
        return Err(CliError::usage("standard output is for the archive, not for JSON as well"));
    }
    if matches!(destination, Side::Stream) && cx.env.stdout_tty {
        return Err(CliError::usage("an archive is not for a terminal").hint("add `> FILE`, or `| tar -t`"));
    }
    let sandbox = all.find(id).await?;
    let action = Action::Copy { from: args.source.clone(), to: args.destination.clone() };
    let call = sandbox.begin(action).await?;
    let client = sandbox.client()?;
    let copied: Result<Option<Extracted>, CliError> = match (&source, &destination) {
        (Side::Host(from), Side::Box { path, .. }) => client.copy_in(from, path).await.map(Some).map_err(Into::into),
        (Side::Box { path, .. }, Side::Host(to)) => client.copy_out(path, to).await.map(Some).map_err(Into::into),
        (Side::Stream, Side::Box { path, .. }) => take_in(client, path).await.map(Some).map_err(Into::into),
        (Side::Box { path, .. }, _) => give_out(client, path, cx).await.map(|()| None),
        _ => Ok(None),
    };
    let done = call.end(copied.as_ref().err().map(|error| error.code().code())).await;
    let copied = copied?;
    for refused in &done?.merged.refused {
        let path = refused.path.display();
        cx.printer.warn(&format!("`{path}` was changed inside and stays as it is: {}", refused.reason));
    }
    if let (Output::Json, Some(copied)) = (args.output, copied) {
        cx.printer.json(&copied)?;
    }
    Ok(Exit::Done)
}

async fn take_in(client: &BoxClient, path: &str) -> Result<Extracted, SandboxError> {
    let path = if path.is_empty() { "." } else { path };
    if client.stat(path).await?.kind != EntryKind::Dir {
        let hint = "an archive goes into a folder; `agentscope sandbox exec -i ID sh -c 'cat > FILE'` writes a file";
        return Err(SandboxError::Failed { what: format!("`{path}` is not a folder"), hint: Some(hint.to_owned()) });
    }
    let body = Body::from_stream(ReaderStream::with_capacity(tokio::io::stdin(), 64 << 10));
    client.extract(path, body).await
}

async fn give_out(client: &BoxClient, path: &str, cx: &Cx) -> Result<(), CliError> {
    let mut body = client.archive(if path.is_empty() { "." } else { path }).await?;
    while let Some(frame) = body.frame().await {
        let broken = |error: axum::Error| CliError::failed("the answer of the sandbox broke off").because(&error);
        cx.printer.stdout_bytes(&frame.map_err(broken)?.into_data().unwrap_or_default())?;
    }
    Ok(())
}
