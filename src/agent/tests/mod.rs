//! Whole turns, on scripted models and an in-memory store.

mod brought;
mod compact;
mod named;
mod output;
#[cfg(unix)]
mod permit;
mod run;
mod save;
mod team;
mod turn;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
};

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    AgentDeps, AgentOptions, AgentRequest, ApproveMode, KeptRules, LocalAgent, Surface, TurnControl, laws::assert_laws,
};
use crate::{
    config::{
        Env, Keys, Paths, Rule,
        agent_file::{LoadOptions, load_str},
    },
    domain::{AgentEvent, Answer, Content, Message, SessionKey, TurnOutcome, Usage},
    model::{Model, ModelDelta, ModelError, StopReason, scripted::ScriptedModel},
    runtime::http::Http,
    store::{MemoryStore, Store},
    tool::Tool,
};

pub(super) type Script = Vec<Result<ModelDelta, ModelError>>;

/// Everything that a test of the loop needs: an agent whose models answer by script.
pub(super) struct Stage {
    pub(super) store: MemoryStore,
    /// What the agent has in its place.
    pub(super) store_between: Option<Arc<dyn Store>>,
    pub(super) models: HashMap<String, Arc<ScriptedModel>>,
    pub(super) folder: tempfile::TempDir,
    tools: Vec<Arc<dyn Tool>>,
    yaml: String,
    /// Rules that the user allowed for good.
    pub(super) kept: Arc<Mutex<Vec<Rule>>>,
}

impl Stage {
    /// `yaml` without name and model; the model `openai/root` answers by `script`.
    pub(super) fn new(yaml: &str, script: Vec<Script>) -> Self {
        let stage = Self {
            store: MemoryStore::new(),
            store_between: None,
            models: HashMap::new(),
            folder: tempfile::tempdir().unwrap(),
            tools: vec![],
            kept: Arc::default(),
            yaml: format!("name: assistant\nmodel: openai/root\n{yaml}"),
        };
        stage.model("openai/root", ScriptedModel::new(script))
    }

    pub(super) fn model(mut self, name: &str, model: ScriptedModel) -> Self {
        self.models.insert(name.to_owned(), Arc::new(model));
        self
    }

    pub(super) fn tool(mut self, tool: impl Tool + 'static) -> Self {
        self.tools.push(Arc::new(tool));
        self
    }

    pub(super) fn root(&self) -> &ScriptedModel {
        &self.models["openai/root"]
    }

    pub(super) fn agent(&self) -> LocalAgent {
        let env = Env::fake(self.folder.path(), &[("AGENTSCOPE_HOME", "home")]);
        let paths = Paths::new(&env);
        let options = LoadOptions { profile: None, lookup: &|_| None };
        let loaded = match load_str("agent.yaml", &self.yaml, self.folder.path(), &options) {
            Ok(loaded) => loaded,
            Err(errors) => panic!("{errors}"),
        };
        let models = self.models.clone();
        let kept = Arc::clone(&self.kept);
        let deps = AgentDeps {
            keys: Keys::load(&env, &paths, None).unwrap(),
            http: Arc::new(Http::new(env.clone(), true)),
            store: self.store_between.clone().unwrap_or_else(|| Arc::new(self.store.clone())),
            notes: Arc::new(self.store.clone()),
            boxes: crate::tool::testing::boxes(&env, &paths, self.folder.path()),
            models: Arc::new(move |name, _, _| Ok(Arc::clone(&models[name]) as Arc<dyn Model>)),
            kept: KeptRules {
                rules: vec![],
                keep: Some(Arc::new(move |rules| {
                    kept.lock().unwrap().extend_from_slice(rules);
                    Ok(())
                })),
            },
            tools: self.tools.clone(),
            options: AgentOptions {
                model: None,
                default_model: None,
                workspace: self.folder.path().to_owned(),
                context_files: true,
                approve: ApproveMode::Ask,
                surface: Surface::Chat { contained: false },
                now: || jiff::civil::date(2026, 3, 14).at(15, 9, 0, 0).in_tz("UTC").unwrap(),
            },
            env,
            paths,
        };
        LocalAgent::open(&Arc::new(loaded), deps).unwrap()
    }

