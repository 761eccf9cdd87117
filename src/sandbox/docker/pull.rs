//! Having an image: it is there, or it is pulled, with progress.

use std::collections::HashMap;

use bollard::{errors::Error, query_parameters::CreateImageOptionsBuilder};
use futures_util::StreamExt as _;

use super::engine::{Engine, failed, is_status, said};
use crate::sandbox::{Progress, SandboxError};

/// # Errors
/// An image that is not there and cannot be pulled, with the next step.
pub(in crate::sandbox) async fn have(
    engine: &Engine,
    image: &str,
    progress: &dyn Progress,
) -> Result<(), SandboxError> {
    match engine.docker.inspect_image(image).await {
        Ok(_) => Ok(()),
        Err(error) if is_status(&error, 404) => pull(engine, image, progress).await,
        Err(error) => Err(failed(format!("look for the image `{image}`"))(error)),
    }
}

async fn pull(engine: &Engine, image: &str, progress: &dyn Progress) -> Result<(), SandboxError> {
    let what = format!("pulling {image}");
    progress.step(&what, None, None);
    // Without a tag the engine would pull every tag.
    let last = image.rsplit('/').next().unwrap_or(image);
    let reference = if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") };
    let options = CreateImageOptionsBuilder::default().from_image(&reference).build();
    let mut steps = engine.docker.create_image(Some(options), None, None);
    let mut layers: HashMap<String, (u64, u64)> = HashMap::new();
    while let Some(step) = steps.next().await {
        let step = step.map_err(|error| not_pulled(image, &error))?;
        let Some((id, detail)) = step.id.zip(step.progress_detail) else { continue };
        // Unpacking counts from the start again: each layer is told of while it is loaded.
        if step.status.as_deref() != Some("Downloading") {
            continue;
        }
        if let Some((done, total)) = detail.current.zip(detail.total)
            && let (Ok(done), Ok(total)) = (u64::try_from(done), u64::try_from(total))
        {
            layers.insert(id, (done, total));
            let (done, total) = layers.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
            progress.step(&what, Some(done), Some(total));
        }
    }
    Ok(())
}

fn not_pulled(image: &str, error: &Error) -> SandboxError {
    let said = said(error);
    let lower = said.to_lowercase();
    let hint = if lower.contains("denied") || lower.contains("unauthorized") || lower.contains("authentication") {
        "it does not exist there, or needs a login: `docker pull` it yourself, then it is used as it is"
    } else if lower.contains("not found") || lower.contains("manifest unknown") {
        "check the name and the tag; `docker images` shows those that are there"
    } else if lower.contains("no space left") {
        "the engine's disk is full; `docker system df` shows with what"
    } else {
        "the engine could not reach the registry; `docker load` brings an image in from a file"
    };
    SandboxError::Failed {
        what: format!("the image `{image}` is not there and could not be pulled: {said}"),
        hint: Some(hint.to_owned()),
    }
}
