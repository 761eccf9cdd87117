//! `agentscope mcp serve`.

use clap::Args;

use crate::{
    cli::{AgentArgs, CliError, Cx, Exit, cx::signals, run::Opener, source::AgentSource},
    server::{self, App, Caller, Target},
    store,
    ui::log,
};

/// Serve an agent and its tools to one MCP client on standard input and output
///
/// For programs that start their MCP servers themselves. `agentscope run` serves the same at /mcp.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    agent: AgentArgs,
}

pub(super) fn run(args: &ServeArgs, cx: &Cx) -> Result<Exit, CliError> {
    let source = AgentSource::find(&args.agent, cx)?;
    let opener = Opener { source, profile: args.agent.profile.clone(), hidden: log::Secrets::default(), cx };
    let (loaded, keys) = opener.read()?;
    cx.block_on(async {
        let mut signals = signals()?;
        let stores = store::open(&loaded.file.storage, &cx.paths, &loaded.dir)?;
        let app = App::new(opener.open(loaded, keys, &stores).await?, stores, false);
        let target = Target::root(&app);
        let caller = Caller::of_user(cx.env.user().to_owned());
        let served = tokio::select! {
            served = server::serve_stdio(app.clone(), target, caller) => served,
            _ = signals.recv() => Ok(()),
        };
        app.agents().root.drained().await;
        served.map(|()| Exit::Done).map_err(|error| {
            CliError::failed(format!("the client on standard input does not speak MCP: {error}"))
                .hint("this command is for programs that start MCP servers; people use `agentscope chat`")
        })
    })
}
