//! What a revision is asked to be: everything that its objects are made of, but for secrets and the agent's texts.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    super::{labels::Target, manifests::Whose, program::Program},
    manifests::objects,
    traffic::Traffic,
};
use crate::{
    config::agent_file::{KnativeDeploy, Visibility},
    deploy::{DeployError, DeployRequest, plan::Desired},
};

/// As long as a turn of an agent may take where its file says nothing.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Kept by the cluster as an annotation, so that a revision can be compared and made again from anywhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Spec {
    #[serde(flatten)]
    pub(super) program: Program,
    pub(super) scale: Bounds,
    /// Calls that an instance answers at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) concurrency: Option<u32>,
    /// For an answer, in seconds.
    pub(super) timeout: u64,
    /// Whether callers beyond the cluster reach it.
    pub(super) public: bool,
    /// Percent of the calls. Of the Service and not of the revision: another share makes no other revision.
    pub(super) traffic: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) patches: Vec<Map<String, Value>>,
}

/// How many instances there are at least and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bounds {
    pub(super) min: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<u32>,
}

/// What a request is to become.
///
/// # Errors
/// What the file asks for and cannot be.
pub(super) fn desired(request: &DeployRequest) -> Result<Desired, DeployError> {
    let spec = Spec::of(request)?;
    // What is wrong with a patch is told by a plan, too.
    let nobody = Whose { target: Target::Knative, namespace: "", name: "", revision: 0 };
    objects(&spec, nobody, &Traffic::all_to(0))?;
    let mut notes = request.notes.clone();
    notes.extend(spec.program.note());
    notes.push(
        "sessions and memory that are kept with an instance go with it: with every new revision, and when nobody calls \
         for a while"
            .to_owned(),
    );
    if spec.scale.min == 0 {
        notes.push(
            "when nobody calls there is no instance, and the next call waits for one to start; \
             `deploy.knative.scale.min` keeps some"
                .to_owned(),
        );
    }
    notes.push(match spec.public {
        true => {
            "whoever reaches the cluster's gateway and has the token may call it; `visibility: cluster-local` keeps \
                 it within the cluster"
                .to_owned()
        }
        false => {
            "no address beyond the cluster leads to it: `invoke` and `chat` forward a port to an instance".to_owned()
        }
    });
    Ok(Desired::of(request, spec.to_value(), notes))
}

impl Spec {
    /// # Errors
    /// What the file asks for and cannot be.
    fn of(request: &DeployRequest) -> Result<Self, DeployError> {
        let settings: &KnativeDeploy = &request.settings.knative;
        let (min, max) = (settings.scale.min, settings.scale.max);
        if max.is_some_and(|max| max < min) {
            return Err(DeployError::Usage {
                what: format!("`deploy.knative.scale` has at least {min} and at most {}", max.unwrap_or_default()),
                hint: "make `max` as large as `min`, or larger".to_owned(),
            });
        }
        let timeout = settings.timeout.map_or(TIMEOUT, |timeout| timeout.0);
        Ok(Self {
            program: Program::of(request, settings.image.as_deref(), &settings.resources, &settings.secrets)?,
            scale: Bounds { min, max },
            concurrency: settings.concurrency,
            timeout: timeout.as_secs().max(1),
            public: settings.visibility == Visibility::Public,
            traffic: settings.traffic.unwrap_or(100),
            patches: settings.patches.clone(),
        })
    }

    pub(super) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// # Errors
    /// A plan for another target.
    pub(super) fn of_plan(desired: &Desired) -> Result<Self, DeployError> {
        serde_json::from_value(desired.spec.clone())
            .map_err(|_| DeployError::Failed { what: "the plan is for another target".to_owned(), hint: None })
    }
}
