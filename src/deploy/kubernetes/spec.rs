//! What a revision is asked to be: everything that its objects are made of, but for secrets and the agent's texts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    config::agent_file::{Bytes, Ingress, KubernetesDeploy},
    deploy::{
        Artefact, DeployError, DeployRequest,
        image::{self, Assets, Content},
        plan::Desired,
    },
};

/// Of an agent whose file says nothing, in bytes.
const MEMORY: u64 = 512 << 20;
/// Of a processor, in thousandths.
const CPU: u64 = 100;

/// Kept by the cluster as an annotation, so that a revision can be compared and made again from anywhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Spec {
    pub(super) image: String,
    pub(super) agent_hash: String,
    pub(super) port: u16,
    /// Of the nodes that can run the image, as OCI calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) architecture: Option<String>,
    pub(super) replicas: u32,
    pub(super) cpu: String,
    pub(super) memory: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gpu: Option<u32>,
    /// Of the claim; what the agent keeps goes with its pod where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) storage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ingress: Option<Ingress>,
    /// The agent in a ConfigMap, where the image is not made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<Mounted>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) patches: Vec<Map<String, Value>>,
}

/// An agent that the image does not hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mounted {
    pub(super) command: Vec<String>,
    /// By the keys of the ConfigMap, which have no slashes.
    pub(super) files: Vec<File>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) executable: bool,
}

/// The most that a ConfigMap holds, in bytes.
const CONFIG_MAP: usize = 1 << 20;

/// A file of the agent.
pub(super) struct Text<'a> {
    pub(super) path: &'a str,
    pub(super) bytes: &'a [u8],
    executable: bool,
}

/// The files of an agent, links followed.
///
/// # Errors
/// More than a ConfigMap holds.
pub(super) fn texts(assets: &Assets) -> Result<Vec<Text<'_>>, DeployError> {
    let all: Vec<Text<'_>> = assets.files.keys().filter_map(|path| text(assets, path)).collect();
    let size: usize = all.iter().map(|text| text.bytes.len()).sum();
    if size > CONFIG_MAP {
        return Err(DeployError::Usage {
            what: format!("the files of the agent have {size} bytes, and a ConfigMap holds {CONFIG_MAP}"),
            hint: "put them into an image: `--registry HOST/PATH` in place of `deploy.kubernetes.image`".to_owned(),
        });
    }
    Ok(all)
}

fn text<'a>(assets: &'a Assets, path: &'a str) -> Option<Text<'a>> {
    let mut at = path.to_owned();
    // As deep as the system would follow them.
    for _ in 0..40 {
        match assets.files.get(&at)? {
            Content::File { bytes, executable } => return Some(Text { path, bytes, executable: *executable }),
            Content::Link(to) => {
                let mut parts: Vec<&str> = at.split('/').collect();
                parts.pop();
                for part in to.split('/') {
                    match part {
                        "." | "" => {}
                        ".." => drop(parts.pop()),
                        part => parts.push(part),
                    }
                }
                at = parts.join("/");
            }
        }
    }
    None
}

/// What a request is to become.
///
/// # Errors
/// What the file asks for and cannot be.
pub(super) fn desired(request: &DeployRequest) -> Result<Desired, DeployError> {
    let spec = Spec::of(request)?;
    // What is wrong with a patch is told by a plan, too.
    super::patch::check(&spec)?;
    let mut notes = request.notes.clone();
    match &spec.storage {
        Some(size) => {
            notes.push(format!(
                "sessions and memory are kept in the claim `{}` of {size}, from one revision to the next",
                super::labels::claim(&request.name)
            ));
            notes.push(
                "while a new revision takes over, callers are not answered: the claim can be held by one pod only"
                    .to_owned(),
            );
        }
        None => notes.push(
            "sessions and memory are kept with the pod and go with it, as with every new revision; \
             `deploy.kubernetes.storage` keeps them"
                .to_owned(),
        ),
    }
    if spec.ingress.is_none() {
        notes.push(
            "no address beyond the cluster leads to it: `invoke` and `chat` forward a port, \
             `deploy.kubernetes.ingress` gives it a name"
                .to_owned(),
        );
    }
    Ok(Desired::of(request, spec.to_value(), notes))
}

impl Mounted {
    fn of(assets: &Assets, profile: Option<&str>) -> Result<Self, DeployError> {
        let file = |text: Text<'_>| File { path: text.path.to_owned(), executable: text.executable };
        let files = texts(assets)?.into_iter().map(file).collect();
        Ok(Self { command: image::command(assets, profile), files })
    }

    /// The key of the file at this place.
    pub(super) fn key(index: usize) -> String {
        format!("file-{index}")
    }
}

impl Spec {
    /// # Errors
    /// What the file asks for and cannot be.
    fn of(request: &DeployRequest) -> Result<Self, DeployError> {
        let settings: &KubernetesDeploy = &request.settings.kubernetes;
        let (image, architecture, agent) = match &request.artefact {
            Artefact::Image { image, name, .. } => (name.clone(), Some(image.architecture.clone()), None),
            Artefact::Files(assets) => {
                let image = settings.image.clone().unwrap_or_default();
                (image, None, Some(Mounted::of(assets, request.profile.as_deref())?))
            }
        };
        let resources = &settings.resources;
        let replicas = settings.replicas.unwrap_or(1);
        if replicas == 0 {
            return Err(DeployError::Usage {
                what: "`deploy.kubernetes.replicas` is 0".to_owned(),
                hint: "`agentscope stop` lets a deployment rest; to deploy it takes 1 or more".to_owned(),
            });
        }
        Ok(Self {
            image,
            agent_hash: request.agent_hash.clone(),
            port: request.port,
            architecture,
            replicas,
            cpu: millis(resources.cpu.map_or(CPU, |cpu| cpu.0)),
            memory: quantity(resources.memory.map_or(MEMORY, |memory| memory.0)),
            gpu: Some(resources.gpu).filter(|gpu| *gpu > 0),
            storage: settings.storage.map(|Bytes(bytes)| quantity(bytes)),
            ingress: settings.ingress.clone(),
            agent,
            patches: settings.patches.clone(),
        })
    }

    pub(super) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    pub(super) fn read(value: &Value) -> Option<Self> {
        serde_json::from_value(value.clone()).ok()
    }
}

/// Thousandths of a processor, as the API writes them.
fn millis(millis: u64) -> String {
    if millis.is_multiple_of(1000) { (millis / 1000).to_string() } else { format!("{millis}m") }
}

/// Bytes, as the API writes them; rounded up to a KiB, as it would write what is no multiple of that another way.
fn quantity(bytes: u64) -> String {
    let mut number = bytes.div_ceil(1024);
    let mut units = ["Ki", "Mi", "Gi", "Ti", "Pi"].into_iter().peekable();
    loop {
        let unit = units.next().unwrap_or("Pi");
        if number == 0 || !number.is_multiple_of(1024) || units.peek().is_none() {
            return format!("{number}{unit}");
        }
        number /= 1024;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_as_the_api_writes_them() {
        let all = [512 << 20, 1 << 30, 1536 << 20, 1_000_000, 1, 1 << 50].map(quantity);
        assert_eq!(all, ["512Mi", "1Gi", "1536Mi", "977Ki", "1Ki", "1Pi"]);
        assert_eq!([500, 1000, 1500, 2000].map(millis), ["500m", "1", "1500m", "2"]);
    }
}
