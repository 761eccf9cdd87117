//! From the agent file to a deployment: what comes before is the same for every target, then each has its own part.

mod docker;
mod kubernetes;
mod local;
mod prepared;
mod tools;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use serde_json::Value;

use self::prepared::Prepared;
use super::{DeployArgs, DeployOutput, arguments::Chosen, plan, report, sources::Sources, targets::Target};
use crate::{
    cli::{CliError, Cx, Exit},
    deploy::{
        DeployRequest, Deployer, Progress,
        plan::{Observed, Plan, State, diff},
    },
};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// A target, and what it is asked for.
struct Ready {
    deployer: Box<dyn Deployer>,
    /// What the id will be after the target.
    place: String,
    request: DeployRequest,
}

/// # Errors
/// Whatever keeps the agent from being deployed; nothing is changed then, or all is as before.
pub(super) async fn deploy(
    args: &DeployArgs,
    chosen: &Chosen,
    cx: &Cx,
    steps: Arc<dyn Progress>,
) -> Result<Exit, CliError> {
    if args.traffic.is_some() && chosen.target != Target::Knative {
        let what = format!("`--traffic` shares calls between revisions, which `{}` cannot do", chosen.target.name());
        return Err(CliError::usage(what).hint("leave it out, or deploy to `knative`"));
    }
    // Nothing is begun before there is a plan.
    let (deployer, plan, sources) = cx.interrupt.or(plan_of(args, chosen, cx, &steps)).await?;
    if args.plan {
        drop(steps);
        let manifests = deployer.manifests(&plan)?;
        return planned(args, &plan, (&sources, manifests.as_deref()), cx);
    }
    let mut done = deployer.apply(plan, args.patience(), &*steps).await?;
    if args.wait && done.observed.state != State::Running {
        let running = until_it_runs(&*deployer, done.observed, args.patience(), &*steps);
        done.observed = cx.interrupt.or(running).await?;
    }
    drop(steps);
    report::deployed(&done, args.output, cx)
}

async fn plan_of(
    args: &DeployArgs,
    chosen: &Chosen,
    cx: &Cx,
    steps: &Arc<dyn Progress>,
) -> Result<(Box<dyn Deployer>, Plan, Sources), CliError> {
    let prepared = Prepared::of(args, chosen, cx).await?;
    let sources = prepared.sources.clone();
    let ready = match chosen.target {
        Target::Local => local::ready(prepared, args, cx).await?,
        Target::Docker => docker::ready(prepared, args, cx, steps).await?,
        Target::Kubernetes | Target::Knative => kubernetes::ready(prepared, chosen.target, args, cx, steps).await?,
    };
    let Ready { deployer, place, request } = ready;
    let plan = diff(deployer.render(&request)?, deployer.observe(&place).await?);
    Ok((deployer, plan, sources))
}

/// Of one that was there already and is just starting again, or does not answer now.
async fn until_it_runs(
    deployer: &dyn Deployer,
    mut observed: Observed,
    patience: Duration,
    steps: &dyn Progress,
) -> Result<Observed, CliError> {
    steps.step("waiting until it answers", None, None);
    let begun = Instant::now();
    while observed.state != State::Running {
        if begun.elapsed() > patience {
            let state = observed.state.name();
            let what = format!("`{}` did not answer within {} s: it is {state}", observed.id, patience.as_secs());
            return Err(CliError::timed_out(what).hint("`agentscope logs` shows what it says"));
        }
        tokio::time::sleep(LOOK).await;
        observed = deployer.observe(observed.place()).await?;
    }
    Ok(observed)
}

fn planned(
    args: &DeployArgs,
    planned: &Plan,
    (sources, manifests): (&Sources, Option<&[Value]>),
    cx: &Cx,
) -> Result<Exit, CliError> {
    match args.output {
        DeployOutput::Text => cx.printer.stdout(&plan::text(planned, sources))?,
        DeployOutput::Markdown => cx.printer.stdout(&plan::markdown(planned, sources))?,
        DeployOutput::Json => cx.printer.json(&plan::document(planned, sources))?,
        DeployOutput::Yaml => match manifests {
            Some(manifests) => cx.printer.stdout(&plan::manifests(manifests)?)?,
            None => cx.printer.stdout(&plan::yaml(planned, sources)?)?,
        },
    }
    Ok(if args.detailed_exitcode && planned.changed() { Exit::Of(10) } else { Exit::Done })
}
