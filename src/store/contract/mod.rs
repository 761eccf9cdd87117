//! One story that every [`Store`] and every [`Notes`] must pass, told to an empty one.

mod tasks;

use serde_json::json;

pub(super) use tasks::{interrupts, task, tasks};

use super::{NewSession, Notes, SessionUsage, Store, StoreError, Used, note_scope};
use crate::domain::{CallId, Content, Message, Role, SessionId, SessionKey, ToolCall, ToolOutcome, Usage};

fn key(user: &str, session: &str) -> SessionKey {
    SessionKey { user: user.to_owned(), session: session.into() }
}

fn assistant() -> NewSession {
    NewSession { agent: "assistant".to_owned(), source: Some("/home/ann/agent.yaml".to_owned()) }
}

/// Messages with everything in them that must come back as it went in.
fn conversation() -> Vec<Message> {
    let call = ToolCall {
        call_id: CallId::from("call_1"),
        name: "fetch".to_owned(),
        arguments: json!({"z": 1, "a": "first stays last, \u{0} \u{1F980}"}),
        opaque: Some(json!({"signature": "=="})),
    };
    vec![
        Message::user("  What is\tnew?\nTell me."),
        Message::new(
            Role::Assistant,
            vec![
                Content::Reasoning { text: "hm".to_owned(), opaque: Some(json!([1])) },
                Content::text("I look."),
                Content::ToolCall(call),
            ],
        ),
        Message::tool_result(CallId::from("call_1"), ToolOutcome::ok("nothing")),
        Message::assistant("Nothing."),
    ]
}

async fn ids(store: &dyn Store, user: Option<&str>) -> Vec<String> {
    store.sessions(user).await.unwrap().iter().map(|info| format!("{}/{}", info.user, info.id)).collect()
}

pub(super) async fn store(store: &dyn Store) {
    unknown_sessions_are_empty(store).await;
    a_session_is_remembered(store).await;
    state_is_merged(store).await;
    a_held_session_is_busy(store).await;
    users_are_kept_apart(store).await;
    a_fork_goes_its_own_way(store).await;
    a_removed_session_is_gone(store).await;
    what_is_used_is_counted(store).await;
}

async fn what_is_used_is_counted(store: &dyn Store) {
    let (of, copy) = (key("cid", "used"), SessionId::from("copy"));
    assert_eq!(store.usage(&of).await.unwrap(), SessionUsage::default());
    let usage = Usage { input_tokens: 10, output_tokens: 2, cached_tokens: 3, reasoning_tokens: 1, cost: Some(0.25) };
    let used = |agent: &str, usage| Used { agent: agent.to_owned(), model: "a/b".to_owned(), answers: 1, usage };
    let first = [used("lead", usage), used("lead/helper", Usage { cost: None, ..usage })];
    store.save(&of, &[Message::user("Hi")], &first).await.unwrap();
    // What was used without anything being said counts, too.
    store.save(&of, &[], &first[..1]).await.unwrap();
    store.append(&of, &[Message::assistant("Ho")]).await.unwrap();
    let all = store.usage(&of).await.unwrap();
    let twice = Usage { input_tokens: 20, output_tokens: 4, cached_tokens: 6, reasoning_tokens: 2, cost: Some(0.5) };
    let lead = Used { answers: 2, ..used("lead", twice) };
    assert_eq!(all, SessionUsage { agents: vec![lead, first[1].clone()], incomplete: false });
    assert_eq!((all.total().total_tokens(), all.total().cost), (36, Some(0.5)));
    store.fork(&of, None, copy.clone()).await.unwrap();
    let copy = SessionKey { session: copy, ..of.clone() };
    assert_eq!(store.usage(&copy).await.unwrap(), SessionUsage::default(), "a copy costs nothing");
    store.truncate(&of, 0).await.unwrap();
    assert_eq!(store.usage(&of).await.unwrap(), all, "what is taken back was paid for");
    store.remove(&of).await.unwrap();
    store.remove(&copy).await.unwrap();
    assert_eq!(store.usage(&of).await.unwrap(), SessionUsage::default());
}

