//! `agentscope man`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use clap_mangen::Man;

use super::{CliError, Cx, Exit};

/// Print the man page, or write those of all verbs into a folder
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write one page a verb into this folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

const EXIT_CODES: &str = r".SH EXIT CODES
.TP
0
done
.TP
1
the work failed
.TP
2
wrong usage or wrong configuration
.TP
3
a tool call was denied
.TP
4
not found
.TP
124
timed out
.TP
130
interrupted
";

pub(super) fn run(args: &ManArgs, cx: &Cx) -> Result<Exit, CliError> {
    // Building fills in what subcommands inherit, such as the version and the full name.
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    match &args.output {
        None => cx.printer.stdout(&page(&command)?)?,
        Some(folder) => {
            let failed = |error: std::io::Error| {
                CliError::failed(format!("could not write into `{}`", folder.display())).because(&error)
            };
            fs::create_dir_all(folder).map_err(failed)?;
            write_pages(&command, folder).map_err(failed)?;
        }
    }
    Ok(Exit::Done)
}

fn write_pages(command: &clap::Command, folder: &Path) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    fs::write(folder.join(format!("{name}.1")), page(command)?)?;
    command.get_subcommands().filter(|sub| !sub.is_hide_set()).try_for_each(|sub| write_pages(sub, folder))
}

fn page(command: &clap::Command) -> std::io::Result<String> {
    let mut page = vec![];
    Man::new(command.clone()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned() + EXIT_CODES)
}
