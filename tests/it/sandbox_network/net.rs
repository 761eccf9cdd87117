//! A network of the test's own, which no other process and no wire is part of. On it are addresses that would be
//! somebody else's, private ones and those of clouds' credentials, each with a server of the test's own, and a server of
//! names.
//!
//! What counts as the public Internet is of the ranges for AS112 (RFC 7535), which belong to nobody and are no special
//! addresses to the proxy; the documentation ranges are.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr, TcpListener as StdListener, UdpSocket as StdSocket},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use rustix::{
    mount::{MountPropagationFlags, mount_bind, mount_change},
    thread::UnshareFlags,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
};

use super::dns;
use crate::common::{
    boxed::{Made, everywhere_in},
    require,
};

/// That of the names which lead to a public address.
pub const PUBLIC: &str = "192.31.196.1";
/// Public as well, and on no list.
pub const OTHER: &str = "192.31.196.2";
pub const PUBLIC_6: &str = "2620:4f:8000::1";
/// Each with a server on port 80 that nobody inside may reach.
pub const OFF_LIMITS: &[&str] = &[
    OTHER,
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "198.51.100.1",
    "127.0.0.1",
    "::1",
    "fd00:ec2::254",
];

/// What came in.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    /// All of it, once.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The servers, as they are while the network is made.
pub struct Net {
    servers: Vec<StdListener>,
    names: StdSocket,
}

/// What the servers saw, and who looks like a host.
pub struct Seen {
    /// `ADDRESS:PORT REQUEST LINE`.
    pub requests: Log,
    /// Names that were asked for.
    pub names: Log,
}

/// Runs `test` with boxes of each backend, each in a network of its own: so are the proxies of containers, which
/// processes of ours are. Only root can make one.
pub fn in_a_net<F: Future<Output = ()>>(test: impl Fn(Made, Seen) -> F + Copy + Send + Sync + 'static) {
    let root = rustix::process::geteuid().is_root();
    let ip = Command::new("ip").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !require::available("ip", root && ip) {
        return;
    }
    everywhere_in(Net::make, move |made, net| async move {
        let seen = net.serve();
        test(made, seen).await;
    });
}

impl Net {
    /// For the calling thread, and what it starts from now on.
    fn make() -> Self {
        #[expect(deprecated, reason = "the one that replaces it is unsafe, and no descriptor is used after it")]
        rustix::thread::unshare(UnshareFlags::NEWNET | UnshareFlags::NEWNS).unwrap();
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let resolv = folder.path().join("resolv.conf");
        std::fs::write(&resolv, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").unwrap();
        mount_bind(&resolv, "/etc/resolv.conf").unwrap();
        // What is mounted stays; who ends this may not be who can remove it.
        drop(folder);
        // Not every kernel has an interface that leads nowhere; this one leads nowhere else either.
        ip(&["link", "set", "lo", "up"]);
        let mut servers = vec![];
        for address in [PUBLIC, PUBLIC_6].iter().chain(OFF_LIMITS) {
            let address: IpAddr = address.parse().unwrap();
            if !address.is_loopback() {
                ip(&["addr", "add", &address.to_string(), "dev", "lo"]);
            }
            let bind = |port| loop {
                match StdListener::bind((address, port)) {
                    // The kernel takes a moment until a new address of version 6 is one.
                    Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                        std::thread::sleep(std::time::Duration::from_millis(5));
                    }
                    bound => break bound.unwrap(),
                }
            };
            servers.push(bind(80));
            if [PUBLIC, OTHER].contains(&address.to_string().as_str()) {
                servers.extend([bind(443), bind(22)]);
            }
        }
        let names = StdSocket::bind("127.0.0.1:53").unwrap();
        Self { servers, names }
    }

    fn serve(self) -> Seen {
        let seen = Seen { requests: Log::default(), names: Log::default() };
        for server in self.servers {
            server.set_nonblocking(true).unwrap();
            let server = TcpListener::from_std(server).unwrap();
            let requests = seen.requests.clone();
            tokio::spawn(async move {
                while let Ok((stream, _)) = server.accept().await {
                    tokio::spawn(answer(stream, requests.clone()));
                }
            });
        }
        self.names.set_nonblocking(true).unwrap();
        tokio::spawn(dns::serve(UdpSocket::from_std(self.names).unwrap(), seen.names.clone()));
        seen
    }
}

fn ip(args: &[&str]) {
    let output = Command::new("ip").args(args).output().unwrap();
    assert!(output.status.success(), "ip {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Notes the request, then says so, or sends `/away` on to a host that is on no list.
async fn answer(mut stream: TcpStream, requests: Log) {
    let local = stream.local_addr().unwrap();
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    if head.is_empty() {
        requests.add(format!("{local} nothing"));
        return;
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    requests.add(format!("{local} {line}"));
    let more = if line.contains(" /away ") {
        "HTTP/1.1 302 Found\r\nLocation: http://other.test/\r\n"
    } else {
        "HTTP/1.1 200 OK\r\n"
    };
    let body = format!("served by {local}\n");
    let answer = format!("{more}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Whether a server is there: what an attempt from inside must not find.
pub async fn reached_from_outside(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    stream.write_all(b"GET /control HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.contains("served by ")
}
