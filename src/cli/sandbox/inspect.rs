//! `agentscope sandbox inspect`.

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::{Layer, SandboxInfo, SandboxSpec, Sandboxes},
    ui::printable,
};

/// Show all that is known of a sandbox: what it is made of, what holds it in, what it uses
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// An id, or the start of one
    #[arg(value_name = "ID")]
    id: String,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    info: &'a SandboxInfo,
    layers: &'a [Layer],
    /// Without the values of its environment.
    spec: &'a SandboxSpec,
}

pub(super) async fn run(args: &InspectArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let sandbox = all.find(&args.id).await?;
    let info = all.info(sandbox.id()).await?;
    let layers = info.confinement.as_ref().map_or(&[][..], |confinement| &confinement.layers);
    let spec = sandbox.spec().without_secrets();
    match args.output {
        Output::Json => cx.printer.json(&Whole { info: &info, layers, spec: &spec })?,
        Output::Text => cx.printer.stdout(&text(&info, layers, &spec, cx))?,
    }
    Ok(Exit::Done)
}

fn text(info: &SandboxInfo, layers: &[Layer], spec: &SandboxSpec, cx: &Cx) -> String {
    let mut rows: Vec<(&str, String)> = vec![
        ("id", info.id.to_string()),
        ("state", info.state.to_string()),
        ("type", info.kind.clone()),
        ("backend", info.backend.to_string()),
        ("tier", info.tier.map_or_else(|| "-".to_owned(), |tier| tier.to_string())),
        ("user", info.user.clone()),
    ];
    rows.extend(info.session.clone().map(|session| ("session", session)));
    rows.extend(info.image.clone().map(|image| ("image", image)));
    let folder = spec.workspace.path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default();
    rows.push(("workspace", format!("{}{folder}", info.workspace)));
    rows.push(("network", super::network(&info.network)));
    for mount in &spec.mounts {
        let access = if mount.read_only { ", read only" } else { "" };
        rows.push(("mount", format!("{} on {}{access}", mount.host.display(), mount.inside.display())));
    }
    rows.extend(spec.packages.python.iter().map(|name| ("package", name.clone())));
    rows.extend(spec.env.keys().map(|name| ("variable", name.clone())));
    rows.extend(info.labels.iter().map(|(name, value)| ("label", format!("{name}={value}"))));
    rows.push(("created", info.created.strftime("%F %T UTC").to_string()));
    rows.push(("used", info.used.strftime("%F %T UTC").to_string()));
    rows.extend(info.expires.map(|at| ("expires", at.strftime("%F %T UTC").to_string())));
    rows.extend(info.idle.map(|time| ("idle timeout", super::human::time(time))));
    let of = |used: Option<String>, limit: String| {
        used.map_or_else(|| format!("- of {limit}"), |used| format!("{used} of {limit}"))
    };
    rows.push(("memory", of(info.memory.map(super::human::bytes), super::human::bytes(spec.limits.memory))));
    rows.push(("processes", of(info.pids.map(|pids| pids.to_string()), spec.limits.pids.to_string())));
    let cpu = info.cpu.map_or_else(|| "-".to_owned(), super::human::cpu);
    rows.push(("cpu", format!("{cpu}, at most {} at once", share(spec.limits.cpu_millis))));
    rows.push(("disk", of(None, super::human::bytes(spec.limits.disk))));
    let mut text: String = rows.iter().map(|(name, value)| format!("{name:<14}{}\n", printable(value))).collect();
    for layer in layers {
        text.push_str(&super::layer(layer, cx));
    }
    text
}

fn share(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000).trim_end_matches('0').trim_end_matches('.').to_owned()
}
