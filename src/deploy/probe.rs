//! The question whether an agent is ready, asked by a hidden subcommand of this binary, as a container has no other
//! program to ask with.

use std::{
    ffi::OsString,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use serde_json::Value;

use crate::config::{Env, SERVE_TOKEN};

/// `__ready PORT`: exits with 0 where the agent on that port of this machine is ready; prints what it says otherwise.
pub(crate) const READY: &str = "__ready";

/// In the log of a server, where it was asked this.
pub(super) const ROUTE: &str = r#""route":"/readiness""#;

const PATIENCE: Duration = Duration::from_secs(8);
/// Of an answer.
const SIZE: u64 = 64 << 10;

pub(crate) fn main(args: &[OsString]) -> ExitCode {
    let port = args.first().and_then(|port| port.to_str()?.parse().ok()).unwrap_or_default();
    match ask(here(port), Env::of_process().var(SERVE_TOKEN)) {
        Ok((200, _)) => ExitCode::SUCCESS,
        Ok((_, body)) => {
            let _ = io::stdout().write_all(body.as_bytes());
            ExitCode::FAILURE
        }
        // It does not listen yet.
        Err(_) => ExitCode::FAILURE,
    }
}

/// This machine as it calls itself.
pub(super) fn here(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Where a server that listens at `address` is reached from this machine.
pub(super) fn reached(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (host, address.port()).into()
}

/// Whether the server there is ready: status and body.
pub(super) fn ask(address: SocketAddr, token: Option<&str>) -> io::Result<(u16, String)> {
    request("GET", "/readiness", address, token)
}

/// Status and body. As little as a server of ours needs: this runs every few seconds.
pub(super) fn request(method: &str, path: &str, address: SocketAddr, token: Option<&str>) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let authorization = token.map_or(String::new(), |token| format!("authorization: Bearer {token}\r\n"));
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{authorization}connection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(SIZE).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Ok((status, body.to_owned()))
}

/// Why an agent is not ready, of what it answered; empty where it says nothing of that.
pub(super) fn reasons(answer: &str) -> String {
    let Ok(answer) = serde_json::from_str::<Value>(answer) else { return String::new() };
    let checks = answer["checks"].as_array().into_iter().flatten();
    let wrong = checks.filter(|check| check["ready"] == false).map(|check| {
        let name = check["name"].as_str().unwrap_or_default();
        format!("{name}: {}", check["reason"].as_str().unwrap_or("not ready"))
    });
    wrong.collect::<Vec<_>>().join("; ")
}
