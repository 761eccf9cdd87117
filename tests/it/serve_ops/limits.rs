//! Too much, too often, too long: each is answered.

use std::sync::mpsc;

use futures_util::StreamExt as _;
use serde_json::json;

use super::{agent, answer, demo};
use crate::common::{
    fake_model::{FakeModel, Reply},
    serve::Server,
};

#[tokio::test]
async fn each_token_has_its_own_rate() {
    let server = demo("{tokens: [{name: a, value: one}, {name: b, value: two}], limits: {rate: 2/h}}");
    let ask = |token: &'static str| answer(server.client.get(server.at("/")).bearer_auth(token));
    assert_eq!([ask("one").await.0, ask("one").await.0], [200, 200]);
    let (status, code, headers) = ask("one").await;
    assert_eq!((status, code.as_str()), (429, "rate_limited"));
    let after: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3600).contains(&after), "{after}");
    assert_eq!(ask("two").await.0, 200);
    // Who guesses tokens is limited by his address, and does not use up what others have.
    assert_eq!([ask("wrong").await.0, ask("guess").await.0, ask("again").await.0], [401, 401, 429]);
    assert_eq!(ask("two").await.0, 200);
    for _ in 0..5 {
        assert_eq!(answer(server.client.get(server.at("/health"))).await.0, 200);
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_however_it_comes() {
    let server = demo("{limits: {body: 1KiB}}");
    let long = json!({ "input": "x".repeat(2000) }).to_string();
    let post = || server.client.post(server.at("/turns"));
    let (status, code, _) = answer(post().body(long.clone())).await;
    assert_eq!((status, code.as_str()), (413, "body_too_large"));
    let pieces = long.into_bytes().chunks(100).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>();
    let (status, code, _) = answer(post().body(reqwest::Body::wrap_stream(futures_util::stream::iter(pieces)))).await;
    assert_eq!((status, code.as_str()), (413, "body_too_large"));
    assert_eq!(answer(post().json(&json!({ "input": "x" }))).await.0, 200);
}

#[tokio::test]
async fn more_than_there_is_room_for_is_not_read() {
    let server = demo("{trusted_proxies: [127.0.0.1]}");
    let half = bytes::Bytes::from(vec![b' '; 9 << 20]);
    // Each says nothing more once the server has read what it sent: that is where the next chunk is asked for.
    let mut open = vec![];
    for number in 0..8 {
        let (body, end) = (half.clone(), tokio::sync::Notify::new());
        let (told, heard) = tokio::sync::oneshot::channel();
        let rest = async move {
            let _ = told.send(());
            end.notified().await;
            Ok::<_, std::io::Error>(bytes::Bytes::new())
        };
        let body = futures_util::stream::iter([Ok(body)]).chain(futures_util::stream::once(rest));
        // No address alone has room for all of it.
        let post = server.client.post(server.at("/turns")).header("x-forwarded-for", format!("10.0.0.{}", number % 2));
        let post = post.body(reqwest::Body::wrap_stream(body)).send();
        open.push(tokio::spawn(post));
        heard.await.unwrap();
    }
    let long = format!("{}{{}}", " ".repeat(9 << 20));
    let ask = |body: String| answer(server.client.post(server.at("/turns")).body(body));
    // What was sent is read before long, and then there is no room for as much again.
    let (code, headers) = loop {
        let (status, code, headers) = ask(long.clone()).await;
        if status != 422 {
            break (format!("{status} {code}"), headers);
        }
    };
    assert_eq!((code.as_str(), &headers["retry-after"]), ("503 too_much_at_once", &"1".parse().unwrap()));
    assert_eq!(ask(json!({ "input": "hi" }).to_string()).await.0, 200, "what is short is heard");
    open.iter().for_each(tokio::task::JoinHandle::abort);
    // Who is gone leaves room.
    while ask(long.clone()).await.0 != 422 {}
}

#[tokio::test]
async fn more_turns_than_are_allowed_are_told_to_come_back() {
    let (go, wait) = mpsc::channel();
    let model = FakeModel::start(vec![Reply::text("done").held(wait), Reply::text("again")]);
    let server = Server::start(&agent(&model, "{limits: {concurrency: 1}}"));
    let post = || server.client.post(server.at("/turns")).json(&json!({ "input": "hi" }));
    let first = post().send().await.unwrap();
    let (status, code, headers) = answer(post()).await;
    assert_eq!((status, code.as_str(), &headers["retry-after"]), (503, "too_many_turns", &"1".parse().unwrap()));
    drop(go);
    assert!(first.text().await.unwrap().contains("\"completed\""));
    assert_eq!(answer(post()).await.0, 200);
}

#[tokio::test]
async fn one_user_leaves_places_for_others() {
    let (go, wait) = mpsc::channel();
    let model = FakeModel::start(vec![Reply::text("done").held(wait), Reply::text("hello"), Reply::text("again")]);
    let tokens = "tokens: [{name: a, value: one, user: ann}, {name: b, value: two, user: bob}]";
    let server = Server::start(&agent(&model, &format!("{{{tokens}, limits: {{concurrency: 2}}}}")));
    let post = |token: &'static str| {
        server.client.post(server.at("/turns")).bearer_auth(token).json(&json!({ "input": "hi" }))
    };
    let first = post("one").send().await.unwrap();
    let (status, code, headers) = answer(post("one")).await;
    let code = (status, code.as_str(), &headers["retry-after"]);
    assert_eq!(code, (429, "too_many_turns_of_user", &"1".parse().unwrap()));
    assert_eq!(answer(post("two")).await.0, 200);
    drop(go);
    assert!(first.text().await.unwrap().contains("\"completed\""));
    assert_eq!(answer(post("one")).await.0, 200);
}

#[tokio::test]
async fn more_messages_than_a_turn_can_take_are_told_to_come_back() {
    let (_go, wait) = mpsc::channel();
    let model = FakeModel::start(vec![Reply::text("never").held(wait)]);
    let server = Server::start(&agent(&model, "{}"));
    let turn = server.client.post(server.at("/turns")).json(&json!({ "input": "hi" })).send().await.unwrap();
    let steer = format!("/turns/{}/steer", turn.headers()["x-turn-id"].to_str().unwrap());
    let say = || server.client.post(server.at(&steer)).json(&json!({ "input": "and this" }));
    for _ in 0..16 {
        assert_eq!(say().send().await.unwrap().status(), 202);
    }
    let (status, code, headers) = answer(say()).await;
    assert_eq!((status, code.as_str(), &headers["retry-after"]), (429, "too_many_messages", &"1".parse().unwrap()));
}

#[tokio::test]
async fn a_turn_that_takes_too_long_ends_as_one_that_took_too_long() {
    let (_go, wait) = mpsc::channel();
    let model = FakeModel::start(vec![Reply::text("never").held(wait)]);
    let server = Server::start(&agent(&model, "{limits: {time: 200ms}}"));
    let events = server.events("/turns", &json!({ "input": "hi" })).await;
    let last = events.last().unwrap();
    assert_eq!((last["type"].as_str(), last["outcome"]["code"].as_str()), (Some("turn_finished"), Some("time_limit")));
}
