//! Patterns over URLs.

use ::url::Url;

use super::{Fit, Glob, RuleError, Side};

/// `https://docs.example.com/*`, `https://*.example.com`, `http://127.0.0.1:8080/*`.
///
/// Compared part by part, not as text, so that `https://docs.example.com@evil.example/` does not pass for the first.
/// `*.` at the start of the host stands for one or more names; in the path, which the query belongs to, `*` stands for
/// any characters. Without a path every path fits, without a port the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlPattern {
    scheme: String,
    host: Host,
    port: Option<u16>,
    path: Option<Glob>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Is(String),
    Below(String),
    Any,
}

impl UrlPattern {
    pub(super) fn parse(text: &str) -> Result<Self, RuleError> {
        let text = text.trim_end();
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let start = scheme.len() + 3;
        if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(RuleError::new(0, "the pattern of a URL begins with its scheme, such as `https://`"));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(RuleError::new(start, "the pattern of a URL has no user name in it"));
        }
        let (below, name) = match authority.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, authority),
        };
        let (host, port) = match authority {
            "*" => (Host::Any, None),
            _ if name.contains('*') || name.contains('?') => {
                let at = start + authority.len() - name.len() + name.find(['*', '?']).unwrap_or(0);
                return Err(RuleError::new(
                    at,
                    "in a host `*` stands for whole names at its start, as in `*.example.com`",
                ));
            }
            _ => {
                // Read as a URL is read, so that both sides come out in the same form.
                let url = Url::parse(&format!("{scheme}://{name}"))
                    .map_err(|error| RuleError::new(start, format!("this is not a host: {error}")))?;
                let host = url.host_str().unwrap_or_default().to_owned();
                (if below { Host::Below(host) } else { Host::Is(host) }, url.port())
            }
        };
        let path = (!path.is_empty()).then(|| Glob::parse(path));
        Ok(Self { scheme: scheme.to_ascii_lowercase(), host, port, path })
    }

    /// Whether `url` fits. To refuse, `http` is `https`, any port will do, and a percent-encoded path is decoded.
    #[must_use]
    pub fn fit(&self, url: &Url, side: Side) -> Fit {
        let web = |scheme: &str| matches!(scheme, "http" | "https");
        let host = url.host_str().unwrap_or_default();
        // A dot at the end names the same host.
        let host = host.strip_suffix('.').unwrap_or(host);
        let host = match &self.host {
            Host::Is(name) => host == name,
            Host::Below(name) => {
                host.strip_suffix(name.as_str()).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
            Host::Any => true,
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let path_fits = |path: &str| self.path.as_ref().is_none_or(|glob| glob.matches(path));
        let fits = match side {
            Side::Allow => {
                self.scheme == url.scheme()
                    && self.port == url.port()
                    && url.username().is_empty()
                    && url.password().is_none()
                    && path_fits(&path)
            }
            Side::Refuse => {
                (self.scheme == url.scheme() || web(&self.scheme) && web(url.scheme()))
                    && (self.port.is_none() || self.port == url.port_or_known_default())
                    && (path_fits(&path) || path_fits(&percent_encoding::percent_decode_str(&path).decode_utf8_lossy()))
            }
        };
        (host && fits).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (pattern, url, allows, refuses) in [
            ("https://docs.example.com/*", "https://docs.example.com/a/b?c=d", true, true),
            ("https://docs.example.com/*", "https://docs.example.com", true, true),
            ("https://docs.example.com", "https://docs.example.com/a", true, true),
            ("https://docs.example.com/*", "HTTPS://DOCS.Example.COM:443/a", true, true),
            ("https://docs.example.com/*", "https://docs.example.com./a", true, true),
            ("https://docs.example.com/*", "http://docs.example.com/a", false, true),
            ("https://docs.example.com/*", "https://docs.example.com:8443/a", false, true),
            ("https://docs.example.com/*", "https://docs.example.com@evil.example/a", false, false),
            ("https://docs.example.com/*", "https://evil.example@docs.example.com/a", false, true),
            ("https://docs.example.com/*", "https://docs.example.com.evil.example/a", false, false),
            ("https://docs.example.com/*", "https://evil.example/https://docs.example.com/", false, false),
            ("https://docs.example.com/*", "https://evil.example\\@docs.example.com/", false, false),
            ("https://docs.example.com/public/*", "https://docs.example.com/public/../private", false, false),
            ("https://docs.example.com/public/*", "https://docs.example.com/public/%2e%2e/private", false, false),
            ("https://docs.example.com/private*", "https://docs.example.com/priv%61te", false, true),
            ("https://*.example.com/*", "https://a.b.example.com/", true, true),
            ("https://*.example.com/*", "https://example.com/", false, false),
            ("https://*.example.com/*", "https://evilexample.com/", false, false),
            ("https://*/*", "https://anything.example/", true, true),
            ("http://127.0.0.1:8080/*", "http://2130706433:8080/x", true, true),
            ("https://bücher.example/*", "https://xn--bcher-kva.example/", true, true),
        ] {
            let url = Url::parse(url).unwrap();
            let pattern = UrlPattern::parse(pattern).unwrap();
            let got = (pattern.fit(&url, Side::Allow), pattern.fit(&url, Side::Refuse));
            assert_eq!(got, (allows.into(), refuses.into()), "{pattern:?} {url}");
        }
    }
}
