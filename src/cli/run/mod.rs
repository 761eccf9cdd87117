//! `agentscope run`: the agent as a server.

mod opened;
mod reload;
mod secrets;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use clap::Args;
use tokio::net::TcpListener;

pub(super) use self::opened::Opener;
use super::{AgentArgs, CliError, Cx, Exit, cx::signals, source::AgentSource};
use crate::{
    config::agent_file::{Color, Loaded, Serve},
    runtime::{
        shutdown::{Hangups, leave},
        telemetry::{self, Traces},
    },
    server::{self, App},
    store,
    ui::log,
};

/// Where the agent file does not say.
const PORT: u16 = 8090;

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
    let opener = Opener { source, profile: args.agent.profile.clone(), hidden, cx };
    let (loaded, keys) = opener.read()?;
    let address = address(args, &loaded.file.serve);
    permitted(address.ip(), args.insecure, &loaded.file.serve)?;
    cx.block_on(async {
        let mut signals = signals()?;
        let traces = traces(&loaded, cx);
        let stores = store::open(&loaded.file.storage, &cx.paths, &loaded.dir)?;
        let agents = opener.open(loaded, keys, &stores).await?;
        let app = App::new(agents, stores, page);
        let listener = listen(address).await?;
        let bound = listener.local_addr().unwrap_or(address);
        // Who hangs up a terminal wants its programs to end.
        let hangups = if cx.env.stderr_tty { None } else { Hangups::new().ok() };
        cx.printer.stderr(&format!("listening on http://{bound}\n"));
        ready(bound);
        let told = async {
            signals.recv().await;
            tokio::spawn(async move {
                signals.recv().await;
                leave();
            });
        };
        tokio::select! {
            () = server::serve(listener, Arc::clone(&app), told) => {}
            () = reload::watch(&opener, &app, hangups, |serve| permitted(bound.ip(), args.insecure, serve)) => {}
        }
        if let Some(traces) = traces {
            traces.end().await;
        }
        Ok(Exit::Done)
    })
}

/// Begins to send traces where that is asked for. A collector that cannot be used is no reason not to serve.
fn traces(loaded: &Loaded, cx: &Cx) -> Option<Traces> {
    let wanted = telemetry::Wanted::find(loaded.file.telemetry.as_ref(), &loaded.file.name, &cx.env)?;
    match telemetry::start(wanted, &cx.http) {
        Ok(traces) => Some(traces),
        Err(error) => {
            cx.printer.warn(&error.to_string());
            None
        }
    }
}

fn log(cx: &Cx) -> Result<log::Secrets, CliError> {
    let hidden = log::Secrets::default();
    let filter = cx.env.var(log::variable());
    log::start(filter, cx.env.stderr_tty, cx.printer.err_color() == Color::Yes, hidden.clone())
        .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    Ok(hidden)
}

fn address(args: &RunArgs, serve: &Serve) -> SocketAddr {
    let host = args.host.or(serve.host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    SocketAddr::new(host, args.port.or(serve.port).unwrap_or(PORT))
}

/// Beyond this machine only with tokens, or where that was said; open to every web page only within it.
fn permitted(host: IpAddr, insecure: bool, serve: &Serve) -> Result<(), CliError> {
    if host.is_loopback() {
        return Ok(());
    }
    if serve.cors.iter().any(|origin| origin == "*") {
        return Err(CliError::usage(format!(
            "`*` in `serve.cors` would let every web page use what listens on {host}"
        ))
        .hint("name the origins that may, such as `https://app.example`"));
    }
    if serve.tokens.is_empty() && !insecure {
        return Err(CliError::usage(format!("without a token, everybody who reaches {host} could use this agent"))
            .hint("add `serve.tokens` to the agent file, or say `--insecure`"));
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    server::bind(address).await.map_err(|error| {
        let failed = CliError::failed(format!("could not listen on {address}")).because(&error);
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                failed.hint("another program has this port: choose one with `--port`, 0 is any that is free")
            }
            io::ErrorKind::PermissionDenied => {
                failed.hint("ports below 1024 are the administrator's: choose another with `--port`")
            }
            io::ErrorKind::AddrNotAvailable => {
                failed.hint("this machine has no such address: choose one of its own with `--host`")
            }
            _ => failed,
        }
    })
}

/// The files whose change is a change of what is served.
fn files(serve: &server::Agents) -> Vec<PathBuf> {
    let loaded = &serve.loaded;
    let Some(path) = &loaded.path else { return vec![] };
    let specs = std::iter::once(&loaded.file.agent).chain(loaded.file.agents.values());
    let named = specs.flat_map(|spec| spec.instructions_file.iter().chain(&spec.mcp_file)).cloned();
    let beside = std::iter::once(PathBuf::from(".env")).chain(named).map(|file| loaded.dir.join(file));
    std::iter::once(path.clone()).chain(beside).collect()
}
