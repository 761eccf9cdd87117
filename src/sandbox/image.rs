//! `sandbox build`: an image with packages, without a Dockerfile.
//!
//! A container of the base image installs them, with network and as root, and is committed. What goes wrong leaves no
//! image and no container behind.

use bollard::{
    container::{AttachContainerResults, LogOutput},
    exec::{StartExecOptions, StartExecResults},
    models::{ContainerConfig, ContainerCreateBody, ExecConfig, HostConfig, ImageConfig},
    query_parameters::{
        AttachContainerOptionsBuilder, CommitContainerOptionsBuilder, CreateContainerOptions, StartContainerOptions,
    },
};
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::{
    Progress, SandboxError,
    docker::{Engine, failed, is_status, maker, pull},
};

/// What an image is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// The image to begin with.
    pub base: String,
    /// For pip, such as `pandas>=2`.
    pub python: Vec<String>,
    /// For the package manager of the base image: apt, apk, dnf or microdnf.
    pub system: Vec<String>,
}

/// Of an image that was made here, with what it was made of.
const LABEL: &str = "agentscope.recipe";

/// Of the output of an installation that fails, in lines.
const TOLD: usize = 12;

impl Recipe {
    /// Whether there is nothing to install.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.python.is_empty() && self.system.is_empty()
    }

    /// A tag that stands for this recipe on the base image with this id, whatever the order.
    fn tag(&self, base_id: &str) -> String {
        let mut hash = Sha256::new();
        for (kind, list) in [("python", &self.python), ("system", &self.system)] {
            let mut list: Vec<&String> = list.iter().collect();
            list.sort_unstable();
            list.dedup();
            hash.update(format!("{kind} {list:?}\n"));
        }
        hash.update(base_id);
        let hash: String = hash.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        format!("agentscope-packages:{hash}")
    }

    /// # Errors
    /// A package whose name would be an option or more than one word.
    fn check(&self) -> Result<(), SandboxError> {
        let sound =
            |name: &str| !name.starts_with('-') && !name.trim().is_empty() && !name.contains(['\0', '\n', '\r']);
        match self.python.iter().chain(&self.system).find(|name| !sound(name)) {
            None => Ok(()),
            Some(name) => Err(SandboxError::Failed {
                what: format!("`{name}` is not the name of a package"),
                hint: Some("such as `pandas`, `pandas>=2` or, of the system, `git`".to_owned()),
            }),
        }
    }

    fn script(&self) -> String {
        let quoted = |list: &[String]| {
            list.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect::<Vec<_>>().join(" ")
        };
        let mut script = "set -eu\n".to_owned();
        if !self.system.is_empty() {
            script += &SYSTEM.replace("{packages}", &quoted(&self.system));
        }
        if !self.python.is_empty() {
            script += &PYTHON.replace("{packages}", &quoted(&self.python));
        }
        script
    }
}

