//! Finding a container engine and talking to it: Docker's, or Podman's, which speaks the same API.

use std::{
    io,
    os::unix::{fs::MetadataExt as _, net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{
    API_DEFAULT_VERSION, Docker,
    errors::Error,
    models::{SystemInfo, SystemInfoCgroupVersionEnum},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{
    config::{Env, docker_config_folder},
    sandbox::{BackendKind, SandboxError},
};

/// Seconds for one call, but for those that stream.
const PATIENCE: u64 = 120;
/// Until an engine elsewhere answers for the first time: whoever lists sandboxes waits for it.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// The same of one that listens on this machine, which may be busy.
const BUSY_FOR: Duration = Duration::from_secs(60);

/// An engine that answers.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) docker: Docker,
    /// As `DOCKER_HOST` would have it.
    pub(super) host: String,
    /// Whether the engine sees the files of this machine.
    pub(crate) local: bool,
    /// As the engine calls it, such as `amd64`.
    pub(crate) arch: String,
    pub(super) version: String,
    /// Its root is an ordinary user of the host.
    pub(super) rootless: bool,
    pub(super) podman: bool,
    pub(super) seccomp: bool,
    pub(super) cgroups: String,
    pub(super) limits: Limited,
    pub(super) runtimes: Vec<String>,
}

/// Which limits the engine can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limited {
    pub(super) memory: bool,
    pub(super) pids: bool,
    pub(super) cpu: bool,
}

impl Limited {
    fn of(info: &SystemInfo, rootless: bool) -> Self {
        // An ordinary user is given nothing of cgroup v1, whatever the machine has.
        let may = !rootless || info.cgroup_version == Some(SystemInfoCgroupVersionEnum::_2);
        let has = |limit: Option<bool>| may && limit.unwrap_or(true);
        Self { memory: has(info.memory_limit), pids: has(info.pids_limit), cpu: has(info.cpu_cfs_quota) }
    }
}

/// Where an engine was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    host: String,
    /// What named it, for messages.
    from: &'static str,
}

impl Engine {
    /// Whether there is one to ask, which need not answer.
    pub(crate) fn is_named(env: &Env) -> bool {
        find(env).is_some()
    }

    /// Finds the engine as `docker` does, then Podman's.
    ///
    /// # Errors
    /// [`SandboxError::Unavailable`] with what is missing and the next step.
    pub(crate) async fn connect(env: &Env, kind: BackendKind) -> Result<Self, SandboxError> {
        let address = find(env).ok_or_else(|| SandboxError::Unavailable {
            backend: kind,
            reason: "no Docker or Podman was found on this machine".to_owned(),
            hint: "install one of them, or set DOCKER_HOST; on Linux the `local` backend needs neither".to_owned(),
        })?;
        let docker = open(env, &address, kind)?;
        let silent = |reason: String| SandboxError::Unavailable {
            backend: kind,
            reason: format!("the engine at `{}` ({}) did not answer{reason}", address.host, address.from),
            hint: "`docker info` shows whether it runs".to_owned(),
        };
        let ask = async {
            let docker = docker.negotiate_version().await?;
            let (version, info) = tokio::try_join!(docker.version(), docker.info())?;
            Ok::<_, Error>((docker, version, info))
        };
        let patience = if address.host.starts_with("unix://") { BUSY_FOR } else { ANSWERS_WITHIN };
        let (docker, version, info) = match tokio::time::timeout(patience, ask).await {
            Err(_) => return Err(silent(format!(" within {} s", patience.as_secs()))),
            Ok(answer) => answer.map_err(|error| silent(format!(": {}", said(&error))))?,
        };
        let security = info.security_options.clone().unwrap_or_default();
        let has = |name: &str| security.iter().any(|option| option.split(',').any(|part| part == name));
        let components = version.components.unwrap_or_default();
        let podman = components.iter().any(|component| component.name.contains("Podman"));
        let rootless = has("name=rootless") || podman && of_ordinary_user(&address.host);
        Ok(Self {
            docker,
            limits: Limited::of(&info, rootless),
            rootless,
            local: address.host.starts_with("unix://"),
            arch: version.arch.unwrap_or_default(),
            version: version.version.unwrap_or_default(),
            podman,
            host: address.host,
            seccomp: has("name=seccomp"),
            cgroups: info.cgroup_version.map_or_else(|| "1".to_owned(), |version| version.to_string()),
            runtimes: info.runtimes.unwrap_or_default().into_keys().collect(),
        })
    }

