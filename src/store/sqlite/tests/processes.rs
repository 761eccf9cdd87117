//! Several processes on one database, and the death of one. The others are this test binary, run for one of the
//! children below.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStderr, Command, Stdio},
};

use serde_json::json;

use super::*;
use crate::config::Env;

const CHILD_STORE: &str = "AGENTSCOPE_TEST_STORE";

/// The store, where this process is a child.
fn of_child() -> Option<SqliteStore> {
    Env::of_process().var(CHILD_STORE).map(|path| SqliteStore::at(Path::new(path)))
}

/// What a child did, for its parent. In one piece, so that its death leaves no part of a line.
fn tell(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

struct Other {
    process: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Other {
    fn start(child: &str, path: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("store::sqlite::tests::processes::{child}"), "--nocapture"])
            .env(CHILD_STORE, path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, lines }
    }

    /// What it tells next; `None` once it has ended.
    fn told(&mut self) -> Option<String> {
        self.lines.next().map(Result::unwrap)
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn whole(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let found: String = connection.query_one("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
    let wrong = connection.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap();
    assert!(!wrong, "messages or events of nothing");
}

const BATCH: usize = 50;

/// Holds a session and writes to it without end, saying so each time.
#[tokio::test]
async fn child_that_writes() {
    let Some(store) = of_child() else { return };
    let _held = store.lock(&key("s"), &NewSession::default()).await.unwrap();
    let batch = vec![Message::user("x".repeat(2000)); BATCH];
    loop {
        store.append(&key("s"), &batch).await.unwrap();
        store.patch_state(&key("s"), &json!({"written": store.info(&key("s")).await.unwrap().messages})).await.unwrap();
        tell("written");
    }
}

#[tokio::test]
async fn killed_in_the_middle_of_a_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    for round in 1..=3 {
        let mut other = Other::start("child_that_writes", &path);
        for _ in 0..round {
            assert_eq!(other.told().unwrap(), "written");
        }
        let store = SqliteStore::at(&path);
        assert!(matches!(store.lock(&key("s"), &NewSession::default()).await, Err(StoreError::Busy(_))));
        other.kill();

        drop(store.lock(&key("s"), &NewSession::default()).await.expect("death lets go"));
        let messages = store.history(&key("s")).await.unwrap().len();
        assert!(messages > 0);
        assert_eq!(messages % BATCH, 0, "no batch is there in part");
        let written = store.state(&key("s")).await.unwrap()["written"].as_u64().unwrap() as usize;
        assert!(written == messages || written + BATCH == messages, "{written} of {messages}");
        store.append(&key("s"), &vec![Message::user("next"); BATCH]).await.unwrap();
        store.patch_state(&key("s"), &json!({"written": messages + BATCH})).await.unwrap();
    }
}

const CALLERS: usize = 16;

/// Turns of many sessions at once, without end: each message is told of once the store says that it is saved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_under_load() {
    let Some(store) = of_child() else { return };
    let callers = (0..CALLERS).map(|caller| {
        let store = store.clone();
        tokio::spawn(async move {
            let session = key(&format!("s{caller}"));
            let task = contract::task(&session, 1);
            loop {
                let opened = store.open_session(&session, &NewSession::default()).await.unwrap();
                store.put(&TaskRecord { status: TaskStatus::Running, ..task.clone() }).await.unwrap();
                let n = opened.history.len();
                store.append(&session, &[Message::user(n.to_string())]).await.unwrap();
                tell(&format!("{caller} {n}"));
                let answer = [Message::assistant((n + 1).to_string()), Message::user((n + 2).to_string())];
                store.append(&session, &answer).await.unwrap();
                tell(&format!("{caller} {}", n + 2));
            }
        })
    });
    futures_util::future::join_all(callers).await;
}

#[tokio::test]
async fn killed_under_load_what_was_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut acknowledged = BTreeMap::<String, usize>::new();
    for round in 1..=3 {
        let mut other = Other::start("child_under_load", &path);
        let mut told: Vec<_> = (0..round * 100).map(|_| other.told().expect("it goes on")).collect();
        other.kill();
        told.extend(std::iter::from_fn(|| other.told()));
        let told: BTreeMap<_, _> = told.iter().map(|line| acknowledgement(line)).collect();
        acknowledged.extend(told.clone());
        whole(&path);

        let store = SqliteStore::at(&path);
        for (caller, last) in &acknowledged {
            let session = key(&format!("s{caller}"));
            let history = store.open_session(&session, &NewSession::default()).await.expect("death lets go").history;
            let texts: Vec<_> = history.iter().map(Message::text).collect();
            let expected: Vec<_> = (0..texts.len()).map(|n| n.to_string()).collect();
            assert_eq!(texts, expected, "every message once, in order");
            assert!(texts.len() > *last, "{caller}: {last} of {}", texts.len());
            assert_ne!(texts.len() % 3, 2, "two that were added together are there together");
            // The next round begins with a new turn.
            if texts.len() % 3 == 1 {
                let rest = [texts.len(), texts.len() + 1].map(|n| Message::user(n.to_string()));
                store.append(&session, &rest).await.unwrap();
            }
        }
        let orphaned = store.orphaned().await.unwrap();
        assert!(orphaned.len() >= told.len(), "of every caller one task: {}", orphaned.len());
        assert!(orphaned.iter().all(|task| task.status == TaskStatus::Failed));
        assert_eq!(store.orphaned().await.unwrap(), []);
    }
}

