//! Subcommands that this binary runs itself with: never in help, and dispatched before clap.
//!
//! They are configured over standard input, not by arguments or variables, which every program inside a box can read.

use std::{ffi::OsString, process::ExitCode};

use super::{daemon, egress, workspace::refresh};
#[cfg(target_os = "linux")]
use super::{local, others};

/// Runs the hidden subcommand that `args` (without the program) names; `None` where it is none.
#[must_use]
pub fn dispatch(args: &[OsString]) -> Option<ExitCode> {
    let name = args.first()?.to_str()?;
    let rest = &args[1..];
    Some(match name {
        "__box" => daemon::main(rest),
        egress::COMMAND => egress::main().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        refresh::COMMAND => refresh::main(),
        #[cfg(target_os = "linux")]
        local::INIT => local::init(),
        #[cfg(target_os = "linux")]
        others::AS_ANOTHER => others::main(rest),
        _ => return None,
    })
}
