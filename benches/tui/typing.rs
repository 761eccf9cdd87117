//! From a key to its echo, while an answer streams: the program in a terminal of its own, and a model that sends 200
//! tokens a second.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::AsFd as _,
    process::{Child, Command},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// What is between two tokens of the model.
const TOKEN: Duration = Duration::from_millis(5);
/// What is between two keys: a fast hand, and no multiple of the tokens or the frames.
const KEY: Duration = Duration::from_millis(37);
/// Keys that are not counted: the program has just started.
const FIRST: usize = 20;
/// What is typed before the line is emptied.
const LINE: usize = 60;
/// A key that is not seen by then is lost.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a key may take, as people notice more.
const LIMIT: Duration = Duration::from_millis(16);
/// Letters of the digits of pi: no part of them comes twice soon, and the model writes none.
const DIGITS: &[u8] = b"31415926535897932384626433832795028841971693993751058209749445923078";

/// Measures `keys` keys, and prints what they took.
pub(crate) fn measure(keys: usize) {
    let mut chat = Chat::start();
    chat.until("no network");
    chat.send(b"Write on.\r");
    chat.until("working");
    let mut taken = vec![];
    let mut typed = String::new();
    let begun = Instant::now();
    for n in 0..keys + FIRST {
        thread::sleep((begun + KEY * u32::try_from(n).unwrap()).saturating_duration_since(Instant::now()));
        if typed.len() == LINE {
            // To the beginning of the line.
            chat.send(b"\x15");
            typed.clear();
            thread::sleep(KEY);
        }
        let key = DIGITS[typed.len()];
        typed.push(char::from(key));
        chat.forget();
        let pressed = Instant::now();
        chat.send(&[key]);
        let seen = chat.until(&typed);
        taken.push(seen - pressed);
    }
    let mut taken = taken.split_off(FIRST);
    taken.sort_unstable();
    let at = |percent: usize| taken[(taken.len() * percent / 100).min(taken.len() - 1)].as_secs_f64() * 1e3;
    let limit = LIMIT.as_secs_f64() * 1e3;
    println!(
        "\n{keys} keys while 200 tokens a second come: key to echo p50 {:.1} ms, p99 {:.1} ms (limit {limit} ms), most {:.1} ms",
        at(50),
        at(99),
        at(100),
    );
    println!("the program has {} KiB resident then", super::resident(&chat.child.id().to_string()));
}

/// The program in a terminal.
struct Chat {
    child: Child,
    terminal: File,
    /// What it wrote, and when that was read.
    output: mpsc::Receiver<(Vec<u8>, Instant)>,
    written: Vec<u8>,
    // Kept until the end.
    _pty: pty_process::blocking::Pty,
    _folder: tempfile::TempDir,
}

impl Chat {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = format!("{{provider: openai-compatible, model: stub, base_url: \"{}\"}}", model());
        let file = format!("name: typist\nmodel: m\nmodels: {{m: {model}}}\n");
        std::fs::write(folder.path().join("agent.yaml"), file).unwrap();
        let program = std::env::var_os("AGENTSCOPE_BENCH_BINARY");
        let mut command = Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_agentscope").into()));
        command.arg("chat").current_dir(folder.path()).env_clear();
        let path = std::env::var_os("PATH").unwrap_or_default();
        // It has no colours to be asked for, so that nobody need answer.
        command.env("PATH", path).env("TERM", "xterm-256color").env("NO_COLOR", "1").env("LANG", "C.UTF-8");
        command.env("HOME", folder.path()).env("AGENTSCOPE_HOME", folder.path().join("home"));
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(40, 120)).unwrap();
        let child = pty_process::blocking::Command::from(command).spawn(pts).unwrap();
        let terminal = File::from(pty.as_fd().try_clone_to_owned().unwrap());
        let (sender, output) = mpsc::channel();
        let mut reader = terminal.try_clone().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send((buffer[..count].to_vec(), Instant::now())).is_err() {
                    return;
                }
            }
        });
        Self { child, terminal, output, written: vec![], _pty: pty, _folder: folder }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.terminal.write_all(bytes).unwrap();
    }

    /// Forgets what was written so far.
    fn forget(&mut self) {
        while self.output.try_recv().is_ok() {}
        self.written.clear();
    }

    /// When `text` was written.
    fn until(&mut self, text: &str) -> Instant {
        loop {
            let (bytes, at) = self.output.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!("`{text}` is not in what was written: {}", String::from_utf8_lossy(&self.written))
            });
            self.written.extend(bytes);
            if self.written.windows(text.len()).any(|part| part == text.as_bytes()) {
                return at;
            }
        }
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Where a model is that never ends.
fn model() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || write_on(stream.unwrap()));
        }
    });
    format!("http://{address}/v1")
}

/// Takes a request, and answers by the clock until nobody listens.
fn write_on(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut head = BufReader::new(stream.try_clone().ok()?);
    let (mut line, mut length) = (String::new(), 0);
    while head.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    head.read_exact(&mut vec![0; length]).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").ok()?;
    let letters = super::PART.replace(|c: char| c.is_ascii_digit(), "x");
    let words: Vec<&str> = letters.split_inclusive(' ').collect();
    let begun = Instant::now();
    for (n, word) in (1..).zip(words.iter().cycle()) {
        let delta = serde_json::json!({ "choices": [{ "index": 0, "delta": { "content": word } }] });
        write!(stream, "data: {delta}\n\n").ok()?;
        thread::sleep((begun + TOKEN * n).saturating_duration_since(Instant::now()));
    }
    None
}
