//! A program inside, with our streams as its own.

mod input;
mod terminal;

use std::sync::Arc;

use self::terminal::Raw;
use crate::{
    cli::{CliError, Cx, Exit},
    runtime::shutdown::{self, Signal, Signals, Told},
    sandbox::{
        Action, Limits, Sandbox, SandboxError,
        client::{Exec, ExecError, ExecInput, Output},
        wire::{ExecSpec, ExitStatus, Limit, StartFailure},
    },
    ui::Printer,
};

/// Numbers of POSIX.
const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// Of us, not of the program.
pub(super) const OURS: Exit = Exit::Of(125);

/// A program to be run with our streams.
#[derive(Debug, Default)]
pub(super) struct Attach {
    pub(super) spec: ExecSpec,
    /// In a terminal of ours.
    pub(super) terminal: bool,
}

/// Runs the program and gives its exit code. Signals go to it, a second one kills it.
pub(super) async fn attach(sandbox: &Sandbox, attach: Attach, mut signals: Signals, cx: &Cx) -> Result<Exit, CliError> {
    let failed = |error: SandboxError| CliError::from(error).exit(OURS);
    let mut spec = attach.spec;
    let raw = if attach.terminal {
        spec.pty = terminal::size();
        if let Some(term) = cx.env.var("TERM") {
            spec.env.entry("TERM".to_owned()).or_insert_with(|| term.to_owned());
        }
        Some(Arc::new(Raw::enter()?))
    } else {
        None
    };
    let call = sandbox.begin(Action::Exec { argv: spec.argv.clone() }).await.map_err(failed)?;
    let client = sandbox.client().map_err(failed)?;
    let started = tokio::select! {
        started = client.exec(&spec) => started,
        // A sandbox that is frozen meanwhile does not answer.
        Signal::Interrupt | Signal::Terminate = signals.recv() => return Ok(Exit::Interrupted),
    };
    let exec = match started {
        Ok(exec) => exec,
        Err(error) => {
            drop(raw);
            let error = refused(error);
            call.end(Some(error.code().code())).await.map_err(failed)?;
            return Err(error);
        }
    };
    let input = exec.input();
    let signals = tokio::spawn(forward(signals, input.clone(), raw.clone()));
    let resizes = raw.as_ref().map(|_| tokio::spawn(resize(input.clone())));
    let stdin = spec.stdin.then(|| tokio::spawn(input::copy(input)));
    let ended = output(exec, &cx.printer).await;
    for task in [Some(signals), resizes, stdin].into_iter().flatten() {
        task.abort();
    }
    drop(raw);
    let status = ended?;
    let done = call.end(Some(status.shell_code())).await.map_err(failed)?;
    for refused in &done.refused {
        let text = format!("the network policy refused {}:{}: {}", refused.host, refused.port, refused.reason);
        cx.printer.warn(&text);
    }
    for refused in &done.merged.refused {
        cx.printer.warn(&format!(
            "`{}` was changed inside and stays as it is: {}",
            refused.path.display(),
            refused.reason
        ));
    }
    if let Some(limit) = status.limit {
        cx.printer.warn(&exceeded(limit, &spec, &sandbox.spec().limits));
    }
    Ok(Exit::Of(status.shell_code()))
}

/// Passes on what the program writes until it ends.
async fn output(mut exec: Exec, printer: &Printer) -> Result<ExitStatus, CliError> {
    while let Some(output) = exec.next().await {
        match output.map_err(|error| CliError::from(error).exit(OURS))? {
            // Who reads us went away: dropping `exec` ends the program.
            Output::Stdout(bytes) => printer.stdout_bytes(&bytes)?,
            Output::Stderr(bytes) => printer.stderr_bytes(&bytes)?,
            Output::Exited(status) => return Ok(status),
        }
    }
    Err(CliError::failed("the sandbox ended before the program did").exit(OURS))
}

async fn forward(mut signals: Signals, input: ExecInput, raw: Option<Arc<Raw>>) {
    let mut asked = 0;
    loop {
        let signal = signals.recv().await;
        asked += 1;
        let number = match (asked, signal) {
            (1, Signal::Interrupt) => SIGINT,
            (1, Signal::Terminate) => SIGTERM,
            (2, _) => SIGKILL,
            _ => {
                if let Some(raw) = &raw {
                    raw.leave();
                }
                shutdown::leave();
            }
        };
        // A sandbox that is gone is told of where its output is read.
        let _ = input.signal(number).await;
    }
}

async fn resize(input: ExecInput) {
    let Ok(mut resizes) = Told::of_resizes() else { return };
    loop {
        resizes.recv().await;
        if let Some(size) = terminal::size() {
            let _ = input.resize(size).await;
        }
    }
}

fn refused(error: ExecError) -> CliError {
    match error {
        ExecError::Refused(failure) => {
            let code = match &failure {
                StartFailure::NotFound(_) => 127,
                StartFailure::CannotRun { .. } => 126,
                StartFailure::Failed(_) => 125,
            };
            CliError::from_error(Exit::Of(code), &failure)
        }
        ExecError::Sandbox(error) => CliError::from(error).exit(OURS),
    }
}

fn exceeded(limit: Limit, spec: &ExecSpec, limits: &Limits) -> String {
    match limit {
        Limit::Timeout => {
            let seconds = spec.timeout.unwrap_or_default().as_secs_f64();
            format!("killed: it took longer than {seconds} s (`--timeout`)")
        }
        Limit::Memory => {
            format!("killed: it needed more than {} of memory (`--memory`)", super::human::bytes(limits.memory))
        }
        Limit::Pids => format!("it wanted more than {} processes (`--pids`)", limits.pids),
        Limit::Disk => format!("it wanted to write more than {} (`--disk`)", super::human::bytes(limits.disk)),
    }
}
