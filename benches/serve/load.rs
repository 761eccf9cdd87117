//! Callers: connections that stay open, and answers that count only when they are whole.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::{Request, Uri, header};
use http_body_util::{BodyDataStream, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// An answer that takes longer never comes.
const PATIENCE: Duration = Duration::from_mins(2);

/// One connection, one request at a time.
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    pub async fn open(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (send, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(Self(send))
    }

    /// The bytes of the answer as they come.
    pub async fn post(
        &mut self,
        uri: &Uri,
        body: String,
    ) -> Result<impl Stream<Item = Result<Bytes, hyper::Error>> + use<> + Unpin, String> {
        let request = Request::post(uri.clone())
            .header(header::HOST, "127.0.0.1")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|error| error.to_string())?;
        self.0.ready().await.map_err(|error| error.to_string())?;
        let response = self.0.send_request(request).await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()));
        }
        Ok(BodyDataStream::new(response.into_body()))
    }
}

/// What is asked, and what an answer must hold.
#[derive(Clone)]
pub struct Ask {
    pub path: Uri,
    /// In the event of a token.
    token: &'static str,
    /// So many of them.
    tokens: usize,
    /// In the last event.
    end: &'static str,
    chat: bool,
}

impl Ask {
    /// `/process` of the agent that says `tokens`.
    pub fn process(path: &str, tokens: usize) -> Self {
        let end = r#""object":"response","status":"completed""#;
        Self { path: path.parse().unwrap(), token: r#""delta":true"#, tokens, end, chat: false }
    }

    /// The model server itself.
    pub fn model(path: &str, tokens: usize) -> Self {
        let path = path.parse().unwrap();
        Self { path, token: r#""delta":{"content""#, tokens, end: "data: [DONE]", chat: true }
    }

    pub fn body(&self, session: &str) -> String {
        if self.chat {
            return r#"{"model":"stub","stream":true,"messages":[{"role":"user","content":"What does the fox do?"}]}"#
                .into();
        }
        let text = r#"{"type":"text","text":"What does the fox do?"}"#;
        let input = format!(r#"[{{"role":"user","type":"message","content":[{text}]}}]"#);
        format!(r#"{{"input":{input},"stream":true,"session_id":"{session}","user_id":"bench"}}"#)
    }
}

/// An answer that was whole.
#[derive(Debug)]
pub struct Answer {
    pub took: Duration,
    /// To the first token.
    pub first: Duration,
    /// From one token to the next.
    pub gaps: Vec<Duration>,
}

/// Who asks, and waits for the answer, and asks again.
pub struct Caller {
    address: String,
    name: String,
    asked: u64,
    connection: Option<Connection>,
}

impl Caller {
    pub fn new(address: &str, name: String) -> Self {
        Self { address: address.to_owned(), name, asked: 0, connection: None }
    }

    /// One turn, in a session of its own.
    pub async fn ask(&mut self, ask: &Ask) -> Result<Answer, String> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.address).await?,
        };
        self.asked += 1;
        let body = ask.body(&format!("{}-{}", self.name, self.asked));
        let answer = tokio::time::timeout(PATIENCE, read(&mut connection, ask, body)).await;
        let answer = answer.unwrap_or_else(|_| Err("no end in time".to_owned()))?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

async fn read(connection: &mut Connection, ask: &Ask, body: String) -> Result<Answer, String> {
    let began = Instant::now();
    let mut frames = connection.post(&ask.path, body).await?;
    let (mut buffer, mut last) = (BytesMut::new(), BytesMut::new());
    let (mut times, mut gaps): (Option<(Instant, Instant)>, _) = (None, Vec::with_capacity(ask.tokens));
    while let Some(frame) = frames.next().await {
        buffer.extend_from_slice(&frame.map_err(|error| error.to_string())?);
        while let Some(event) = cut(&mut buffer) {
            if holds(&event, r#""status":"failed""#) || holds(&event, r#""object":"error""#) {
                return Err(String::from_utf8_lossy(&event).into_owned());
            }
            if holds(&event, ask.token) {
                let now = Instant::now();
                if let Some((_, before)) = times {
                    gaps.push(now - before);
                }
                times = Some((times.map_or(now, |(first, _)| first), now));
            }
            last = event;
        }
    }
    let tokens = gaps.len() + usize::from(times.is_some());
    match times {
        Some((first, _)) if tokens == ask.tokens && holds(&last, ask.end) => {
            Ok(Answer { took: began.elapsed(), first: first - began, gaps })
        }
        _ => Err(format!("{tokens} tokens, and then {}", String::from_utf8_lossy(&last))),
    }
}

/// The next event, once it is whole.
pub fn cut(buffer: &mut BytesMut) -> Option<BytesMut> {
    let end = buffer.windows(2).position(|two| two == b"\n\n")?;
    let mut event = buffer.split_to(end + 2);
    event.truncate(end);
    Some(event)
}

fn holds(event: &[u8], text: &str) -> bool {
    std::str::from_utf8(event).is_ok_and(|event| event.contains(text))
}
