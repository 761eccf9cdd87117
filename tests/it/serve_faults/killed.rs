//! `kill -9` under load, at a moment that nobody chose, and again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::{At, WAYS, Way, holds, process};
use crate::common::serve::Server;

const CALLERS: usize = 16;
const ROUNDS: usize = 4;

/// A caller of one session, and what it knows to be done.
struct Caller {
    way: Way,
    session: String,
    said: usize,
    done: Vec<String>,
}

impl Caller {
    /// Talks until the server is gone.
    async fn talk(mut self, at: At, count: Arc<AtomicUsize>) -> Self {
        loop {
            let text = format!("message {} of {}", self.said, self.session);
            self.said += 1;
            match self.way.say(&at, &self.session, &text).await {
                Ok((_, answer)) if self.way.done(&answer) => {
                    self.done.push(text);
                    count.fetch_add(1, Ordering::SeqCst);
                }
                // Its connection was accepted by nobody, or cut.
                Err(_) => return self,
                Ok((status, answer)) => {
                    // A stream without an end is one that was cut.
                    assert!(status == 200 && !answer.contains("fail"), "{:?} {status}: {answer}", self.way);
                    return self;
                }
            }
        }
    }
}

/// Begins tasks until the server is gone; gives where each can be asked for.
async fn submit(at: At, responses: bool, round: usize) -> Vec<String> {
    let mut begun = vec![];
    loop {
        let session = format!("task-{responses}-{round}-{}", begun.len());
        let (path, body) = match responses {
            true => ("/v1/responses", json!({ "input": "hi", "conversation": session, "background": true })),
            false => ("/process/task", process(&session, "hi")),
        };
        let answer = match at.client.post(format!("{}{path}", at.url)).json(&body).send().await {
            Ok(response) => response.json::<Value>().await,
            Err(error) => Err(error),
        };
        let Ok(answer) = answer else { return begun };
        let id = answer[if responses { "id" } else { "task_id" }].as_str();
        let id = id.unwrap_or_else(|| panic!("no task: {answer}"));
        begun.push(format!("{path}/{id}"));
    }
}

/// Waits until a task is over. Whether it was done; else the server has to say why not.
async fn ended(server: &Server, path: &str) -> bool {
    loop {
        let (status, state) = server.get(path).await;
        assert_eq!(status, 200, "{path}: {state}");
        match state["status"].as_str().unwrap() {
            "finished" | "completed" => return true,
            "error" | "failed" => {
                assert!(state.to_string().contains("the process that ran it ended"), "{path}: {state}");
                return false;
            }
            _ => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost() {
    let mut server = Server::start("name: demo\nmodel: demo\n");
    let mut callers: Vec<_> = (0..CALLERS)
        .map(|number| Caller { way: WAYS[number % 5], session: format!("s{number}"), said: 0, done: vec![] })
        .collect();
    let mut tasks = vec![];
    for round in 0..ROUNDS {
        let (at, count) = (At::from(&server), Arc::new(AtomicUsize::new(0)));
        let talking: Vec<_> =
            callers.drain(..).map(|caller| tokio::spawn(caller.talk(at.clone(), Arc::clone(&count)))).collect();
        let submitting = [false, true].map(|responses| tokio::spawn(submit(at.clone(), responses, round)));
        // Another moment each time, and in each run of the test.
        let moment = 20 + usize::from(uuid::Uuid::now_v7().as_bytes()[15] % 64);
        while count.load(Ordering::SeqCst) < moment {
            tokio::task::yield_now().await;
        }
        server = server.killed();
        for caller in talking {
            callers.push(caller.await.unwrap());
        }
        for caller in submitting {
            tasks.extend(caller.await.unwrap());
        }
        for caller in &callers {
            holds(&server, &caller.session, &caller.done).await;
        }
        for task in &tasks {
            ended(&server, task).await;
        }
    }
    assert!(tasks.len() >= ROUNDS, "hardly any task was begun: {tasks:?}");
    // Each goes on.
    let at = At::from(&server);
    for mut caller in callers {
        let (_, answer) = caller.way.say(&at, &caller.session, "the last").await.unwrap();
        assert!(caller.way.done(&answer), "{:?}: {answer}", caller.way);
        caller.done.push("the last".to_owned());
        holds(&server, &caller.session, &caller.done).await;
    }
    let database = rusqlite::Connection::open(server.env.home().join("data/sessions.db")).unwrap();
    let whole: String = database.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
}
