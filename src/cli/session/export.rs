//! `agentscope session export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Sessions;
use crate::{
    cli::{CliError, Cx, Exit},
    store::Export,
    ui::printable,
};

/// Write a whole conversation as Markdown or JSON
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// An id, the start or the end of one, or `last`
    #[arg(value_name = "ID")]
    id: String,
    /// The form of the conversation
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: ExportFormat,
    /// Write into this file, which must not be there yet, rather than to standard output
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// Markdown, for people
    #[default]
    Md,
    /// Everything that is kept, for programs
    Json,
}

pub(super) async fn run(args: &ExportArgs, sessions: &Sessions, cx: &Cx) -> Result<Exit, CliError> {
    let session = sessions.find(&args.id).await?;
    let key = sessions.key(&session);
    let export = Export::read(&sessions.store, &key).await?;
    let text = match args.output {
        ExportFormat::Md => export.markdown(),
        ExportFormat::Json => {
            serde_json::to_string_pretty(&export)
                .map_err(|error| CliError::failed("could not write the session as JSON").because(&error))?
                + "\n"
        }
    };
    match &args.file {
        // A file or a program gets the bytes as they are.
        None if cx.printer.terminal => cx.printer.stdout(&printable(&text))?,
        None => cx.printer.stdout(&text)?,
        Some(file) => {
            let path = cx.env.cwd.join(file);
            let mut options = std::fs::OpenOptions::new();
            let opened = options.write(true).create_new(true).open(&path);
            let written = opened.and_then(|mut opened| std::io::Write::write_all(&mut opened, text.as_bytes()));
            written.map_err(|error| {
                let failed = CliError::failed(format!("could not write `{}`", file.display())).because(&error);
                match error.kind() {
                    std::io::ErrorKind::AlreadyExists => failed.hint("name a file that is not there yet"),
                    _ => failed,
                }
            })?;
        }
    }
    Ok(Exit::Done)
}
