//! The story of turns in the background, and of those who are asked to stop.

use jiff::Timestamp;
use serde_json::json;

use super::{assistant, key};
use crate::{
    domain::{AgentEvent, AgentPath, EventKind, Message, SessionKey, TaskId, TurnId},
    store::{Interrupts, Store, StoreError, TaskQuery, TaskRecord, TaskStatus, Tasks},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn task(key: &SessionKey, second: i64) -> TaskRecord {
    TaskRecord {
        id: TaskId::new(),
        key: key.clone(),
        agent: "assistant".to_owned(),
        protocol: "process".to_owned(),
        turn: None,
        status: TaskStatus::Submitted,
        created_at: at(second),
        started_at: None,
        finished_at: None,
        request: json!({"z": 1, "a": ["\u{0}", null]}),
        result: None,
        error: None,
    }
}

fn ended(task: &TaskRecord, status: TaskStatus, second: i64) -> TaskRecord {
    TaskRecord { status, finished_at: Some(at(second)), ..task.clone() }
}

fn events(task: &TaskRecord) -> Vec<AgentEvent> {
    let turn = TurnId::new();
    let event = |seq| AgentEvent {
        seq,
        session: task.key.session.clone(),
        turn: turn.clone(),
        agent: AgentPath::root("assistant"),
        kind: EventKind::TextDelta { text: format!("{seq}\n\u{1F980}") },
    };
    (0..5).map(event).collect()
}

/// Told to a store that may know other tasks; users whose names begin with `task` are this story's.
pub(crate) async fn tasks(tasks: &dyn Tasks, sessions: &dyn Store) {
    a_task_is_remembered(tasks).await;
    what_ended_stays_so(tasks).await;
    users_see_their_own(tasks).await;
    a_long_list_comes_in_parts(tasks).await;
    events_are_replayed(tasks).await;
    removed_with_their_session(tasks, sessions).await;
    removed_with_their_user(tasks, sessions).await;
    the_old_are_forgotten(tasks).await;
}

fn no_task<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NoTask(_)))
}

async fn ids(tasks: &dyn Tasks, user: &str) -> Vec<TaskId> {
    tasks.tasks(Some(user), 100).await.unwrap().into_iter().map(|task| task.id).collect()
}

async fn a_task_is_remembered(tasks: &dyn Tasks) {
    let mut first = task(&key("task ann", "t1"), 1);
    assert!(no_task(&tasks.task(None, &first.id).await));
    tasks.put(&first).await.unwrap();
    assert_eq!(tasks.task(Some("task ann"), &first.id).await.unwrap(), first);

    first.status = TaskStatus::Running;
    (first.turn, first.started_at) = (Some(TurnId::new()), Some(at(2)));
    tasks.put(&first).await.unwrap();
    assert_eq!(tasks.task(None, &first.id).await.unwrap(), first);
    first.status = TaskStatus::InputRequired;
    tasks.put(&first).await.unwrap();
    assert_eq!(tasks.orphaned().await.unwrap(), [], "its process lives");

    // The newest comes first, whatever its clock said, and a change does not make a task newer.
    let second = task(&key("task ann", "t1"), 0);
    tasks.put(&second).await.unwrap();
    tasks.put(&first).await.unwrap();
    assert_eq!(tasks.tasks(Some("task ann"), 9).await.unwrap(), [second.clone(), first]);
    assert_eq!(tasks.tasks(Some("task ann"), 1).await.unwrap(), [second]);
    assert_eq!(tasks.tasks(Some("task ann"), 0).await.unwrap(), []);
}

async fn what_ended_stays_so(tasks: &dyn Tasks) {
    for status in [TaskStatus::Completed, TaskStatus::Failed, TaskStatus::Canceled] {
        let before = task(&key("task bea", "t"), 1);
        tasks.put(&before).await.unwrap();
        let after = TaskRecord {
            result: Some(json!({"output": [status]})),
            error: Some("why".to_owned()),
            ..ended(&before, status, 5)
        };
        tasks.put(&after).await.unwrap();
        for late in [&before, &after, &ended(&before, TaskStatus::Canceled, 6)] {
            assert!(matches!(tasks.put(late).await, Err(StoreError::TaskEnded(_))));
        }
        assert_eq!(tasks.task(None, &after.id).await.unwrap(), after);
    }
}

