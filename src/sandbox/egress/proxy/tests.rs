use std::path::PathBuf;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::sandbox::egress::refused_since;

/// Every name leads to the test's own server, but `private.test`, and `absent.test`, which is not there.
struct Fake(SocketAddr);

#[async_trait]
impl Reach for Fake {
    async fn resolve(&self, host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        match host {
            "absent.test" => Err(io::ErrorKind::NotFound.into()),
            "private.test" => Ok(vec!["169.254.169.254:80".parse().unwrap(), "[::1]:80".parse().unwrap()]),
            _ => Ok(vec![self.0]),
        }
    }

    fn refuses(&self, address: SocketAddr) -> Option<&'static str> {
        if address == self.0 { None } else { special(address.ip()) }
    }
}

/// A proxy with its list of what was refused, before a server that answers with the head it got.
struct Rig {
    folder: tempfile::TempDir,
    socket: PathBuf,
}

impl Rig {
    fn new(allow: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("egress.sock");
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let address = server.local_addr().unwrap();
        tokio::spawn(upstream(TcpListener::from_std(server).unwrap()));
        let allow = AllowList::parse(&allow.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>()).unwrap();
        let log = Log::open(&folder.path().join(crate::sandbox::egress::REFUSED_FILE)).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        tokio::spawn(Proxy::new(allow, Box::new(Fake(address)), log).serve(listener));
        Self { folder, socket }
    }

    /// The answer to these bytes, to the end of the connection, without the date.
    async fn send(&self, request: &str) -> String {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        // A proxy that has heard enough closes.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = vec![];
        // A proxy that closes at once may reset what it did not read.
        let _ = stream.read_to_end(&mut answer).await;
        let text = String::from_utf8(answer).unwrap().replace('\r', "");
        text.lines().filter(|line| !line.starts_with("date:")).fold(String::new(), |all, line| all + line + "\n")
    }

    fn refused(&self) -> Vec<String> {
        let (refused, _) = refused_since(self.folder.path(), 0).unwrap();
        refused.iter().map(|one| format!("{}:{} {}", one.host, one.port, one.reason)).collect()
    }
}

/// Answers each connection once, with what it was sent up to the end of the head; then echoes.
async fn upstream(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut head = vec![];
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { return };
                head.push(byte);
            }
            let answer = format!(
                "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nContent-Length: {}\r\n\r\n",
                head.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.write_all(&head).await.unwrap();
            let (mut read, mut write) = stream.split();
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
    }
}

