//! `agentscope mcp login`.

use std::process::Stdio;

use clap::Args;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::login_url;
use crate::{
    cli::{AgentArgs, CliError, Cx, Exit, cx::signals},
    config::Secret,
    tool::mcp::{
        Callback,
        oauth::{Login, LoginRequest, OauthError},
    },
};

/// Log in to an MCP server that wants OAuth
#[derive(Debug, Args)]
#[command(after_help = "The tokens are kept in the state folder, readable by you alone, and renewed by themselves.")]
pub(super) struct LoginArgs {
    /// The server, or its address
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    agent: AgentArgs,
    #[command(flatten)]
    options: LoginOptions,
}

/// How a login is done.
#[derive(Debug, Args)]
#[command(next_help_heading = "Login options")]
pub(super) struct LoginOptions {
    /// Print the address to open, and take the address that the browser ends up at from standard input
    #[arg(long)]
    no_browser: bool,
    /// Ask for this scope, besides those of an earlier login; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Log in as this client, which the authorisation server knows already
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The environment variable that holds the secret of the client
    #[arg(long, value_name = "VARIABLE", requires = "client_id")]
    client_secret_env: Option<String>,
    /// The https address of a document that describes the client, for servers that take one as its id
    #[arg(long, value_name = "URL", value_parser = document, conflicts_with = "client_id")]
    client_metadata: Option<String>,
}

/// MCP 2025-11-25, "Client ID Metadata Documents": https, with a path.
fn document(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if url.scheme() == "https" && url.path() != "/" => Ok(text.to_owned()),
        Ok(_) => Err("it is no https address with a path".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl LoginOptions {
    /// Whether the user said anything about the login.
    pub(super) fn given(&self) -> bool {
        let Self { no_browser, scope, client_id, client_secret_env, client_metadata } = self;
        *no_browser
            || !scope.is_empty()
            || [client_id, client_secret_env, client_metadata].into_iter().any(Option::is_some)
    }

    fn request(&self, challenge: Option<&str>, cx: &Cx) -> Result<LoginRequest, CliError> {
        let secret = |variable: &String| {
            cx.env.var(variable).map(Secret::from).ok_or_else(|| {
                CliError::usage(format!("the environment variable `{variable}` is not set"))
                    .hint("set it to the secret of the client, or leave out `--client-secret-env`")
            })
        };
        Ok(LoginRequest {
            client_id: self.client_id.clone(),
            client_secret: self.client_secret_env.as_ref().map(secret).transpose()?,
            client_metadata: self.client_metadata.clone(),
            scopes: self.scope.clone(),
            challenge: challenge.map(str::to_owned),
        })
    }
}

pub(super) fn run(args: &LoginArgs, cx: &Cx) -> Result<Exit, CliError> {
    let url = login_url(&args.name, &args.agent, cx)?;
    let exit = cx.block_on(async {
        let mut signals = signals()?;
        tokio::select! {
            done = log_in(&url, &args.options, None, cx) => done.map(|()| Exit::Done),
            _ = signals.recv() => Ok(Exit::Interrupted),
        }
    })?;
    if exit == Exit::Done {
        cx.printer.stdout(&format!("logged in to {}\n", args.name))?;
    }
    Ok(exit)
}

/// Takes the user through a login to the server at `url`. `challenge` is what it said when it refused us.
pub(super) async fn log_in(
    url: &str,
    options: &LoginOptions,
    challenge: Option<&str>,
    cx: &Cx,
) -> Result<(), CliError> {
    let request = options.request(challenge, cx)?;
    let mut callback = Callback::bind()
        .await
        .map_err(|error| CliError::failed("could not listen for the browser to come back").because(&error))?;
    let login = Login::begin(url, callback.redirect(), &request, &cx.paths, &cx.http);
    let login = login.await.map_err(|error| failed(&error))?;
    cx.printer.stderr(&format!("open this address to log in:\n{}\n", login.url()));
    let redirected = if options.no_browser {
        cx.printer.stderr("then paste the address that the browser ends up at, if it does not come back by itself\n");
        tokio::select! {
            redirected = callback.wait() => redirected,
            pasted = pasted() => pasted,
        }
    } else {
        open(login.url());
        callback.wait().await
    };
    login.finish(&redirected).await.map_err(|error| failed(&error))
}

/// The first line of standard input that is not empty.
async fn pasted() -> String {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        match lines.next_line().await {
            Ok(Some(line)) if line.trim().is_empty() => {}
            Ok(Some(line)) => return line,
            // The browser may still come back.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

/// Opens a browser, if there is one; the address was printed anyway.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let _ = tokio::process::Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}

fn failed(error: &OauthError) -> CliError {
    let shown = CliError::from_error(Exit::Failed, error);
    match error {
        OauthError::Discovery { .. } => {
            shown.hint("a server that wants a fixed token takes it under `headers` of the server instead")
        }
        OauthError::Register { .. } => {
            shown.hint("register a client with it by other means, and pass its id as `--client-id`")
        }
        OauthError::Refused { .. } => shown.hint("log in again, and consent in the browser"),
        OauthError::Http(_) | OauthError::Read { .. } | OauthError::Parse { .. } | OauthError::Delete { .. } => shown,
    }
}
