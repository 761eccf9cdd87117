//! For `kubernetes` and `knative`: an image in a registry that the cluster can pull from, or the agent's files for one that is there.

use std::sync::Arc;

use super::{Prepared, Ready, tools};
use crate::{
    cli::{
        CliError, Cx, build,
        deploy::{
            DeployArgs,
            targets::{self, Target},
        },
    },
    deploy::{Artefact, Deployer, Progress, image::Image, registry::Reference},
};

pub(super) async fn ready(
    mut prepared: Prepared,
    target: Target,
    args: &DeployArgs,
    cx: &Cx,
    steps: &Arc<dyn Progress>,
) -> Result<Ready, CliError> {
    if args.traffic.is_some() {
        prepared.loaded.file.deploy.knative.traffic = args.traffic;
    }
    named(&prepared.name)?;
    shared(&mut prepared, target)?;
    // What is wrong with the way to it is told before anything takes time.
    let settings = prepared.settings();
    let (deployer, namespace): (Box<dyn Deployer>, _) = if target == Target::Knative {
        let deployer = targets::knative(cx).await?.creating_namespace(settings.knative.create_namespace);
        let namespace = settings.knative.namespace.clone().unwrap_or_else(|| deployer.namespace().to_owned());
        (Box::new(deployer), namespace)
    } else {
        let deployer = targets::cluster(cx).await?.creating_namespace(settings.kubernetes.create_namespace);
        let namespace = settings.kubernetes.namespace.clone().unwrap_or_else(|| deployer.namespace().to_owned());
        (Box::new(deployer), namespace)
    };
    let image = if target == Target::Knative { &settings.knative.image } else { &settings.kubernetes.image };
    let generic = image.clone().filter(|_| args.registry.is_none());
    let place = format!("{namespace}/{}", prepared.name);
    let registry = args.registry.clone().or_else(|| prepared.settings().registry.clone());
    let (artefact, agent_hash) = match (registry, generic) {
        (_, Some(image)) => {
            tools::in_image(&mut prepared, &image)?;
            let hash = prepared.assets.hash()?;
            (Artefact::Files(Box::new(prepared.assets.clone())), hash.to_string())
        }
        (Some(registry), None) => {
            prepared.fits_in_image(args)?;
            let image = prepared.image(args, cx, steps).await?;
            let (name, hash) = (name(&registry, &prepared.name, &image)?, image.agent_hash.to_string());
            (Artefact::Image { image: Box::new(image), name, cache: build::cache(cx) }, hash)
        }
        (None, None) => {
            return Err(CliError::usage("there is nowhere that the cluster could pull an image of the agent from")
                .hint(format!(
                    "name a registry with `--registry HOST/PATH` or `deploy.registry`, or an image that has \
                     agentscope with `deploy.{}.image`",
                    target.name()
                )));
        }
    };
    Ok(Ready { deployer, place, request: prepared.request(args, artefact, agent_hash) })
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
fn shared(prepared: &mut Prepared, target: Target) -> Result<(), CliError> {
    let Some(key) = prepared.kept_alone() else { return Ok(()) };
    let (wanted, what) = match target {
        Target::Knative => {
            let scale = &mut prepared.loaded.file.deploy.knative.scale;
            let most = *scale.max.get_or_insert(1);
            if scale.min > most { (scale.min, "knative.scale.min") } else { (most, "knative.scale.max") }
        }
        _ => (prepared.settings().kubernetes.replicas.unwrap_or(1), "kubernetes.replicas"),
    };
    if wanted <= 1 {
        return Ok(());
    }
    Err(CliError::usage(format!("`deploy.{what}` is {wanted}, and `storage.{key}` is kept by each pod alone"))
        .hint("make it 1, or keep it where all of them reach it: `storage` names the server"))
}
