//! `agentscope web`: the server with a page for people.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

use clap::Args;

use super::{
    CliError, Cx, Exit,
    run::{RunArgs, serve},
};

/// Serve an agent with a page for browsers on /
#[derive(Debug, Args)]
pub(super) struct WebArgs {
    #[command(flatten)]
    serve: RunArgs,
    /// Do not open the browser
    #[arg(long)]
    no_open: bool,
}

pub(super) fn run(args: &WebArgs, cx: &Cx) -> Result<Exit, CliError> {
    serve(&args.serve, true, cx, |bound| {
        if !args.no_open && cx.env.stderr_tty {
            open(bound, cx);
        }
    })
}

/// Opens the browser of a desktop; where there is none, the address that was printed has to do.
fn open(bound: SocketAddr, cx: &Cx) {
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| cx.env.var(name).is_some());
    let program = match std::env::consts::OS {
        "macos" => "open",
        "linux" if desktop => "xdg-open",
        _ => return,
    };
    let host = if bound.ip().is_unspecified() { "localhost".to_owned() } else { bound.ip().to_string() };
    let url = format!(
        "http://{}:{}/",
        if bound.is_ipv6() && host != "localhost" { format!("[{host}]") } else { host },
        bound.port()
    );
    let _ = Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}
