//! `agentscope import`: a file of another tool becomes an agent file.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{CliError, Cx, Exit};
use crate::{
    config::agent_file::{
        LoadOptions,
        import::{ImportError, Imported, Note, NoteKind, import, import_str},
        load_str,
    },
    ui::style,
};

/// Turn a docker agent YAML or an .mcp.json into an agent file
///
/// The agent file is written to standard output; what could not be carried over is listed on standard error, each with
/// its place. Values that look like secrets are not copied: they become references to variables.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file to read; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the agent file here instead of to standard output
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Overwrite a file that exists
    #[arg(long, requires = "output")]
    force: bool,
}

/// The most that is read from standard input, in bytes; as much as of a file.
const SIZE: u64 = 1 << 20;

pub(super) fn run(args: &ImportArgs, cx: &Cx) -> Result<Exit, CliError> {
    if let Some(path) = &args.output {
        may_write(path, args, cx)?;
    }
    let imported = read(args)?;
    match &args.output {
        Some(path) => std::fs::write(cx.env.cwd.join(path), &imported.text)
            .map_err(|error| CliError::failed(format!("could not write `{}`", path.display())).because(&error))?,
        None => cx.printer.stdout(&imported.text)?,
    }
    report(&imported, cx);
    check(&imported, args, cx)
}

fn may_write(path: &Path, args: &ImportArgs, cx: &Cx) -> Result<(), CliError> {
    // Elsewhere `-o` chooses a form; a file called `json` is hardly meant.
    if matches!(path.to_str(), Some("text" | "json" | "yaml" | "github")) {
        return Err(CliError::usage(format!("`--output {0}` would write a file called `{0}`", path.display()))
            .hint(format!("name the agent file to write, as in `--output agent.yaml`, or `./{}`", path.display())));
    }
    if !args.force && cx.env.cwd.join(path).symlink_metadata().is_ok() {
        return Err(CliError::failed(format!("`{}` exists already", path.display()))
            .hint("name another file, or overwrite it with `--force`"));
    }
    Ok(())
}

fn read(args: &ImportArgs) -> Result<Imported, CliError> {
    let imported = if args.file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().take(SIZE + 1).read_to_string(&mut text).map_err(|error| {
            CliError::usage("standard input cannot be read as text").because(&error).hint("it must be UTF-8")
        })?;
        if text.len() as u64 > SIZE {
            return Err(CliError::usage("standard input has more than 1 MiB"));
        }
        import_str("stdin", &text)
    } else {
        if args.file.is_dir() {
            return Err(CliError::usage(format!("`{}` is a folder", args.file.display())).hint("name the file in it"));
        }
        import(&args.file)
    };
    imported.map_err(|error| match error {
        ImportError::Unreadable(diagnostics) if diagnostics.is_not_found() => {
            CliError::not_found(format!("there is no file `{}`", args.file.display()))
                .hint("name a docker agent YAML or an .mcp.json, or `-` for standard input")
        }
        ImportError::Unreadable(diagnostics) => diagnostics.into(),
        ImportError::AlreadyOurs(_) => CliError::usage(error.to_string())
            .hint("check it with `agentscope validate`, talk to it with `agentscope chat`"),
        ImportError::UnknownFormat(_) => {
            CliError::usage(error.to_string()).hint("these two formats are read; `agentscope init` begins a new agent")
        }
        ImportError::NoAgents(_) => CliError::usage(error.to_string()).hint("list at least one under `agents`"),
    })
}

/// Lists the notes, those that say the same put together.
fn report(imported: &Imported, cx: &Cx) {
    let mut told: Vec<&Note> = vec![];
    for note in &imported.notes {
        if told.iter().any(|other| other.message == note.message) {
            continue;
        }
        told.push(note);
        let others: Vec<_> = imported
            .notes
            .iter()
            .filter(|other| other.message == note.message && other.place != note.place)
            .map(|other| other.place.line().to_string())
            .collect();
        let others = match others.len() {
            0 => String::new(),
            1 => format!(" (and line {})", others[0]),
            _ => format!(" (and lines {})", others.join(", ")),
        };
        let (word, style) = match note.kind {
            NoteKind::LeftOut => ("left out", cx.printer.err_style(style::WARNING)),
            NoteKind::Changed => ("changed", cx.printer.err_style(style::HINT)),
        };
        cx.printer.stderr(&format!("{}: {style}{word}{style:#}: {}{others}\n", note.place, note.message));
    }
}

/// Reads what was made as any other command would, so that nobody has to find out later.
fn check(imported: &Imported, args: &ImportArgs, cx: &Cx) -> Result<Exit, CliError> {
    // Paths in it are relative to where it stands; without a place of its own, to where the source does.
    let beside = args.output.as_deref().unwrap_or(&args.file);
    let folder = cx.env.cwd.join(beside.parent().unwrap_or(Path::new("")));
    let name = args.output.as_ref().map_or_else(|| "the agent file".to_owned(), |path| path.display().to_string());
    match load_str(&name, &imported.text, &folder, &LoadOptions::default()) {
        Ok(loaded) => {
            let team = match loaded.file.agents.len() {
                0 => String::new(),
                1 => " with 1 more agent".to_owned(),
                count => format!(" with {count} more agents"),
            };
            let notes = match imported.notes.len() {
                0 => "everything was carried over".to_owned(),
                1 => "1 thing to look at".to_owned(),
                count => format!("{count} things to look at"),
            };
            cx.printer.stderr(&format!("imported `{}`{team}: {notes}\n", loaded.file.name));
            Ok(Exit::Done)
        }
        Err(diagnostics) => {
            cx.printer.stderr(&diagnostics.render(cx.printer.err_color()));
            Err(CliError::failed(format!("{name} needs these changes before it can be used")))
        }
    }
}
