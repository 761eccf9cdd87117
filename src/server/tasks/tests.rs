//! What takes a clock that can be moved.

use super::*;
use crate::{config::agent_file::Serve, domain::SessionId, store::MemoryStore};

fn home() -> (Arc<MemoryStore>, Stores) {
    let store = Arc::new(MemoryStore::new());
    let stores = Stores {
        sessions: Arc::<MemoryStore>::clone(&store),
        notes: Arc::<MemoryStore>::clone(&store),
        tasks: Arc::<MemoryStore>::clone(&store),
        interrupts: Arc::<MemoryStore>::clone(&store),
    };
    (store, stores)
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_end_is_not_waited_for_without_limit() {
    let (store, stores) = home();
    let tasks = Tasks::new(Runs::new(&Serve::default(), store), &stores);
    let live = |session: &str| {
        Arc::new(Live {
            key: SessionKey { user: "ann".to_owned(), session: SessionId::from(session) },
            gone: AtomicBool::new(false),
            cancel: CancellationToken::new(),
            ended: CancellationToken::new(),
            recording: watch::Sender::new(None),
        })
    };
    let (deaf, other) = (live("deaf"), live("other"));
    for live in [&deaf, &other] {
        tasks.live().insert(TaskId::new(), Arc::clone(live));
    }
    let of_deaf = |of: &SessionKey| of.session.as_str() == "deaf";
    assert_eq!(tasks.forget(of_deaf).await.unwrap_err().status, StatusCode::CONFLICT);
    assert!(deaf.cancel.is_cancelled() && deaf.gone.load(Ordering::SeqCst) && !other.cancel.is_cancelled());
    deaf.ended.cancel();
    assert_eq!(tasks.forget(of_deaf).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_ended_long_ago_is_forgotten_by_a_server_that_runs() {
    let (store, stores) = home();
    let tasks = Tasks::new(Runs::new(&Serve::default(), store), &stores);
    let tidying = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.tidy().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ended = |hours| TaskRecord {
        id: TaskId::new(),
        key: SessionKey { user: "ann".to_owned(), session: SessionId::from("s") },
        agent: "demo".to_owned(),
        protocol: "process".to_owned(),
        turn: None,
        status: TaskStatus::Completed,
        created_at: Timestamp::UNIX_EPOCH,
        started_at: None,
        finished_at: Timestamp::now().checked_sub(SignedDuration::from_hours(hours)).ok(),
        request: Value::Null,
        result: None,
        error: None,
    };
    let (old, new) = (ended(8 * 24), ended(6 * 24));
    for task in [&old, &new] {
        stores.tasks.put(task).await.unwrap();
    }
    assert_eq!(stores.tasks.tasks(None, 9).await.unwrap().len(), 2);
    tokio::time::sleep(TIDIED).await;
    assert_eq!(stores.tasks.tasks(None, 9).await.unwrap(), [new]);
    tidying.abort();
}
