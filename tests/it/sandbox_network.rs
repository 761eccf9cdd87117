//! The way out of a box with an allow list, in a network of the test's own: what is on the list is reached, by HTTP and
//! through a tunnel, and nothing else is, whichever way it is asked for.
//!
//! Of the battery: 47 to 51, 53, and of 54 that one box cannot reach the port of another. The control of each is that
//! the same servers answer who asks from outside, or the same request for a host of the list.

mod dns;
mod net;

use std::net::SocketAddr;

use agentscope::sandbox::{
    Network,
    egress::{Refused, refused_since},
    wire::ExecSpec,
};

use self::net::{OFF_LIMITS, OTHER, PUBLIC, PUBLIC_6, Seen, in_a_net, reached_from_outside};
use crate::common::{
    TestEnv,
    boxed::{Boxed, Made},
    local::Who,
    require,
};

const LIST: &[&str] = &[
    "allowed.test",
    "*.wild.test",
    "Bücher.test",
    "six.test",
    "mixed.test",
    "rebind.test",
    "private.test",
    "lan.test",
    "metadata.test",
    "metadata6.test",
    "metadata.google.internal",
    "alibaba.test",
    "azure.test",
    "loopback.test",
    "localhost",
    "zero.test",
    "reserved.test",
    "mapped.test",
    "nat64.test",
    "alias.test",
    "gone.test",
];

/// Sends each request to the proxy and prints the first line of what comes back, and who served it.
const ASK: &str = "
import json, socket, sys
for request in json.loads(sys.argv[1]):
    answer = b''
    try:
        proxy = socket.create_connection(('127.0.0.1', 3128), 20)
        proxy.sendall(request.encode('utf-8'))
        while part := proxy.recv(65536): answer += part
    except OSError as error:
        answer += str(error).encode()
    lines = answer.decode().splitlines()
    print(' | '.join(lines[:1] + [line for line in lines if line.startswith('served by') or 'could not' in line or 'refused' in line or 'proxy of' in line]))
";

async fn with(made: Made, network: Network) -> Boxed {
    Boxed::with(made, |spec| spec.network = network).await
}

fn allow(list: &[&str]) -> Network {
    Network::Allow(list.iter().map(|entry| (*entry).to_owned()).collect())
}

async fn ask(local: &Boxed, requests: &[impl AsRef<str>]) -> Vec<String> {
    let requests: Vec<&str> = requests.iter().map(AsRef::as_ref).collect();
    let argv = ["python3", "-c", ASK, &serde_json::to_string(&requests).unwrap()].map(str::to_owned).into();
    let ran = local.client.exec(&ExecSpec { argv, ..ExecSpec::default() }).await.unwrap();
    let ran = ran.collect(1 << 20).await.unwrap();
    let said = String::from_utf8(ran.stdout.bytes).unwrap();
    assert_eq!(ran.status.code, Some(0), "{}", String::from_utf8_lossy(&ran.stderr.bytes));
    let said: Vec<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(said.len(), requests.len(), "{said:?}");
    said
}