    /// `Docker 20.10.24`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", if self.podman { "Podman" } else { "Docker" }, self.version)
    }
}

/// The words of the engine, without bollard's frame around them.
pub(crate) fn said(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        other if broke_off(other) => "the engine broke off the connection".to_owned(),
        other => other.to_string(),
    }
}

/// Whether there was an engine when it was asked, and none to answer.
fn broke_off(error: &Error) -> bool {
    match error {
        // Refused at once, it was not there.
        Error::HyperLegacyError { err } => !err.is_connect(),
        Error::HyperResponseError { .. } => true,
        _ => false,
    }
}

/// For `map_err`: what was being done when the engine refused.
pub(in crate::sandbox) fn failed(what: impl Into<String>) -> impl FnOnce(Error) -> SandboxError {
    let what = what.into();
    move |error| SandboxError::Failed { what: format!("could not {what}: {}", said(&error)), hint: hint(&error) }
}

fn hint(error: &Error) -> Option<String> {
    let text = said(error);
    if text.contains("no space left on device") {
        return Some("the engine's disk is full; `docker system df` shows with what".to_owned());
    }
    matches!(error, Error::HyperResponseError { .. } | Error::IOError { .. } | Error::HyperLegacyError { .. })
        .then(|| "the engine may have ended meanwhile; `docker info` shows whether it runs".to_owned())
}

/// Whether the engine answered with this status, such as 404.
pub(crate) fn is_status(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}

fn open(env: &Env, address: &Address, kind: BackendKind) -> Result<Docker, SandboxError> {
    let unavailable =
        |reason: String, hint: &str| SandboxError::Unavailable { backend: kind, reason, hint: hint.to_owned() };
    let wrong = |error: Error| {
        unavailable(
            format!("the address `{}` ({}) cannot be used: {}", address.host, address.from, said(&error)),
            "it looks like `unix:///var/run/docker.sock` or `tcp://HOST:2376`",
        )
    };
    if let Some(path) = address.host.strip_prefix("unix://") {
        reachable(Path::new(path)).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => unavailable(
                format!("this user may not use the socket `{path}`"),
                "`sudo usermod -aG docker $USER` and a new login allow it, which makes the user as good as root; or \
                 use rootless Docker, Podman or the `local` backend",
            ),
            io::ErrorKind::NotFound => unavailable(
                format!("there is no socket `{path}`, which {} names", address.from),
                "start the engine, or set DOCKER_HOST to where it listens",
            ),
            _ => unavailable(
                format!("nothing answers at the socket `{path}`: {error}"),
                "start the engine, such as with `sudo systemctl start docker`",
            ),
        })?;
        return Docker::connect_with_unix(&address.host, PATIENCE, API_DEFAULT_VERSION).map_err(wrong);
    }
    let tcp = address.host.starts_with("tcp://") || address.host.starts_with("http");
    if !tcp {
        return Err(unavailable(
            format!("the address `{}` ({}) is of a kind that is not supported", address.host, address.from),
            "forward the engine's socket, such as with `ssh -L /tmp/docker.sock:/var/run/docker.sock HOST`, and set \
             DOCKER_HOST=unix:///tmp/docker.sock",
        ));
    }
    let tls = address.host.starts_with("https://") || env.var("DOCKER_TLS_VERIFY").is_some();
    if !tls {
        return Docker::connect_with_http(&address.host, PATIENCE, API_DEFAULT_VERSION).map_err(wrong);
    }
    let folder = env.var("DOCKER_CERT_PATH").map_or_else(|| docker_config_folder(env), |path| env.cwd.join(path));
    let file = |name: &str| folder.join(name);
    // A second installation is refused and harmless: it is the same provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Docker::connect_with_ssl(
        &address.host,
        &file("key.pem"),
        &file("cert.pem"),
        &file("ca.pem"),
        PATIENCE,
        API_DEFAULT_VERSION,
    )
    .map_err(wrong)
}

/// Podman 4 does not say where Docker does whether its root is an ordinary user: the socket is his then.
fn of_ordinary_user(host: &str) -> bool {
    let socket = host.strip_prefix("unix://").and_then(|path| std::fs::metadata(path).ok());
    socket.is_some_and(|socket| socket.uid() != 0)
}

fn reachable(socket: &Path) -> io::Result<()> {
    UnixStream::connect(socket).map(drop)
}

