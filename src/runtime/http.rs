//! The one HTTP client: its certificate roots, proxies and the rule of `--offline`.
//!
//! Trust is the operating system's store, plus the roots compiled in (so that a container without certificates
//! works), plus `SSL_CERT_FILE`; the same for every use.

use std::{path::Path, sync::OnceLock, time::Duration};

use reqwest::Certificate;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::config::Env;

/// Builds clients on first use, so that a command that calls nobody pays nothing.
#[derive(Debug)]
pub struct Http {
    env: Env,
    offline: bool,
    client: OnceLock<reqwest::Client>,
}

/// Why no call can be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("could not read the certificates in `{path}` named by SSL_CERT_FILE: {reason}")]
    Certificates { path: String, reason: String },
    #[error("could not set up HTTPS: {0}")]
    Build(#[source] reqwest::Error),
    #[error("`--offline` forbids the call to `{host}`")]
    Offline { host: String },
    /// Says which variable, but not what is in it: a proxy's address may hold a password.
    #[error("the address of the proxy in {variable} is not a URL")]
    Proxy { variable: String },
    #[error("`{url}` is not a URL that can be called")]
    Url { url: String },
}

impl Http {
    #[must_use]
    pub fn new(env: Env, offline: bool) -> Self {
        Self { env, offline, client: OnceLock::new() }
    }

    /// The shared client, if `url` may be called. It follows no redirects and has no total timeout; both are the
    /// caller's to decide.
    ///
    /// # Errors
    /// [`HttpError::Offline`] for an address outside this machine under `--offline`; unreadable certificates.
    pub fn client(&self, url: &str) -> Result<reqwest::Client, HttpError> {
        self.permit(url)?;
        self.shared()
    }

    /// Whether `url` may be called.
    ///
    /// # Errors
    /// [`HttpError::Offline`]; [`HttpError::Url`].
    pub fn permit(&self, url: &str) -> Result<(), HttpError> {
        let parsed = url::Url::parse(url).map_err(|_| HttpError::Url { url: url.to_owned() })?;
        let host = parsed.host().ok_or_else(|| HttpError::Url { url: url.to_owned() })?;
        let local = match &host {
            url::Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
            url::Host::Ipv4(address) => address.is_loopback(),
            url::Host::Ipv6(address) => address.is_loopback(),
        };
        if self.offline && !local { Err(HttpError::Offline { host: host.to_string() }) } else { Ok(()) }
    }

    fn shared(&self) -> Result<reqwest::Client, HttpError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = self.builder()?.redirect(reqwest::redirect::Policy::none()).build().map_err(HttpError::Build)?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// The same trust, proxies and timeouts for a client that needs settings of its own.
    ///
    /// # Errors
    /// Unreadable certificates.
    pub fn builder(&self) -> Result<reqwest::ClientBuilder, HttpError> {
        // A second installation is refused and harmless: it is the same provider.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("agentscope/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .tcp_nodelay(true)
            .tls_certs_only(self.roots()?);
        self.with_proxies(builder)
    }

    /// The proxies that the environment names. reqwest would read the process environment by itself; ours is the
    /// `Env`, and this machine is never reached through a proxy.
    fn with_proxies(&self, mut builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, HttpError> {
        let of = |name: &str| {
            // The lower-case spelling wins, as with curl.
            [name.to_ascii_lowercase(), name.to_owned()]
                .into_iter()
                .find_map(|name| Some((self.env.var(&name)?.to_owned(), name)))
        };
        let proxies = [of("HTTPS_PROXY"), of("HTTP_PROXY"), of("ALL_PROXY")];
        // Elsewhere the system's settings hold where no variable is set.
        if cfg!(not(any(target_os = "macos", windows))) || proxies.iter().any(Option::is_some) {
            builder = builder.no_proxy();
        }
        let never = of("NO_PROXY").map(|(list, _)| list).unwrap_or_default();
        let never = reqwest::NoProxy::from_string(&format!("localhost,127.0.0.0/8,::1,{never}"));
        for (address, variable) in proxies.into_iter().flatten() {
            let proxy = match variable.to_ascii_lowercase().as_str() {
                "https_proxy" => reqwest::Proxy::https(address),
                "http_proxy" => reqwest::Proxy::http(address),
                _ => reqwest::Proxy::all(address),
            };
            let proxy = proxy.map_err(|_| HttpError::Proxy { variable })?;
            builder = builder.proxy(proxy.no_proxy(never.clone()));
        }
        Ok(builder)
    }

    /// The certificates that every client trusts, as DER, each of which rustls can use.
    ///
    /// # Errors
    /// Unreadable certificates.
    pub fn trusted(&self) -> Result<Vec<Vec<u8>>, HttpError> {
        // A second installation is refused and harmless: it is the same provider.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let fits = |der: &CertificateDer<'static>| rustls::RootCertStore::empty().add(der.clone()).is_ok();
        Ok(self.ders()?.into_iter().filter(fits).map(|der| der.to_vec()).collect())
    }

    fn roots(&self) -> Result<Vec<Certificate>, HttpError> {
        Ok(self.ders()?.iter().filter_map(|der| Certificate::from_der(der).ok()).collect())
    }

    fn ders(&self) -> Result<Vec<CertificateDer<'static>>, HttpError> {
        let mut roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec();
        // `load_native_certs` reads SSL_CERT_FILE instead of the system's store; we want both.
        roots.extend(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = self.env.var("SSL_CERT_FILE") {
            roots.extend(from_file(&self.env.cwd.join(path))?);
            roots.extend(
                SYSTEM_BUNDLES
                    .iter()
                    .find(|bundle| Path::new(bundle).exists())
                    .map_or(Ok(vec![]), |bundle| from_file(Path::new(bundle)))?,
            );
        }
        Ok(roots)
    }
}

const SYSTEM_BUNDLES: &[&str] =
    &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

fn from_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let wrong = |reason: String| HttpError::Certificates { path: path.display().to_string(), reason };
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error: rustls::pki_types::pem::Error| wrong(error.to_string()))
}
