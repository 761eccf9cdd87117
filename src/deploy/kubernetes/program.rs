//! What runs in a pod, whatever the pod belongs to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    config::agent_file::{Resources, SecretKey},
    deploy::{
        Artefact, DeployError, DeployRequest,
        image::{self, Assets, Content},
    },
};

/// Of an agent whose file says nothing, in bytes.
const MEMORY: u64 = 512 << 20;
/// Of a processor, in thousandths.
const CPU: u64 = 100;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) image: String,
    pub(super) agent_hash: String,
    pub(super) port: u16,
    pub(super) cpu: String,
    pub(super) memory: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gpu: Option<u32>,
    /// Where the values of these variables are, which are not ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) references: BTreeMap<String, SecretKey>,
    /// The agent in a ConfigMap, where the image is not made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<Mounted>,
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

impl Program {
    /// `image` is that of an agent whose files are brought to it.
    ///
    /// # Errors
    /// More files than can be brought.
    pub(super) fn of(
        request: &DeployRequest,
        image: Option<&str>,
        resources: &Resources,
        references: &BTreeMap<String, SecretKey>,
    ) -> Result<Self, DeployError> {
        let (image, agent) = match &request.artefact {
            Artefact::Image { name, .. } => (name.clone(), None),
            Artefact::Files(assets) => {
                (image.unwrap_or_default().to_owned(), Some(Mounted::of(assets, request.profile.as_deref())?))
            }
        };
        Ok(Self {
            image,
            agent_hash: request.agent_hash.clone(),
            port: request.port,
            cpu: millis(resources.cpu.map_or(CPU, |cpu| cpu.0)),
            memory: quantity(resources.memory.map_or(MEMORY, |memory| memory.0)),
            gpu: Some(resources.gpu).filter(|gpu| *gpu > 0),
            references: references.clone(),
            agent,
        })
    }

    /// What is to be known of the Secrets of others.
    pub(super) fn note(&self) -> Option<String> {
        let names: Vec<String> =
            self.references.iter().map(|(name, at)| format!("{name} from the Secret `{}`", at.secret)).collect();
        (!names.is_empty()).then(|| {
            format!("read in the cluster: {}; a value that changes there makes no new revision", names.join(", "))
        })
    }
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

/// Thousandths of a processor, as the API writes them.
fn millis(millis: u64) -> String {
    if millis.is_multiple_of(1000) { (millis / 1000).to_string() } else { format!("{millis}m") }
}

/// Bytes, as the API writes them; rounded up to a KiB, as it would write what is no multiple of that another way.
pub(super) fn quantity(bytes: u64) -> String {
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
