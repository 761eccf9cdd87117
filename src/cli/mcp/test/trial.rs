//! The test of one server: connect, list, call; log in and begin again where that may help.

use std::{sync::Arc, time::Instant};

use serde_json::Value;

use super::{
    TestArgs,
    asker::Asker,
    row::{Call, Row},
};
use crate::{
    cli::{CliError, Cx, mcp::login::log_in},
    config::agent_file::McpServer,
    domain::{AgentPath, CallId, Content, SessionId, SessionKey},
    tool::{
        Arguments, Tool, ToolCx, ToolDeps, ToolError,
        mcp::{Offer, Server},
    },
};

/// A server may want one login to connect and others for what its tools do, but one that wants ever more is not followed.
const MOST_LOGINS: usize = 3;

pub(super) struct Trial {
    name: String,
    config: McpServer,
    deps: ToolDeps,
    server: Server,
}

impl Trial {
    pub(super) fn new(name: String, config: McpServer, deps: ToolDeps) -> Self {
        let server = Server::new(&name, config.clone(), deps.clone());
        Self { name, config, deps, server }
    }

    pub(super) async fn end(&self) {
        self.server.shutdown().await;
    }

    pub(super) async fn run(&mut self, args: &TestArgs, cx: &Cx) -> Result<Row, CliError> {
        let mut wanted = vec![];
        loop {
            let mut row = self.once(args, cx).await;
            let (true, Some(challenge), Some(url)) = (args.login, self.server.challenge(), &self.config.url) else {
                return Ok(row);
            };
            // What a login did not help with will not be helped by another.
            if wanted.len() == MOST_LOGINS || wanted.contains(&challenge) {
                row.in_vain();
                return Ok(row);
            }
            log_in(url, &args.options, Some(&challenge), cx).await?;
            wanted.push(challenge);
            self.server.shutdown().await;
            self.server = Server::new(&self.name, self.config.clone(), self.deps.clone());
        }
    }

    async fn once(&self, args: &TestArgs, cx: &Cx) -> Row {
        let since = Instant::now();
        let offer = self.server.offer().await;
        let mut row = Row::new(self.server.name(), since.elapsed(), &offer);
        if let (true, Some(name)) = (row.ok, &args.call) {
            row.call = Some(call(name, &offer, args, cx).await);
        }
        row
    }
}

async fn call(name: &str, offer: &Offer, args: &TestArgs, cx: &Cx) -> Call {
    let since = Instant::now();
    let Some(tool) = offer.tools.iter().find(|tool| tool.spec().name == name) else {
        let error = format!("the server has no tool `{name}`");
        return Call { tool: name.to_owned(), ok: false, ms: 0, text: None, error: Some(error) };
    };
    let called = run_tool(tool, args, cx).await;
    let ms = since.elapsed().as_millis();
    let (text, error) = match called {
        Ok(content) => (Some(content.iter().map(shown).collect::<Vec<_>>().join("\n")), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Call { tool: name.to_owned(), ok: error.is_none(), ms, text, error }
}

async fn run_tool(tool: &Arc<dyn Tool>, args: &TestArgs, cx: &Cx) -> Result<Vec<Content>, ToolError> {
    let arguments = Arguments::new(&tool.spec().parameters).check(Value::Object(args.arguments.clone()))?;
    let surroundings = ToolCx {
        call_id: CallId::from("test"),
        session: SessionKey { user: cx.env.user().into(), session: SessionId::new() },
        agent: AgentPath::root("test"),
        cancel: tokio_util::sync::CancellationToken::new(),
        state: Value::Object(serde_json::Map::new()),
        host: Arc::new(Asker::new(args.defaults, cx)),
    };
    Ok(tool.call(arguments, &surroundings).await?.content)
}

fn shown(part: &Content) -> String {
    match part {
        Content::Text { text } => text.clone(),
        Content::Image(image) => format!("[{}, {} bytes of base64]", image.media_type, image.data.len()),
        _ => "[content of another kind]".to_owned(),
    }
}