    pub(super) fn key() -> SessionKey {
        SessionKey { user: "ann".to_owned(), session: "ses_1".into() }
    }

    pub(super) fn request(text: &str) -> AgentRequest {
        AgentRequest::message(Self::key(), vec![Content::text(text)])
    }

    /// Runs a turn with nobody to ask; checks the laws.
    pub(super) async fn turn(&self, text: &str) -> Vec<AgentEvent> {
        let control = TurnControl::unattended(CancellationToken::new());
        let events: Vec<_> = self.agent().run(Self::request(text), control).collect().await;
        assert_laws(&events);
        events
    }

    /// Runs a turn in which `reply` answers what is asked, and may cancel.
    pub(super) async fn attended(
        &self,
        text: &str,
        mut reply: impl FnMut(&AgentEvent, &CancellationToken) -> Vec<Answer>,
    ) -> Vec<AgentEvent> {
        let cancel = CancellationToken::new();
        let (answers, received) = mpsc::channel(8);
        let control = TurnControl { answers: Some(received), ..TurnControl::unattended(cancel.clone()) };
        let mut stream = self.agent().run(Self::request(text), control);
        let mut events = vec![];
        while let Some(event) = stream.next().await {
            for answer in reply(&event, &cancel) {
                answers.send(answer).await.unwrap();
            }
            events.push(event);
        }
        assert_laws(&events);
        events
    }

    pub(super) async fn history(&self) -> Vec<Message> {
        self.store.history(&Self::key()).await.unwrap()
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(Path::new(self.folder.path()).join(name), text).unwrap();
    }
}

pub(super) fn says(text: &str) -> Script {
    let mut deltas: Script = text.split_inclusive(' ').map(|word| Ok(ModelDelta::Text(word.to_owned()))).collect();
    deltas.extend(ends(StopReason::End));
    deltas
}

/// Calls with their ids, names and arguments.
pub(super) fn calls(calls: &[(&str, &str, &str)]) -> Script {
    let mut deltas = vec![];
    for (id, name, arguments) in calls {
        deltas.push(Ok(ModelDelta::ToolCallStart { call_id: (*id).into(), name: (*name).to_owned(), opaque: None }));
        deltas.push(Ok(ModelDelta::ToolCallArguments { call_id: (*id).into(), delta: (*arguments).to_owned() }));
    }
    deltas.extend(ends(StopReason::ToolCalls));
    deltas
}

fn ends(reason: StopReason) -> Script {
    let usage = Usage { input_tokens: 10, output_tokens: 5, cost: Some(0.001), ..Usage::default() };
    let raw = if reason == StopReason::End { "stop" } else { "tool_calls" };
    vec![Ok(ModelDelta::Usage(usage)), Ok(ModelDelta::Stop { reason, raw: raw.to_owned() })]
}

/// Events without their envelope, one a line: `agent type {rest}`.
pub(super) fn lines(events: &[AgentEvent]) -> String {
    let line = |event: &AgentEvent| {
        let mut value = serde_json::to_value(&event.kind).unwrap();
        let kind = value["type"].take();
        if let Value::Object(object) = &mut value {
            object.shift_remove("type");
        }
        format!("{} {} {value}", event.agent, kind.as_str().unwrap_or_default())
    };
    without_ids(&events.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Ids of our own making differ from run to run.
pub(super) fn without_ids(text: &str) -> String {
    let mut parts = text.split("\"call_");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let end = part.find('"').filter(|end| *end == 32).unwrap_or(0);
        all + "\"call_" + &part[end..]
    })
}

pub(super) fn outcome(events: &[AgentEvent]) -> &TurnOutcome {
    match &events.last().unwrap().kind {
        crate::domain::EventKind::TurnFinished { outcome, .. } => outcome,
        other => panic!("{other:?}"),
    }
}
