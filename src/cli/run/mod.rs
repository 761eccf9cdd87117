//! `agentscope run`: the agent as a server.

pub(super) mod deployed;
mod reload;

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use clap::Args;

use super::{AgentArgs, CliError, Cx, Exit, cx::signals, default_model, source::AgentSource};
use crate::{
    app::{AgentApp, AppError},
    config::agent_file::Color,
    runtime::shutdown::Told,
    ui::log,
};

/// Serve an agent over HTTP
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS")]
    host: Option<IpAddr>,
    /// The port to listen on; 0 is any that is free
    #[arg(short, long)]
    port: Option<u16>,
    /// Listen beyond this machine without asking callers for a token
    #[arg(long)]
    insecure: bool,
}

pub(super) fn run(args: &RunArgs, cx: &Cx) -> Result<Exit, CliError> {
    serve(args, false, cx, |_| ())
}

/// Serves until a signal, with the page where `page`; `ready` is told where, once callers are answered.
///
/// # Errors
/// An agent that cannot be opened, an address that cannot be listened on.
pub(super) fn serve(args: &RunArgs, page: bool, cx: &Cx, ready: impl FnOnce(SocketAddr)) -> Result<Exit, CliError> {
    let source = AgentSource::find(&args.agent, cx)?;
    let hidden = log(cx)?;
    cx.block_on(async {
        let signals = signals()?;
        let mut builder = AgentApp::builder()
            .source(source.plain())
            .env(cx.env.clone())
            .insecure(args.insecure)
            .page(page)
            .secrets(move |secrets| hidden.add(secrets));
        if let Some(profile) = &args.agent.profile {
            builder = builder.profile(profile);
        }
        let app = builder.build().await?;
        if let Some(default) = app.default_model() {
            default_model::say(default, cx);
        }
        let listening = app.listen(address(args, &app)).await?;
        // Who hangs up a terminal wants its programs to end.
        let hangups = if cx.env.stderr_tty { None } else { Told::of_hangups().ok() };
        let bound = listening.address();
        cx.printer.stderr(&format!("listening on http://{bound}\n"));
        ready(bound);
        tokio::select! {
            () = listening.until(signals.told()) => {}
            () = reload::watch(&app, hangups) => {}
        }
        Ok(Exit::Done)
    })
}

fn log(cx: &Cx) -> Result<log::Secrets, CliError> {
    let hidden = log::Secrets::default();
    let filter = cx.env.var(log::variable());
    log::start(filter, cx.env.stderr_tty, cx.printer.err_color() == Color::Yes, hidden.clone())
        .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    Ok(hidden)
}

fn address(args: &RunArgs, app: &AgentApp) -> SocketAddr {
    let file = app.address();
    SocketAddr::new(args.host.unwrap_or(file.ip()), args.port.unwrap_or(file.port()))
}

impl From<AppError> for CliError {
    fn from(error: AppError) -> Self {
        let usage = |error: &AppError| Self::from_error(Exit::Usage, error);
        match error {
            AppError::File(diagnostics) => diagnostics.into(),
            AppError::Open(error) => error.into(),
            AppError::Store(error) => error.into(),
            AppError::Settings(error) => error.into(),
            AppError::Exposed(_) => usage(&error).hint("add `serve.tokens` to the agent file, or say `--insecure`"),
            AppError::OpenToPages(_) => usage(&error).hint("name the origins that may, such as `https://app.example`"),
            AppError::Listen { ref source, .. } => {
                let failed = Self::from_error(Exit::Failed, &error);
                match hint(source.kind()) {
                    Some(hint) => failed.hint(hint),
                    None => failed,
                }
            }
            AppError::Keys(_) | AppError::Tool { .. } | AppError::Route { .. } => usage(&error),
            AppError::Signals(_) | AppError::Startup(_) => Self::from_error(Exit::Failed, &error),
        }
    }
}

/// What to do about an address that cannot be had.
fn hint(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::AddrInUse => "another program has this port: choose one with `--port`, 0 is any that is free",
        io::ErrorKind::PermissionDenied => "ports below 1024 are the administrator's: choose another with `--port`",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address: choose one of its own with `--host`",
        _ => return None,
    })
}
