//! Processes: started, looked at, ended.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// A server that does not answer by then never will.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that runs; it ends with this value.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
    /// From its start to its first answer.
    pub ready: Duration,
}

impl Server {
    /// Starts what listens at `address`, and waits for its first answer.
    pub async fn start(mut command: Command, address: String) -> Self {
        let began = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut server = Self { child, address, ready: Duration::ZERO };
        while !server.answers("/health").await {
            assert!(began.elapsed() < PATIENCE, "{command:?} does not answer");
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        server.ready = began.elapsed();
        server
    }

    /// Starts one of ours, by what it is called.
    pub fn own(role: &[&str]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.args(role).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned(), ready: Duration::ZERO }
    }

    async fn answers(&self, path: &str) -> bool {
        self.get(path).await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200 "))
    }

    /// The whole answer, head and all.
    pub async fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        format!("/proc/{}/{name}", self.child.id()).into()
    }

    /// What it has had of the processors, in steps of 10 ms: fields 14 and 15 of `/proc/PID/stat`.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(self.file("stat")).unwrap();
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        Duration::from_millis(fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
    }

    /// Its memory in MiB, now.
    pub fn memory(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most it had since [`Server::forget_peak`], in MiB.
    pub fn peak(&self) -> f64 {
        self.status("VmHWM:")
    }

    pub fn forget_peak(&self) {
        // 5: the high water mark of the resident set.
        let _ = std::fs::OpenOptions::new()
            .write(true)
            .open(self.file("clear_refs"))
            .and_then(|mut file| file.write_all(b"5"));
    }

    fn status(&self, key: &str) -> f64 {
        let status = std::fs::read_to_string(self.file("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(self.file("fd")).map_or(0, Iterator::count)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens at.
pub fn free() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A listener with room for all callers at once.
pub fn listener() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    socket.listen(4096).unwrap()
}

/// Tells who started this process where it listens.
pub fn announce(listener: &TcpListener) {
    println!("{}", listener.local_addr().unwrap());
}

/// Waits for the end of who started this process.
pub async fn orphaned() {
    let mut nothing = [0];
    let _ = tokio::io::stdin().read(&mut nothing).await;
}
