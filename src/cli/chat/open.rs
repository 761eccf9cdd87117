//! The beginning of a chat: the agent of a file, or one that a server has.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{About, Chat, ChatArgs, Found};
use crate::{
    agent::{self, Agent, AgentDeps, AgentOptions, ApproveMode, KeptRules, RemoteAgent, RemoteError, Surface},
    cli::{
        CliError, Cx, Exit,
        boxes::{self, InChat},
        default_model,
        init::quoted,
        source::AgentSource,
    },
    config::{Keys, Rule, Settings, agent_file::Loaded},
    domain::{Content, SessionId, SessionKey},
    store::{self, Store},
};

/// Where the token for a server is found.
const TOKEN: &str = "AGENTSCOPE_TOKEN";

/// Finds what AGENT names.
///
/// # Errors
/// Nothing of that name; a file with errors; arguments that a server has no use for.
pub(super) fn find(args: &ChatArgs, cx: &Cx) -> Result<Found, CliError> {
    let Some(url) = AgentSource::url(&args.agent) else {
        let (loaded, keys) = AgentSource::find_to_chat(&args.agent, cx)?.load(args.agent.profile.as_deref(), cx)?;
        return Ok(Found::Here(Box::new(loaded), keys));
    };
    let theirs = [
        ("--model", args.model.is_some()),
        ("--workspace", args.workspace.is_some()),
        ("--approve", args.approve != ApproveMode::Ask),
        ("--profile", args.agent.profile.is_some()),
    ];
    if let Some((flag, _)) = theirs.into_iter().find(|(_, given)| *given) {
        return Err(CliError::usage(format!("`{flag}` cannot be given for an agent that a server runs"))
            .hint("the server decides that, in its agent file"));
    }
    Ok(Found::There(url.to_owned(), AgentSource::Builtin.keys(cx)?))
}

/// Opens the agent and chooses the session.
///
/// # Errors
/// An agent that cannot be opened; a server that cannot be reached; no session to go on with.
pub(super) async fn chat(args: &ChatArgs, found: Found, attachments: Vec<Content>, cx: &Cx) -> Result<Chat, CliError> {
    match found {
        Found::Here(loaded, keys) => here(args, Arc::new(*loaded), keys, attachments, cx).await,
        Found::There(url, keys) => there(args, &url, &keys, attachments, cx).await,
    }
}

