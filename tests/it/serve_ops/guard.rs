//! Web pages and callers without a token.

use reqwest::Method;

use super::{answer, demo};
use crate::common::{TestEnv, serve::Server};

#[tokio::test]
async fn a_name_that_was_made_to_lead_here_is_not_answered() {
    let server = demo("{public_url: \"https://agent.example/a\"}");
    let ask = |host: &'static str| {
        let request = server.client.post(server.at("/turns")).header("host", host);
        answer(request.json(&serde_json::json!({ "input": "hi" })))
    };
    for host in ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil.example", "169.254.1.1"]
    {
        let (status, code, _) = ask(host).await;
        assert_eq!((status, code.as_str()), (403, "wrong_host"), "{host}");
    }
    for host in ["localhost", "LOCALHOST:1", "app.localhost:8090", "127.0.0.1:8090", "[::1]:8090", "agent.example"] {
        assert_eq!(ask(host).await.0, 200, "{host}");
    }
    // The probes are no way around it.
    assert_eq!(answer(server.client.get(server.at("/health")).header("host", "evil.example")).await.0, 403);
}

#[tokio::test]
async fn beyond_this_machine_no_name_that_a_stranger_can_have_is_answered() {
    let yaml = "name: demo\nmodel: demo\nserve: {public_url: \"https://agent.example/a\"}\n";
    let server = Server::start_in(TestEnv::new(), yaml, &["--host", "0.0.0.0", "--insecure"]);
    let url = server.url.replace("0.0.0.0", "127.0.0.1");
    let ask = |host: &str| answer(server.client.get(format!("{url}/sessions")).header("host", host));
    for host in
        ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil.example", "a.agent.example"]
    {
        let (status, code, _) = ask(host).await;
        assert_eq!((status, code.as_str()), (403, "wrong_host"), "{host}");
    }
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or("agent".to_owned());
    for host in ["agent.example", "localhost:1", "10.1.2.3:8090", "[fe80::1]:80", "agent:8090", "box.local", own.trim()]
    {
        assert_eq!(ask(host).await.0, 200, "{host}");
    }
}

#[tokio::test]
async fn a_page_cannot_say_that_a_trusted_proxy_sent_it_here() {
    let server = demo("{trusted_proxies: [127.0.0.1]}");
    let ask = |host: &'static str, forwarded: &'static str| {
        let request = server.client.get(server.at("/sessions")).header("host", host);
        answer(request.header("x-forwarded-host", forwarded))
    };
    assert_eq!(ask("evil.example", "localhost").await.0, 403);
    assert_eq!(ask("localhost", "evil.example").await.0, 403);
    assert_eq!(ask("localhost", "localhost").await.0, 200);
}

#[tokio::test]
async fn where_a_token_is_asked_for_any_name_will_do() {
    let server = demo("{tokens: [{name: a, value: secret}]}");
    let ask = || server.client.get(server.at("/")).header("host", "agent.example");
    assert_eq!(answer(ask()).await.0, 401);
    assert_eq!(answer(ask().bearer_auth("secret")).await.0, 200);
}

#[tokio::test]
async fn pages_of_other_origins_cannot_call() {
    let server = demo("{public_url: \"https://agent.example/a\", cors: [\"https://app.example\"]}");
    let own = server.url.clone();
    let ask = |origin: &str| {
        let request = server.client.post(server.at("/turns")).header("origin", origin);
        answer(request.json(&serde_json::json!({ "input": "hi" })))
    };
    for origin in
        ["https://evil.example", "http://localhost:3000", "null", "https://app.example.evil.example", "file://"]
    {
        let (status, code, headers) = ask(origin).await;
        assert_eq!((status, code.as_str()), (403, "wrong_origin"), "{origin}");
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
    for origin in [own.as_str(), "https://agent.example", "https://app.example"] {
        assert_eq!(ask(origin).await.0, 200, "{origin}");
    }
    // A picture on a foreign page sends no origin; a link there is followed.
    let fetch = |mode: &'static str| {
        let request = server.client.get(server.at("/")).header("sec-fetch-site", "cross-site");
        answer(request.header("sec-fetch-mode", mode))
    };
    assert_eq!(fetch("no-cors").await.0, 403);
    assert_eq!(fetch("navigate").await.0, 200);
}

