//! `agentscope sandbox run`.

use std::time::Duration;

use clap::Args;

use super::{
    made_of::{Lasting, MadeOf, weaker},
    making,
    progress::Shown,
    stream::{self, Attach, OURS},
};
use crate::{
    cli::{CliError, Cx, Exit},
    config::agent_file::Span,
    sandbox::{Sandboxes, wire::ExecSpec},
};

/// Run one program in a sandbox of its own, which is gone afterwards
///
/// Standard input, both outputs, signals and the exit code are those of the program. There is no network and an empty
/// workspace unless flags say otherwise.
#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is that of the program; 124 where it took longer than --timeout, 125 where there is no sandbox, 126
where the program cannot be run, 127 where there is no such program.

Examples:
  agentscope sandbox run -- python3 -c 'print(2 ** 64)'
  agentscope sandbox run -w . --workspace rw -- make test
  cat data.csv | agentscope sandbox run --memory 64Mi --timeout 10s -- sort -u"
)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) made_of: MadeOf,
    /// Kill it after so long
    #[arg(long, value_name = "TIME")]
    timeout: Option<Span>,
    /// Give it a terminal
    #[arg(short, long)]
    tty: bool,
    /// The program and its arguments
    #[arg(value_name = "CMD", required = true, last = true)]
    cmd: Vec<String>,
}

pub(super) async fn run(args: &RunArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    // First of all: from here on nobody can end us without our clearing up.
    let mut signals = super::signals()?;
    let lasting = Lasting { idle: Some(Span(Duration::ZERO)), age: Some(Span(Duration::ZERO)), tied: true };
    let spec = args.made_of.spec(lasting, all, cx).await.map_err(ours)?;
    let made = making::make(spec, None, &Shown::new(cx), &mut signals, all).await;
    let made = made.map_err(|error| CliError::from(error).exit(OURS))?;
    let Some(sandbox) = made else { return Ok(Exit::Interrupted) };
    weaker(sandbox.confinement(), cx);
    let attach = Attach {
        spec: ExecSpec {
            argv: args.cmd.clone(),
            timeout: args.timeout.map(|span| span.0),
            stdin: true,
            ..ExecSpec::default()
        },
        terminal: args.tty,
    };
    let ended = stream::attach(&sandbox, attach, signals, cx).await;
    let closed = sandbox.close().await.map_err(|error| CliError::from(error).exit(OURS));
    // What the program did matters more than what was left of its sandbox.
    ended.and_then(|exit| closed.map(|()| exit))
}

/// Without a sandbox there is no exit code of a program; wrong usage stays what it is.
fn ours(error: CliError) -> CliError {
    if error.code() == Exit::Usage { error } else { error.exit(OURS) }
}
