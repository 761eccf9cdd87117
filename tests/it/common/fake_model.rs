//! A model server on a port of its own that answers by script, down to the bytes of each chunk.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use serde_json::{Value, json};

/// What the server was asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// `Null` where the body is empty or not JSON.
    pub body: Value,
}

/// One answer of the script.
#[derive(Debug, Default)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Send(Vec<u8>),
    /// Until the test lets it go on, or drops its end.
    Wait(mpsc::Receiver<()>),
    /// The connection is closed without the end of the body.
    Cut,
}

impl Reply {
    /// An answer that is not a stream.
    #[must_use]
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![], steps: vec![Step::Send(body.into())] }
            .header("content-type", "application/json")
    }

    /// The start of an event stream, without any event.
    #[must_use]
    pub fn stream() -> Self {
        Self { status: 200, ..Self::default() }.header("content-type", "text/event-stream")
    }

    /// In place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends these bytes as one chunk.
    #[must_use]
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Send(bytes.into()));
        self
    }

    /// Sends each of `chunks` by itself.
    #[must_use]
    pub fn chunks<'a>(self, chunks: impl IntoIterator<Item = &'a [u8]>) -> Self {
        chunks.into_iter().fold(self, Self::bytes)
    }

    /// Sends one event of chat completions.
    #[must_use]
    pub fn event(self, data: &Value) -> Self {
        self.bytes(format!("data: {data}\n\n"))
    }

    /// Waits until the sender that belongs to `receiver` sends or is dropped.
    #[must_use]
    pub fn wait(mut self, receiver: mpsc::Receiver<()>) -> Self {
        self.steps.push(Step::Wait(receiver));
        self
    }

    /// Waits before the first byte as [`wait`](Self::wait) does.
    #[must_use]
    pub fn held(mut self, receiver: mpsc::Receiver<()>) -> Self {
        self.steps.insert(0, Step::Wait(receiver));
        self
    }

    /// Breaks the connection here.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.steps.push(Step::Cut);
        self
    }

    /// Chat completions: `text`, word by word.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let deltas = text.split_inclusive(' ').map(|word| json!({ "content": word }));
        Self::deltas(deltas.collect(), "stop")
    }

    /// Chat completions: calls of these tools, in one answer.
    #[must_use]
    pub fn calls(calls: &[(&str, Value)]) -> Self {
        let delta = |(index, (name, arguments)): (usize, &(&str, Value))| {
            let function = json!({ "name": name, "arguments": arguments.to_string() });
            json!({ "tool_calls": [{ "index": index, "id": format!("call_{index}"), "type": "function", "function": function }] })
        };
        Self::deltas(calls.iter().enumerate().map(delta).collect(), "tool_calls")
    }

    fn deltas(deltas: Vec<Value>, finish: &str) -> Self {
        let choice = |delta: Value| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
        let body = deltas.into_iter().map(choice).fold(Self::stream(), |reply, chunk| reply.event(&chunk));
        body.event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": finish }] }))
            .event(&json!({ "choices": [], "usage": { "prompt_tokens": 20, "completion_tokens": 5 } }))
            .bytes("data: [DONE]\n\n")
    }
}

/// The server; it ends with this value.
pub struct FakeModel {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl FakeModel {
    /// Answers the requests with `script`, one each, and then with 500. `GET /v1/models` lists `fake` and takes
    /// nothing from the script.
    #[must_use]
    pub fn start(script: Vec<Reply>) -> Self {
        Self::listing(200, &json!({ "object": "list", "data": [{ "id": "fake" }] }), script)
    }

    /// As one that takes no key.
    #[must_use]
    pub fn refusing() -> Self {
        Self::listing(401, &json!({ "error": { "message": "the key is wrong" } }), vec![])
    }

    fn listing(status: u16, models: &Value, script: Vec<Reply>) -> Self {
        let models = (status, models.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(vec![]));
        let stop = Arc::new(AtomicBool::new(false));
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        let (seen, stopped) = (Arc::clone(&requests), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (script, seen, models) = (Arc::clone(&script), Arc::clone(&seen), models.clone());
                // A client that goes away is no failure of the server.
                std::thread::spawn(move || stream.and_then(|stream| serve(stream, models, &script, &seen)));
            }
        });
        Self { address, requests, stop }
    }

    /// The root of the API, as `base_url` wants it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far, those for the list of models left out.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for FakeModel {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    stream: TcpStream,
    (status, models): (u16, String),
    script: &Mutex<VecDeque<Reply>>,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let Some(request) = read(&mut reader)? else { return Ok(()) };
    let reply = if request.method == "GET" && request.path.ends_with("/models") {
        Reply::status(status, models)
    } else {
        requests.lock().unwrap().push(request);
        let next = script.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Reply::status(500, r#"{"error":{"message":"the script has no answer left"}}"#))
    };
    write(stream, reply)
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = vec![];
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Some(Request { method, path, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }))
}

fn write(mut stream: TcpStream, reply: Reply) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {} Scripted\r\nconnection: close\r\ntransfer-encoding: chunked\r\n", reply.status)?;
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    for step in reply.steps {
        match step {
            Step::Send(bytes) if bytes.is_empty() => {}
            Step::Send(bytes) => {
                let chunk = [format!("{:x}\r\n", bytes.len()).into_bytes(), bytes, b"\r\n".to_vec()].concat();
                stream.write_all(&chunk)?;
            }
            Step::Wait(receiver) => {
                let _ = receiver.recv();
            }
            Step::Cut => return Ok(()),
        }
    }
    stream.write_all(b"0\r\n\r\n")
}
