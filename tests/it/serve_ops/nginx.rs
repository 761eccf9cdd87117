//! Behind Debian's nginx.

#![cfg(unix)]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc,
};

use serde_json::json;

use super::agent;
use crate::common::{
    fake_model::{FakeModel, Reply},
    require::available,
    serve::Server,
};

/// A proxy with a folder and a port of its own; it ends with this value.
struct Nginx {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Nginx {
    /// `None` where there is no nginx.
    fn new() -> Option<Self> {
        let there = Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        if !available("nginx", there) {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some(Self { folder: tempfile::tempdir().unwrap(), port, child: None })
    }

    /// Leaves the prefix on below `/assistant/`, and takes it off below `/short/`.
    fn start(&mut self, server: &Server) {
        let (at, port, dir) = (&server.url, self.port, self.folder.path().display());
        let forwarded = "proxy_http_version 1.1; proxy_set_header Host $http_host;\
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Request-Id $request_id;";
        let places =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {dir}/{name};"));
        let config = format!(
            "daemon off; master_process off; pid {dir}/pid; error_log stderr warn; events {{}}
            http {{ access_log off; {} server {{ listen 127.0.0.1:{port};
              location /assistant/ {{ proxy_pass {at}; {forwarded} }}
              location /short/ {{ proxy_pass {at}/; {forwarded} proxy_set_header X-Forwarded-Prefix /short; }}
            }} }}",
            places.join(" ")
        );
        let file = self.folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(self.folder.path()).arg("-e").arg("stderr").arg("-c").arg(file);
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(self.child.as_mut().unwrap().try_wait().unwrap().is_none(), "nginx has ended");
        }
    }

    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test]
async fn streams_come_through_as_they_are_made_with_and_without_the_prefix() {
    let Some(mut nginx) = Nginx::new() else { return };
    let (go, wait) = mpsc::channel();
    let reply = Reply::stream().event(&json!({ "choices": [{ "delta": { "content": "first" } }] })).wait(wait);
    let last = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let model = FakeModel::start(vec![reply.event(&last).bytes("data: [DONE]\n\n"), Reply::text("second")]);
    let server = Server::start(&agent(&model, &format!("{{public_url: \"{}\"}}", nginx.at("/assistant"))));
    nginx.start(&server);

    // Read with our own hands, as far as it is there while the model is held.
    let body = json!({ "input": "hi" }).to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", nginx.port)).unwrap();
    let head = format!("POST /assistant/turns HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n", nginx.port);
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.contains("\"first\"") {
        line.clear();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "it ended before the first word");
    }
    drop(go);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("turn_finished") && rest.contains("\"completed\""), "{rest}");

    let post = server.client.post(nginx.at("/short/turns")).json(&json!({ "input": "hi" }));
    assert!(post.send().await.unwrap().text().await.unwrap().contains("\"completed\""));
    assert_eq!(server.client.get(nginx.at("/assistant/readiness")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn callers_are_told_apart_by_what_the_proxy_says() {
    let Some(mut nginx) = Nginx::new() else { return };
    let public = nginx.at("/assistant");
    let server =
        super::demo(&format!("{{public_url: \"{public}\", trusted_proxies: [127.0.0.1], limits: {{rate: 1/h}}}}"));
    nginx.start(&server);
    let ask = async |from: &'static str| {
        let response = server.client.get(nginx.at("/assistant/")).header("x-forwarded-for", from).send().await.unwrap();
        (response.status().as_u16(), response.headers()["x-request-id"].len())
    };
    // The proxy adds the address that it sees, which here is its own.
    assert_eq!(ask("192.0.2.1").await, (200, 32));
    assert_eq!(ask("192.0.2.2").await.0, 200);
    assert_eq!(ask("198.51.100.1, 192.0.2.1").await.0, 429);
    // Pages of the proxy's own origin are ours.
    let page = |origin: String| server.client.get(nginx.at("/assistant/health")).header("origin", origin).send();
    assert_eq!(page(nginx.at("")).await.unwrap().status(), 200);
    assert_eq!(page("http://127.0.0.1:1".to_owned()).await.unwrap().status(), 403);
}
