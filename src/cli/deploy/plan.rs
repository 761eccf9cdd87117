//! A plan, for people and for programs.

use serde_json::{Value, json};

use super::sources::Sources;
use crate::{
    cli::CliError,
    deploy::plan::{Change, Plan, State},
    ui::printable,
};

pub(super) fn document(plan: &Plan, sources: &Sources) -> Value {
    json!({
        "id": plan.observed.id,
        "target": plan.observed.target,
        "name": plan.desired.name,
        "changed": plan.changed(),
        "revision": plan.revision(),
        "changes": plan.changes,
        "spec": plan.desired.spec,
        "secrets": plan.desired.secrets.keys().collect::<Vec<_>>(),
        "sources": sources.all(&plan.desired.spec),
        "notes": plan.desired.notes,
    })
}

pub(super) fn yaml(plan: &Plan, sources: &Sources) -> Result<String, CliError> {
    serde_yaml::to_string(&document(plan, sources))
        .map_err(|error| CliError::failed("could not write the plan as YAML").because(&error))
}

/// What is sent, as it is kept in a repository: without the values of secrets.
pub(super) fn manifests(all: &[Value]) -> Result<String, CliError> {
    let mut out = "# The values of secrets are left out.\n".to_owned();
    for one in all {
        let text = serde_yaml::to_string(one)
            .map_err(|error| CliError::failed("could not write the plan as YAML").because(&error))?;
        out.push_str(&format!("---\n{text}"));
    }
    Ok(out)
}

/// What is going to be, in one line.
fn headline(plan: &Plan) -> String {
    let id = &plan.observed.id;
    match (plan.changed(), plan.observed.current()) {
        (false, _) => format!("{id} is up to date, revision {}", plan.revision()),
        (true, None) => format!("{id} would be made, revision {}", plan.revision()),
        (true, Some(current)) if plan.keeps_revision() && current.state == State::Running => {
            format!("{id} would be called otherwise, revision {}", current.number)
        }
        (true, Some(_)) if plan.keeps_revision() => format!("{id} would be started, revision {}", plan.revision()),
        (true, Some(current)) => {
            format!("{id} would be changed, from revision {} to {}", current.number, plan.revision())
        }
    }
}

/// With where the new value comes from.
fn line(change: &Change, sources: &Sources) -> (char, String) {
    let (sign, text) = bare(change);
    let source = sources.of_value(&change.what).filter(|_| change.to.is_some());
    (sign, source.map_or_else(|| text.clone(), |source| format!("{text} ({})", printable(source))))
}

fn bare(change: &Change) -> (char, String) {
    let what = printable(&change.what);
    match (&change.from, &change.to) {
        (None, Some(to)) => ('+', format!("{what}: {}", printable(to))),
        (Some(from), None) => ('-', format!("{what}: {}", printable(from))),
        (from, to) => {
            let shown = |side: &Option<String>| side.as_deref().map_or(String::new(), printable);
            ('~', format!("{what}: {} -> {}", shown(from), shown(to)))
        }
    }
}

pub(super) fn text(plan: &Plan, sources: &Sources) -> String {
    let mut out = format!("{}\n", headline(plan));
    for change in &plan.changes {
        let (sign, text) = line(change, sources);
        out.push_str(&format!("  {sign} {text}\n"));
    }
    for note in &plan.desired.notes {
        out.push_str(&format!("note: {}\n", printable(note)));
    }
    out
}

pub(super) fn markdown(plan: &Plan, sources: &Sources) -> String {
    let mut out = format!("**{}**\n", headline(plan));
    if plan.changed() {
        let lines = plan.changes.iter().map(|change| line(change, sources));
        let lines: String = lines.map(|(sign, text)| format!("{sign} {text}\n")).collect();
        // `diff` colours what comes and goes; a change is no `~` there.
        out.push_str(&format!("\n```diff\n{}```\n", lines.replace("\n~", "\n!").trim_start_matches('~')));
    }
    for note in &plan.desired.notes {
        out.push_str(&format!("\n- {}", printable(note)));
    }
    if !plan.desired.notes.is_empty() {
        out.push('\n');
    }
    out
}