const SYSTEM: &str = "\
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends {packages}
  rm -rf /var/lib/apt/lists/*
elif command -v apk >/dev/null; then apk add --no-cache {packages}
elif command -v dnf >/dev/null; then dnf install -y {packages}; dnf clean all
elif command -v microdnf >/dev/null; then microdnf install -y {packages}; microdnf clean all
else echo 'the image has no package manager that is known: apt, apk, dnf, microdnf' >&2; exit 1
fi
";

// The image is the environment: what marks it as managed by the distribution does not hold here.
const PYTHON: &str = "\
if ! command -v python3 >/dev/null; then echo 'the image has no python3' >&2; exit 1; fi
PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
python3 -m pip install --no-cache-dir --no-input {packages}
";

/// Makes the image, unless it is there: a recipe on the same base image is made once. Its tag is returned, and `name`
/// is given to it where there is one.
///
/// # Errors
/// An installation that fails, with the end of what it said.
pub(super) async fn build(
    engine: &Engine,
    recipe: &Recipe,
    name: Option<&str>,
    env: &[(String, String)],
    progress: &dyn Progress,
) -> Result<String, SandboxError> {
    recipe.check()?;
    let docker = &engine.docker;
    pull::have(engine, &recipe.base, progress).await?;
    let base = docker.inspect_image(&recipe.base).await.map_err(failed("look at the base image"))?;
    let base_id = base.id.unwrap_or_default();
    let tag = recipe.tag(&base_id);
    match docker.inspect_image(&tag).await {
        Ok(_) => {}
        Err(error) if is_status(&error, 404) => {
            let config = base.config.unwrap_or_default();
            let builder = start(engine, &recipe.base, &config).await?;
            let made = async {
                install(engine, &builder.id, recipe, env, progress).await?;
                commit(engine, &builder.id, recipe, &tag, config).await
            }
            .await;
            let removed = maker::remove(engine, &builder.id).await;
            made?;
            removed?;
        }
        Err(error) => return Err(failed("look for the image")(error)),
    }
    let Some(name) = name else { return Ok(tag) };
    let (repository, version) = match name.rsplit_once(':') {
        Some((repository, version)) if !version.contains('/') => (repository, version),
        _ => (name, "latest"),
    };
    let options = bollard::query_parameters::TagImageOptionsBuilder::default().repo(repository).tag(version).build();
    docker.tag_image(&tag, Some(options)).await.map_err(failed(format!("name the image `{name}`")))?;
    Ok(name.to_owned())
}

/// A container that waits for what is to be run in it. It ends, and is gone, when the connection does: however this
/// process ends.
struct Builder {
    id: String,
    _connection: AttachContainerResults,
}

async fn start(engine: &Engine, base: &str, config: &ImageConfig) -> Result<Builder, SandboxError> {
    let wait = ["/bin/sh", "-c", "exec cat >/dev/null"].map(str::to_owned).to_vec();
    // A commit cannot take an entrypoint away again.
    let (entrypoint, cmd) = if config.entrypoint.as_ref().is_some_and(|words| !words.is_empty()) {
        (Some(wait), vec![])
    } else {
        (None, wait)
    };
    let body = ContainerCreateBody {
        image: Some(base.to_owned()),
        user: Some("0:0".to_owned()),
        entrypoint,
        cmd: Some(cmd),
        attach_stdin: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        labels: Some([(maker::LABEL.to_owned(), maker::this())].into()),
        host_config: Some(HostConfig { auto_remove: Some(true), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let docker = &engine.docker;
    let made = docker
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .map_err(failed("make a container to install packages in"))?;
    let started = async {
        let options = AttachContainerOptionsBuilder::default().stdin(true).stream(true).build();
        let connection = docker.attach_container(&made.id, Some(options)).await?;
        docker.start_container(&made.id, None::<StartContainerOptions>).await?;
        Ok(connection)
    };
    match started.await {
        Ok(connection) => Ok(Builder { id: made.id, _connection: connection }),
        Err(error) => {
            let _ = maker::remove(engine, &made.id).await;
            Err(failed(format!("start a shell in `{base}`"))(error))
        }
    }
}

async fn install(
    engine: &Engine,
    container: &str,
    recipe: &Recipe,
    env: &[(String, String)],
    progress: &dyn Progress,
) -> Result<(), SandboxError> {
    let docker = &engine.docker;
    let config = ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        // Not the container's, which the image would keep.
        env: Some(env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        cmd: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), recipe.script()]),
        ..ExecConfig::default()
    };
    let failing = || failed("run the installation");
    let exec = docker.create_exec(container, config).await.map_err(failing())?;
    let started = docker.start_exec(&exec.id, None::<StartExecOptions>).await.map_err(failing())?;
    let mut lines: Vec<String> = vec![];
    if let StartExecResults::Attached { mut output, .. } = started {
        let mut partial = String::new();
        while let Some(part) = output.next().await {
            let part = part.map(LogOutput::into_bytes).map_err(failing())?;
            partial += &String::from_utf8_lossy(&part);
            while let Some(end) = partial.find('\n') {
                let line = partial.drain(..=end).collect::<String>().trim().to_owned();
                if !line.is_empty() {
                    progress.step(&format!("installing: {line}"), None, None);
                    lines.push(line);
                }
                if lines.len() > TOLD {
                    lines.remove(0);
                }
            }
        }
        lines.extend(Some(partial.trim().to_owned()).filter(|rest| !rest.is_empty()));
    }
    let ended = docker.inspect_exec(&exec.id).await.map_err(failing())?;
    match ended.exit_code {
        Some(0) => Ok(()),
        code => Err(SandboxError::Failed {
            what: format!(
                "the installation of packages failed (exit {}):\n{}",
                code.map_or_else(|| "unknown".to_owned(), |code| code.to_string()),
                lines.join("\n")
            ),
            hint: None,
        }),
    }
}

/// The image starts as its base does.
async fn commit(
    engine: &Engine,
    container: &str,
    recipe: &Recipe,
    tag: &str,
    base: ImageConfig,
) -> Result<(), SandboxError> {
    let words = |name: &str, words: Option<Vec<String>>| {
        let words = words.filter(|words| !words.is_empty())?;
        Some(format!("{name} {}\n", serde_json::to_string(&words).ok()?))
    };
    let user = base.user.filter(|user| !user.is_empty()).unwrap_or_else(|| "0:0".to_owned());
    let entrypoint = words("ENTRYPOINT", base.entrypoint).unwrap_or_default();
    let cmd = words("CMD", base.cmd).unwrap_or_else(|| "CMD [\"/bin/sh\"]\n".to_owned());
    let changes = format!("{entrypoint}{cmd}USER {user}");
    let (repository, version) = tag.split_once(':').unwrap_or((tag, "latest"));
    let options = CommitContainerOptionsBuilder::default()
        .container(container)
        .repo(repository)
        .tag(version)
        .changes(&changes)
        .build();
    let made_of = serde_json::json!({ "base": recipe.base, "python": recipe.python, "system": recipe.system });
    let config = ContainerConfig {
        labels: Some([(LABEL.to_owned(), made_of.to_string())].into()),
        ..ContainerConfig::default()
    };
    engine.docker.commit_container(options, config).await.map(drop).map_err(failed("keep the image"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(python: &[&str], system: &[&str]) -> Recipe {
        let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        Recipe { base: "debian:12".to_owned(), python: owned(python), system: owned(system) }
    }

    #[test]
    fn a_recipe_has_a_tag_of_its_own_whatever_the_order() {
        let tag = recipe(&["a", "b"], &["git"]).tag("sha256:1");
        assert_eq!(tag, recipe(&["b", "a", "a"], &["git"]).tag("sha256:1"));
        for other in [recipe(&["a"], &["git"]), recipe(&["a", "b", "git"], &[]), recipe(&["a", "b"], &[])] {
            assert_ne!(tag, other.tag("sha256:1"));
        }
        assert_ne!(tag, recipe(&["a", "b"], &["git"]).tag("sha256:2"));
    }

    #[test]
    fn a_name_is_one_word_of_the_script() {
        insta::assert_snapshot!(recipe(&["x; rm -rf /", "it's>=2"], &[]).script(), @r"
        set -eu
        if ! command -v python3 >/dev/null; then echo 'the image has no python3' >&2; exit 1; fi
        PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --no-cache-dir --no-input 'x; rm -rf /' 'it'\''s>=2'
        ");
        for wrong in ["--index-url=http://evil", "", " ", "a\nb"] {
            assert!(recipe(&[wrong], &[]).check().is_err(), "{wrong}");
        }
    }
}