/// `DOCKER_HOST`, the context in use, then the usual sockets.
fn find(env: &Env) -> Option<Address> {
    if let Some(host) = env.var("DOCKER_HOST") {
        return Some(Address { host: host.to_owned(), from: "DOCKER_HOST" });
    }
    if let Some(host) = of_context(env) {
        return Some(Address { host, from: "the docker context" });
    }
    let runtime = env.var("XDG_RUNTIME_DIR").map(PathBuf::from);
    let sockets = [
        Some(PathBuf::from("/var/run/docker.sock")),
        runtime.as_ref().map(|folder| folder.join("docker.sock")),
        env.var("HOME").map(|home| Path::new(home).join(".docker/run/docker.sock")),
        runtime.as_ref().map(|folder| folder.join("podman/podman.sock")),
        Some(PathBuf::from("/run/podman/podman.sock")),
    ];
    let there: Vec<PathBuf> = sockets.into_iter().flatten().filter(|socket| socket.exists()).collect();
    // One that answers before one that is there but may not be used.
    let socket = there.iter().find(|socket| reachable(socket).is_ok()).or(there.first())?;
    Some(Address { host: format!("unix://{}", socket.display()), from: "the usual place" })
}

/// The engine of the context that `docker` would use, as its command line keeps it: `contexts/meta/SHA256/meta.json`.
fn of_context(env: &Env) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        current_context: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Meta {
        endpoints: std::collections::BTreeMap<String, Endpoint>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Endpoint {
        host: Option<String>,
    }
    let folder = docker_config_folder(env);
    let current = || {
        let text = std::fs::read(folder.join("config.json")).ok()?;
        serde_json::from_slice::<Config>(&text).ok()?.current_context
    };
    let name = env.var("DOCKER_CONTEXT").map(str::to_owned).or_else(current).filter(|name| name != "default")?;
    let hash: String = Sha256::digest(&name).iter().map(|byte| format!("{byte:02x}")).collect();
    let text = std::fs::read(folder.join("contexts/meta").join(hash).join("meta.json")).ok()?;
    serde_json::from_slice::<Meta>(&text).ok()?.endpoints.remove("docker")?.host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_looked_for_where_docker_looks() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().display().to_string();
        let folder = home.path().join(".docker");
        // sha256 of `far`.
        let hash: String = Sha256::digest("far").iter().map(|byte| format!("{byte:02x}")).collect();
        let meta = folder.join("contexts/meta").join(hash);
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(folder.join("config.json"), r#"{"auths": {}, "currentContext": "far"}"#).unwrap();
        let text = r#"{"Name": "far", "Metadata": {}, "Endpoints": {"docker": {"Host": "tcp://far:2375", "SkipTLSVerify": false}}}"#;
        std::fs::write(meta.join("meta.json"), text).unwrap();
        let found = |vars: &[(&str, &str)]| {
            let vars: Vec<_> = vars.iter().copied().chain([("HOME", path.as_str())]).collect();
            find(&Env::fake("/", &vars)).map(|address| address.host)
        };
        assert_eq!(found(&[]).as_deref(), Some("tcp://far:2375"));
        assert_eq!(found(&[("DOCKER_HOST", "unix:///x")]).as_deref(), Some("unix:///x"));
        assert_ne!(found(&[("DOCKER_CONTEXT", "default")]).as_deref(), Some("tcp://far:2375"));
    }

    #[tokio::test]
    async fn what_is_missing_is_said_with_the_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let host = format!("unix://{}", socket.display());
        let told = async |host: &str| {
            let env = Env::fake("/", &[("DOCKER_HOST", host)]);
            let error = Engine::connect(&env, BackendKind::Docker).await.unwrap_err();
            let text = format!("{error}\n{}", error.hint().unwrap());
            text.replace(&folder.path().display().to_string(), "[DIR]")
        };
        insta::assert_snapshot!(told(&host).await, @"
        the `docker` backend is not available: there is no socket `[DIR]/docker.sock`, which DOCKER_HOST names
        start the engine, or set DOCKER_HOST to where it listens
        ");
        // Nobody listens any more.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        insta::assert_snapshot!(told(&host).await, @"
        the `docker` backend is not available: nothing answers at the socket `[DIR]/docker.sock`: Connection refused (os error 111)
        start the engine, such as with `sudo systemctl start docker`
        ");
        insta::assert_snapshot!(told("ssh://ann@far").await, @"
        the `docker` backend is not available: the address `ssh://ann@far` (DOCKER_HOST) is of a kind that is not supported
        forward the engine's socket, such as with `ssh -L /tmp/docker.sock:/var/run/docker.sock HOST`, and set DOCKER_HOST=unix:///tmp/docker.sock
        ");
    }
}
