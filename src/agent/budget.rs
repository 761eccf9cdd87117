//! What a turn may use: tokens and money, shared by an agent and those it calls.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    config::agent_file::Limits,
    domain::{FailureCode, TurnOutcome, Usage},
};

/// What one agent and those below it used, and may use. What is used counts for those above too.
#[derive(Debug, Default)]
pub(super) struct Budget {
    tokens: Option<u64>,
    /// US dollars.
    cost: Option<f64>,
    used: Mutex<Usage>,
    above: Option<Arc<Self>>,
}

impl Budget {
    pub(super) fn new(limits: &Limits, above: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            tokens: limits.total_tokens.map(|tokens| tokens.0),
            cost: limits.cost,
            used: Mutex::default(),
            above,
        })
    }

    pub(super) fn charge(&self, usage: Usage) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) += usage;
        if let Some(above) = &self.above {
            above.charge(usage);
        }
    }

    pub(super) fn used(&self) -> Usage {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the turn ends, once a limit, here or above, is reached.
    pub(super) fn exhausted(&self) -> Option<TurnOutcome> {
        let used = self.used();
        let failed = |code, message, key: &str| TurnOutcome::Failed {
            code,
            message,
            hint: Some(format!("send another message to go on, or raise `limits.{key}` in the agent file")),
        };
        if let Some(limit) = self.tokens.filter(|limit| used.total_tokens() >= *limit) {
            let message = format!("the turn used {} tokens of {limit}", used.total_tokens());
            return Some(failed(FailureCode::TokenLimit, message, "total_tokens"));
        }
        if let Some((limit, cost)) = self.cost.zip(used.cost).filter(|(limit, cost)| cost >= limit) {
            let message = format!("the turn cost ${cost:.4} of ${limit:.4}");
            return Some(failed(FailureCode::CostLimit, message, "cost"));
        }
        self.above.as_ref()?.exhausted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::agent_file::Tokens;

    #[test]
    fn what_is_used_below_counts_above() {
        let above = Budget::new(&Limits { cost: Some(0.5), ..Limits::default() }, None);
        let below =
            Budget::new(&Limits { total_tokens: Some(Tokens(100)), ..Limits::default() }, Some(Arc::clone(&above)));
        let usage = Usage { input_tokens: 40, output_tokens: 9, cost: Some(0.2), ..Usage::default() };
        below.charge(usage);
        below.charge(usage);
        assert_eq!(below.exhausted(), None);
        above.charge(usage);
        let message = |outcome: Option<TurnOutcome>| match outcome {
            Some(TurnOutcome::Failed { message, .. }) => message,
            other => format!("{other:?}"),
        };
        insta::assert_snapshot!(message(below.exhausted()), @"the turn cost $0.6000 of $0.5000");
        below.charge(usage);
        insta::assert_snapshot!(message(below.exhausted()), @"the turn used 147 tokens of 100");
        assert_eq!(below.used().total_tokens(), 147);
        assert_eq!(above.used().total_tokens(), 196);
    }
}