#[tokio::test]
async fn preflights_are_answered_for_named_origins_only() {
    let server = demo("{cors: [\"https://app.example\"], tokens: [{name: a, value: secret}]}");
    let preflight = |origin: &'static str| {
        let request = server.client.request(Method::OPTIONS, server.at("/turns")).header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        answer(request.header("access-control-request-headers", "authorization, content-type"))
    };
    let (status, _, headers) = preflight("https://app.example").await;
    assert_eq!(status, 200);
    assert_eq!(headers["access-control-allow-origin"], "https://app.example");
    assert_eq!(headers["access-control-allow-headers"], "authorization, content-type");
    assert_eq!(headers["access-control-allow-credentials"], "true");
    assert!(headers["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    assert_eq!(preflight("https://evil.example").await.0, 403);
    // A refusal can be read by the page that may call.
    let (status, _, headers) = answer(server.client.get(server.at("/")).header("origin", "https://app.example")).await;
    assert_eq!((status, &headers["access-control-allow-origin"]), (401, &"https://app.example".parse().unwrap()));
}

#[tokio::test]
async fn any_origin_is_let_in_without_credentials_and_never_beyond_this_machine() {
    let server = demo("{cors: [\"*\"]}");
    let (status, _, headers) = answer(server.client.get(server.at("/")).header("origin", "https://any.example")).await;
    assert_eq!((status, &headers["access-control-allow-origin"]), (200, &"https://any.example".parse().unwrap()));
    assert!(!headers.contains_key("access-control-allow-credentials"));
    let env = crate::common::TestEnv::new();
    env.write("agent.yaml", "name: demo\nmodel: demo\nserve: {cors: [\"*\"], tokens: [{name: a, value: secret}]}\n");
    insta::assert_snapshot!(env.run(&["run", "agent.yaml", "--host", "0.0.0.0", "--port", "0"]), @r"
    exit 2
    --- stderr
    error: `*` in `serve.cors` would let every web page use what listens on 0.0.0.0
    hint: name the origins that may, such as `https://app.example`
    ");
}

#[tokio::test]
async fn no_route_answers_without_a_token_but_the_probes() {
    let server =
        demo("{tokens: [{name: a, value: secret, user: ann}, {name: root, value: admin-secret, admin: true}]}");
    let open = ["/health", "/liveness", "/readiness"];
    let document = server.client.get(server.at("/openapi.json")).bearer_auth("secret").send().await.unwrap();
    let document: serde_json::Value = document.json().await.unwrap();
    let mut walked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let at = server.at(&path.replace("{agent}", "demo").replace("{id}", "x").replace("{task_id}", "x"));
        let methods = operations.as_object().unwrap().keys().map(|method| method.to_uppercase());
        for method in methods.chain(["TRACE".to_owned(), "PUT".to_owned()]) {
            let ask = || server.client.request(method.parse().unwrap(), &at);
            let (status, code, headers) = answer(ask()).await;
            if open.contains(&path.as_str()) {
                assert_ne!(status, 401, "{method} {path}");
                continue;
            }
            assert_eq!((status, code.as_str()), (401, "unauthorized"), "{method} {path}");
            assert_eq!(headers["www-authenticate"], "Bearer");
            for wrong in ["secre", "secret2", "", "admin-secre"] {
                assert_eq!(answer(ask().bearer_auth(wrong)).await.0, 401, "{method} {path}");
            }
            assert_eq!(answer(ask().basic_auth("a", Some("secret"))).await.0, 401, "{method} {path}");
            walked += 1;
        }
    }
    assert!(walked > 10, "{document}");
    // What is not there tells nothing either.
    assert_eq!(answer(server.client.get(server.at("/nothing"))).await.0, 401);
    assert_eq!(answer(server.client.get(server.at("//health/../metrics"))).await.0, 401);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_asked_so_is_told_in_json() {
    let server = demo("{}");
    let (status, code, _) = answer(server.client.get(server.at("/nothing"))).await;
    assert_eq!((status, code.as_str()), (404, "not_found"));
    for path in ["/turns", "/agents/demo/turns"] {
        let (status, code, headers) = answer(server.client.get(server.at(path))).await;
        assert_eq!((status, code.as_str(), &headers["allow"]), (405, "method_not_allowed", &"POST".parse().unwrap()));
    }
    assert_eq!(answer(server.client.post(server.at("/health"))).await.1, "method_not_allowed");
}

#[tokio::test]
async fn forwarded_headers_count_only_from_trusted_proxies() {
    // One request an hour, for each caller.
    let ask = async |server: &super::Server, caller: &'static str| {
        answer(server.client.get(server.at("/")).header("x-forwarded-for", caller)).await.0
    };
    let server = demo("{trusted_proxies: [127.0.0.0/8], limits: {rate: 1/h}}");
    assert_eq!([ask(&server, "192.0.2.1").await, ask(&server, "192.0.2.2").await], [200, 200]);
    assert_eq!(ask(&server, "198.51.100.9, 192.0.2.1").await, 429);
    let server = demo("{limits: {rate: 1/h}}");
    assert_eq!([ask(&server, "192.0.2.1").await, ask(&server, "192.0.2.2").await], [200, 429]);
}
