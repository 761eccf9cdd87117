//! What a session used.

use serde::{Deserialize, Serialize};

use crate::domain::Usage;

/// What one agent of a session used with one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// Its path, without how often it was called.
    pub agent: String,
    pub model: String,
    /// Answers of the model. Summaries are none, but count for what was used.
    pub answers: u64,
    #[serde(flatten)]
    pub usage: Usage,
}

/// What a session used since it was begun. A fork begins anew: what is copied was paid for in the session it is of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionUsage {
    /// In the order in which they were first asked.
    pub agents: Vec<Used>,
    /// What versions used that kept no account is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
}

impl SessionUsage {
    /// Of a session from before there was an account.
    #[must_use]
    pub fn unknown() -> Self {
        Self { incomplete: true, ..Self::default() }
    }

    #[must_use]
    pub fn total(&self) -> Usage {
        let mut total = Usage::default();
        self.agents.iter().for_each(|used| total += used.usage);
        total
    }

    pub fn add(&mut self, more: &[Used]) {
        for more in more {
            match self.agents.iter_mut().find(|used| used.agent == more.agent && used.model == more.model) {
                Some(used) => {
                    used.answers += more.answers;
                    used.usage += more.usage;
                }
                None => self.agents.push(more.clone()),
            }
        }
    }
}
