//! `agentscope run`: the agent as a server.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use clap::Args;

use super::{AgentArgs, CliError, Cx, Exit, boxes, cx::signals, source::AgentSource};
use crate::{
    agent::{self, AgentDeps, AgentOptions, ApproveMode, KeptRules, LocalAgent, Surface},
    config::{Keys, agent_file::Loaded},
    server::{self, Agents, App},
    store,
};

/// Where the agent file does not say.
const PORT: u16 = 8090;

/// Serve an agent over HTTP
#[derive(Debug, Args)]
#[command(alias = "serve")]
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
    let source = AgentSource::find(&args.agent, cx)?;
    let (loaded, keys) = source.load(args.agent.profile.as_deref(), cx)?;
    let address = address(args, &loaded)?;
    cx.block_on(async {
        let mut signals = signals()?;
        let app = open(Arc::new(loaded), keys, cx).await?;
        let listener = server::bind(address)
            .await
            .map_err(|error| CliError::failed(format!("could not listen on {address}")).because(&error))?;
        let bound = listener.local_addr().unwrap_or(address);
        cx.printer.stderr(&format!("listening on http://{bound}\n"));
        server::serve(listener, app, async move {
            signals.recv().await;
        })
        .await;
        Ok(Exit::Done)
    })
}

/// Where to listen; beyond this machine only with tokens, or where that was said.
fn address(args: &RunArgs, loaded: &Loaded) -> Result<SocketAddr, CliError> {
    let serve = &loaded.file.serve;
    let host = args.host.or(serve.host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    if !host.is_loopback() && serve.tokens.is_empty() && !args.insecure {
        return Err(CliError::usage(format!("without a token, everybody who reaches {host} could use this agent"))
            .hint("add `serve.tokens` to the agent file, or say `--insecure`"));
    }
    Ok(SocketAddr::new(host, args.port.or(serve.port).unwrap_or(PORT)))
}

async fn open(loaded: Arc<Loaded>, keys: Keys, cx: &Cx) -> Result<Arc<App>, CliError> {
    let stores = store::open(&loaded.file.storage, &cx.paths, &loaded.dir)?;
    let default_model = match &loaded.file.agent.model {
        None => Some(super::default_model::said(&keys, cx).await?),
        Some(_) => None,
    };
    let deps = AgentDeps {
        env: cx.env.clone(),
        paths: cx.paths.clone(),
        http: Arc::clone(&cx.http),
        keys,
        store: Arc::clone(&stores.sessions),
        notes: Arc::clone(&stores.notes),
        models: agent::models(Arc::clone(&cx.http)),
        boxes: boxes::of_server(&loaded, cx),
        kept: KeptRules::default(),
        tools: vec![],
        options: AgentOptions {
            model: None,
            default_model,
            workspace: cx.env.cwd.join(&loaded.dir),
            context_files: false,
            approve: ApproveMode::Ask,
            surface: Surface::Serve,
            now: jiff::Zoned::now,
        },
    };
    let agent = LocalAgent::open(&loaded, deps)?;
    agent.start();
    Ok(App::new(Agents::new(loaded, agent)?, stores))
}
