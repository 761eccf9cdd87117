//! What a session used so far, by agent and model, as its store or its server tells.

use super::{Failure, Talk};
use crate::{
    agent::{Agent, RemoteError},
    domain::{SessionKey, Usage},
    store::SessionUsage,
    ui::table,
};

const INCOMPLETE: &str = "What this session used before usage was kept is not counted.\n";
const NOT_KNOWN: &str = "what this session used is not known: it was not kept at the time\n";

impl Talk {
    /// What this session used; nothing where it is new.
    ///
    /// # Errors
    /// A store, or a server, that does not give it.
    pub async fn usage(&self) -> Result<SessionUsage, Failure> {
        usage(&self.agent, &self.key).await
    }
}

/// As [`Talk::usage`].
///
/// # Errors
/// The same.
pub async fn usage(agent: &Agent, key: &SessionKey) -> Result<SessionUsage, Failure> {
    match agent {
        Agent::Local(agent) => Ok(agent.sessions().usage(key).await?),
        Agent::Remote(agent) => match agent.usage(&key.session).await {
            Ok(usage) => Ok(usage),
            Err(RemoteError::Refused { status: 404, .. }) => Ok(SessionUsage::default()),
            Err(error) => Err(error.into()),
        },
    }
}

/// For people to read.
pub(super) fn shown(usage: &SessionUsage) -> String {
    let incomplete = if usage.incomplete { INCOMPLETE } else { "" };
    if usage.agents.is_empty() {
        let text = if usage.incomplete { NOT_KNOWN } else { "nothing was used in this session yet\n" };
        return text.to_owned();
    }
    let mut rows: Vec<_> = usage
        .agents
        .iter()
        .map(|used| cells(&used.agent, &used.model, &used.answers.to_string(), &used.usage))
        .collect();
    rows.push(cells("all, with summaries", "", "", &usage.total()));
    table(["AGENT", "MODEL", "ANSWERS", "INPUT", "CACHED", "OUTPUT", "COST"], &rows) + incomplete
}

fn cells(agent: &str, model: &str, answers: &str, usage: &Usage) -> [String; 7] {
    let unknown = || "not known".to_owned();
    // Some servers of models do not count.
    let tokens = |count: u64| if usage.total_tokens() == 0 { unknown() } else { count.to_string() };
    [
        agent.to_owned(),
        model.to_owned(),
        answers.to_owned(),
        tokens(usage.input_tokens),
        tokens(usage.cached_tokens),
        tokens(usage.output_tokens),
        usage.cost.map_or_else(unknown, |cost| format!("${cost:.4}")),
    ]
}

/// What a session used, in a line; nothing where that is not known.
#[must_use]
pub fn in_short(usage: &SessionUsage) -> String {
    let total = usage.total();
    if total.total_tokens() == 0 {
        return String::new();
    }
    let cost = total.cost.map(|cost| format!(", ${cost:.4}")).unwrap_or_default();
    let incomplete = if usage.incomplete { ", since this is counted" } else { "" };
    format!("{} tokens in, {} out{cost}{incomplete}", total.input_tokens, total.output_tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Used;

    #[test]
    fn what_is_used_is_told_by_agent_and_model() {
        let mut all = SessionUsage::default();
        assert_eq!((shown(&all).as_str(), in_short(&all).as_str()), ("nothing was used in this session yet\n", ""));
        assert_eq!(
            (shown(&SessionUsage::unknown()).as_str(), in_short(&SessionUsage::unknown()).as_str()),
            (NOT_KNOWN, "")
        );
        let usage = Usage { input_tokens: 1000, output_tokens: 50, cost: Some(0.0123), ..Usage::default() };
        let used = |agent: &str, model: &str, answers, usage| Used {
            agent: agent.to_owned(),
            model: model.to_owned(),
            answers,
            usage,
        };
        all.add(&[used("assistant", "a/b", 1, usage), used("assistant/researcher", "e/f", 1, Usage::default())]);
        all.add(&[used("assistant", "c/d", 1, Usage { cost: None, ..usage }), used("assistant", "a/b", 0, usage)]);
        insta::assert_snapshot!(shown(&all), @"
        AGENT                 MODEL  ANSWERS  INPUT      CACHED     OUTPUT     COST
        assistant             a/b    1        2000       0          100        $0.0246
        assistant/researcher  e/f    1        not known  not known  not known  not known
        assistant             c/d    1        1000       0          50         not known
        all, with summaries                   3000       0          150        $0.0246
        ");
        insta::assert_snapshot!(in_short(&all), @"3000 tokens in, 150 out, $0.0246");
        all.incomplete = true;
        assert!(shown(&all).ends_with(INCOMPLETE));
        insta::assert_snapshot!(in_short(&all), @"3000 tokens in, 150 out, $0.0246, since this is counted");
    }
}
