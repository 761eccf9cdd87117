//! URLs, addresses, names of hosts, mounts.

use std::net::IpAddr;

use super::{super::fault::Fault, Cursor};

/// Checks a URL, if there is one.
pub(super) fn url(at: &Cursor, schemes: &[&str]) -> Option<Fault> {
    let text = at.text()?;
    let expected = schemes.iter().map(|scheme| format!("`{scheme}://`")).collect::<Vec<_>>().join(" or ");
    match url::Url::parse(text) {
        Ok(url) if schemes.contains(&url.scheme()) => None,
        Ok(_) => Some(at.fault("wrong-url", format!("a URL with {expected} is wanted here"))),
        Err(error) => Some(
            at.fault("wrong-url", format!("this is not a URL: {error}"))
                .help(format!("a URL begins with {expected} and names a host")),
        ),
    }
}

const WEB: [&str; 2] = ["http", "https"];

/// The parts of the file that an agent has not: `serve`, `deploy`, `storage`, `telemetry`.
pub(super) fn check(root: &Cursor, out: &mut Vec<Fault>) {
    serve(&root.get("serve"), out);
    for (_, place) in root.get("storage").entries() {
        out.extend(storage(&place));
    }
    let telemetry = root.get("telemetry");
    out.extend(url(&telemetry.get("otlp"), &WEB));
}

fn serve(serve: &Cursor, out: &mut Vec<Fault>) {
    out.extend(url(&serve.get("public_url"), &WEB));
    for origin in serve.get("cors").items() {
        let Some(text) = origin.text().filter(|text| *text != "*") else { continue };
        if let Some(fault) = url(&origin, &WEB) {
            out.push(fault);
        } else if text.matches('/').count() > 2 {
            out.push(origin.fault("wrong-url", "an origin has no path").help("write it as `https://app.example`"));
        }
    }
    for proxy in serve.get("trusted_proxies").items() {
        if let Some(text) = proxy.text()
            && !is_network(text)
        {
            out.push(
                proxy
                    .fault("wrong-value", format!("`{text}` is not an address or a network"))
                    .help("write `10.0.0.7` or `10.0.0.0/8`"),
            );
        }
    }
    let mut names: Vec<&str> = vec![];
    for token in serve.get("tokens").items() {
        let name = token.get("name");
        let Some(text) = name.text() else { continue };
        if names.contains(&text) {
            out.push(name.fault("duplicate-name", format!("a second token is called `{text}`")));
        }
        names.push(text);
    }
}

fn storage(at: &Cursor) -> Option<Fault> {
    let scheme = at.text()?.split(':').next().unwrap_or_default();
    let known = ["sqlite", "in-process", "redis", "rediss", "postgres", "postgresql"];
    // The rest of the text may hold a password.
    (!known.contains(&scheme)).then(|| {
        at.fault("wrong-value", "this is no place where things can be kept")
            .help("write `sqlite:`, `in-process:`, `redis://HOST` or `postgres://HOST/DATABASE`")
    })
}

fn is_network(text: &str) -> bool {
    match text.split_once('/') {
        None => text.parse::<IpAddr>().is_ok(),
        Some((address, bits)) => match (address.parse::<IpAddr>(), bits.parse::<u8>()) {
            (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
            (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
            _ => false,
        },
    }
}

/// What a sandbox is made of.
pub(super) fn sandbox(sandbox: &Cursor, out: &mut Vec<Fault>) {
    for mount in sandbox.get("mounts").items() {
        out.extend(mount_point(&mount));
    }
    for host in sandbox.get("network").get("allow").items() {
        let Some(text) = host.text() else { continue };
        let name = text.strip_prefix("*.").unwrap_or(text);
        let name = match name.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok_and(|port| port > 0) => name,
            _ => name,
        };
        let valid = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if !valid && text.parse::<IpAddr>().is_err() {
            out.push(host.fault("wrong-value", format!("`{text}` is not the name of a host")).help(
                "write `docs.example.com`, `docs.example.com:8443`, or `*.example.com` for every name below it; no `https://` and no path",
            ));
        }
    }
    let kinds = ["base", "filesystem", "browser", "gui", "mobile"];
    let kind = sandbox.get("type");
    if let Some(text) = kind.text()
        && !kinds.contains(&text)
    {
        out.push(
            kind.fault("wrong-value", format!("there is no sandbox of type `{text}`"))
                .maybe_help(super::super::fault::suggest(text, &kinds))
                .help_or(|| format!("there are {}", super::super::fault::list(&kinds))),
        );
    }
    let system = sandbox.get("packages").get("system");
    if !system.items().is_empty()
        && let Some(backend @ ("local" | "host")) = sandbox.get("backend").text()
    {
        out.push(
            system
                .fault("conflict", format!("system packages cannot be installed with the backend `{backend}`"))
                .help("use a backend with images, such as `docker`, or install them on this machine"),
        );
    }
}

fn mount_point(at: &Cursor) -> Option<Fault> {
    let text = at.text()?;
    let mut parts = text.split(':');
    let valid = matches!(
        (parts.next(), parts.next(), parts.next(), parts.next()),
        (Some(from), Some(to), None | Some("ro" | "rw"), None) if !from.is_empty() && to.starts_with('/')
    );
    (!valid).then(|| {
        at.fault("wrong-value", format!("`{text}` is not a mount"))
            .help("write `./data:/data` or `./data:/data:ro`; the second path is absolute")
    })
}