async fn users_see_their_own(tasks: &dyn Tasks) {
    let of_cid = task(&key("task cid", "t"), 1);
    tasks.put(&of_cid).await.unwrap();
    assert!(no_task(&tasks.task(Some("task ann"), &of_cid.id).await));
    assert!(no_task(&tasks.remove_task(Some("task ann"), &of_cid.id).await));
    let stolen = TaskRecord { key: key("task ann", "t"), ..of_cid.clone() };
    assert!(no_task(&tasks.put(&stolen).await), "an id belongs to the first user");
    assert_eq!(tasks.tasks(Some("task cid"), 9).await.unwrap(), std::slice::from_ref(&of_cid));
    assert!(tasks.tasks(None, 100).await.unwrap().contains(&of_cid));
    tasks.remove_task(Some("task cid"), &of_cid.id).await.unwrap();
    assert!(no_task(&tasks.remove_task(None, &of_cid.id).await));
}

async fn a_long_list_comes_in_parts(tasks: &dyn Tasks) {
    let mut made = vec![];
    for second in 1..=5 {
        let new = task(&key("task gil", if second % 2 == 0 { "even" } else { "odd" }), second);
        tasks.put(&new).await.unwrap();
        made.insert(0, new);
    }
    let all = TaskQuery { user: Some("task gil".to_owned()), ..TaskQuery::default() };
    let first = tasks.page(&all, None, 2).await.unwrap();
    assert_eq!((first.tasks.as_slice(), first.total), (&made[..2], 5));
    // What comes and goes meanwhile moves nothing: neither a new one nor the first of the next part.
    tasks.put(&task(&key("task gil", "new"), 6)).await.unwrap();
    tasks.remove_task(None, &made[2].id).await.unwrap();
    let second = tasks.page(&all, first.next, 2).await.unwrap();
    assert_eq!((second.tasks.as_slice(), second.next, second.total), (&made[3..], None, 5));

    let ended = TaskRecord { agent: "other".to_owned(), ..ended(&made[1], TaskStatus::Failed, 9) };
    tasks.put(&ended).await.unwrap();
    let even = made[3].clone();
    for (of, want) in [
        (TaskQuery { session: Some("even".into()), ..all.clone() }, vec![&ended, &even]),
        (TaskQuery { status: Some(TaskStatus::Failed), ..all.clone() }, vec![&ended]),
        (TaskQuery { since: Some(at(7)), ..all.clone() }, vec![&ended]),
        (TaskQuery { agent: Some("other".to_owned()), ..all.clone() }, vec![&ended]),
        (TaskQuery { protocol: Some("a2a"), ..all.clone() }, vec![]),
    ] {
        let page = tasks.page(&of, None, 9).await.unwrap();
        assert_eq!(page.tasks.iter().collect::<Vec<_>>(), want, "{of:?}");
        assert_eq!((page.next, page.total), (None, want.len() as u64));
    }
}

async fn events_are_replayed(tasks: &dyn Tasks) {
    let task = task(&key("task dan", "t"), 1);
    let all = events(&task);
    assert!(no_task(&tasks.add_events(&task.id, &all).await));
    assert!(no_task(&tasks.events(&task.id, None).await));
    tasks.put(&task).await.unwrap();
    assert_eq!(tasks.events(&task.id, None).await.unwrap(), []);

    tasks.add_events(&task.id, &all[..2]).await.unwrap();
    tasks.add_events(&task.id, &[]).await.unwrap();
    tasks.add_events(&task.id, &all[1..]).await.unwrap();
    tasks.put(&ended(&task, TaskStatus::Completed, 2)).await.unwrap();
    assert_eq!(tasks.events(&task.id, None).await.unwrap(), all);
    assert_eq!(tasks.events(&task.id, Some(0)).await.unwrap(), all[1..]);
    assert_eq!(tasks.events(&task.id, Some(3)).await.unwrap(), all[4..]);
    assert_eq!(tasks.events(&task.id, Some(4)).await.unwrap(), []);
    assert_eq!(tasks.events(&task.id, Some(u64::MAX)).await.unwrap(), []);

    tasks.remove_task(None, &task.id).await.unwrap();
    assert!(no_task(&tasks.events(&task.id, None).await));
    tasks.put(&task).await.unwrap();
    assert_eq!(tasks.events(&task.id, None).await.unwrap(), [], "its events went with it");
}

