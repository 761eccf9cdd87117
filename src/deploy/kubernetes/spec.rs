//! What a revision is asked to be: everything that its objects are made of, but for secrets and the agent's texts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    labels::Target,
    manifests::{Whose, objects},
    program::{Program, quantity},
};
use crate::{
    config::agent_file::{Bytes, Ingress, KubernetesDeploy},
    deploy::{Artefact, DeployError, DeployRequest, plan::Desired},
};

/// Kept by the cluster as an annotation, so that a revision can be compared and made again from anywhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Spec {
    #[serde(flatten)]
    pub(super) program: Program,
    /// Of the nodes that can run the image, as OCI calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) architecture: Option<String>,
    pub(super) replicas: u32,
    /// Of the claim; what the agent keeps goes with its pod where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) storage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ingress: Option<Ingress>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) patches: Vec<Map<String, Value>>,
}

/// What a request is to become.
///
/// # Errors
/// What the file asks for and cannot be.
pub(super) fn desired(request: &DeployRequest) -> Result<Desired, DeployError> {
    let spec = Spec::of(request)?;
    // What is wrong with a patch is told by a plan, too.
    objects(&spec, Whose { target: Target::Kubernetes, namespace: "", name: "", revision: 0 })?;
    let mut notes = request.notes.clone();
    notes.extend(spec.program.note());
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

impl Spec {
    /// # Errors
    /// What the file asks for and cannot be.
    fn of(request: &DeployRequest) -> Result<Self, DeployError> {
        let settings: &KubernetesDeploy = &request.settings.kubernetes;
        let architecture = match &request.artefact {
            Artefact::Image { image, .. } => Some(image.architecture.clone()),
            Artefact::Files(_) => None,
        };
        let replicas = settings.replicas.unwrap_or(1);
        if replicas == 0 {
            return Err(DeployError::Usage {
                what: "`deploy.kubernetes.replicas` is 0".to_owned(),
                hint: "`agentscope stop` lets a deployment rest; to deploy it takes 1 or more".to_owned(),
            });
        }
        Ok(Self {
            program: Program::of(request, settings.image.as_deref(), &settings.resources, &settings.secrets)?,
            architecture,
            replicas,
            storage: settings.storage.map(|Bytes(bytes)| quantity(bytes)),
            ingress: settings.ingress.clone(),
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