fn get(host: &str) -> String {
    format!("GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

fn connect(target: &str) -> String {
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\nGET /tunnel HTTP/1.1\r\n\r\n")
}

fn folder(local: &Boxed) -> std::path::PathBuf {
    local.folder().path().to_owned()
}

fn refused(local: &Boxed) -> Vec<Refused> {
    refused_since(&folder(local), 0).unwrap().0
}

/// The servers that no box may reach are there, and none was.
async fn assert_only_from_outside(seen: &Seen) {
    let of_boxes: Vec<String> = seen.requests.take();
    let others: Vec<_> = of_boxes.iter().filter(|line| !line.starts_with(&format!("{PUBLIC}:"))).collect();
    assert!(others.is_empty(), "{others:?}");
    for address in OFF_LIMITS {
        let address = SocketAddr::new(address.parse().unwrap(), 80);
        assert!(reached_from_outside(address).await, "{address} is not there at all");
    }
    assert_eq!(seen.requests.take().len(), OFF_LIMITS.len());
}

#[test]
fn hosts_of_the_list_are_reached_by_every_way_of_writing_them() {
    in_a_net(|made, seen| async move {
        let local = with(made, allow(LIST)).await;
        let requests = [
            get("allowed.test"),
            get("ALLOWED.Test"),
            get("allowed.test."),
            get("allowed.test:80"),
            get("a.wild.test"),
            get("b.a.wild.test"),
            get("xn--bcher-kva.test"),
            get("mixed.test"),
            // Before there was a `Host`.
            "GET http://allowed.test/old HTTP/1.0\r\n\r\n".to_owned(),
            connect("allowed.test:443"),
            connect("Allowed.TEST.:443"),
            connect("x.wild.test:443"),
        ];
        for (request, said) in requests.iter().zip(ask(&local, &requests).await) {
            let served = format!("served by {PUBLIC}:");
            assert!(said.contains(" 200 ") && said.contains(&served), "{request}: {said}");
        }
        let said = ask(&local, &[get("six.test")]).await;
        assert!(said[0].contains(&format!("served by [{PUBLIC_6}]:80")), "{said:?}");
        assert_eq!(refused(&local), []);
        assert_eq!(seen.requests.take().len(), requests.len() + 1);
        local.stop().await;
    });
}

#[test]
fn what_is_not_on_the_list_is_refused_and_its_name_is_never_asked_for() {
    in_a_net(|made, seen| async move {
        let local = with(made, allow(LIST)).await;
        let requests = [
            get("other.test"),
            get("wild.test"),
            get("evilwild.test"),
            get("allowed.test.evil.test"),
            get("evil-allowed.test"),
            get("sub.allowed.test"),
            get("s3cret-data.evil.test"),
            get(OTHER),
            get("10.0.0.1"),
            get("169.254.169.254"),
            get("[fd00:ec2::254]"),
            get("[::1]"),
            get("[::ffff:10.0.0.1]"),
            get("[::ffff:a9fe:a9fe]"),
            get("127.0.0.1"),
            // The same address in the spellings that C libraries take.
            get("2130706433"),
            get("0x7f.1"),
            get("0177.0.0.1"),
            get("127.1"),
            get("0"),
            get("0xa9fea9fe"),
            get("169.254.43518"),
            get("１２７.0.0.1"),
            connect("other.test:443"),
            connect("10.0.0.1:80"),
            connect("[::1]:80"),
            // Of a host of the list, but for another service.
            connect("allowed.test:22"),
            connect("allowed.test:53"),
            get("allowed.test:8080"),
        ];
        let answers = ask(&local, &requests).await;
        for (request, said) in requests.iter().zip(&answers) {
            let refused = said.contains(" 403 ") && said.contains("the network policy of this sandbox refused");
            // A request line that is not ASCII is none.
            assert!(refused || (!request.is_ascii() && said.contains(" 400 ")), "{request}: {said}");
        }
        assert_eq!(refused(&local).len(), requests.len() - 1);
        assert_eq!(seen.names.take(), [""; 0]);
        assert_only_from_outside(&seen).await;
        // The same machine, asked for by its name on the list.
        assert!(ask(&local, &[get("allowed.test")]).await[0].contains("served by"));
        local.stop().await;
    });
}

#[test]
fn no_name_leads_to_an_address_that_is_not_public() {
    in_a_net(|made, seen| async move {
        let local = with(made, allow(LIST)).await;
        let names = [
            "private.test",
            "lan.test",
            "metadata.test",
            "metadata6.test",
            "metadata.google.internal",
            "alibaba.test",
            "azure.test",
            "loopback.test",
            "localhost",
            "zero.test",
            "reserved.test",
            "mapped.test",
            "nat64.test",
            "alias.test",
        ];
        let requests: Vec<String> =
            names.iter().flat_map(|name| [get(name), connect(&format!("{name}:443"))]).collect();
        for (request, said) in requests.iter().zip(ask(&local, &requests).await) {
            assert!(said.contains(" 403 ") && said.contains("the name leads to"), "{request}: {said}");
        }
        assert_eq!(refused(&local).len(), requests.len());
        // Public when it is looked at first: then it is that address which is connected to, and none that comes later.
        let rebinding = ask(&local, &[get("rebind.test"), get("rebind.test"), get("rebind.test")]).await;
        assert!(rebinding[0].contains(&format!("served by {PUBLIC}:80")), "{rebinding:?}");
        assert!(rebinding[1..].iter().all(|said| said.contains("the name leads to a link-local")), "{rebinding:?}");
        // That nobody answers is not the policy's doing.
        let gone = ask(&local, &[get("gone.test")]).await;
        assert!(gone[0].contains(" 502 ") && gone[0].contains("there is no such host"), "{gone:?}");
        assert_only_from_outside(&seen).await;
        local.stop().await;
    });
}

#[test]
fn what_could_be_two_requests_or_for_two_hosts_reaches_nobody_twice() {
    in_a_net(|made, seen| async move {
        let local = with(made, allow(&["allowed.test", "*.wild.test"])).await;
        let smuggled = "GET http://other.test/smuggled HTTP/1.1\r\nHost: other.test\r\n\r\n";
        let start = "POST http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nConnection: close\r\n";
        let refused = [
            "GET http://allowed.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n".to_owned(),
            "GET http://allowed.test/ HTTP/1.1\r\nHost: x.wild.test\r\n\r\n".to_owned(),
            "GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nHost: other.test\r\n\r\n".to_owned(),
            "GET http://allowed.test@other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n".to_owned(),
            "GET http://allowed.test\\@other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: allowed.test\r\n\r\n".to_owned(),
            "GET https://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n".to_owned(),
            "CONNECT allowed.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n".to_owned(),
            "CONNECT allowed.test:443@other.test:443 HTTP/1.1\r\n\r\n".to_owned(),
            "CONNECT allowed.test:443:443 HTTP/1.1\r\n\r\n".to_owned(),
            "CONNECT allowed.test%00.other.test:443 HTTP/1.1\r\n\r\n".to_owned(),
            format!("{start}Content-Length: 0\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len()),
            format!("{start}Content-Length: 0, {}\r\n\r\n{smuggled}", smuggled.len()),
            format!("{start}Content-Length: +0\r\n\r\n{smuggled}"),
            format!("{start}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("{start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ];
        for (request, said) in refused.iter().zip(ask(&local, &refused).await) {
            assert!(!said.contains("served by") && said.contains(" 40"), "{request}: {said}");
        }
        assert_eq!(seen.requests.take(), [""; 0]);
        // One of two framings is chosen, and the rest is nobody's request.
        let either = [
            format!("{start}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("{start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("{start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n{smuggled}"),
        ];
        ask(&local, &either).await;
        let came = seen.requests.take();
        assert!(came.len() <= either.len() && !came.iter().any(|line| line.contains("smuggled")), "{came:?}");
        local.stop().await;
    });
}

/// Every way to another host that a program has without the proxy; each says whether it got there.
const DIRECT: &str = "
import os, socket, sys, urllib.request
def attempt(name, act):
    try: act(); print(name, 'REACHED')
    except Exception as error: print(name, type(error).__name__)
def tcp(host, port=80): socket.create_connection((host, port), 5).close()
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.connect((sys.argv[2], 53))
    s.send(bytes.fromhex('000101000001000000000000') + b'\\x07allowed\\x04test\\0\\0\\1\\0\\1'); s.recv(512)
def url(host, **proxies): urllib.request.build_opener(urllib.request.ProxyHandler(proxies)).open(f'http://{host}/', timeout=5).read()
for host in sys.argv[1].split(','): attempt(f'tcp {host}', lambda: tcp(host))
attempt('udp', udp)
attempt('name', lambda: socket.getaddrinfo('allowed.test', 80))
attempt('no proxy', lambda: url('allowed.test'))
attempt('another proxy', lambda: url('other.test', http=f'http://{sys.argv[3]}'))
attempt('packets', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
def ping():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP); s.settimeout(5)
    s.sendto(b'\\x08\\0\\0\\0\\0\\0\\0\\0', (sys.argv[3], 0)); s.recv(64)
attempt('ping', ping)
attempt('shell', lambda: print(end='') if os.system(f'bash -c \"exec 3<>/dev/tcp/{sys.argv[3]}/80\" 2>/dev/null') == 0 else 1 / 0)
";

#[test]
fn without_the_proxy_there_is_no_way_out() {
    in_a_net(|made, seen| async move {
        let hosts: Vec<&str> = OFF_LIMITS.iter().copied().chain([PUBLIC, PUBLIC_6]).collect();
        let argv: Vec<String> =
            ["python3", "-c", DIRECT, &hosts.join(","), "127.0.0.1", PUBLIC].map(str::to_owned).into();
        for network in [Network::None, allow(&["allowed.test"])] {
            let local = with(made, network).await;
            for clean in [false, true] {
                let argv =
                    if clean { [&["env".to_owned(), "-i".to_owned()][..], &argv].concat() } else { argv.clone() };
                let ran = local.client.exec(&ExecSpec { argv, ..ExecSpec::default() }).await.unwrap();
                let said = String::from_utf8(ran.collect(1 << 20).await.unwrap().stdout.bytes).unwrap();
                assert_eq!(said.lines().count(), hosts.len() + 8, "{said}");
                assert!(!said.contains("REACHED"), "{said}");
            }
            local.stop().await;
        }
        assert_eq!(seen.requests.take(), [""; 0]);
        assert_eq!(seen.names.take(), [""; 0]);
        let outside = tokio::process::Command::new("/usr/bin/python3").args(&argv[1..]).output().await.unwrap();
        let said = String::from_utf8(outside.stdout).unwrap();
        // Only root may make packets by hand.
        let reached = said.lines().filter(|line| line.ends_with("REACHED")).count();
        assert!(reached >= hosts.len() + if made == Made::By(Who::Ordinary) { 3 } else { 7 }, "{said}");
    });
}

#[test]
fn one_box_has_no_way_to_another_nor_to_the_services_of_the_machine() {
    in_a_net(|made, _| async move {
        let (one, other) = (with(made, allow(&["localhost"])).await, with(made, Network::None).await);
        let serve = "python3 -m http.server --bind 0.0.0.0 8000 >/dev/null 2>&1 & \
            until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8000))' 2>/dev/null; do :; done; echo up";
        assert_eq!(one.said(serve).await, "up\n(0)");
        let visit = "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8000), 5); print(\"there\")' 2>/dev/null";
        assert_eq!(one.said(visit).await, "there\n(0)");
        assert_eq!(other.said(visit).await, "(1)");
        assert!(!reached_from_outside("127.0.0.1:8000".parse().unwrap()).await);
        // Nor by the proxy of one that has one.
        let said = ask(&one, &[get("localhost:8000"), get("127.0.0.1:8000"), get("localhost:3128")]).await;
        assert!(said.iter().all(|said| said.contains(" 403 ")), "{said:?}");
        one.stop().await;
        other.stop().await;
    });
}

#[test]
fn the_policy_stays_through_a_pause_and_a_restart() {
    in_a_net(|made, seen| async move {
        let mut local = with(made, allow(&["allowed.test"])).await;
        let requests = [get("allowed.test"), get("other.test"), connect("10.0.0.1:80")];
        let (backend, id) = (local.backend.clone(), local.spec.id.clone());
        for round in ["new", "resumed", "made again"] {
            match round {
                "resumed" => {
                    backend.freeze(&id, true).await.unwrap();
                    backend.freeze(&id, false).await.unwrap();
                }
                "made again" => {
                    backend.stop(&id).await.unwrap();
                    local.make_again().await;
                }
                _ => {}
            }
            let said = ask(&local, &requests).await;
            assert!(
                said[0].contains(" 200 ") && said[1..].iter().all(|said| said.contains(" 403 ")),
                "{round}: {said:?}"
            );
        }
        assert_eq!(seen.requests.take().len(), 3);
        assert_eq!(refused(&local).len(), 6);
        local.stop().await;
    });
}

/// The proxies that this test started: those in its network.
fn proxies() -> Vec<i32> {
    let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let all =
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.ends_with(b"\0__egress\0"))
            && std::fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|space| space == own)
    })
    .collect()
}

#[test]
fn without_its_proxy_a_box_has_no_way_out_and_says_so() {
    in_a_net(|made, seen| async move {
        let local = with(made, allow(&["allowed.test"])).await;
        assert!(ask(&local, &[get("allowed.test")]).await[0].contains(" 200 "));
        let [proxy] = proxies()[..] else { panic!("{:?}", proxies()) };
        rustix::process::kill_process(rustix::process::Pid::from_raw(proxy).unwrap(), rustix::process::Signal::KILL)
            .unwrap();
        while !proxies().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        seen.requests.take();
        for said in ask(&local, &[get("allowed.test"), connect("allowed.test:443"), get("other.test")]).await {
            assert!(said.contains(" 502 ") && said.contains("the proxy of this sandbox"), "{said}");
        }
        assert_eq!(seen.requests.take(), [""; 0]);
        assert_eq!(local.said("echo on").await, "on\n(0)");
        local.stop().await;
        // One that is alive ends with its box.
        let local = with(made, allow(&["allowed.test"])).await;
        assert_eq!(proxies().len(), 1);
        local.stop().await;
        while !proxies().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn programs_find_the_proxy_and_a_redirect_leads_nowhere_else() {
    in_a_net(|made, seen| async move {
        let local = with(made, allow(&["allowed.test"])).await;
        let found = local.said("command -v curl >/dev/null").await == "(0)";
        if !require::available("curl", found) {
            return local.stop().await;
        }
        let curl = "curl -sS --max-time 20";
        assert_eq!(local.said(&format!("{curl} http://allowed.test/")).await, format!("served by {PUBLIC}:80\n(0)"));
        let away = local.said(&format!("{curl} -L http://allowed.test/away")).await;
        assert!(away.contains("the network policy of this sandbox refused other.test:80"), "{away}");
        let tunnel = local.said(&format!("{curl} https://other.test/")).await;
        assert!(tunnel.contains("403"), "{tunnel}");
        let direct = local.said(&format!("{curl} --noproxy '*' http://allowed.test/")).await;
        assert!(direct.contains("Could not resolve host"), "{direct}");
        let came = seen.requests.take();
        assert!(came.iter().all(|line| line.starts_with(PUBLIC)) && came.len() == 2, "{came:?}");
        local.stop().await;
    });
}

#[test]
fn what_was_refused_is_told_and_written_down() {
    in_a_net(|made, _| async move {
        if made != Made::By(Who::Root) {
            eprintln!("skipped: the command line as an ordinary user: its home folder is root's here");
            return;
        }
        // On a thread of its own, which is in the same network.
        let told = tokio::task::spawn_blocking(|| {
            let env = TestEnv::new();
            let script = format!(
                "python3 -c '{}' '{}'",
                ASK.replace('\'', "\""),
                serde_json::to_string(&[get("other.test")]).unwrap()
            );
            let ran =
                env.run(&["sandbox", "run", "--backend", "local", "--net", "allowed.test", "--", "sh", "-c", &script]);
            let logged = env.run(&["sandbox", "logs", "--audit"]);
            env.write("agent.yaml", "name: coder\nmodel: demo\ntools: [shell]\npermissions: {default: allow}\n\
                sandbox: {backend: local, workspace: {mode: none}, network: {allow: [allowed.test]}, idle_timeout: 1s}\n");
            let call = serde_json::json!({ "command": script });
            let agent = env.run(&["chat", "-q", &format!("TOOL:run_shell_command:{call}")]);
            let cleared = env.run(&["sandbox", "rm", "--all"]);
            assert_eq!(cleared.code, Some(0), "{cleared}");
            (ran, logged, agent)
        });
        let (ran, logged, agent) = told.await.unwrap();
        assert!(ran.stdout.contains("403 Forbidden"), "{ran}");
        insta::assert_snapshot!(ran.stderr, @"warning: the network policy refused other.test:80: it is not on the list (allowed.test)");
        assert!(logged.stdout.contains("other.test"), "{logged}");
        insta::assert_snapshot!(agent.stdout, @"
        demo model: `run_shell_command` says: HTTP/1.1 403 Forbidden | the network policy of this sandbox refused other.test:80: it is not on the list (allowed.test)
        [the network policy refused other.test:80 (it is not on the list (allowed.test))]
        ");
    });
}