async fn there(args: &ChatArgs, url: &str, keys: &Keys, attachments: Vec<Content>, cx: &Cx) -> Result<Chat, CliError> {
    let agent = RemoteAgent::connect(url, &cx.http, keys.get(TOKEN), args.user_id.clone()).await.map_err(remote)?;
    let session = match &args.session_id {
        Some(id) => id.clone(),
        None if args.continue_last => {
            agent.last_session().await.map_err(remote)?.ok_or_else(|| no_session(&agent.about().name))?
        }
        None => SessionId::new(),
    };
    let about = About {
        name: agent.about().name.clone(),
        sandbox: None,
        mode: ApproveMode::Ask,
        welcome: agent.about().welcome.clone(),
        commands: BTreeMap::new(),
        structured: false,
        text_calls: true,
        url: Some(url.to_owned()),
        spelled: spelled(Some(Path::new(args.deployment.as_deref().unwrap_or(url))), args),
    };
    let key = SessionKey { user: args.user_id.clone().unwrap_or_default(), session };
    Ok(Chat { agent: Agent::Remote(agent), about, key, format: args.output, attachments })
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn remote(error: RemoteError) -> CliError {
    let exit = match &error {
        RemoteError::Foreign { .. } | RemoteError::Unknown { .. } => Exit::NotFound,
        _ => Exit::Failed,
    };
    let told = CliError::from_error(exit, &error);
    match error.hint() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

fn no_session(agent: &str) -> CliError {
    CliError::not_found(format!("there is no session of `{agent}` to go on with"))
        .hint("leave out `--continue` to begin one; `agentscope session list` shows all")
}

async fn here(
    args: &ChatArgs,
    loaded: Arc<Loaded>,
    keys: Keys,
    attachments: Vec<Content>,
    cx: &Cx,
) -> Result<Chat, CliError> {
    // All that is not set at once, the store's besides the agent's.
    let model = args.model.as_deref().or(loaded.file.agent.model.as_deref());
    agent::require(&loaded, &[(&loaded.file.name, model)], &["/storage/"])?;
    let stores = store::open(&loaded.file.storage, &cx.paths, &loaded.dir)?;
    let user = args.user_id.clone().unwrap_or_else(|| cx.env.user().to_owned());
    let session = match &args.session_id {
        Some(id) => id.clone(),
        None if args.continue_last => last_session(&*stores.sessions, &user, &loaded).await?,
        None => SessionId::new(),
    };
    let default_model = match (&args.model, &loaded.file.agent.model) {
        (None, None) => Some(default_model::found(&keys, cx).await?),
        _ => None,
    };
    let in_chat = InChat { workspace: args.workspace, one_shot: args.query.is_some() };
    let boxes = boxes::of_chat(&loaded, in_chat, cx);
    let deps = AgentDeps {
        env: cx.env.clone(),
        paths: cx.paths.clone(),
        http: Arc::clone(&cx.http),
        keys,
        store: stores.sessions,
        notes: stores.notes,
        models: agent::models(Arc::clone(&cx.http)),
        boxes: Arc::clone(&boxes),
        kept: kept_rules(&loaded, cx)?,
        tools: vec![],
        options: AgentOptions {
            model: args.model.clone(),
            default_model,
            workspace: cx.env.cwd.clone(),
            context_files: true,
            approve: args.approve,
            surface: Surface::Chat { contained: boxes.settings().contained() },
            now: jiff::Zoned::now,
        },
    };
    let agent = Agent::open(&loaded, deps)?;
    boxes.warm(&user);
    let file = &loaded.file;
    let about = About {
        name: file.name.clone(),
        sandbox: Some(boxes.settings().in_short()),
        mode: args.approve,
        welcome: file.agent.welcome.clone(),
        commands: file.agent.commands.clone(),
        structured: file.agent.output.is_some(),
        text_calls: file.models.values().any(|model| model.text_tool_calls),
        url: None,
        spelled: spelled(loaded.path.as_deref(), args),
    };
    Ok(Chat { agent, about, key: SessionKey { user, session }, format: args.output, attachments })
}

/// What leads here again, as words of a shell.
fn spelled(agent: Option<&Path>, args: &ChatArgs) -> String {
    let mut out: String = agent.iter().map(|agent| format!(" {}", quoted(agent))).collect();
    for (flag, value) in [("--profile", &args.agent.profile), ("--user-id", &args.user_id)] {
        out.extend(value.iter().map(|value| format!(" {flag} {}", quoted(Path::new(value)))));
    }
    out
}

/// The rules that the user said "always" to for this agent file. An agent that is in no file has none.
fn kept_rules(loaded: &Loaded, cx: &Cx) -> Result<KeptRules, CliError> {
    let Some(file) = loaded.path.as_ref().map(|path| cx.env.cwd.join(path)) else { return Ok(KeptRules::default()) };
    let file = file.canonicalize().unwrap_or(file);
    let settings = Settings::load(&cx.paths).map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    let rules = settings.allowed(&file).to_owned();
    let paths = cx.paths.clone();
    let keep = move |rules: &[Rule]| match Settings::allow(&paths, &file, rules) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    Ok(KeptRules { rules, keep: Some(Arc::new(keep)) })
}

/// The session that was used last with this agent.
async fn last_session(store: &dyn Store, user: &str, loaded: &Loaded) -> Result<SessionId, CliError> {
    let sessions = store.sessions(Some(user)).await?;
    let last = sessions.into_iter().find(|session| session.agent == loaded.file.name);
    last.map(|session| session.id).ok_or_else(|| no_session(&loaded.file.name))
}
