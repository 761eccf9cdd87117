mod processes;
mod together;

use super::*;
use crate::{
    domain::{Message, SessionKey},
    store::{Interrupts as _, NewSession, ORPHANED, Store as _, TaskRecord, TaskStatus, Tasks as _, contract},
};

fn key(session: &str) -> SessionKey {
    SessionKey { user: "ann".to_owned(), session: session.into() }
}

#[tokio::test]
async fn contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::at(&path);
    contract::store(&store).await;
    contract::notes(&store).await;
    contract::tasks(&store, &store).await;
    contract::interrupts(&store, &store).await;
    let whole: String =
        Connection::open(&path).unwrap().query_one("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
}

#[tokio::test]
async fn looking_makes_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::at(&folder.path().join("data/sessions.db"));
    assert_eq!(store.sessions(None).await.unwrap(), []);
    assert_eq!(store.history(&key("s")).await.unwrap(), []);
    assert!(store.remove(&key("s")).await.is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn remembered_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    SqliteStore::at(&path).append(&key("s"), &[Message::user("hi")]).await.unwrap();
    assert_eq!(SqliteStore::at(&path).history(&key("s")).await.unwrap(), [Message::user("hi")]);
}

/// A process that has had the database open since before there were partials saves without knowing of them.
#[tokio::test]
async fn what_is_saved_takes_the_place_of_what_was_kept_of_an_answer_whoever_saves_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::at(&path);
    store.append(&key("s"), &[Message::user("hi")]).await.unwrap();
    store.keep_partial(&key("s"), "Half of");
    // It is behind that in the queue.
    store.rename(&key("s"), "Halves").await.unwrap();
    let half = Message { broken_off: true, ..Message::assistant("Half of") };
    assert_eq!(store.history(&key("s")).await.unwrap(), [Message::user("hi"), half]);
    let other = Connection::open(&path).unwrap();
    let insert = "INSERT INTO messages (session, position, message) SELECT row, 1, ?1 FROM sessions";
    other.execute(insert, [to_json(&Message::assistant("All of it.")).unwrap()]).unwrap();
    let whole = [Message::user("hi"), Message::assistant("All of it.")];
    assert_eq!(store.history(&key("s")).await.unwrap(), whole);
    assert_eq!(store.open_session(&key("s"), &NewSession::default()).await.unwrap().history, whole);
}

#[tokio::test]
async fn a_lock_holds_for_other_handles_and_makes_no_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let (one, other) = (SqliteStore::at(&path), SqliteStore::at(&path));
    let held = one.lock(&key("s"), &NewSession::default()).await.unwrap();
    assert!(matches!(other.lock(&key("s"), &NewSession::default()).await, Err(StoreError::Busy(_))));
    one.append(&key("s"), &[Message::user("hi")]).await.unwrap();
    assert!(matches!(other.remove(&key("s")).await, Err(StoreError::Busy(_))));
    drop(held);
    other.remove(&key("s")).await.unwrap();
    let _held = one.lock(&key("t"), &NewSession::default()).await.unwrap();
    let _held = other.lock(&key("u"), &NewSession::default()).await.unwrap();
    let mut left: Vec<_> =
        std::fs::read_dir(connection::locks_of(&path)).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["sessions", "setup"]);
}

/// A handle that let go just now must not take the lock from the next holder, whatever the threads do.
#[test]
fn one_holder_at_a_time_among_threads_and_handles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let number = std::sync::atomic::AtomicU32::new(0);
    let stores = [SqliteStore::at(&path), SqliteStore::at(&path)];
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (holds, number) = (&stores[thread % 2].database.holds, &number);
            scope.spawn(move || {
                for _ in 0..200 {
                    let held = loop {
                        match holds.hold(&key("s"), Arc::default()) {
                            Ok(held) => break held,
                            Err(StoreError::Busy(_)) => std::thread::yield_now(),
                            Err(error) => panic!("{error}"),
                        }
                    };
                    let before = number.load(std::sync::atomic::Ordering::Relaxed);
                    std::thread::yield_now();
                    number.store(before + 1, std::sync::atomic::Ordering::Relaxed);
                    drop(held);
                }
            });
        }
    });
    assert_eq!(number.into_inner(), 800);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::at(&path);
    store.append(&key("s"), &[Message::user("hi"), Message::user("there")]).await.unwrap();
    Connection::open(&path).unwrap().execute("UPDATE messages SET message = '{' WHERE position = 1", []).unwrap();
    let error = store.history(&key("s")).await.unwrap_err();
    assert_eq!(error.to_string(), "the session store holds something unreadable: message 2 of session `s`");
}

