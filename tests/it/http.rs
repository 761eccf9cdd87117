//! The HTTP client: whom it trusts, which proxy it takes, what `--offline` forbids.

use std::{io::Write as _, sync::Arc};

use agentscope::{config::Env, runtime::http::Http};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::common::fake_model::{FakeModel, Reply};

/// A certificate authority of our own, in PEM, and a server at `localhost` that it vouches for.
async fn private_server() -> (String, u16) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(vec![]).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_cert = ca.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let cert = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us goes away.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi").await;
            let _ = stream.shutdown().await;
        }
    });
    (ca_cert.pem(), port)
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_ssl_cert_file_names_it() {
    let (pem, port) = private_server().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    let url = format!("https://localhost:{port}/");
    let get = async |vars: &[(&str, &str)]| {
        let client = Http::new(Env::fake("/", vars), false).client(&url).unwrap();
        client.get(&url).send().await?.text().await
    };
    let trusting = get(&[("SSL_CERT_FILE", file.path().to_str().unwrap())]).await;
    assert_eq!(trusting.unwrap(), "hi");
    assert!(get(&[]).await.unwrap_err().is_connect());
}

#[test]
fn certificates_that_cannot_be_read_are_an_error_that_names_the_file() {
    let http = Http::new(Env::fake("/", &[("SSL_CERT_FILE", "/nowhere/ca.pem")]), false);
    let error = http.client("https://example.com").unwrap_err();
    insta::assert_snapshot!(error, @"could not read the certificates in `/nowhere/ca.pem` named by SSL_CERT_FILE: I/O error: No such file or directory (os error 2)");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_taken_except_for_this_machine() {
    let proxy = FakeModel::start(vec![Reply::status(200, "by proxy"), Reply::status(200, "by proxy")]);
    let direct = FakeModel::start(vec![Reply::status(200, "direct")]);
    let address = format!("http://{}", proxy.address());
    let get = async |name: &str, more: (&str, &str), url: &str| {
        let client = Http::new(Env::fake("/", &[(name, &address), more]), false).client(url).unwrap();
        client.get(url).send().await?.text().await
    };
    // Nobody resolves these names: only a proxy can answer.
    assert_eq!(get("HTTP_PROXY", ("A", ""), "http://model.invalid/v1").await.unwrap(), "by proxy");
    assert_eq!(get("all_proxy", ("A", ""), "http://model.invalid/v1").await.unwrap(), "by proxy");
    assert!(get("HTTP_PROXY", ("NO_PROXY", ".invalid"), "http://model.invalid/v1").await.is_err());
    assert_eq!(get("HTTP_PROXY", ("A", ""), &direct.url()).await.unwrap(), "direct");
    assert_eq!(proxy.requests()[0].path, "http://model.invalid/v1");
}

#[test]
fn a_proxy_that_is_no_address_is_named_and_not_shown() {
    let http = Http::new(Env::fake("/", &[("HTTPS_PROXY", "http://user:secret@[bad")]), false);
    insta::assert_snapshot!(http.client("https://example.com").unwrap_err(), @"the address of the proxy in HTTPS_PROXY is not a URL");
}

#[test]
fn offline_allows_this_machine_alone() {
    let http = Http::new(Env::fake("/", &[]), true);
    for url in
        ["http://127.0.0.1:1/v1", "http://127.9.9.9", "http://[::1]:8080", "http://localhost:1", "https://a.localhost"]
    {
        http.permit(url).unwrap();
    }
    let errors: Vec<_> = [
        "https://api.openai.com/v1",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.nip.io",
        "http://0.0.0.0",
        "http://[::ffff:10.0.0.1]/",
        "no url",
        "data:text/plain,x",
    ]
    .map(|url| http.permit(url).unwrap_err().to_string())
    .into();
    insta::assert_snapshot!(errors.join("\n"), @"
    `--offline` forbids the call to `api.openai.com`
    `--offline` forbids the call to `10.0.0.1`
    `--offline` forbids the call to `localhost.example.com`
    `--offline` forbids the call to `127.0.0.1.nip.io`
    `--offline` forbids the call to `0.0.0.0`
    `--offline` forbids the call to `[::ffff:a00:1]`
    `no url` is not a URL that can be called
    `data:text/plain,x` is not a URL that can be called
    ");
}
