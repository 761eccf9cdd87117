//! A client that sends the body of a request late, after a server may have answered it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// Long enough for a server to refuse by the head alone.
const LATE: Duration = Duration::from_millis(50);

/// Posts `body`, and then asks for `/healthz` over the same connection. What came of both.
pub fn posts_late(address: &str, path: &str, token: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    write!(stream, "{}Content-Length: {}\r\n", head("POST", path), body.len()).unwrap();
    write!(stream, "Authorization: Bearer {token}\r\n\r\n").unwrap();
    std::thread::sleep(LATE);
    // Where the server closed the connection, its answers say what came of it.
    let next = head("GET", "/healthz");
    let _ = write!(stream, "{body}{next}Authorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    let mut answers = String::new();
    let _ = stream.read_to_string(&mut answers);
    answers
}

/// The statuses of such answers.
pub fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.split(' ').next()).collect()
}
