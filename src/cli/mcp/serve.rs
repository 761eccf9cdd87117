//! `agentscope mcp serve`.

use std::sync::Arc;

use clap::Args;

use crate::{
    app::AgentApp,
    cli::{AgentArgs, CliError, Cx, Exit, cx::signals, default_model, source::AgentSource},
    server::{self, Caller, Target},
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
    cx.block_on(async {
        let mut signals = signals()?;
        let mut builder = AgentApp::builder().source(source.plain()).env(cx.env.clone()).without_http();
        if let Some(profile) = &args.agent.profile {
            builder = builder.profile(profile);
        }
        let app = builder.build().await?;
        if let Some(default) = app.default_model() {
            default_model::say(default, cx);
        }
        let app = app.server();
        let caller = Caller::of_user(cx.env.user().to_owned());
        let served = tokio::select! {
            served = server::serve_stdio(Arc::clone(app), Target::root(app), caller) => served,
            _ = signals.recv() => Ok(()),
        };
        app.agents().root.drained().await;
        served.map(|()| Exit::Done).map_err(|error| {
            CliError::failed(format!("the client on standard input does not speak MCP: {error}"))
                .hint("this command is for programs that start MCP servers; people use `agentscope chat`")
        })
    })
}