async fn unknown_sessions_are_empty(store: &dyn Store) {
    let unknown = key("ann", "none");
    assert_eq!(store.sessions(None).await.unwrap(), []);
    assert_eq!(store.history(&unknown).await.unwrap(), []);
    assert_eq!(store.state(&unknown).await.unwrap(), json!({}));
    assert!(matches!(store.info(&unknown).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.rename(&unknown, "x").await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.fork(&unknown, None, SessionId::new()).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.truncate(&unknown, 0).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.remove(&unknown).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.sessions(None).await.unwrap(), [], "asking makes nothing");
}

async fn a_session_is_remembered(store: &dyn Store) {
    let s1 = key("ann", "s1");
    let held = store.lock(&s1, &assistant()).await.unwrap();
    assert_eq!(store.sessions(None).await.unwrap(), [], "a session in which nothing was said is none");

    let all = conversation();
    store.append(&s1, &all[..1]).await.unwrap();
    drop(held);
    store.append(&s1, &[]).await.unwrap();
    store.append(&s1, &all[1..]).await.unwrap();
    assert_eq!(store.history(&s1).await.unwrap(), all);

    let info = store.info(&s1).await.unwrap();
    assert_eq!((info.agent.as_str(), info.source.as_deref()), ("assistant", Some("/home/ann/agent.yaml")));
    assert_eq!((info.title.as_str(), info.messages, info.parent.as_ref()), ("What is new?", 4, None));
    assert!(info.updated_at >= info.created_at);

    // What is known when a session is made is not changed by taking it again.
    drop(store.lock(&s1, &NewSession { agent: "other".to_owned(), source: None }).await.unwrap());
    assert_eq!(store.info(&s1).await.unwrap().agent, "assistant");

    store.rename(&s1, "News").await.unwrap();
    store.append(&s1, &[Message::user("More?")]).await.unwrap();
    assert_eq!(store.info(&s1).await.unwrap().title, "News");

    // The last used comes first.
    let s0 = key("ann", "s0");
    store.append(&s0, &[Message::user("long ".repeat(50))]).await.unwrap();
    assert_eq!(ids(store, Some("ann")).await, ["ann/s0", "ann/s1"]);
    assert_eq!(store.info(&s0).await.unwrap().title.chars().count(), 60);
    store.append(&s1, &[Message::assistant("No.")]).await.unwrap();
    assert_eq!(ids(store, Some("ann")).await, ["ann/s1", "ann/s0"]);

    // What is attached is no part of the title.
    let with_file = Message { content: vec![Content::text("Review this"), Content::text("diff")], ..Message::user("") };
    let s2 = key("ann", "s2");
    store.append(&s2, &[with_file]).await.unwrap();
    assert_eq!(store.info(&s2).await.unwrap().title, "Review this");
    store.remove(&s2).await.unwrap();
}

async fn state_is_merged(store: &dyn Store) {
    let s1 = key("ann", "s1");
    store.patch_state(&s1, &json!({"todo": [1, 2], "mode": {"a": 1, "b": 2}})).await.unwrap();
    store.patch_state(&s1, &json!({"mode": {"a": null}, "new": true})).await.unwrap();
    store.patch_state(&s1, &json!("not an object")).await.unwrap();
    assert_eq!(store.state(&s1).await.unwrap(), json!({"todo": [1, 2], "mode": {"b": 2}, "new": true}));

    let fresh = key("ann", "only state");
    store.patch_state(&fresh, &json!({"a": 1})).await.unwrap();
    assert_eq!(store.state(&fresh).await.unwrap(), json!({"a": 1}));
    store.remove(&fresh).await.unwrap();
}

async fn a_held_session_is_busy(store: &dyn Store) {
    let s1 = key("ann", "s1");
    let held = store.lock(&s1, &assistant()).await.unwrap();
    assert!(matches!(store.lock(&s1, &assistant()).await, Err(StoreError::Busy(_))));
    assert!(matches!(store.remove(&s1).await, Err(StoreError::Busy(_))));
    assert!(matches!(store.truncate(&s1, 0).await, Err(StoreError::Busy(_))));
    let new = key("ann", "new");
    let other = store.lock(&new, &assistant()).await.expect("another session is free");
    store.patch_state(&new, &json!({"a": 1})).await.unwrap();
    assert_eq!(store.info(&new).await.unwrap().agent, "assistant");
    assert_eq!(store.info(&s1).await.unwrap().title, "News", "a held session can be read");
    drop(held);
    drop(store.lock(&s1, &assistant()).await.expect("free again"));
    drop(other);
    store.remove(&new).await.unwrap();
}

async fn users_are_kept_apart(store: &dyn Store) {
    let of_bob = key("bob", "s1");
    store.append(&of_bob, &[Message::user("I am Bob")]).await.unwrap();
    assert_eq!(store.history(&of_bob).await.unwrap().len(), 1);
    assert_eq!(store.history(&key("ann", "s1")).await.unwrap().len(), 6);
    assert_eq!(ids(store, Some("bob")).await, ["bob/s1"]);
    assert_eq!(ids(store, Some("carol")).await, [""; 0]);
    assert_eq!(ids(store, None).await, ["bob/s1", "ann/s1", "ann/s0"]);

    // Names are names, not paths or patterns.
    let odd = key("../%'\"\n", "../../etc/passwd");
    store.append(&odd, &[Message::user("odd")]).await.unwrap();
    assert_eq!(store.info(&odd).await.unwrap().user, odd.user);
    store.remove(&odd).await.unwrap();
}

async fn a_fork_goes_its_own_way(store: &dyn Store) {
    let s1 = key("ann", "s1");
    store.fork(&s1, Some(2), "early".into()).await.unwrap();
    store.fork(&s1, None, "whole".into()).await.unwrap();
    store.fork(&s1, Some(1000), "more than all".into()).await.unwrap();
    assert!(matches!(store.fork(&s1, None, "whole".into()).await, Err(StoreError::Exists(_))));

    let early = key("ann", "early");
    assert_eq!(store.history(&early).await.unwrap(), conversation()[..2]);
    assert_eq!(store.history(&key("ann", "whole")).await.unwrap(), store.history(&s1).await.unwrap());
    assert_eq!(store.info(&key("ann", "more than all")).await.unwrap().messages, 6);
    assert_eq!(store.state(&early).await.unwrap(), store.state(&s1).await.unwrap());
    let info = store.info(&early).await.unwrap();
    assert_eq!((info.parent, info.agent.as_str()), (Some("s1".into()), "assistant"));

    store.append(&early, &[Message::user("Another way")]).await.unwrap();
    store.patch_state(&early, &json!({"new": null})).await.unwrap();
    assert_eq!(store.history(&early).await.unwrap().len(), 3);
    assert_eq!(store.history(&s1).await.unwrap().len(), 6);
    assert_eq!(store.state(&s1).await.unwrap()["new"], json!(true));

    let whole = key("ann", "whole");
    store.truncate(&whole, 100).await.unwrap();
    assert_eq!(store.history(&whole).await.unwrap().len(), 6);
    store.truncate(&whole, 2).await.unwrap();
    assert_eq!(store.history(&whole).await.unwrap(), conversation()[..2]);
    assert_eq!(store.state(&whole).await.unwrap(), store.state(&s1).await.unwrap());
    store.append(&whole, &[Message::user("Once more")]).await.unwrap();
    assert_eq!(store.history(&whole).await.unwrap().len(), 3);
    assert_eq!(store.history(&s1).await.unwrap().len(), 6);
}

async fn a_removed_session_is_gone(store: &dyn Store) {
    let s1 = key("ann", "s1");
    store.remove(&s1).await.unwrap();
    assert_eq!(store.history(&s1).await.unwrap(), []);
    assert_eq!(store.state(&s1).await.unwrap(), json!({}));
    assert!(matches!(store.info(&s1).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.history(&key("ann", "early")).await.unwrap().len(), 3, "its forks stay");

    // A new session of the same name starts with nothing.
    store.append(&s1, &[Message::user("again")]).await.unwrap();
    assert_eq!(store.info(&s1).await.unwrap().messages, 1);
}

pub(super) async fn notes(notes: &dyn Notes) {
    let texts = async |scope: &str, query: &str, most: usize| -> Vec<String> {
        notes.search(scope, query, most).await.unwrap().into_iter().map(|note| note.text).collect()
    };
    assert_eq!(texts("ann/assistant", "", 10).await, [""; 0]);
    let tea = notes.add("ann/assistant", "Ann drinks tea").await.unwrap();
    notes.add("ann/assistant", "Ann speaks 中文 and English").await.unwrap();
    notes.add("bob/assistant", "Bob drinks coffee").await.unwrap();

    assert_eq!(texts("ann/assistant", "", 10).await, ["Ann speaks 中文 and English", "Ann drinks tea"]);
    assert_eq!(texts("ann/assistant", "what does ann drink", 10).await[0], "Ann drinks tea");
    assert_eq!(texts("ann/assistant", "中文", 10).await, ["Ann speaks 中文 and English"]);
    assert_eq!(texts("ann/assistant", "coffee", 10).await, [""; 0], "another's notes are not seen");
    assert_eq!(texts("ann/assistant", "ann", 1).await.len(), 1);
    assert_eq!(texts("ann/assistant", "\" OR * %_' tea", 10).await, ["Ann drinks tea"]);

    assert!(matches!(notes.forget("bob/assistant", tea.id).await, Err(StoreError::NoNote(_))));
    notes.forget("ann/assistant", tea.id).await.unwrap();
    assert!(matches!(notes.forget("ann/assistant", tea.id).await, Err(StoreError::NoNote(_))));
    assert_eq!(texts("ann/assistant", "tea", 10).await, [""; 0]);

    for (agent, user) in [("a", "ann"), ("b", "ann"), ("ann", "bob"), ("a\",\"ann", "cat")] {
        notes.add(&note_scope(agent, user), "a fact").await.unwrap();
    }
    assert_eq!(notes.forget_user("ann").await.unwrap(), 2, "of every agent");
    assert_eq!(texts(&note_scope("a", "ann"), "", 9).await, [""; 0]);
    assert_eq!(texts(&note_scope("ann", "bob"), "", 9).await, ["a fact"]);
    assert_eq!(notes.forget_user("ann").await.unwrap(), 0);
    assert_ne!(notes.add("ann/assistant", "again").await.unwrap().id, tea.id, "ids are not used twice");
}