/// Handles of their own stand for processes of their own: each has its connection.
#[tokio::test(flavor = "multi_thread")]
async fn writers_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let writers = (0..4).map(|writer| {
        let store = SqliteStore::at(&path);
        tokio::spawn(async move {
            for n in 0..25 {
                let messages = [Message::user(format!("{writer} {n}")), Message::assistant(format!("{writer} {n}"))];
                store.append(&key("shared"), &messages).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let history = SqliteStore::at(&path).history(&key("shared")).await.unwrap();
    assert_eq!(history.len(), 200);
    for pair in history.chunks(2) {
        assert_eq!(pair[0].text(), pair[1].text(), "what was written together stands together");
    }
}

#[tokio::test]
async fn interrupts_reach_other_processes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let (one, other) = (SqliteStore::at(&path), SqliteStore::at(&path));
    contract::interrupts(&one, &other).await;
}

#[tokio::test]
async fn the_tasks_of_a_dead_process_are_given_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let (alive, dying) = (SqliteStore::at(&path), SqliteStore::at(&path));
    assert_eq!(alive.orphaned().await.unwrap(), []);
    let [of_alive, of_dying] = [contract::task(&key("s"), 1), contract::task(&key("s"), 2)];
    alive.put(&of_alive).await.unwrap();
    dying.put(&of_dying).await.unwrap();
    let ended = TaskRecord { status: TaskStatus::Completed, ..contract::task(&key("s"), 3) };
    dying.put(&ended).await.unwrap();
    assert_eq!(alive.orphaned().await.unwrap(), []);
    drop(dying);

    let orphaned = alive.orphaned().await.unwrap();
    let [task] = orphaned.as_slice() else { panic!("{orphaned:?}") };
    let finished_at = task.finished_at;
    assert!(finished_at.is_some());
    let error = Some(ORPHANED.to_owned());
    assert_eq!(*task, TaskRecord { status: TaskStatus::Failed, finished_at, error, ..of_dying });
    assert_eq!(alive.tasks(None, 9).await.unwrap(), [ended, task.clone(), of_alive]);
    assert_eq!(alive.orphaned().await.unwrap(), []);
    drop(alive);
    // All that is left is the file of the locks of sessions, and that of the making of the database.
    let left = std::fs::read_dir(connection::locks_of(&path)).unwrap();
    assert_eq!(
        left.filter(|file| file.as_ref().unwrap().file_name().to_str().unwrap().starts_with("process")).count(),
        0
    );
}

/// Who looks for the dead takes the file of a process that is about to take it itself, and then waits for the writer.
#[tokio::test]
async fn who_is_looked_at_does_not_hold_up_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::at(&folder.path().join("sessions.db"));
    store.append(&key("s"), &[Message::user("hi")]).await.unwrap();
    let looking = crate::config::FileLock::acquire(&store.database.process.path()).unwrap();
    let task = contract::task(&key("s"), 1);
    let (put, ()) = tokio::join!(store.put(&task), async {
        let (key, said) = (key("s"), [Message::assistant("hello")]);
        let beside = store.append(&key, &said);
        tokio::time::timeout(std::time::Duration::from_secs(30), beside).await.expect("it waits for ever").unwrap();
        looking.remove();
    });
    put.unwrap();
}