async fn removed_with_their_session(tasks: &dyn Tasks, sessions: &dyn Store) {
    let (s1, s2) = (key("task eve", "s1"), key("task eve", "s2"));
    let (first, second) = (task(&s1, 1), task(&s2, 1));
    for (session, task) in [(&s1, &first), (&s2, &second)] {
        sessions.append(session, &[Message::user("hi")]).await.unwrap();
        tasks.put(task).await.unwrap();
    }
    sessions.remove(&s1).await.unwrap();
    assert!(no_task(&tasks.task(None, &first.id).await));
    assert_eq!(ids(tasks, "task eve").await, [second.id]);
}

async fn removed_with_their_user(tasks: &dyn Tasks, sessions: &dyn Store) {
    let (free, busy, other) = (key("task flo", "free"), key("task flo", "busy"), key("task flora", "free"));
    for session in [&free, &busy, &other] {
        sessions.append(session, &[Message::user("hi")]).await.unwrap();
        tasks.put(&task(session, 1)).await.unwrap();
    }
    tasks.put(&task(&key("task flo", "not begun"), 1)).await.unwrap();
    let held = sessions.lock(&busy, &assistant()).await.unwrap();
    assert!(matches!(sessions.remove_user("task flo").await, Err(StoreError::Busy(id)) if id == busy.session));
    assert_eq!(sessions.sessions(Some("task flo")).await.unwrap().len(), 2, "nothing half done");
    assert_eq!(ids(tasks, "task flo").await.len(), 3);

    drop(held);
    assert_eq!(sessions.remove_user("task flo").await.unwrap(), 2);
    assert_eq!(sessions.sessions(Some("task flo")).await.unwrap(), []);
    assert_eq!(sessions.history(&free).await.unwrap(), []);
    assert_eq!(ids(tasks, "task flo").await, []);
    assert_eq!(sessions.remove_user("task flo").await.unwrap(), 0);
    assert_eq!(sessions.history(&other).await.unwrap().len(), 1);
    assert_eq!(ids(tasks, "task flora").await.len(), 1);
}

async fn the_old_are_forgotten(tasks: &dyn Tasks) {
    let (running, old, new) =
        (task(&key("task gus", "t"), 1), task(&key("task gus", "t"), 1), task(&key("task gus", "t"), 1));
    tasks.put(&running).await.unwrap();
    tasks.put(&ended(&old, TaskStatus::Completed, 1_000)).await.unwrap();
    tasks.put(&ended(&new, TaskStatus::Canceled, 2_000)).await.unwrap();
    tasks.forget_tasks(at(1_500)).await.unwrap();
    assert_eq!(ids(tasks, "task gus").await, [new.id, running.id]);
    assert_eq!(tasks.forget_tasks(at(1_500)).await.unwrap(), 0);
    assert_eq!(tasks.forget_tasks(at(3_000)).await.unwrap(), 1);
}

/// `asking` and `holding` may be the same, or two processes.
pub(crate) async fn interrupts<S: Store + Interrupts>(asking: &dyn Interrupts, holding: &S) {
    let (s1, s2) = (key("stop", "s1"), key("stop", "s2"));
    let both = [s1.clone(), s2.clone()];
    assert!(!asking.interrupt(&s1).await.unwrap(), "nobody holds it");
    let held = [holding.lock(&s1, &assistant()).await.unwrap(), holding.lock(&s2, &assistant()).await.unwrap()];
    assert_eq!(holding.interrupted(&both).await.unwrap(), []);

    assert!(asking.interrupt(&s2).await.unwrap());
    assert!(asking.interrupt(&s2).await.unwrap(), "asking twice is asking once");
    assert_eq!(holding.interrupted(&both[..1]).await.unwrap(), [], "it is another's");
    assert_eq!(holding.interrupted(&both).await.unwrap(), std::slice::from_ref(&s2));
    assert_eq!(holding.interrupted(&both).await.unwrap(), [], "it was taken");

    // What nobody took ends with the hold.
    assert!(asking.interrupt(&s1).await.unwrap());
    drop(held);
    assert!(!asking.interrupt(&s1).await.unwrap());
    assert_eq!(holding.interrupted(&both).await.unwrap(), []);
    let held = holding.lock(&s1, &assistant()).await.unwrap();
    assert_eq!(holding.interrupted(&both).await.unwrap(), []);
    assert!(asking.interrupt(&s1).await.unwrap());
    assert_eq!(holding.interrupted(&both).await.unwrap(), std::slice::from_ref(&s1));
    drop(held);
}
