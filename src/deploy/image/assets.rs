//! What of the user's files goes into an image: the agent file, what it names, and nothing that looks like a secret.
//!
//! Files keep their places to each other, so that the paths in the agent file lead to them in the image as well.

mod found;
mod gather;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{Digest, layer, layer::Content};
use crate::{
    config::agent_file::{AgentSpec, Diagnostic, Diagnostics, Loaded, McpServer, ToolEntry},
    deploy::DeployError,
};
use found::Found;

/// The port of an agent whose file names none.
const PORT: u16 = 8080;

/// An agent and its files, ready to be packed.
#[derive(Clone, Debug)]
pub struct Assets {
    pub name: String,
    /// By their paths in the image, below the agent's folder.
    pub files: BTreeMap<String, Content>,
    /// Where the agent file is, in the same way.
    pub agent_file: String,
    pub port: u16,
    /// Variables that the agent looks for where it runs, by itself and for its models.
    pub variables: BTreeSet<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Programs that MCP servers and hooks need and the image does not bring along, each with who needs it.
    programs: Vec<(String, String)>,
    warnings: Vec<String>,
}

impl Assets {
    /// Gathers the files of the agent that was `loaded`; relative folders are below `cwd`.
    ///
    /// # Errors
    /// Everything that cannot be put into an image, each with its place: secrets, absolute paths, what is no file.
    pub fn gather(loaded: &Loaded, cwd: &Path) -> Result<Self, DeployError> {
        let mut found = Found::new(cwd);
        let dir = cwd.join(&loaded.dir);
        let main = match &loaded.path {
            Some(path) => cwd.join(path),
            None => dir.join("agent.yaml"),
        };
        found.agent_file(&main, loaded.text());
        gather::all(loaded, cwd, &mut found);
        let (files, root) = found.finish()?;
        let agent_file = gather::below(&main, &root).ok_or_else(|| DeployError::Failed {
            what: format!("`{}` has a name that is not UTF-8", main.display()),
            hint: None,
        })?;
        let spec = &loaded.file.agent;
        Ok(Self {
            name: loaded.file.name.clone(),
            port: loaded.file.serve.port.unwrap_or(PORT),
            labels: labels(&loaded.file.name, spec),
            agent_file,
            files: files.files,
            variables: files.variables,
            programs: files.programs,
            warnings: files.warnings,
        })
    }

    /// Of all the files, as an image of them says it.
    ///
    /// # Errors
    /// Names that cannot be packed.
    pub fn hash(&self) -> Result<Digest, DeployError> {
        layer::archive(&self.files).map(|archive| Digest::of(&archive)).map_err(DeployError::io("pack the agent"))
    }

    /// The agent thinks with this model, `PROVIDER/MODEL`, which its file does not name.
    pub fn needs_model(&mut self, reference: &str) {
        self.variables.extend(gather::of_provider(reference));
    }

    /// Programs that the agent wants where it runs, each with who wants it.
    pub fn programs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.programs.iter().map(|(program, who)| (program.as_str(), who.as_str()))
    }

    /// Programs that the agent wants and an image without a base has not, each with who wants it.
    #[must_use]
    pub fn lacking(&self) -> Vec<String> {
        let lacking = |(program, who): &(String, String)| {
            format!("{who} needs `{program}`, which an image without a base has not")
        };
        self.programs.iter().map(lacking).collect()
    }

    /// What the agent may want and the image has not.
    pub(super) fn warnings_on(&self, has_base: bool) -> Vec<String> {
        let lacking = if has_base { vec![] } else { self.lacking() };
        let lacking = lacking.iter().map(|lacking| format!("{lacking}: name one that has it with `--base`"));
        self.warnings.iter().cloned().chain(lacking).collect()
    }
}

/// As images are described everywhere (OCI image specification 1.1, annotations).
fn labels(name: &str, spec: &AgentSpec) -> BTreeMap<String, String> {
    let metadata = &spec.metadata;
    let description = Some(spec.description.clone()).filter(|text| !text.is_empty());
    [
        ("title", Some(name.to_owned())),
        ("description", description),
        ("version", metadata.version.clone()),
        ("authors", metadata.author.clone()),
        ("licenses", metadata.license.clone()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((format!("org.opencontainers.image.{key}"), value?)))
    .collect()
}
