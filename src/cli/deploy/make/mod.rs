//! From the agent file to a deployment: what comes before is the same for every target, then each has its own part.

mod docker;
mod kubernetes;
mod prepared;

use serde_json::Value;

use self::prepared::Prepared;
use super::{DeployArgs, DeployOutput, arguments::Chosen, plan, report, steps, targets::Target};
use crate::{
    cli::{CliError, Cx, Exit},
    deploy::{
        DeployRequest, Deployer,
        plan::{Plan, diff},
    },
};

/// A target, and what it is asked for.
struct Ready {
    deployer: Box<dyn Deployer>,
    /// What the id will be after the target.
    place: String,
    request: DeployRequest,
}

/// # Errors
/// Whatever keeps the agent from being deployed; nothing is changed then, or all is as before.
pub(super) async fn deploy(args: &DeployArgs, chosen: &Chosen, cx: &Cx) -> Result<Exit, CliError> {
    let steps = steps(cx);
    let prepared = Prepared::of(args, chosen, cx).await?;
    let ready = match chosen.target {
        Target::Docker => docker::ready(prepared, args, cx, &steps).await?,
        Target::Kubernetes => kubernetes::ready(prepared, args, cx, &steps).await?,
    };
    let Ready { deployer, place, request } = ready;
    let plan = diff(deployer.render(&request)?, deployer.observe(&place).await?);
    if args.plan {
        drop(steps);
        let manifests = deployer.manifests(&plan)?;
        return planned(args, &plan, manifests.as_deref(), cx);
    }
    let done = deployer.apply(plan, args.patience(), &*steps).await?;
    drop(steps);
    report::deployed(&done, args.output, cx)
}

fn planned(args: &DeployArgs, planned: &Plan, manifests: Option<&[Value]>, cx: &Cx) -> Result<Exit, CliError> {
    match args.output {
        DeployOutput::Text => cx.printer.stdout(&plan::text(planned))?,
        DeployOutput::Markdown => cx.printer.stdout(&plan::markdown(planned))?,
        DeployOutput::Json => cx.printer.json(&plan::document(planned))?,
        DeployOutput::Yaml => match manifests {
            Some(manifests) => cx.printer.stdout(&plan::manifests(manifests)?)?,
            None => cx.printer.stdout(&plan::yaml(planned)?)?,
        },
    }
    Ok(if args.detailed_exitcode && planned.changed() { Exit::Of(10) } else { Exit::Done })
}
