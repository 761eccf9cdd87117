use http::HeaderValue;

use super::*;

fn edge(public: Option<&str>, proxies: &[&str]) -> Edge {
    Edge::new(&Serve {
        public_url: public.map(str::to_owned),
        trusted_proxies: proxies.iter().map(|text| (*text).to_owned()).collect(),
        cors: vec!["https://App.example".to_owned()],
        ..Serve::default()
    })
}

fn see(edge: &Edge, from: &str, path: &str, headers: &[(&'static str, &str)]) -> (Seen, String) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let mut uri: Uri = path.parse().unwrap();
    let seen = edge.see(&mut uri, &map, SocketAddr::new(from.parse().unwrap(), 40_000));
    (seen, uri.to_string())
}

#[test]
fn forwarded_headers_are_believed_of_trusted_proxies_only() {
    let edge = edge(None, &["10.0.0.0/8", "::1"]);
    let headers = [
        ("host", "inner:8090"),
        ("x-forwarded-for", "1.2.3.4, 203.0.113.9, 10.0.0.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "agent.example"),
        ("x-forwarded-prefix", "/a/"),
    ];
    let (seen, path) = see(&edge, "10.1.2.3", "/a/health?x=1", &headers);
    assert_eq!(seen.peer.to_string(), "203.0.113.9");
    assert_eq!(seen.base, "https://agent.example/a");
    assert_eq!(path, "/health?x=1");
    let (seen, path) = see(&edge, "192.0.2.1", "/a/health", &headers);
    assert_eq!((seen.peer.to_string().as_str(), seen.base.as_str()), ("192.0.2.1", "http://inner:8090"));
    assert_eq!(path, "/a/health");
}

#[test]
fn a_chain_that_cannot_be_read_ends_where_it_can() {
    let edge = edge(None, &["10.0.0.0/8"]);
    let peer = |chain: &str| see(&edge, "10.0.0.1", "/", &[("x-forwarded-for", chain)]).0.peer.to_string();
    assert_eq!(peer("unknown, 10.0.0.2"), "10.0.0.2");
    assert_eq!(peer(""), "10.0.0.1");
    assert_eq!(peer("203.0.113.9:4711"), "203.0.113.9");
    assert_eq!(peer("[2001:db8::1]:80"), "2001:db8::1");
    assert_eq!(peer("::ffff:10.0.0.3, 10.0.0.2"), "10.0.0.3");
}

#[test]
fn the_prefix_of_the_public_url_is_taken_off_where_it_is_on() {
    let edge = edge(Some("https://agent.example/assistant/"), &[]);
    let path = |path: &str| see(&edge, "127.0.0.1", path, &[]).1;
    assert_eq!(path("/assistant/process?a=b"), "/process?a=b");
    assert_eq!(path("/assistant"), "/");
    assert_eq!(path("/process"), "/process");
    assert_eq!(path("/assistants/process"), "/assistants/process");
    assert_eq!(path("/assistant//evil.example/x"), "/evil.example/x");
    assert_eq!(see(&edge, "127.0.0.1", "/", &[]).0.base, "https://agent.example/assistant");
}

#[test]
fn origins_are_compared_as_origins() {
    let edge = edge(Some("https://agent.example/assistant"), &[]);
    assert!(edge.is_own("https://agent.example", Some("127.0.0.1:8090")));
    assert!(edge.is_own("http://localhost:8090", Some("localhost:8090")));
    assert!(edge.is_own("http://localhost", Some("localhost:80")));
    assert!(!edge.is_own("http://localhost:3000", Some("localhost:8090")));
    assert!(!edge.is_own("null", Some("null")));
    assert!(!edge.is_own("http://agent.example.evil.example", Some("agent.example")));
    assert!(edge.lets_in("https://app.example"));
    assert!(!edge.lets_in("https://app.example.evil.example"));
    assert!(!edge.lets_in("null"));
}

#[test]
fn hosts_are_named_with_and_without_a_port() {
    for (host, name) in
        [("a.example", "a.example"), ("a.example:80", "a.example"), ("[::1]:80", "::1"), ("[::1]", "::1")]
    {
        assert_eq!(name_of(host), name);
    }
}
