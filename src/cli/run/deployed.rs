//! The server of a deployment on this machine: a hidden subcommand that its supervisor starts, which tells it everything
//! by the socket that is its standard input, and without which it ends.

use std::{
    fs::File,
    io,
    net::TcpListener,
    os::{fd::AsFd as _, unix::net::UnixStream},
    process::ExitCode,
};

use tokio::sync::mpsc;

use super::{default_model, log};
use crate::{
    app::{AgentApp, Source},
    cli::{CliError, Cx, Exit, GlobalArgs, cx::signals},
    config::Env,
    deploy::local::{Order, Serving},
    sandbox::handoff,
    server::Move,
    ui::{ColorChoice, Printer},
};

/// `__serve AGENT`, where the agent is for people who look at processes.
pub(in crate::cli) fn main() -> ExitCode {
    let env = Env::of_process();
    let printer = Printer::new(&env, ColorChoice::Never);
    match told().map_err(|error| CliError::failed("its supervisor did not say what to serve").because(&error)) {
        Ok((serving, listener, socket)) => {
            let variables = serving.variables.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
            let global = GlobalArgs { color: ColorChoice::Never, offline: false };
            let cx = Cx::new(env.with(&variables.collect()), &global, printer);
            match serve(&serving, listener, socket, &cx) {
                Ok(exit) => exit.into(),
                Err(error) => error.report(&cx.printer).into(),
            }
        }
        Err(error) => error.report(&printer).into(),
    }
}

fn told() -> io::Result<(Serving, TcpListener, UnixStream)> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (serving, mut descriptors) = handoff::receive::<Serving>(&socket)?;
    let listener = descriptors.pop().ok_or_else(|| io::Error::other("no listener came along"))?;
    // No program that it starts is to have the other half.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok((serving, listener.into(), socket))
}

fn serve(serving: &Serving, listener: TcpListener, socket: UnixStream, cx: &Cx) -> Result<Exit, CliError> {
    let hidden = log(cx)?;
    cx.block_on(async {
        let signals = signals()?;
        let mut builder = AgentApp::builder()
            .source(Source::File(serving.agent.clone()))
            .env(cx.env.clone())
            .secrets(move |secrets| hidden.add(secrets));
        if let Some(profile) = &serving.profile {
            builder = builder.profile(profile);
        }
        let app = builder.build().await?;
        if let Some(default) = app.default_model() {
            default_model::say(default, cx);
        }
        let (moving, moves) = mpsc::channel(4);
        let listening = app.listen_on(listener, moves, serving.host).await?;
        std::thread::Builder::new()
            .name("orders".to_owned())
            .spawn(move || heed(&socket, &moving))
            .map_err(|error| CliError::failed("could not start a thread").because(&error))?;
        listening.until(signals.told()).await;
        Ok(Exit::Done)
    })
}

/// Does what the supervisor says, until it says no more.
fn heed(socket: &UnixStream, moving: &mpsc::Sender<Move>) {
    loop {
        let next = match handoff::receive::<Order>(socket) {
            Ok((Order::Listen, descriptors)) => {
                descriptors.into_iter().next().map(|listener| Move::To(listener.into()))
            }
            Ok((Order::Leave, _)) => Some(Move::Away),
            Err(_) => {
                // It ended, and with it whoever reads what is written.
                if let Ok(null) = File::options().write(true).open("/dev/null") {
                    let _ = rustix::stdio::dup2_stdout(&null);
                    let _ = rustix::stdio::dup2_stderr(&null);
                }
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
                return;
            }
        };
        if let Some(next) = next {
            let _ = moving.blocking_send(next);
        }
    }
}
