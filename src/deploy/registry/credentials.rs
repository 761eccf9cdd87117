//! Who we are to a registry: what `docker login` kept, or a credential helper knows.
//!
//! The file is Docker's `config.json` (docker/cli, `cli/config/configfile`), helpers are programs `docker-credential-NAME`
//! that are asked with `get` (docker/docker-credential-helpers, README).

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use base64::Engine as _;
use serde::Deserialize;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    config::{Env, Secret, docker_config_folder},
    deploy::DeployError,
};

/// A helper may ask its user.
const PATIENCE: Duration = Duration::from_secs(60);

/// A way to say who we are.
#[derive(Clone, Debug)]
pub enum Login {
    Nobody,
    Password {
        user: String,
        password: Secret,
    },
    /// A refresh token, to be exchanged.
    Identity(Secret),
}

impl Login {
    /// For messages.
    pub(super) fn who(&self) -> String {
        match self {
            Self::Nobody => "anybody".to_owned(),
            Self::Password { user, .. } => format!("`{user}`"),
            Self::Identity(_) => "this login".to_owned(),
        }
    }
}

/// The logins of this user.
#[derive(Debug, Default)]
pub struct Credentials {
    file: ConfigFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConfigFile {
    auths: BTreeMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: Secret,
}

impl Credentials {
    /// Reads `config.json` of Docker, if it is there.
    ///
    /// # Errors
    /// One that cannot be read.
    pub fn load(env: &Env) -> Result<Self, DeployError> {
        let path = docker_config_folder(env).join("config.json");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(DeployError::io(format!("read `{}`", path.display()))(error)),
        };
        let file = serde_json::from_slice(&text).map_err(|error| DeployError::Failed {
            // What is in it is not shown.
            what: format!("`{}` is not a configuration of Docker: line {}", path.display(), error.line()),
            hint: Some("`docker login` writes it".to_owned()),
        })?;
        Ok(Self { file })
    }

    /// The login at a registry.
    ///
    /// # Errors
    /// A helper that fails.
    pub async fn at(&self, registry: &str, env: &Env) -> Result<Login, DeployError> {
        let helper = self.file.cred_helpers.get(registry).or(self.file.creds_store.as_ref());
        if let Some(helper) = helper
            && let Some(login) = ask(helper, registry, env).await?
        {
            return Ok(login);
        }
        let is_it = |key: &str| {
            let key = key.trim_start_matches("https://").trim_start_matches("http://");
            key.split('/').next() == Some(registry)
        };
        let found = self.file.auths.iter().find(|(key, _)| is_it(key)).map(|(_, auth)| auth);
        Ok(found.and_then(login).unwrap_or(Login::Nobody))
    }
}

fn login(auth: &Auth) -> Option<Login> {
    if let Some(token) = auth.identitytoken.clone().filter(|token| !token.expose().is_empty()) {
        return Some(Login::Identity(token));
    }
    if let (Some(user), Some(password)) = (&auth.username, &auth.password) {
        return Some(Login::Password { user: user.clone(), password: password.clone() });
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(auth.auth.as_ref()?.expose()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Login::Password { user: user.to_owned(), password: password.trim_end_matches('\0').into() })
}

/// Asks `docker-credential-HELPER`; `None` where it knows of no login there.
async fn ask(helper: &str, registry: &str, env: &Env) -> Result<Option<Login>, DeployError> {
    let program = format!("docker-credential-{helper}");
    let failed = |why: String| DeployError::Failed {
        what: format!("the credential helper `{program}` did not answer: {why}"),
        hint: Some("`docker login` works once it does; Docker's config.json names it".to_owned()),
    };
    let run = async {
        let mut child = Command::new(&program)
            .arg("get")
            .env_clear()
            .envs(env.vars())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(registry.as_bytes()).await?;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(PATIENCE, run).await.map_err(|_| failed("it took too long".to_owned()))?;
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned();
        // The words of all helpers, as Docker looks for them.
        return if said.contains("credentials not found") { Ok(None) } else { Err(failed(said)) };
    }
    let answer: Answer =
        serde_json::from_slice(&output.stdout).map_err(|_| failed("not as a helper does".to_owned()))?;
    Ok(Some(match answer.username.as_str() {
        "<token>" => Login::Identity(answer.secret),
        _ => Login::Password { user: answer.username, password: answer.secret },
    }))
}
