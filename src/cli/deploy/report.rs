//! What a verb did, and how a deployment is.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::DeployOutput;
use crate::{
    cli::{CliError, Cx, Exit},
    deploy::{
        Deployment,
        plan::{Observed, Revision},
    },
    ui::{printable, table},
};

/// After something was changed, or found to be so already.
pub(super) fn deployed(done: &Deployment, output: DeployOutput, cx: &Cx) -> Result<Exit, CliError> {
    let observed = &done.observed;
    let number = observed.current().map_or(0, |current| current.number);
    let url = observed.url.as_deref().unwrap_or("-");
    let line = format!("{} {url} revision {number}\n", observed.id);
    if !done.changed {
        cx.printer.stderr(&format!("{} is up to date\n", observed.id));
    }
    match output {
        DeployOutput::Json => cx.printer.json(&document(done))?,
        DeployOutput::Yaml => cx.printer.stdout(
            &serde_yaml::to_string(&document(done))
                .map_err(|error| CliError::failed("could not write the result as YAML").because(&error))?,
        )?,
        DeployOutput::Markdown => cx.printer.stdout(&format!("**{}**\n", line.trim_end()))?,
        DeployOutput::Text => cx.printer.stdout(&line)?,
    }
    Ok(Exit::Done)
}

fn document(done: &Deployment) -> Value {
    let observed = &done.observed;
    json!({
        "id": observed.id,
        "name": observed.name,
        "target": observed.target,
        "state": observed.state,
        "url": observed.url,
        "revision": observed.current().map(|current| current.number),
        "token_ref": done.token_ref,
        "changed": done.changed,
    })
}

/// One deployment with its revisions.
pub(super) fn status(observed: &Observed) -> String {
    let mut out = format!("{}  {}", observed.id, observed.state.name());
    if let Some(url) = &observed.url {
        out.push_str(&format!("  {url}"));
    }
    out.push('\n');
    let rows: Vec<_> = observed.revisions.iter().map(row).collect();
    for drift in &observed.drift {
        let shown = |side: &Option<String>| side.as_deref().map_or_else(|| "none".to_owned(), printable);
        let (from, to) = (shown(&drift.from), shown(&drift.to));
        out.push_str(&format!("drift: {} was deployed as {from} and is {to}\n", drift.what));
    }
    out.push_str(&table(["", "REVISION", "STATE", "AGENT", "MADE", "DETAIL"], &rows));
    out
}

fn row(revision: &Revision) -> [String; 6] {
    let hash = revision.agent_hash.trim_start_matches("sha256:");
    [
        if revision.current { "*" } else { "" }.to_owned(),
        revision.number.to_string(),
        revision.state.name().to_owned(),
        hash.get(..12).unwrap_or(hash).to_owned(),
        Timestamp::from_second(revision.created).map_or_else(|_| "-".to_owned(), |time| time.to_string()),
        printable(&revision.detail),
    ]
}
