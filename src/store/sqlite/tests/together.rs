//! Changes that share a transaction.

use std::{
    future::Future,
    pin::pin,
    sync::mpsc,
    task::{Context, Waker},
};

use super::*;

/// Submits, in one transaction, what `submit` gives: the writer is kept busy until all of it waits.
async fn in_one<F: Future>(store: &SqliteStore, submit: impl FnOnce() -> Vec<F>) -> Vec<F::Output> {
    let (open, gate) = mpsc::channel::<()>();
    let (entered, inside) = oneshot::channel();
    let mut entered = Some(entered);
    let mut busy = pin!(store.write(move |_| {
        let _ = entered.take().map(|entered| entered.send(()));
        let _ = gate.recv();
        Ok(())
    }));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(busy.as_mut().poll(&mut cx).is_pending());
    inside.await.unwrap();
    let mut waiting: Vec<_> = submit().into_iter().map(Box::pin).collect();
    for change in &mut waiting {
        assert!(change.as_mut().poll(&mut cx).is_pending());
    }
    drop(open);
    busy.await.unwrap();
    futures_util::future::join_all(waiting).await
}

type Changed = futures_util::future::BoxFuture<'static, Result<(), StoreError>>;

fn say(store: &SqliteStore, session: &'static str) -> Changed {
    let store = store.clone();
    Box::pin(async move { store.append(&key(session), &[Message::user(session)]).await })
}

fn change(store: &SqliteStore, work: impl FnMut(&Connection) -> Result<(), StoreError> + Send + 'static) -> Changed {
    let store = store.clone();
    Box::pin(async move { store.write(work).await })
}

/// Says something, as every change does that is to be withdrawn.
fn noise(connection: &Connection) {
    connection.execute("INSERT INTO notes (scope, text, created_at) VALUES ('noise', '', 0)", []).unwrap();
}

async fn kept(store: &SqliteStore) -> (usize, Vec<String>) {
    let noise = store.read(|c| Ok(c.query_one("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0))?));
    assert_eq!(noise.await.unwrap(), 0, "what failed is withdrawn");
    let sessions = store.sessions(None).await.unwrap();
    let mut ids: Vec<_> = sessions.iter().map(|info| format!("{} {}", info.id, info.messages)).collect();
    ids.sort();
    (ids.len(), ids)
}

#[tokio::test]
async fn one_that_fails_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::at(&folder.path().join("sessions.db"));
    let done = in_one(&store, || {
        let refused = |connection: &Connection| {
            noise(connection);
            Err(StoreError::NoNote(1))
        };
        let crashed = |connection: &Connection| {
            noise(connection);
            panic!("on purpose")
        };
        vec![say(&store, "a"), change(&store, refused), say(&store, "b"), change(&store, crashed), say(&store, "c")]
    })
    .await;
    let done: Vec<_> = done.into_iter().map(|done| done.map_err(|error| format!("{error:?}"))).collect();
    insta::assert_debug_snapshot!(done, @r#"
    [
        Ok(
            (),
        ),
        Err(
            "NoNote(1)",
        ),
        Ok(
            (),
        ),
        Err(
            "Failed { source: \"the work crashed\" }",
        ),
        Ok(
            (),
        ),
    ]
    "#);
    assert_eq!(kept(&store).await.1, ["a 1", "b 1", "c 1"]);
}

/// As SQLite does of itself when the disk is full.
#[tokio::test]
async fn one_that_ends_the_transaction_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::at(&folder.path().join("sessions.db"));
    let done = in_one(&store, || {
        let ends = |connection: &Connection| {
            noise(connection);
            connection.execute("ROLLBACK", [])?;
            Err(StoreError::Full)
        };
        vec![say(&store, "a"), change(&store, ends), say(&store, "b")]
    })
    .await;
    assert!(matches!(done.as_slice(), [Ok(()), Err(StoreError::Full), Ok(())]), "{done:?}");
    assert_eq!(kept(&store).await.1, ["a 1", "b 1"]);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::at(&path);
    let mut forgotten = say(&store, "a");
    assert!(forgotten.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(forgotten);
    drop(store);
    assert_eq!(kept(&SqliteStore::at(&path)).await.1, ["a 1"]);
}

/// A foreign program that writes, and does not come to an end.
#[tokio::test]
async fn a_foreign_writer_is_waited_for_and_then_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::at(&path);
    store.append(&key("s"), &[Message::user("before")]).await.unwrap();
    let foreign = Connection::open(&path).unwrap();

    foreign.execute_batch("BEGIN IMMEDIATE; DELETE FROM notes").unwrap();
    let opened = store.open_session(&key("s"), &NewSession::default()).await.expect("reading goes on");
    assert_eq!(opened.history, [Message::user("before")]);
    let mut waiting = say(&store, "s");
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(store.interrupt(&key("s")).await.unwrap(), "stopping goes on");
    foreign.execute_batch("COMMIT").unwrap();
    waiting.await.unwrap();

    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = say(&store, "s").await.unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.hint().unwrap()), @"
    another process keeps the session store locked
    end the program that has its database open for writing, then try again
    ");
    foreign.execute_batch("COMMIT").unwrap();
    say(&store, "s").await.expect("it was not for good");
    assert_eq!(kept(&store).await.1, ["s 3"]);
}