/// Which caller it was, and the number of its message.
fn acknowledgement(line: &str) -> (String, usize) {
    let (caller, n) = line.split_once(' ').unwrap();
    (caller.to_owned(), n.parse().unwrap())
}

const TURNS: usize = 15;
const SHARED: [&str; 2] = ["shared 1", "shared 2"];

/// Turns of sessions that other processes want, too.
#[tokio::test]
async fn child_among_others() {
    let Some(store) = of_child() else { return };
    let me = TaskRecord { status: TaskStatus::Running, ..contract::task(&key("own"), 1) };
    store.put(&me).await.unwrap();
    for turn in 0..TURNS {
        let session = key(SHARED[turn % SHARED.len()]);
        let opened = loop {
            match store.open_session(&session, &NewSession::default()).await {
                Err(StoreError::Busy(_)) => tokio::task::yield_now().await,
                opened => break opened.unwrap(),
            }
        };
        let said = format!("{} {turn}", me.id);
        store.append(&session, &[Message::user(said.clone())]).await.unwrap();
        store.append(&session, &[Message::assistant(said)]).await.unwrap();
        let seen = store.history(&session).await.unwrap();
        assert_eq!(seen.len(), opened.history.len() + 2, "nobody else added to it meanwhile");
        let ended = TaskRecord { status: TaskStatus::Completed, ..contract::task(&session, 1) };
        store.put(&ended).await.unwrap();
    }
    store.put(&TaskRecord { status: TaskStatus::Completed, ..me }).await.unwrap();
    tell("done");
}

#[tokio::test]
async fn turns_of_many_processes_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut others: Vec<_> = (0..4).map(|_| Other::start("child_among_others", &path)).collect();
    for other in &mut others {
        let told: Vec<_> = std::iter::from_fn(|| other.told()).collect();
        assert_eq!(told, ["done"]);
        assert!(other.process.wait().unwrap().success());
    }
    whole(&path);
    let store = SqliteStore::at(&path);
    let mut turns = 0;
    for session in SHARED {
        let history = store.history(&key(session)).await.unwrap();
        turns += history.len() / 2;
        for pair in history.chunks(2) {
            assert_eq!(pair[0].text(), pair[1].text(), "a question and its answer stand together");
        }
    }
    assert_eq!(turns, 4 * TURNS);
    let tasks = store.tasks(None, 1000).await.unwrap();
    assert_eq!(tasks.len(), 4 * (TURNS + 1));
    assert!(tasks.iter().all(|task| task.status == TaskStatus::Completed));
    assert_eq!(store.orphaned().await.unwrap(), []);
}

/// Holds a session until it is asked to stop.
#[tokio::test]
async fn child_that_stops() {
    let Some(store) = of_child() else { return };
    let held = store.lock(&key("s"), &NewSession::default()).await.unwrap();
    tell("held");
    while store.interrupted(&[key("s")]).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(held);
    tell("stopped");
}

#[tokio::test]
async fn a_turn_of_another_process_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::at(&path);
    let mut other = Other::start("child_that_stops", &path);
    assert_eq!(other.told().unwrap(), "held");
    assert!(store.interrupt(&key("s")).await.unwrap());
    assert_eq!(other.told().unwrap(), "stopped");
    assert!(!store.interrupt(&key("s")).await.unwrap());
    assert!(other.process.wait().unwrap().success());
}
