//! `GET /v1/exec`: a program over a WebSocket. See [`crate::sandbox::wire`].

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::sync::mpsc;

use super::{
    Daemon,
    program::{Handle, Input, Program},
};
use crate::sandbox::wire::{Channel, ExecControl, ExecEvent, ExecSpec, STDIN_WINDOW, StartFailure};

/// Longest message of a client.
const LONGEST: usize = 1 << 20;

pub(super) async fn exec(State(daemon): State<Arc<Daemon>>, upgrade: WebSocketUpgrade) -> Response {
    let call = daemon.clock.call();
    upgrade.max_message_size(LONGEST).on_upgrade(async move |socket| {
        serve(&daemon, socket).await;
        drop(call);
    })
}

async fn serve(daemon: &Arc<Daemon>, mut socket: WebSocket) {
    let spec = match socket.recv().await {
        Some(Ok(Message::Text(text))) => serde_json::from_str::<ExecSpec>(&text)
            .map_err(|error| StartFailure::Failed(format!("not a program to run: {error}"))),
        Some(Ok(_)) => Err(StartFailure::Failed("the first message says what to run".to_owned())),
        _ => return,
    };
    let started = match spec {
        Ok(spec) => Program::start(daemon, &spec).await,
        Err(failure) => Err(failure),
    };
    let program = match started {
        Ok(program) => program,
        Err(failure) => {
            // A client that is gone does not want to know.
            let _ = socket.send(event(&ExecEvent::Refused(failure))).await;
            let _ = socket.close().await;
            return;
        }
    };
    let (to_client, from_client) = socket.split();
    let Program { output, input, handle, kill: _kill } = program;
    let (events, said) = mpsc::channel(4);
    let (typed, to_type) = mpsc::unbounded_channel();
    let on_the_way = AtomicUsize::new(0);
    tokio::select! {
        () = tell(to_client, output, said, &handle) => {}
        // The client is gone: so is the program, with `_kill`.
        () = obey(from_client, typed, &on_the_way, &handle) => {}
        () = type_in(input, to_type, &on_the_way, events) => {}
    }
}

/// Sends the client all that there is to say.
async fn tell(
    mut client: SplitSink<WebSocket, Message>,
    mut output: mpsc::Receiver<(Channel, Bytes)>,
    mut said: mpsc::Receiver<ExecEvent>,
    handle: &Handle,
) {
    let started = ExecEvent::Started { pid: handle.pid.as_raw_pid().unsigned_abs() };
    if client.send(event(&started)).await.is_err() {
        return;
    }
    loop {
        let message = tokio::select! {
            Some(event_of_input) = said.recv() => event(&event_of_input),
            read = output.recv() => match read {
                Some((channel, bytes)) => binary(channel, &bytes),
                None => break,
            },
        };
        if client.send(message).await.is_err() {
            return;
        }
    }
    let exited = ExecEvent::Exited(handle.exit().await);
    // A client that is gone does not want to know.
    let _ = client.send(event(&exited)).await;
    let _ = client.close().await;
}

enum Typed {
    Bytes(Bytes),
    End,
}

/// Does what the client says, until it is gone or says what nobody may. Never waits for the program: what the client may
/// have on the way is bounded, so a signal is never stuck behind input that is not read.
async fn obey(
    mut client: SplitStream<WebSocket>,
    typed: mpsc::UnboundedSender<Typed>,
    on_the_way: &AtomicUsize,
    handle: &Handle,
) {
    while let Some(Ok(message)) = client.next().await {
        match message {
            Message::Binary(bytes) if bytes.first() == Some(&(Channel::Stdin as u8)) => {
                let length = bytes.len() - 1;
                if on_the_way.fetch_add(length, Ordering::Relaxed) + length > STDIN_WINDOW {
                    return;
                }
                // One that reads no more loses what it is sent.
                let _ = typed.send(Typed::Bytes(bytes.slice(1..)));
            }
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(ExecControl::CloseStdin) => drop(typed.send(Typed::End)),
                Ok(ExecControl::Resize(size)) => handle.resize(size),
                Ok(ExecControl::Signal(number)) => drop(handle.signal(number)),
                Err(_) => return,
            },
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) | Message::Close(_) => return,
        }
    }
}

async fn type_in(
    mut input: Input,
    mut typed: mpsc::UnboundedReceiver<Typed>,
    on_the_way: &AtomicUsize,
    events: mpsc::Sender<ExecEvent>,
) {
    while let Some(typed) = typed.recv().await {
        match typed {
            Typed::Bytes(bytes) => {
                // A program that closed its input is no fault of the client.
                let _ = input.write(&bytes).await;
                on_the_way.fetch_sub(bytes.len(), Ordering::Relaxed);
                let _ = events.send(ExecEvent::Taken(bytes.len())).await;
            }
            Typed::End => input.close().await,
        }
    }
    // The client may yet close it: an input that is dropped is one that is closed.
    std::future::pending().await
}

fn event(event: &ExecEvent) -> Message {
    Message::Text(serde_json::to_string(event).unwrap_or_default().into())
}

fn binary(channel: Channel, bytes: &[u8]) -> Message {
    let mut message = BytesMut::with_capacity(1 + bytes.len());
    message.put_u8(channel as u8);
    message.put_slice(bytes);
    Message::Binary(message.freeze())
}
