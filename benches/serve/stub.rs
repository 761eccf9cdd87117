//! A model server: OpenAI chat completions, always streamed. The path says how: `/20/5/v1/chat/completions` is 20
//! tokens, one every 5 ms. Each chunk is a frame of its own, as from a real one.
//!
//! Times follow the clock from the start of the answer, so that being late once does not add up.

use std::{
    convert::Infallible,
    fmt::Write as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{
    Method, Request, Response,
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    time::{Instant, Sleep, sleep_until},
};

use crate::process::{announce, orphaned};

pub async fn run() {
    let listener = crate::process::listener();
    announce(&listener);
    tokio::select! {
        () = serve(listener) => {}
        () = orphaned() => {}
    }
}

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Reply>, Infallible> {
    let (head, body) = request.into_parts();
    let _ = body.collect().await;
    let response = Response::builder();
    if head.method == Method::GET {
        let list = r#"{"object":"list","data":[{"id":"stub","object":"model"}]}"#;
        return Ok(response.header("content-type", "application/json").body(Reply::whole(list)).unwrap());
    }
    let mut parts = head.uri.path().split('/').skip(1).map_while(|part| part.parse().ok());
    let (tokens, pause) = (parts.next().unwrap_or(20), parts.next().unwrap_or(0));
    let reply = Reply::new(tokens, Duration::from_millis(pause));
    Ok(response.header("content-type", "text/event-stream").body(reply).unwrap())
}

/// A role, the tokens, the reason of the end, the usage, `[DONE]`.
struct Reply {
    tokens: u64,
    next: u64,
    pause: Duration,
    began: Instant,
    wait: Pin<Box<Sleep>>,
    whole: Option<&'static str>,
}

impl Reply {
    fn new(tokens: u64, pause: Duration) -> Self {
        let began = Instant::now();
        Self { tokens, next: 0, pause, began, wait: Box::pin(sleep_until(began)), whole: None }
    }

    fn whole(text: &'static str) -> Self {
        Self { whole: Some(text), ..Self::new(0, Duration::ZERO) }
    }

    fn chunk(&self) -> String {
        let mut chunk = String::with_capacity(256);
        let head = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1764000000,"model":"stub","#;
        chunk.push_str(head);
        let choice = |delta: &str, finish: &str| {
            format!(
                "\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n"
            )
        };
        let end = self.tokens + 1;
        match self.next {
            0 => chunk.push_str(&choice(r#"{"role":"assistant","content":""}"#, "null")),
            n if n < end => chunk.push_str(&choice(&format!("{{\"content\":\"word{n} \"}}"), "null")),
            n if n == end => chunk.push_str(&choice("{}", "\"stop\"")),
            _ => {
                let (tokens, all) = (self.tokens, self.tokens + 20);
                let usage = format!("\"prompt_tokens\":20,\"completion_tokens\":{tokens},\"total_tokens\":{all}");
                let _ = write!(chunk, "\"choices\":[],\"usage\":{{{usage}}}}}\n\ndata: [DONE]\n\n");
            }
        }
        chunk
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(whole) = self.whole.take() {
            self.next = u64::MAX;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(whole.as_bytes())))));
        }
        if self.next > self.tokens + 2 {
            return Poll::Ready(None);
        }
        if !self.pause.is_zero() && (2..=self.tokens).contains(&self.next) {
            ready!(self.wait.as_mut().poll(cx));
        }
        let chunk = Bytes::from(self.chunk());
        self.next += 1;
        let due = self.began + self.pause * u32::try_from(self.next.saturating_sub(1)).unwrap_or(u32::MAX);
        if !self.pause.is_zero() {
            self.wait.as_mut().reset(due);
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}
