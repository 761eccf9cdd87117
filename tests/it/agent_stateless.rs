//! What a turn leaves behind whose caller keeps the conversation: nothing.

use std::{path::Path, sync::Arc};

use agentscope::{
    agent::{
        AgentDeps, AgentOptions, AgentRequest, ApproveMode, Brought, EventStream, KeptRules, LocalAgent, Surface,
        TurnControl, models,
    },
    config::{
        Env, Keys, Paths,
        agent_file::{Backend, LoadOptions, Sandbox, load_str},
    },
    domain::{EventKind, Message, SessionKey},
    runtime::http::Http,
    sandbox::{Filter, HostBackend, Sandboxes, WorkspaceMode},
    store::{MemoryStore, Store as _},
    tool::boxed::{BoxSettings, Boxes},
};
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

const YAML: &str = "name: assistant\nmodel: demo\ntools: [shell]\n";

/// An agent with a sandbox of the host, as a server has it.
struct Stage {
    folder: tempfile::TempDir,
    store: MemoryStore,
    sandboxes: Sandboxes,
    agent: LocalAgent,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap();
        let env = Env::fake(folder.path(), &[("AGENTSCOPE_HOME", "home"), ("PATH", path.as_str())]);
        let paths = Paths::new(&env);
        let program = env!("CARGO_BIN_EXE_agentscope").into();
        let backend = Arc::new(HostBackend::new(paths.state.join("sandboxes"), program, &env));
        let sandboxes = Sandboxes::new(&paths, vec![backend]);
        let settings = BoxSettings {
            sandbox: Sandbox { backend: Backend::Host, ..Sandbox::default() },
            folder: folder.path().to_owned(),
            mode: WorkspaceMode::None,
            workspace: folder.path().to_owned(),
            // Nothing stays when a test fails.
            tied: true,
        };
        let options = LoadOptions { profile: None, lookup: &|_| None };
        let Ok(loaded) = load_str("agent.yaml", YAML, Path::new("."), &options) else { unreachable!("it is right") };
        let (store, http) = (MemoryStore::new(), Arc::new(Http::new(env.clone(), true)));
        let deps = AgentDeps {
            keys: Keys::load(&env, &paths, None).unwrap(),
            store: Arc::new(store.clone()),
            notes: Arc::new(store.clone()),
            models: models(Arc::clone(&http)),
            http,
            boxes: Boxes::new(sandboxes.clone(), settings),
            kept: KeptRules::default(),
            tools: vec![],
            options: AgentOptions {
                model: None,
                default_model: None,
                workspace: folder.path().to_owned(),
                context_files: false,
                approve: ApproveMode::Auto,
                surface: Surface::Serve,
                now: jiff::Zoned::now,
            },
            env,
            paths,
        };
        let agent = LocalAgent::open(&Arc::new(loaded), deps).unwrap();
        Self { folder, store, sandboxes, agent }
    }

    fn key(session: &str) -> SessionKey {
        SessionKey { user: "ann".to_owned(), session: session.into() }
    }

    fn runs(&self, session: &str, history: Option<Vec<Message>>, command: &str, control: TurnControl) -> EventStream {
        let text = format!("TOOL:run_shell_command:{}", serde_json::json!({ "command": command }));
        let input = vec![Message::user(text)];
        let brought = Brought { history, ..Brought::default() };
        self.agent.run(AgentRequest { key: Self::key(session), input, brought }, control)
    }

    async fn sandboxes(&self) -> usize {
        self.sandboxes.list(&Filter { all: true, ..Filter::default() }).await.unwrap().len()
    }

    fn changes(&self) -> usize {
        let changes = self.folder.path().join("home/state/changes");
        std::fs::read_dir(changes).map_or(0, Iterator::count)
    }
}

/// What the call gave.
async fn outcome(mut events: EventStream) -> String {
    let mut text = String::new();
    while let Some(event) = events.next().await {
        if let EventKind::ToolFinished { outcome, .. } = event.kind {
            text = outcome.text();
        }
    }
    text
}

#[tokio::test]
async fn the_sandbox_of_a_stateless_turn_goes_with_it_and_that_of_a_session_stays() {
    let stage = Stage::new();
    let unattended = || TurnControl::unattended(CancellationToken::new());
    let kept = outcome(stage.runs("ses_kept", None, "echo kept", unattended())).await;
    assert!(kept.starts_with("kept"), "{kept}");
    let passing = outcome(stage.runs("ses_passing", Some(vec![]), "echo passing", unattended())).await;
    assert!(passing.starts_with("passing"), "{passing}");

    let cancel = CancellationToken::new();
    let mut events = stage.runs("ses_canceled", Some(vec![]), "sleep 600", TurnControl::unattended(cancel.clone()));
    while let Some(event) = events.next().await {
        if matches!(event.kind, EventKind::ToolStarted { .. }) {
            cancel.cancel();
        }
    }
    // What is tied to the process is stopped now; that of the session is still there, with its folder.
    stage.agent.drained().await;
    assert_eq!(stage.sandboxes().await, 1);
    assert_eq!(stage.store.sessions(None).await.unwrap().len(), 1);

    stage.agent.forget(&Stage::key("ses_kept")).await.unwrap();
    assert_eq!((stage.sandboxes().await, stage.changes()), (0, 0));
}