#[tokio::test]
async fn a_request_reaches_a_host_of_the_list_without_what_is_for_the_proxy() {
    let rig = Rig::new(&["a.test", "*.b.test"]);
    let request = "GET http://A.test/path?q=1 HTTP/1.1\r\nHost: a.test.\r\nProxy-Authorization: Basic eA==\r\n\
        Connection: X-Mine, close\r\nX-Mine: 1\r\nX-Other: 2\r\nTE: trailers\r\n\r\n";
    insta::assert_snapshot!(rig.send(request).await, @"
    HTTP/1.1 200 OK
    content-length: 52
    connection: close

    GET /path?q=1 HTTP/1.1
    host: a.test
    x-other: 2
    ");
    let old = rig.send("GET http://x.b.test:80 HTTP/1.0\r\n\r\n").await;
    insta::assert_snapshot!(old, @"
    HTTP/1.0 200 OK
    content-length: 34

    GET / HTTP/1.1
    host: x.b.test
    ");
    assert_eq!(rig.refused(), [""; 0]);
}

#[tokio::test]
async fn what_is_not_on_the_list_is_refused_told_and_written_down() {
    let rig = Rig::new(&["a.test", "*.b.test", "private.test", "absent.test"]);
    insta::assert_snapshot!(rig.send("GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n").await, @"
    HTTP/1.1 403 Forbidden
    content-type: text/plain; charset=utf-8
    connection: close
    content-length: 125

    the network policy of this sandbox refused evil.test:80: it is not on the list (a.test, *.b.test, private.test, absent.test)
    ");
    for request in [
        "CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n",
        "CONNECT a.test:22 HTTP/1.1\r\nHost: a.test:22\r\n\r\n",
        "CONNECT 93.184.216.34:443 HTTP/1.1\r\n\r\n",
        "CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n",
        "CONNECT [::ffff:127.0.0.1]:80 HTTP/1.1\r\n\r\n",
        "GET http://2130706433/ HTTP/1.1\r\nHost: 2130706433\r\n\r\n",
        "CONNECT private.test:443 HTTP/1.1\r\n\r\n",
        "GET http://a.test.evil.test/ HTTP/1.1\r\nHost: a.test.evil.test\r\n\r\n",
    ] {
        let answer = rig.send(request).await;
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\n"), "{request}: {answer}");
    }
    insta::assert_snapshot!(rig.refused().join("\n"), @"
    evil.test:80 it is not on the list (a.test, *.b.test, private.test, absent.test)
    b.test:443 it is not on the list (a.test, *.b.test, private.test, absent.test)
    a.test:22 the host is on the list, this port is not (a.test, *.b.test, private.test, absent.test)
    93.184.216.34:443 it is not on the list (a.test, *.b.test, private.test, absent.test)
    169.254.169.254:80 it is not on the list (a.test, *.b.test, private.test, absent.test)
    [::ffff:7f00:1]:80 it is not on the list (a.test, *.b.test, private.test, absent.test)
    127.0.0.1:80 it is not on the list (a.test, *.b.test, private.test, absent.test)
    private.test:443 the name leads to a link-local address, where clouds keep credentials
    a.test.evil.test:80 it is not on the list (a.test, *.b.test, private.test, absent.test)
    ");
    // The host's failure is not the policy's.
    insta::assert_snapshot!(rig.send("CONNECT absent.test:443 HTTP/1.1\r\n\r\n").await, @"
    HTTP/1.1 502 Bad Gateway
    content-type: text/plain; charset=utf-8
    connection: close
    content-length: 55

    could not reach absent.test:443: there is no such host
    ");
    assert_eq!(rig.refused().len(), 9);
}

#[tokio::test]
async fn what_could_mean_two_requests_or_two_hosts_is_not_passed_on() {
    let rig = Rig::new(&["a.test", "b.test"]);
    for request in [
        // Another host than that of the address.
        "GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test:8080\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
        "CONNECT a.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n",
        // Not for a proxy.
        "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET https://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "CONNECT a.test:0 HTTP/1.1\r\n\r\n",
        // Framing.
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost : a.test\r\n\r\n",
        "GET http://a.test@b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n",
    ] {
        let answer = rig.send(request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request}: {answer}");
    }
    let large = format!("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: {}\r\n\r\n", "x".repeat(4 * HEAD));
    assert!(!rig.send(&large).await.starts_with("HTTP/1.1 200 "));
    // Both framings: one is chosen, and the server behind sees only that.
    let both = "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 5\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n";
    let answer = rig.send(both).await;
    assert!(!answer.to_lowercase().contains("content-length: 5\n"), "{answer}");
}

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_and_nothing_that_was_smuggled_before_it() {
    let rig = Rig::new(&["a.test:8443"]);
    let mut stream = UnixStream::connect(&rig.socket).await.unwrap();
    // The client may write before the answer.
    stream.write_all(b"CONNECT a.test:8443 HTTP/1.1\r\nHost: a.test:8443\r\n\r\nhead\r\n\r\n").await.unwrap();
    stream.write_all(b"and more").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (own, inside) = answer.split_once("\r\n\r\n").unwrap();
    assert!(own.starts_with("HTTP/1.1 200 OK"), "{own}");
    assert!(!own.to_lowercase().contains("transfer-encoding"), "{own}");
    assert!(inside.ends_with("\r\n\r\nhead\r\n\r\nand more"), "{inside}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_nothing_moves_ends() {
    let (ours, theirs) = tokio::io::duplex(64);
    let mut idle = Idle::new(ours, Duration::from_secs(300));
    let error = idle.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    drop(theirs);
}
