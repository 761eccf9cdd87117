//! For `kubernetes`: an image in a registry that the cluster can pull from, or the agent's files for one that is there.

use std::sync::Arc;

use super::{Prepared, Ready};
use crate::{
    cli::{
        CliError, Cx, build,
        deploy::{DeployArgs, targets},
    },
    deploy::{Artefact, Progress, image::Image, registry::Reference},
};

pub(super) async fn ready(
    mut prepared: Prepared,
    args: &DeployArgs,
    cx: &Cx,
    steps: &Arc<dyn Progress>,
) -> Result<Ready, CliError> {
    // What is wrong with it is told before anything takes time.
    let deployer = targets::cluster(cx).await?;
    named(&prepared.name)?;
    shared(&prepared)?;
    let settings = &prepared.settings().kubernetes;
    let deployer = deployer.creating_namespace(settings.create_namespace);
    let namespace = settings.namespace.clone().unwrap_or_else(|| deployer.namespace().to_owned());
    let place = format!("{namespace}/{}", prepared.name);
    let registry = args.registry.clone().or_else(|| prepared.settings().registry.clone());
    let generic = prepared.settings().kubernetes.image.is_some() && args.registry.is_none();
    let (artefact, agent_hash) = match registry {
        _ if generic => {
            let hash = prepared.assets.hash()?;
            (Artefact::Files(Box::new(prepared.assets.clone())), hash.to_string())
        }
        Some(registry) => {
            let image = prepared.image(args, cx, steps).await?;
            let (name, hash) = (name(&registry, &prepared.name, &image)?, image.agent_hash.to_string());
            (Artefact::Image { image: Box::new(image), name, cache: build::cache(cx) }, hash)
        }
        None => {
            return Err(CliError::usage("there is nowhere that the cluster could pull an image of the agent from")
                .hint(
                    "name a registry with `--registry HOST/PATH` or `deploy.registry`, or an image that has \
                     agentscope with `deploy.kubernetes.image`",
                ));
        }
    };
    Ok(Ready { deployer: Box::new(deployer), place, request: prepared.request(args, artefact, agent_hash) })
}

/// By its digest, which is known before it is sent.
fn name(registry: &str, agent: &str, image: &Image) -> Result<String, CliError> {
    let reference = Reference::parse(&format!("{}/{agent}", registry.trim_end_matches('/')))?;
    Ok(reference.pinned(&image.digest()))
}

/// A Service begins with a letter (RFC 1035).
fn named(name: &str) -> Result<(), CliError> {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(CliError::usage(format!("a deployment in a cluster cannot be called `{name}`"))
            .hint("choose a name that begins with a letter with `--name`"));
    }
    Ok(())
}

/// Several pods need what all of them reach.
fn shared(prepared: &Prepared) -> Result<(), CliError> {
    let replicas = prepared.settings().kubernetes.replicas.unwrap_or(1);
    match prepared.kept_alone() {
        Some(key) if replicas > 1 => Err(CliError::usage(format!(
            "`deploy.kubernetes.replicas` is {replicas}, and `storage.{key}` is kept by each pod alone"
        ))
        .hint("use one replica, or keep it where all of them reach it: `storage` names the server")),
        _ => Ok(()),
    }
}
