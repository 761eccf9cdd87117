//! For `docker`: an image that its engine can run.

use std::sync::Arc;

use super::{Prepared, Ready};
use crate::{
    cli::{
        CliError, Cx, build,
        deploy::{DeployArgs, targets},
    },
    deploy::{Artefact, DeployError, Progress, image::Image},
};

pub(super) async fn ready(
    mut prepared: Prepared,
    args: &DeployArgs,
    cx: &Cx,
    steps: &Arc<dyn Progress>,
) -> Result<Ready, CliError> {
    prepared.fits_in_image(args)?;
    // What cannot be asked is told before anything takes time.
    let deployer = targets::docker(cx).await?;
    let image = prepared.image(args, cx, steps).await?;
    fits(&image, deployer.engine().architecture())?;
    // Its digest is in the name, which every engine knows it by.
    let name = format!("agentscope/{}:{}", prepared.name, image.tag());
    let agent_hash = image.agent_hash.to_string();
    let artefact = Artefact::Image { image: Box::new(image), name, cache: build::cache(cx) };
    let place = prepared.name.clone();
    Ok(Ready { deployer: Box::new(deployer), place, request: prepared.request(args, artefact, agent_hash) })
}

fn fits(image: &Image, engine: &str) -> Result<(), DeployError> {
    if image.architecture == engine {
        return Ok(());
    }
    Err(DeployError::Failed {
        what: format!("the executable is for {}, and the engine is for {engine}", image.architecture),
        hint: Some("name a static one for it with `--runtime-binary FILE`".to_owned()),
    })
}
