//! What is the same for every target: the agent with its files, the values of its variables, its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::Arc,
};

use super::tools;
use crate::{
    agent,
    cli::{
        CliError, Cx, build,
        deploy::{DeployArgs, arguments::Chosen, sources::Sources, targets::Target},
        source::AgentSource,
    },
    config::{
        Secret,
        agent_file::{Deploy, Loaded, Storage},
    },
    deploy::{
        Artefact, DeployRequest, Progress, Publish,
        image::{Assets, Image},
        variables,
    },
    model::DefaultModel,
};

/// An agent that can be deployed somewhere.
pub(super) struct Prepared {
    /// Of the deployment.
    pub(super) name: String,
    pub(super) assets: Assets,
    pub(super) loaded: Loaded,
    /// Where each value comes from, by its name in the plan.
    pub(super) sources: Sources,
    secrets: BTreeMap<String, Secret>,
    profile: Option<String>,
    pub(super) notes: Vec<String>,
}

impl Prepared {
    /// Touches nothing.
    ///
    /// # Errors
    /// A file that is wrong, or names what cannot be deployed; variables that are not set, but for a plan.
    pub(super) async fn of(args: &DeployArgs, chosen: &Chosen, cx: &Cx) -> Result<Self, CliError> {
        // Given variables count as if they were set here.
        let here = cx.with_variables(&chosen.given);
        let source = AgentSource::find(&chosen.agent, cx)?;
        let (mut loaded, keys) = source.load(chosen.agent.profile.as_deref(), &here)?;
        let elsewhere = elsewhere(&loaded.file.deploy, chosen)?;
        loaded.unset.retain(|unset| !elsewhere.contains(&unset.name));
        let found = match &loaded.file.agent.model {
            None => Some(DefaultModel::find(&keys, &cx.paths, &cx.http).await?.reference),
            Some(_) => None,
        };
        let mut assets = Assets::gather(&loaded, &cx.env.cwd)?;
        let mut notes = vec![];
        if let Some(found) = &found {
            assets.needs_model(found);
            notes.push(format!("the agent file names no model; from what is found here it would be `{found}`"));
        }
        if !args.plan {
            agent::require_all(&loaded, found.as_deref(), &["/storage/", "/serve/", "/telemetry/"])?;
        }
        Ok(Self {
            sources: Sources::of(args, chosen, &loaded, &keys, &assets),
            name: args.name.clone().unwrap_or_else(|| loaded.file.name.clone()),
            secrets: variables::gather(&assets, &keys, &chosen.given, &elsewhere)?,
            assets,
            profile: chosen.agent.profile.clone(),
            loaded,
            notes,
        })
    }

    /// What the agent file says of deployments.
    pub(super) fn settings(&self) -> &Deploy {
        &self.loaded.file.deploy
    }

    /// The key of `storage` of what is kept with the process, and reached by no other.
    pub(super) fn kept_alone(&self) -> Option<&'static str> {
        let alone = |place: &Option<Secret>| {
            let place = place.as_ref().map_or("sqlite:", Secret::expose);
            place.starts_with("sqlite:") || place.starts_with("in-process:")
        };
        let Storage { sessions, state, long_term } = &self.loaded.file.storage;
        let all = [("sessions", sessions), ("state", state), ("long_term", long_term)];
        all.into_iter().find(|(_, place)| alone(place)).map(|(key, _)| key)
    }

    /// # Errors
    /// Programs that it needs and its image would not have; as [`tools::in_container`].
    pub(super) fn fits_in_image(&mut self, args: &DeployArgs) -> Result<(), CliError> {
        if let Some(lacking) = self.assets.lacking().into_iter().next().filter(|_| args.base.is_none()) {
            return Err(
                CliError::usage(lacking).hint("name an image of a registry that has it with `--base HOST/PATH:TAG`")
            );
        }
        tools::in_container(self, args)
    }

    /// The agent as an image, in the cache.
    ///
    /// # Errors
    /// As the build says.
    pub(super) async fn image(
        &mut self,
        args: &DeployArgs,
        cx: &Cx,
        steps: &Arc<dyn Progress>,
    ) -> Result<Image, CliError> {
        let making = build::Making {
            base: args.base.as_deref(),
            profile: self.profile.as_deref(),
            revision: None,
            runtime_binary: args.runtime_binary.as_deref(),
        };
        let image = build::make(&making, &self.assets, cx, steps).await?;
        self.notes.splice(0..0, image.warnings.iter().cloned());
        Ok(image)
    }

    pub(super) fn request(self, args: &DeployArgs, artefact: Artefact, agent_hash: String) -> DeployRequest {
        DeployRequest {
            name: self.name,
            artefact,
            agent_hash,
            profile: self.profile,
            port: self.assets.port,
            secrets: self.secrets,
            settings: self.loaded.file.deploy.clone(),
            publish: Publish { host: args.host.unwrap_or(Ipv4Addr::LOCALHOST.into()), port: args.port },
            notes: self.notes,
        }
    }
}

/// The variables whose values are where the agent goes to, and not here.
///
/// # Errors
/// One that is given here, too.
fn elsewhere(settings: &Deploy, chosen: &Chosen) -> Result<BTreeSet<String>, CliError> {
    let references = match chosen.target {
        Target::Kubernetes => &settings.kubernetes.secrets,
        Target::Knative => &settings.knative.secrets,
        Target::Local | Target::Docker => return Ok(BTreeSet::new()),
    };
    match references.keys().find(|name| chosen.given.contains_key(*name)) {
        Some(name) => Err(CliError::usage(format!(
            "`{name}` is given, and `deploy.{}.secrets` says that a Secret of the cluster has it",
            chosen.target.name()
        ))
        .hint("leave one of them out")),
        None => Ok(references.keys().cloned().collect()),
    }
}
